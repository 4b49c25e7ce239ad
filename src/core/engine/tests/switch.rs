//! Facts of control links and signalling on the trunk become the same calls.

use super::bench_site::*;
use crate::engine::{EngineConfig, Input, LinkIx, LinkKind, PbxIx, Restored, SwitchConfig};
use crate::model::{Call, Entity, Event, EventKind, Named, Pii, Transfer};
use crate::pbx::{
    BridgeId, ChannelEnd, ChannelId, ChannelInfo, EndedBy, Fact, LinkReport, News, Observed,
    PbxIdentity, Snapshot,
};
use crate::sip::PeerId;
use proptest::prelude::*;
use std::collections::HashMap;

fn with_link(proxied: bool) -> EngineConfig {
    let switch = SwitchConfig {
        name: "pbx".into(),
        peer: proxied.then_some(PeerId(0)),
        links: vec![LinkKind::Ami],
        trunks: vec!["PJSIP/carrier".into()],
        default_purpose: None,
        bypass: Default::default(),
        bypass_by_trunk: Default::default(),
    };
    EngineConfig { switches: vec![switch], ..config() }
}

fn site(proxied: bool, instant: &str) -> Site {
    let restored = Restored { clean: true, ..Restored::default() };
    let mut site = Site::with(with_link(proxied), instant, restored);
    up(&mut site, "1");
    site.events.clear();
    site
}

fn report(site: &mut Site, report: LinkReport) {
    site.give(Input::Pbx { pbx: PbxIx(0), link: LinkIx(0), report });
}

fn up(site: &mut Site, instance: &str) {
    let identity = PbxIdentity { version: "Asterisk".into(), instance: instance.into() };
    report(site, LinkReport::News(News::Up(identity)));
}

fn id(name: &str) -> ChannelId {
    ChannelId(name.into())
}

/// Reads a fact: `new CHANNEL ENDPOINT in|out [call-id]`, `offer CHANNEL BY`, `end CHANNEL WHO`...
pub(super) fn fact(text: &str) -> Fact {
    let words: Vec<&str> = text.split_whitespace().collect();
    let who = id(words[1]);
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    match words[0] {
        "new" => Fact::Channel(
            who,
            ChannelInfo {
                endpoint: format!("PJSIP/{}", word(2)),
                name: format!("PJSIP/{}-{}", word(2), word(1)),
                incoming: Some(word(3) == "in"),
                dialed: Some(Pii::new("13800138000".into())),
                sip_call_id: words.get(4).map(|c| (*c).to_owned()),
                ..ChannelInfo::default()
            },
        ),
        "pipe" => Fact::Channel(
            who,
            ChannelInfo {
                endpoint: "Local/x".into(),
                name: word(1).into(),
                pipe: Some(word(2).into()),
                ..ChannelInfo::default()
            },
        ),
        "offer" => Fact::Offered { channel: who, by: words.get(2).map(|by| id(by)) },
        "progress" => Fact::Progress(who),
        "rings" => Fact::Ringing(who),
        "answers" => Fact::Answered(who),
        "bridge" => Fact::Bridged(who, BridgeId(word(2).into())),
        "unbridge" => Fact::Unbridged(who, BridgeId(word(2).into())),
        "holds" => Fact::Held(who),
        "retrieves" => Fact::Retrieved(who),
        "waits" => Fact::Queued { channel: who, queue: "q".into(), position: None },
        "sends" | "joins" => Fact::Transferred {
            by: who,
            kind: if words[0] == "sends" { Transfer::Blind } else { Transfer::Attended },
            moved: words.get(2).map(|w| id(w)),
            target: words.get(3).map(|w| id(w)),
            to: None,
        },
        "replaces" => Fact::Replaced { old: who, new: id(word(2)) },
        "end" => {
            let by = match word(2) {
                "party" => Some(EndedBy::Party),
                "pbx" => Some(EndedBy::Pbx),
                _ => None,
            };
            Fact::Ended(who, ChannelEnd { q850: Some(16), by, ..ChannelEnd::default() })
        }
        other => panic!("{other}"),
    }
}

fn observed(site: &Site, text: &str) -> Observed {
    Observed { pbx_time: Some(site.now.wall), fact: fact(text) }
}

fn say(site: &mut Site, story: &str) {
    for text in story.split(',') {
        let observed = observed(site, text);
        report(site, LinkReport::Fact(observed));
    }
}

/// A snapshot: channels by `;`, facts of each by `,`; the first names it.
fn snapshot(site: &mut Site, story: &str) {
    let mut channels = Vec::new();
    for channel in story.split(';').map(str::trim).filter(|c| !c.is_empty()) {
        let facts: Vec<Observed> =
            channel.split(',').map(|text| Observed { pbx_time: None, fact: fact(text) }).collect();
        channels.push((id(channel.split_whitespace().nth(1).unwrap()), facts));
    }
    let fact = Fact::Snapshot(Snapshot { channels, ..Snapshot::default() });
    report(site, LinkReport::Fact(Observed { pbx_time: None, fact }));
}

fn call_of(event: &Event) -> Option<&Call> {
    match &event.entity {
        Entity::Call(call) => Some(call),
        _ => None,
    }
}

/// What was told since the last look: event, leg, role, device, cause, repair.
fn told(site: &mut Site) -> String {
    let line = |event: &Event| {
        let kind = event.kind.name();
        let mut text = kind.rsplit('.').next().unwrap().to_owned();
        let call = call_of(event);
        if let Some(leg) = event.detail.leg
            && let Some(leg) = call.and_then(|c| c.leg(leg))
        {
            text += &format!(" {} {}", leg.id, leg.role.name());
            if leg.role.is_inside() {
                text += &format!(" {}", leg.device);
            }
            if let Some(cause) = leg.cause.as_ref().filter(|_| leg.ended.is_some()) {
                text += &format!(" {}", cause.csta.name());
            }
        }
        if event.kind == EventKind::CallCleared {
            let by = call.and_then(|c| c.released_by).map_or("-", Named::name);
            text += &format!(" by {by}");
        }
        if let Some(repair) = event.detail.repair {
            text += &format!(" ({})", repair.name());
        }
        text
    };
    let mut events = std::mem::take(&mut site.events);
    events.retain(|e| !matches!(e.entity, Entity::Link(_)));
    events.iter().map(line).collect::<Vec<_>>().join(", ")
}

fn inbound(call: &str) -> String {
    invite("95519", call, "").replace(PBX, MAIN)
}

/// A carrier's call that the PBX has answered; the 200 as the carrier got it.
fn answered(site: &mut Site, call: &str) -> String {
    site.receive(MAIN, &inbound(call));
    let to_pbx = site.sent_to(PBX);
    let invite = to_pbx.iter().find(|t| t.starts_with("INVITE")).unwrap().clone();
    site.receive(PBX, &answer(&invite, "200 OK", "p"));
    let to_carrier = site.sent_to(MAIN);
    to_carrier.into_iter().find(|t| t.starts_with("SIP/2.0 200")).unwrap()
}

fn bye_of_carrier(ok: &str, call: &str) -> String {
    let routes: String = ok
        .lines()
        .filter_map(|l| l.strip_prefix("Record-Route:"))
        .map(|l| format!("Route:{}\n", l.trim_end()))
        .collect();
    format!(
        "BYE sip:gw@{PBX} SIP/2.0\nVia: SIP/2.0/UDP {MAIN};branch=z9hG4bKbye{call}\n\
         Max-Forwards: 70\n{routes}From: <sip:8001@pbx.test>;tag=f{call}\n\
         To: <sip:95519@carrier.test>;tag=p\nCall-ID: {call}@pbx\nCSeq: 2 BYE\n\
         Content-Length: 0\n\n"
    )
}

const SERVED: &str = "offer A C, new A 1001 out, rings A, answers A, bridge C b, bridge A b";

#[test]
fn an_agents_leg_joins_the_call_on_the_trunk() {
    for hangs_up_first in ["trunk", "link"] {
        let mut site = site(true, MONDAY_10);
        let ok = answered(&mut site, "a");
        assert_eq!(told(&mut site), "originated 1 customer, established 2 trunk");
        say(&mut site, "new C carrier in a@pbx, answers C, waits C");
        assert_eq!(told(&mut site), "queued 1 customer");
        say(&mut site, SERVED);
        assert_eq!(told(&mut site), "delivered 3 agent 1001, established 3 agent 1001");
        let trunk = "connection_cleared 1 customer normalClearing, \
                     connection_cleared 2 trunk normalClearing";
        let agent = "connection_cleared 3 agent 1001 normalClearing";
        if hangs_up_first == "trunk" {
            site.receive(MAIN, &bye_of_carrier(&ok, "a"));
            assert_eq!(told(&mut site), trunk);
            say(&mut site, "end A pbx, end C party");
            assert_eq!(told(&mut site), format!("{agent}, cleared by customer"));
        } else {
            say(&mut site, "end A pbx, end C party");
            assert_eq!(told(&mut site), "", "SIP will say who hung up");
            site.receive(MAIN, &bye_of_carrier(&ok, "a"));
            assert_eq!(told(&mut site), format!("{trunk}, {agent}, cleared by customer"));
        }
        assert_eq!(site.engine.calls(), 0);
    }
}

#[test]
fn a_channel_whose_call_id_comes_late_joins_then() {
    let mut site = site(true, MONDAY_10);
    answered(&mut site, "a");
    say(&mut site, "new C carrier in, offer A C, new A 1001 out, rings A");
    assert_eq!(told(&mut site), "originated 1 customer, established 2 trunk");
    say(&mut site, "new C carrier in a@pbx");
    assert_eq!(told(&mut site), "delivered 3 agent 1001");
}

/// The PBX's INVITE goes out, is allowed and answered, and the agent hangs up.
#[test]
fn facts_before_and_after_the_invite_give_the_same_call() {
    let before = "new A 1001 in, new B carrier out b@pbx, offer B A";
    let mut stories = Vec::new();
    for link_first in [true, false] {
        let mut site = site(true, MONDAY_10);
        if link_first {
            say(&mut site, before);
            assert_eq!(told(&mut site), "", "the call is the trunk's to tell");
        }
        let callback = "X-Purpose: callback.routine\n";
        site.receive(PBX, &invite("13800138000", "b", callback));
        if !link_first {
            say(&mut site, before);
        }
        site.durable();
        let sent = site.sent_to(MAIN);
        let out = sent.iter().find(|t| t.starts_with("INVITE")).unwrap().clone();
        site.receive(MAIN, &answer(&out, "180 Ringing", "c"));
        say(&mut site, "rings B");
        site.receive(MAIN, &answer(&out, "200 OK", "c"));
        say(&mut site, "answers B, answers A, bridge A x, bridge B x, holds A");
        let call = site.events.iter().rev().find_map(call_of).unwrap().clone();
        assert_eq!(&*call.legs[0].device, "1001");
        assert_eq!(call.devices().map(|d| &**d).collect::<Vec<_>>(), ["8001", "1001"]);
        stories.push(told(&mut site));
        assert_eq!(site.engine.calls(), 1);
    }
    assert_eq!(
        stories[0],
        "requested, allowed, originated 1 agent 1001, delivered 2 customer, \
         established 2 customer, held 1 agent 1001"
    );
    assert_eq!(stories[0], stories[1]);
}

#[test]
fn a_call_that_goes_past_the_proxy_is_told() {
    let mut site = site(true, MONDAY_10);
    say(&mut site, "new A 1001 in, new B carrier out b@elsewhere, offer B A, rings B");
    site.pass(1999);
    assert_eq!(told(&mut site), "");
    site.pass(2);
    assert_eq!(
        told(&mut site),
        "originated 1 agent 1001, denied, ungated 2 customer, delivered 2 customer"
    );
    say(&mut site, "end A party, end B pbx");
    assert_eq!(
        told(&mut site),
        "connection_cleared 1 agent 1001 callCancelled, \
         connection_cleared 2 customer callCancelled, cleared by agent"
    );
}

#[test]
fn without_the_trunk_the_gate_is_asked_when_the_call_is_out() {
    let night = site(false, MONDAY_21);
    let day = site(false, MONDAY_10);
    let mut purposes = Vec::new();
    for mut site in [night, day] {
        say(&mut site, "new A 1001 in, new B carrier out, offer B A");
        let decided = site.events.iter().find_map(|e| match &e.entity {
            Entity::Decision(d) => Some((d.call_id, d.id)),
            _ => None,
        });
        let (call, decision) = decided.unwrap();
        let ungated = site.events.iter().rev().find_map(call_of).unwrap();
        assert_eq!((Some(ungated.id), Some(decision)), (call, ungated.decision_id));
        purposes.push(told(&mut site));
    }
    // Without a purpose the answer is no at any hour.
    assert_eq!(purposes, ["originated 1 agent 1001, denied, ungated 2 customer"; 2]);
}

#[test]
fn an_attended_transfer_makes_one_call_of_two() {
    let mut site = site(true, MONDAY_10);
    let ok = answered(&mut site, "a");
    say(&mut site, &format!("new C carrier in a@pbx, answers C, {SERVED}, holds A"));
    say(&mut site, "new A2 1001 in, offer B A2, new B 1002 out, rings B, answers B, answers A2");
    say(&mut site, "bridge A2 d, bridge B d");
    told(&mut site);
    // The customer is in the other bridge before the transfer is told.
    say(&mut site, "unbridge A2 d, bridge C d, joins A C B, end A party, end A2 pbx");
    assert_eq!(
        told(&mut site),
        "connection_cleared 1 agent 1001 transfer, connection_cleared 2 consult 1002 transfer, \
         cleared by agent, transferred 3 agent 1001, connection_cleared 3 agent 1001 transfer"
    );
    site.pass(5000);
    say(&mut site, "end B party");
    assert_eq!(told(&mut site), "connection_cleared 4 agent 1002 normalClearing");
    site.receive(MAIN, &bye_of_carrier(&ok, "a"));
    assert_eq!(
        told(&mut site),
        "connection_cleared 1 customer normalClearing, \
         connection_cleared 2 trunk normalClearing, cleared by customer"
    );
    assert_eq!(site.engine.calls(), 0);
}

#[test]
fn pipes_lead_to_the_caller() {
    let mut site = site(false, MONDAY_10);
    say(&mut site, "new C carrier in, answers C, pipe L1 L2, pipe L2 L1, offer L1 C");
    say(&mut site, "new A 1001 out, offer A L2, rings A, answers A");
    say(&mut site, "bridge C b, bridge L1 b, bridge L2 c, bridge A c");
    assert_eq!(
        told(&mut site),
        "originated 1 customer, established 1 customer, delivered 2 agent 1001, \
         established 2 agent 1001"
    );
    say(&mut site, "unbridge L1 b, unbridge L2 c, bridge A b, end L1, end L2");
    say(&mut site, "end C party, end A pbx");
    assert_eq!(
        told(&mut site),
        "connection_cleared 1 customer normalClearing, \
         connection_cleared 2 agent 1001 normalClearing, cleared by customer"
    );
}

#[test]
fn a_call_picked_up_elsewhere_has_the_other_agents_leg() {
    let mut site = site(false, MONDAY_10);
    say(&mut site, "new C carrier in, new A 1001 out, offer A C, rings A");
    say(&mut site, "new P 1003 in, answers P, replaces A P, end A pbx, answers C");
    say(&mut site, "bridge P b, bridge C b");
    let told = told(&mut site);
    assert!(told.contains("established 3 agent 1003"), "{told}");
    assert!(told.contains("connection_cleared 2 agent 1001 callCancelled"), "{told}");
}

#[test]
fn three_in_a_bridge_are_a_conference_if_they_stay() {
    let mut site = site(false, MONDAY_10);
    say(&mut site, &format!("new C carrier in, answers C, {SERVED}"));
    say(&mut site, "new B 1002 out, offer B A, answers B, bridge B b");
    assert!(!told(&mut site).contains("conferenced"));
    site.pass(600);
    assert_eq!(told(&mut site), "conferenced 3 consult 1002");
    say(&mut site, "bridge C c, bridge A c, bridge B c");
    site.pass(600);
    assert_eq!(told(&mut site), "", "they are the same three");
}

#[test]
fn what_was_missed_is_learnt_from_a_snapshot_and_marked() {
    let mut site = site(false, MONDAY_10);
    say(&mut site, "new C carrier in, answers C, offer A C, new A 1001 out");
    say(&mut site, "new D carrier in, answers D");
    told(&mut site);
    report(&mut site, LinkReport::Down { reason: String::new(), refused: false, next_try: None });
    assert_eq!(told(&mut site), "", "a lost link ends nothing");
    site.pass(1000);
    up(&mut site, "1");
    snapshot(
        &mut site,
        "new C carrier in, answers C, bridge C b;
         offer A C, new A 1001 out, rings A, answers A, bridge A b, holds A;
         new E carrier in, answers E",
    );
    assert_eq!(
        told(&mut site),
        "connection_cleared 1 customer lost_sync (stale_call_closed), \
         cleared by system (stale_call_closed), delivered 2 agent 1001 (missed_ring_learnt), \
         established 2 agent 1001 (missed_answer_learnt), held 2 agent 1001 (missed_hold_learnt), \
         originated 1 customer (beginning_learnt), established 1 customer (missed_answer_learnt)"
    );
    site.pass(1000);
    up(&mut site, "1");
    snapshot(&mut site, "new C carrier in; new A 1001 out; new E carrier in");
    assert_eq!(told(&mut site), "retrieved 2 agent 1001 (missed_retrieve_learnt)");
    let call = |site: &Site| site.engine.calls();
    assert_eq!(call(&site), 2);
    // Another run of the PBX has none of them.
    up(&mut site, "2");
    assert_eq!(told(&mut site), "", "what is gone is said by its snapshot");
    snapshot(&mut site, "");
    let gone = told(&mut site);
    assert_eq!(gone.matches("(pbx_restarted)").count(), 5, "{gone}");
    assert_eq!(call(&site), 0);
    // It may give their names again within the same second.
    say(&mut site, "new C carrier in, answers C, offer A C, new A 1001 out, rings A");
    assert!(told(&mut site).contains("delivered 2 agent 1001"));
}

#[test]
fn what_came_since_the_link_is_up_is_not_missing_from_a_snapshot() {
    let mut site = site(false, MONDAY_10);
    site.pass(10);
    up(&mut site, "1");
    site.pass(10);
    say(&mut site, "new C carrier in, answers C");
    told(&mut site);
    snapshot(&mut site, "");
    assert_eq!(told(&mut site), "");
    assert_eq!(site.engine.calls(), 1);
}

#[test]
fn the_first_event_after_a_lost_link_is_marked() {
    let mut site = site(false, MONDAY_10);
    say(&mut site, &format!("new C carrier in, answers C, {SERVED}"));
    told(&mut site);
    report(&mut site, LinkReport::Down { reason: String::new(), refused: false, next_try: None });
    up(&mut site, "1");
    say(&mut site, "holds A, retrieves A");
    assert_eq!(told(&mut site), "held 2 agent 1001 (link_was_away), retrieved 2 agent 1001");
}

#[test]
fn calls_of_an_earlier_run_are_known_by_their_channels() {
    let mut before = site(false, MONDAY_10);
    say(&mut before, &format!("new C carrier in, answers C, {SERVED}"));
    let live = before.events.iter().rev().find_map(call_of).unwrap().clone();
    let restored =
        Restored { head: before.last_pos(), live: vec![live], clean: false, ..Restored::default() };
    let mut site = Site::with(with_link(false), MONDAY_10, restored);
    site.events.clear();
    up(&mut site, "1");
    snapshot(
        &mut site,
        "new C carrier in, answers C, bridge C b; new A 1001 out, offer A C, answers A, bridge A b",
    );
    assert_eq!(told(&mut site), "", "nothing was missed");
    say(&mut site, "end A party, end C pbx");
    assert_eq!(
        told(&mut site),
        "connection_cleared 2 agent 1001 normalClearing (call_known_again), \
         connection_cleared 1 customer normalClearing, cleared by agent"
    );
}

#[test]
fn a_second_link_tells_nothing_twice() {
    let mut site = site(false, MONDAY_10);
    let story = "new C carrier in, answers C, waits C, offer A C, new A 1001 out, rings A, \
                 answers A, bridge C b, bridge A b, holds A, retrieves A, end A party, end C pbx";
    let mut once = site_told(story);
    for text in story.split(',') {
        say(&mut site, text);
        say(&mut site, text);
    }
    assert_eq!(told(&mut site), once);
    say(&mut site, story);
    assert_eq!(told(&mut site), "", "an ended channel does not come back");
    once.clear();
}

fn site_told(story: &str) -> String {
    let mut site = site(false, MONDAY_10);
    say(&mut site, story);
    told(&mut site)
}

const CHANNELS: [&str; 7] = ["C", "D", "A", "B", "E", "L1", "L2"];

fn random_fact() -> impl Strategy<Value = String> {
    let channel = || (0..CHANNELS.len()).prop_map(|n| CHANNELS[n]);
    let bridge = || (0..3usize).prop_map(|n| ["b", "c", "d"][n]);
    let endpoint = (0..3usize).prop_map(|n| ["carrier", "1001", "1002"][n]);
    let way = (0..2usize).prop_map(|n| ["in", "out"][n]);
    let simple = (0..7usize)
        .prop_map(|n| ["progress", "rings", "answers", "holds", "retrieves", "waits", "end"][n]);
    let ender = (0..3usize).prop_map(|n| ["party", "pbx", "-"][n]);
    prop_oneof![
        3 => (channel(), endpoint, way).prop_map(|(c, e, w)| format!("new {c} {e} {w}")),
        1 => Just("pipe L1 L2".to_owned()),
        1 => Just("pipe L2 L1".to_owned()),
        3 => (channel(), channel()).prop_map(|(c, by)| format!("offer {c} {by}")),
        1 => channel().prop_map(|c| format!("offer {c}")),
        8 => (simple, channel(), ender).prop_map(|(what, c, by)| format!("{what} {c} {by}")),
        4 => (channel(), bridge()).prop_map(|(c, b)| format!("bridge {c} {b}")),
        2 => (channel(), bridge()).prop_map(|(c, b)| format!("unbridge {c} {b}")),
        2 => (channel(), channel(), channel()).prop_map(|(a, b, c)| format!("joins {a} {b} {c}")),
        1 => (channel(), channel()).prop_map(|(a, b)| format!("sends {a} {b}")),
        1 => (channel(), channel()).prop_map(|(a, b)| format!("replaces {a} {b}")),
    ]
}

proptest! {
    /// Facts in any order: the events of each call keep their order, and when the PBX has no
    /// channel left there is no call left.
    #[test]
    fn no_order_of_facts_breaks_a_call(
        proxied in any::<bool>(),
        facts in prop::collection::vec((random_fact(), 0..700u64), 0..60),
    ) {
        let mut site = site(proxied, MONDAY_10);
        for (text, ms) in &facts {
            say(&mut site, text);
            if *ms > 500 {
                site.pass(*ms);
            }
        }
        site.pass(5000);
        up(&mut site, "2");
        snapshot(&mut site, "");
        site.pass(5000);
        prop_assert_eq!(site.engine.calls(), 0);
        let mut once: HashMap<_, usize> = HashMap::new();
        let mut cleared = Vec::new();
        for event in &site.events {
            let Some(call) = call_of(event) else { continue };
            prop_assert!(!cleared.contains(&call.id), "after the end");
            let count = once.entry((call.id, event.kind, event.detail.leg)).or_default();
            *count += 1;
            let single = matches!(
                event.kind,
                EventKind::CallOriginated | EventKind::CallDelivered | EventKind::CallEstablished
                    | EventKind::CallConnectionCleared | EventKind::CallCleared
            );
            prop_assert!(!single || *count == 1, "{} twice", event.kind.name());
            if event.kind == EventKind::CallCleared {
                prop_assert!(call.legs.iter().all(|l| l.ended.is_some()));
                cleared.push(call.id);
            }
        }
    }
}
