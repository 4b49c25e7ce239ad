//! What headers claim, and transfers.

use super::bench_site::*;
use crate::model::{CallId, Entity, Event, EventKind, Named, Signalling, Transfer};

/// An INVITE of the carrier with more headers.
fn inbound(call: &str, extra: &str) -> String {
    invite("95519", call, extra).replace(PBX, MAIN)
}

/// An inbound call that the PBX has answered; the 200 as the carrier got it.
pub(super) fn answered(site: &mut Site, call: &str, extra: &str) -> String {
    site.receive(MAIN, &inbound(call, extra));
    let to_pbx = site.sent_to(PBX);
    let invite = to_pbx.iter().find(|t| t.starts_with("INVITE")).unwrap().clone();
    site.receive(PBX, &answer(&invite, "200 OK", "p"));
    let to_carrier = site.sent_to(MAIN);
    to_carrier.into_iter().find(|t| t.starts_with("SIP/2.0 200")).unwrap()
}

/// A request of the PBX inside that call.
pub(super) fn of_pbx(ok: &str, call: &str, line: &str, extra: &str) -> String {
    let method = line.split(' ').next().unwrap();
    let routes: String = ok
        .lines()
        .filter_map(|l| l.strip_prefix("Record-Route:"))
        .map(|l| format!("Route:{}\n", l.trim_end()))
        .collect();
    let cseq = line.split(' ').nth(1).unwrap();
    format!(
        "{method} sip:8001@{MAIN} SIP/2.0\nVia: SIP/2.0/UDP {PBX};branch=z9hG4bK{method}{cseq}{call}\n\
         Max-Forwards: 70\n{routes}From: <sip:95519@carrier.test>;tag=p\n\
         To: <sip:8001@pbx.test>;tag=f{call}\nCall-ID: {call}@pbx\nCSeq: {cseq} {method}\n{extra}"
    )
}

pub(super) const EMPTY: &str = "Content-Length: 0\n\n";

fn refer(ok: &str, call: &str, target: &str) -> String {
    of_pbx(ok, call, "REFER 7", &format!("Refer-To: {target}\n{EMPTY}"))
}

/// The carrier's answer to the last request that it got.
fn carrier_answers(site: &mut Site, method: &str, status: &str) {
    let sent = site.sent_to(MAIN);
    let request = sent.iter().find(|t| t.starts_with(method)).unwrap_or_else(|| panic!("{sent:?}"));
    site.receive(MAIN, &answer(request, status, "x").replace(";tag=x", ""));
}

/// NOTIFY of the carrier about the PBX's REFER.
fn notify(ok: &str, call: &str, status: &str) -> String {
    let body = format!("SIP/2.0 {status}\r\n");
    let (us, them) = (format!("tag=f{call}"), "tag=p");
    of_pbx(ok, call, "NOTIFY 9", "")
        .replace(&us, "tag=swap")
        .replace(them, &us)
        .replace("tag=swap", them)
        .replace(&format!("sip:8001@{MAIN} SIP"), &format!("sip:gw@{PBX} SIP"))
        .replace(&format!("UDP {PBX}"), &format!("UDP {MAIN}"))
        + &format!(
            "Event: refer\nContent-Type: message/sipfrag\nContent-Length: {}\n\n{}",
            body.len(),
            body.replace("\r\n", "\n")
        )
}

fn transfers(events: &[Event]) -> Vec<(Option<Transfer>, Option<CallId>)> {
    let of = |e: &&Event| e.kind == EventKind::CallTransferred;
    let told = |e: &Event| {
        let transfer = e.detail.transfer.as_deref();
        (transfer.map(|t| t.kind), transfer.and_then(|t| t.to_call))
    };
    events.iter().filter(of).map(told).collect()
}

fn last_cause(site: &Site) -> &'static str {
    let Entity::Call(call) = &site.events.last().unwrap().entity else { panic!() };
    call.cause.as_ref().unwrap().csta.name()
}

#[test]
fn a_blind_transfer_is_told_when_the_new_call_is_answered() {
    let mut site = Site::at(MONDAY_10);
    let ok = answered(&mut site, "a", "");
    site.receive(PBX, &refer(&ok, "a", "<sip:13800138000@carrier.test>"));
    carrier_answers(&mut site, "REFER", "202 Accepted");
    site.receive(MAIN, &notify(&ok, "a", "100 Trying"));
    assert_eq!(transfers(&site.events), [], "it may still fail");
    site.receive(MAIN, &notify(&ok, "a", "200 OK").replace("NOTIFY9", "NOTIFY10"));
    assert_eq!(transfers(&site.events), [(Some(Transfer::Blind), None)]);
    site.receive(PBX, &of_pbx(&ok, "a", "BYE 12", EMPTY));
    assert_eq!(transfers(&site.events).len(), 1, "once a call");
    assert_eq!(last_cause(&site), "transfer");
}

#[test]
fn a_transferor_that_hangs_up_once_it_was_accepted_has_transferred() {
    let mut site = Site::at(MONDAY_10);
    let ok = answered(&mut site, "a", "");
    let target = "<sip:8002@h?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>";
    site.receive(PBX, &refer(&ok, "a", target));
    carrier_answers(&mut site, "REFER", "202 Accepted");
    site.receive(PBX, &of_pbx(&ok, "a", "BYE 12", EMPTY));
    assert_eq!(transfers(&site.events), [(Some(Transfer::Attended), None)]);
    assert_eq!(last_cause(&site), "transfer");
}

#[test]
fn a_transfer_that_is_refused_or_fails_is_none() {
    for told in ["603 Decline", "202 Accepted"] {
        let mut site = Site::at(MONDAY_10);
        let ok = answered(&mut site, "a", "");
        site.receive(PBX, &refer(&ok, "a", "<sip:13800138000@carrier.test>"));
        carrier_answers(&mut site, "REFER", told);
        if told.starts_with("202") {
            site.receive(MAIN, &notify(&ok, "a", "486 Busy Here"));
        }
        site.receive(PBX, &of_pbx(&ok, "a", "BYE 12", EMPTY));
        assert_eq!(transfers(&site.events), [], "{told}");
        assert_eq!(last_cause(&site), "normalClearing", "{told}");
    }
}

#[test]
fn a_call_that_replaces_another_carries_its_thread_on() {
    let mut site = Site::at(MONDAY_10);
    answered(&mut site, "a", "");
    let first = site.events.last().unwrap().call_id().unwrap();
    // The carrier connects another caller to the agent's end of call a.
    answered(&mut site, "b", "Replaces: a@pbx;to-tag=p;from-tag=fa\n");
    let second = site.events.iter().rev().find_map(|e| match &e.entity {
        Entity::Call(call) if call.id != first => Some(call.clone()),
        _ => None,
    });
    let second = second.unwrap();
    assert_eq!((second.thread_id, second.parent_id), (first, Some(first)));
    assert_eq!(transfers(&site.events), [(Some(Transfer::Attended), Some(second.id))]);
    let told = site.events.iter().find(|e| e.kind == EventKind::CallTransferred).unwrap();
    assert_eq!((told.call_id(), told.detail.leg.map(|l| l.0)), (Some(first), Some(1)));
}

#[test]
fn replaces_of_a_call_that_nobody_knows_claims_nothing() {
    let mut site = Site::at(MONDAY_10);
    answered(&mut site, "b", "Replaces: gone@pbx;to-tag=p;from-tag=fa\n");
    let Entity::Call(call) = &site.events.last().unwrap().entity else { panic!() };
    assert_eq!((call.thread_id, call.parent_id), (call.id, None));
    assert_eq!(transfers(&site.events), []);
}

fn first_call(extra: &str) -> (String, Option<Box<Signalling>>) {
    let mut site = Site::at(MONDAY_10);
    site.kinds();
    site.receive(MAIN, &inbound("a", extra));
    let Entity::Call(call) = &site.events[0].entity else { panic!() };
    (call.from.raw.reveal().clone(), call.signalling.clone())
}

#[test]
fn the_asserted_number_is_the_caller_unless_the_caller_asked_for_privacy() {
    let asserted = "P-Asserted-Identity: <sip:+8613900139000@carrier.test>\n";
    assert_eq!(first_call(asserted), ("+8613900139000".into(), None));
    for privacy in ["id", "user", "header;session", "critical; id"] {
        let (from, said) = first_call(&format!("{asserted}Privacy: {privacy}\n"));
        assert_eq!(from, "8001", "{privacy}: what From says");
        assert!(said.unwrap().private, "{privacy}");
    }
    for none in ["none", "session"] {
        let (from, said) = first_call(&format!("{asserted}Privacy: {none}\n"));
        assert_eq!((from.as_str(), said), ("+8613900139000", None), "{none}");
    }
}

#[test]
fn diversion_campaign_data_and_session_are_told() {
    let (_, said) = first_call(
        "Diversion: <sip:02112345678@h>;reason=no-answer\n\
         User-to-User: 56a390f3d2b7310023a2;encoding=hex\n\
         Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\n",
    );
    let said = said.unwrap();
    assert_eq!(said.diverted_from.unwrap().raw.reveal(), "02112345678");
    assert_eq!(said.diversion_reason.as_deref(), Some("no-answer"));
    let user_to_user = said.user_to_user.unwrap();
    assert_eq!(user_to_user.reveal(), "56a390f3d2b7310023a2;encoding=hex");
    assert_eq!(said.session_id.as_deref(), Some("ab30317f1a784dc48ff824d0d3715d86"));
}

#[test]
fn who_diverted_is_hidden_with_the_history() {
    let (_, said) =
        first_call("Diversion: <sip:02112345678@h>;reason=no-answer\nPrivacy: history\n");
    let said = said.unwrap();
    assert_eq!((said.diverted_from, said.diversion_reason.as_deref()), (None, Some("no-answer")));
}
