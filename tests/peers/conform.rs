//! `trunkline conform` against our scripted desk, which keeps most of the contract. What real
//! clients, and clients that break one rule each, come to is tested with the clients.

use serde_json::Value;
use std::process::{Command, Output};
use std::time::Duration;

const TRUNKLINE: &str = env!("CARGO_BIN_EXE_trunkline");
const SUBS: &str = r#"[{\"id\":\"1\",\"topic\":\"calls:own\"}]"#;

fn conform(script: &str, more: &[&str]) -> Output {
    let connect = format!(
        r#"{{\"do\":\"connect\",\"url\":\"$TRUNKLINE_URL\",\"token\":\"$TRUNKLINE_TOKEN\",\"subs\":{SUBS}}}"#
    );
    let client = format!("(echo \"{connect}\"; sleep 100) | '{TRUNKLINE}' peer desk");
    Command::new(TRUNKLINE)
        .args(["conform", "--json", "--listen", "127.0.0.1:0", "--script", script])
        .args(["--client", &client, "--wait", "20s", "--patience", "1s"])
        .args(more)
        .output()
        .unwrap()
}

/// Case and verdict, without the first and last line.
fn verdicts(done: &Output) -> Vec<(String, String, String)> {
    let text = String::from_utf8(done.stdout.clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let cases = lines.filter(|line| line["case"].is_string());
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    cases.map(|l| (text(&l, "case"), text(&l, "verdict"), text(&l, "reason"))).collect()
}

#[test]
fn a_desk_that_keeps_a_rule_passes() {
    let script = "hello,heartbeat,cut,resume-empty,gap,epoch,4008,4009,4503";
    let done = conform(script, &[]);
    let verdicts = verdicts(&done);
    let names: Vec<&str> = verdicts.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names.join(","), "hello,heartbeat,cut,resume-empty,gap,epoch,4008,4009,4503");
    assert!(verdicts.iter().all(|(_, verdict, _)| verdict == "pass"), "{verdicts:#?}");
    assert_eq!(done.status.code(), Some(0));
}

/// Our scripted desk knows no `goaway`, and goes on with the scope it had.
#[test]
fn a_desk_that_breaks_a_rule_fails_with_the_reason_and_the_page() {
    let done = conform("goaway", &[]);
    assert_eq!(done.status.code(), Some(1));
    let (name, verdict, reason) = verdicts(&done).remove(0);
    assert_eq!((name.as_str(), verdict.as_str()), ("goaway", "fail"));
    assert!(reason.contains("goaway said 2 s at least"), "{reason}");
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains("docs/desk-protocol.md#close-codes"), "{text}");
}

#[test]
fn what_needs_a_person_is_skipped_and_strict_makes_that_a_failure() {
    let done = conform("accepted", &[]);
    assert_eq!(verdicts(&done)[0].1, "skip");
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(conform("accepted", &["--strict"]).status.code(), Some(1));
}

#[test]
fn nobody_and_unknown_words_are_told() {
    let began = std::time::Instant::now();
    let nobody = Command::new(TRUNKLINE)
        .args(["conform", "--json", "--listen", "127.0.0.1:0", "--script", "hello"])
        .args(["--client", "exit 3", "--wait", "500ms"])
        .output()
        .unwrap();
    let (_, verdict, reason) = verdicts(&nobody).remove(0);
    assert_eq!(verdict, "fail");
    assert!(reason.contains("nobody connected") && reason.contains("exit status: 3"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(20));
    let unknown = Command::new(TRUNKLINE).args(["conform", "--script", "dance"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}
