//! The stories of tests/sip/sipp fit each other without trunkline between them: when one fails in
//! another test, it is not the story's fault.

#![allow(clippy::unwrap_used)]

use crate::support::{Net, Sipp};

const CALL: [&str; 2] = ["1001", "13800138000"];

/// Runs both sides; tells what the caller and the callee received.
fn meet(
    callee: Sipp,
    caller: &str,
    net: &Net,
    fill: &[(&str, &str)],
) -> (Vec<String>, Vec<String>) {
    let callee = callee.start();
    let mut story = Sipp::caller(caller, net.carrier(), net.pbx(), CALL);
    for (name, value) in fill {
        story = story.with(name, value);
    }
    (story.run(), callee.finish())
}

fn first_lines(messages: &[String]) -> Vec<&str> {
    messages.iter().map(|m| m.lines().next().unwrap_or("")).collect()
}

#[test]
fn answered_and_hung_up_by_the_caller() {
    let net = Net::claim();
    let callee = Sipp::callee("callee-answers", net.pbx()).with("RING", 100);
    let (caller, callee) = meet(callee, "caller-talks-and-hangs-up", &net, &[("TALK", "100")]);
    let told = ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK", "SIP/2.0 200 OK"];
    assert_eq!(first_lines(&caller), told);
    let methods: Vec<&str> =
        callee.iter().map(|m| m.split_whitespace().next().unwrap_or("")).collect();
    assert_eq!(methods, ["INVITE", "ACK", "BYE"]);
}

#[test]
fn answered_and_hung_up_by_the_callee() {
    let net = Net::claim();
    let callee = Sipp::callee("callee-answers-and-hangs-up", net.pbx());
    let callee = callee.with("RING", 100).with("TALK", 100);
    let (caller, _) = meet(callee, "caller-talks-until-the-callee-hangs-up", &net, &[]);
    assert!(caller.last().is_some_and(|m| m.starts_with("BYE ")), "{caller:?}");
}

#[test]
fn refused_at_once_and_after_ringing() {
    let net = Net::claim();
    let callee = Sipp::callee("callee-refuses", net.pbx());
    let callee = callee.with("STATUS", "503 Service Unavailable").with("REASON", "Retry-After: 5");
    let (caller, _) = meet(callee, "caller-is-refused", &net, &[("STATUS", "503")]);
    assert_eq!(first_lines(&caller), ["SIP/2.0 100 Trying", "SIP/2.0 503 Service Unavailable"]);

    let callee = Sipp::callee("callee-rings-and-refuses", net.pbx()).with("RING", 100);
    let callee = callee.with("STATUS", "486 Busy Here").with("REASON", "Reason: Q.850;cause=17");
    let (caller, _) = meet(callee, "caller-is-refused", &net, &[("STATUS", "486")]);
    assert_eq!(first_lines(&caller).last(), Some(&"SIP/2.0 486 Busy Here"));
}

#[test]
fn held_and_retrieved() {
    let net = Net::claim();
    let callee = Sipp::callee("callee-is-held-and-retrieved", net.pbx()).with("RING", 100);
    let (_, callee) = meet(callee, "caller-holds-and-retrieves", &net, &[("HOLD", "100")]);
    let offers = callee.iter().filter(|m| m.starts_with("INVITE ")).count();
    assert_eq!(offers, 3);
}

#[test]
#[should_panic(expected = "caller-talks-and-hangs-up failed")]
fn a_story_that_goes_otherwise_fails() {
    let net = Net::claim();
    let callee = Sipp::callee("callee-refuses", net.pbx());
    let callee = callee.with("STATUS", "486 Busy Here").with("REASON", "Reason: Q.850;cause=17");
    meet(callee, "caller-talks-and-hangs-up", &net, &[("TALK", "100")]);
}
