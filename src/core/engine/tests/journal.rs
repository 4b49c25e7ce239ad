//! Positions, losses, restarts.

use super::bench_site::*;
use crate::engine::{Input, Restored};
use crate::model::{Entity, EventKind, Repair, SystemState};

fn inbound(call: &str) -> String {
    invite("95519", call, "").replace(PBX, MAIN)
}

/// One answered inbound call, not ended.
fn answered(site: &mut Site, call: &str) -> String {
    site.receive(MAIN, &inbound(call));
    let to_pbx = site.sent_to(PBX);
    let invite = to_pbx.iter().find(|t| t.starts_with("INVITE")).unwrap().clone();
    site.pass(10);
    site.receive(PBX, &answer(&invite, "180 Ringing", "p"));
    site.pass(1000);
    site.receive(PBX, &answer(&invite, "200 OK", "p"));
    let to_carrier = site.sent_to(MAIN);
    to_carrier.into_iter().find(|t| t.starts_with("SIP/2.0 200")).unwrap()
}

fn bye(ok: &str, call: &str) -> String {
    // The carrier hangs up: route set from the 200's Record-Route (RFC 3261 §12.1.2).
    let routes: String = ok
        .lines()
        .filter(|l| l.starts_with("Record-Route:"))
        .map(|l| format!("Route:{}\n", l["Record-Route:".len()..].trim_end()))
        .collect();
    format!(
        "BYE sip:gw@{PBX} SIP/2.0\nVia: SIP/2.0/UDP {MAIN};branch=z9hG4bKbye{call}\n\
         Max-Forwards: 70\n{routes}From: <sip:8001@pbx.test>;tag=f{call}\n\
         To: <sip:95519@carrier.test>;tag=p\nCall-ID: {call}@pbx\nCSeq: 2 BYE\n\
         Content-Length: 0\n\n"
    )
}

#[test]
fn positions_are_gapless_and_go_on_after_a_restart() {
    let mut site = Site::at(MONDAY_10);
    answered(&mut site, "a");
    let positions: Vec<u64> = site.events.iter().map(|e| e.pos.0).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
    let live = site.events.iter().rev().find_map(|e| match &e.entity {
        Entity::Call(call) => Some((**call).clone()),
        _ => None,
    });
    let head = site.last_pos();
    let restored =
        Restored { head, live: live.into_iter().collect(), clean: false, ..Restored::default() };
    let site = Site::restored(MONDAY_10, restored);
    assert_eq!(site.events[0].pos, head.next());
    let Entity::System(status) = &site.events[0].entity else { panic!() };
    assert_eq!(status.state, SystemState::MessagesLost, "what was missed is marked");
    assert_eq!(site.engine.calls(), 1);
}

#[test]
fn a_call_is_known_again_and_its_bye_is_routed_and_told() {
    let mut before = Site::at(MONDAY_10);
    let ok = answered(&mut before, "a");
    let live = before.events.iter().rev().find_map(|e| match &e.entity {
        Entity::Call(call) => Some((**call).clone()),
        _ => None,
    });
    let restored = Restored {
        head: before.last_pos(),
        live: live.into_iter().collect(),
        clean: false,
        ..Restored::default()
    };
    let mut site = Site::restored(MONDAY_10, restored);
    site.events.clear();
    site.receive(MAIN, &bye(&ok, "a"));
    assert_eq!(first_lines(&site.sent_to(PBX))[0].split(' ').next(), Some("BYE"));
    let told: Vec<_> = site.events.iter().map(|e| (e.kind, e.detail.repair)).collect();
    assert_eq!(told[0], (EventKind::CallConnectionCleared, Some(Repair::KnownAgain)));
    assert_eq!(told.last().unwrap().0, EventKind::CallCleared);
    assert_eq!(site.engine.calls(), 0);
}

#[test]
fn a_full_ring_loses_nothing_but_history_and_says_so() {
    let mut site = Site::at(MONDAY_10);
    let ok = answered(&mut site, "a");
    answered(&mut site, "b");
    let lost = std::mem::take(&mut site.events);
    let count = lost.len() as u64;
    site.give(Input::RingFull(lost));
    site.receive(MAIN, &bye(&ok, "a"));
    assert!(site.events.is_empty(), "no place: nothing is pushed");
    assert_eq!(site.sent_to(PBX).iter().filter(|t| t.starts_with("BYE")).count(), 1);
    site.give(Input::RingFree);
    assert!(site.out.new_epoch);
    let Entity::System(status) = &site.events[0].entity else { panic!() };
    assert_eq!((status.state, status.lost), (SystemState::MessagesLost, count + 3));
    let states: Vec<_> = site.events[1..]
        .iter()
        .map(|e| {
            let Entity::Call(call) = &e.entity else { panic!() };
            assert_eq!(
                (e.kind, e.detail.repair),
                (EventKind::CallResynced, Some(Repair::EventsLost))
            );
            (call.dialog.call_id.clone(), call.is_over())
        })
        .collect();
    assert_eq!(states, [("a@pbx".to_owned(), true), ("b@pbx".to_owned(), false)]);
    let positions: Vec<u64> = site.events.iter().map(|e| e.pos.0).collect();
    assert!(positions.windows(2).all(|w| w[1] == w[0] + 1));
}

#[test]
fn a_permit_whose_decision_was_lost_is_never_released() {
    let mut site = Site::at(MONDAY_10);
    site.receive(PBX, &invite("13800138000", "a", "X-Purpose: service\n"));
    let lost = std::mem::take(&mut site.events);
    site.give(Input::RingFull(lost));
    site.give(Input::RingFree);
    site.durable();
    assert!(site.sent_to(MAIN).is_empty());
    assert!(first_lines(&site.sent_to(PBX)).contains(&"SIP/2.0 403 Forbidden"));
}

#[test]
fn a_silent_call_ends_as_lost_sync() {
    let mut site = Site::at(MONDAY_10);
    answered(&mut site, "a");
    site.events.clear();
    for _ in 0..62 {
        site.pass(60_000);
    }
    let last = site.events.last().unwrap();
    assert_eq!(
        (last.kind, last.detail.repair),
        (EventKind::CallCleared, Some(Repair::StaleCallClosed))
    );
    assert_eq!(site.engine.calls(), 0);
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let run = || {
        let mut site = Site::at(MONDAY_10);
        let ok = answered(&mut site, "a");
        site.receive(PBX, &invite("13800138000", "b", "X-Purpose: service\n"));
        site.durable();
        site.receive(MAIN, &bye(&ok, "a"));
        (crate::wire::journal_frame_to_bytes(&site.events), site.sent)
    };
    assert_eq!(run(), run());
}

#[test]
fn what_the_journal_keeps_is_what_was_told() {
    let mut site = Site::at(MONDAY_10);
    let ok = answered(&mut site, "a");
    site.receive(PBX, &invite("13800138000", "b", "X-Purpose: service\n"));
    site.receive(PBX, &invite("13800138000", "c", ""));
    site.pass(60);
    site.receive(MAIN, &bye(&ok, "a"));
    let bytes = crate::wire::journal_frame_to_bytes(&site.events);
    assert_eq!(crate::wire::journal_frame_from_bytes(&bytes).unwrap(), site.events);
}
