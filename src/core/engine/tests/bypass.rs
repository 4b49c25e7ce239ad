//! Calls that go out without having asked: observed, told, or ended, by line.

use super::bench_site::*;
use super::commands::switch;
use super::switch::fact;
use crate::engine::{Bypass, EngineConfig, Input, LinkIx, PbxIx, PbxOrder, Restored, SwitchConfig};
use crate::model::{Entity, EventKind, Named, Pii, Verdict};
use crate::pbx::{
    ChannelId, ChannelInfo, Fact, LinkReport, News, Observed, Order, OrderResult, PbxIdentity,
    Snapshot,
};
use crate::sip::PeerId;

fn site(bypass: Bypass, proxied: bool, instant: &str) -> Site {
    let by_trunk = [("PJSIP/second".to_owned(), Bypass::Observe)];
    let switch = SwitchConfig {
        trunks: vec!["PJSIP/carrier".into(), "PJSIP/second".into()],
        default_purpose: Some("service".into()),
        bypass,
        bypass_by_trunk: by_trunk.into(),
        ..switch(proxied.then_some(PeerId(0)))
    };
    let config = EngineConfig { switches: vec![switch], ..config() };
    let mut site = Site::with(config, instant, Restored { clean: true, ..Restored::default() });
    let identity = PbxIdentity { version: "Asterisk".into(), instance: "1".into() };
    report(&mut site, LinkReport::News(News::Up(identity)));
    site.events.clear();
    site
}

fn report(site: &mut Site, report: LinkReport) {
    let mut orders = std::mem::take(&mut site.out.pbx_orders);
    site.give(Input::Pbx { pbx: PbxIx(0), link: LinkIx(0), report });
    orders.append(&mut site.out.pbx_orders);
    site.out.pbx_orders = orders;
}

fn say(site: &mut Site, story: &str) {
    for text in story.split(',') {
        let observed = Observed { pbx_time: Some(site.now.wall), fact: fact(text) };
        report(site, LinkReport::Fact(observed));
    }
}

/// A call from the desk phone 1001 by that trunk.
fn goes_out(site: &mut Site, trunk: &str, proxied: bool) {
    say(site, &format!("new A 1001 in, new B {trunk} out b@elsewhere, offer B A"));
    if proxied {
        site.pass(2001); // its INVITE would be here by now
    }
}

fn told(site: &Site) -> Vec<String> {
    let gate = site.events.iter().filter(|e| e.kind.name().starts_with("outbound."));
    let words = gate.map(|event| match (event.kind, &event.detail.key) {
        (EventKind::OutboundUngated, Some(done)) => format!("ungated {done}"),
        (kind, _) => kind.name()["outbound.".len()..].to_owned(),
    });
    words.collect()
}

fn hung_up(site: &mut Site) -> Vec<PbxOrder> {
    let orders = std::mem::take(&mut site.out.pbx_orders);
    let cleared = |one: &PbxOrder| matches!(one.order, Order::Hangup { q850: 21, .. });
    orders.into_iter().filter(cleared).collect()
}

/// What the gate refuses is told or ended, as the line says; what it allows is let be. On a trunk
/// that comes by here a call that went another way is told, though the gate would have allowed it.
#[test]
fn each_line_says_what_is_done() {
    use Bypass::{Clear, Observe, Warn};
    for (bypass, trunk, proxied, instant, said, ends) in [
        (Observe, "carrier", false, MONDAY_21, &["denied"][..], false),
        (Warn, "carrier", false, MONDAY_21, &["denied", "ungated warn"], false),
        (Clear, "carrier", false, MONDAY_21, &["denied", "ungated clear"], true),
        (Clear, "second", false, MONDAY_21, &["denied"], false),
        (Clear, "carrier", false, MONDAY_10, &["allowed"], false),
        (Observe, "carrier", true, MONDAY_10, &["allowed"], false),
        (Warn, "carrier", true, MONDAY_10, &["allowed", "ungated warn"], false),
        (Clear, "carrier", true, MONDAY_10, &["allowed", "ungated warn"], false),
        (Clear, "carrier", true, MONDAY_21, &["denied", "ungated clear"], true),
    ] {
        let row = format!("{bypass:?} {trunk} {proxied} {instant}");
        let mut site = site(bypass, proxied, instant);
        goes_out(&mut site, trunk, proxied);
        assert_eq!(told(&site), said, "{row}");
        assert_eq!(hung_up(&mut site).len(), usize::from(ends), "{row}");
        let decided = site.events.iter().find_map(|e| match &e.entity {
            Entity::Decision(d) => Some((d.verdict, d.purpose.clone())),
            _ => None,
        });
        let verdict = if instant == MONDAY_21 { Verdict::Deny } else { Verdict::Allow };
        assert_eq!(decided, Some((verdict, Some("service".to_owned()))), "{row}");
    }
}

#[test]
fn a_conversation_is_not_cut_and_an_emergency_is_let_be() {
    let mut site = site(Bypass::Clear, true, MONDAY_21);
    // The INVITE is awaited for two seconds; the customer has answered by then.
    say(&mut site, "new A 1001 in, new B carrier out b@elsewhere, offer B A, answers B");
    site.pass(2001);
    assert_eq!(told(&site), ["denied", "ungated warn"]);
    assert!(hung_up(&mut site).is_empty());
}

#[test]
fn a_call_that_could_not_be_ended_is_told() {
    let mut site = site(Bypass::Clear, false, MONDAY_21);
    goes_out(&mut site, "carrier", false);
    let order = hung_up(&mut site).remove(0);
    let failed = OrderResult::Rejected("no such channel".into());
    report(&mut site, LinkReport::News(News::Done(order.id, failed)));
    assert_eq!(told(&site), ["denied", "ungated clear", "ungated not_cleared"]);
}

/// The switch says where a leg goes: on an outside trunk no digits make an extension, and an
/// emergency is one by whatever trunk.
#[test]
fn on_an_outside_trunk_nothing_is_an_extension() {
    for (number, said) in
        [("8001", &["denied", "ungated clear"][..]), ("013800138000", &["allowed"]), ("110", &[])]
    {
        let mut site = site(Bypass::Clear, false, MONDAY_10);
        say(&mut site, "new A 1001 in");
        let Fact::Channel(id, info) = fact("new B carrier out b@elsewhere") else { unreachable!() };
        let info = ChannelInfo { dialed: Some(Pii::new(number.into())), ..info };
        let (pbx_time, fact) = (Some(site.now.wall), Fact::Channel(id, info));
        report(&mut site, LinkReport::Fact(Observed { pbx_time, fact }));
        say(&mut site, "offer B A");
        assert_eq!(told(&site), said, "{number}");
    }
}

/// A call that is over before its INVITE was waited for long enough has been out all the same.
#[test]
fn a_short_call_past_the_gate_is_told() {
    for (instant, verdict) in [(MONDAY_10, "allowed"), (MONDAY_21, "denied")] {
        let mut site = site(Bypass::Clear, true, instant);
        say(&mut site, "new A 1001 in, new B carrier out b@elsewhere, offer B A, rings B");
        say(&mut site, "answers B");
        site.pass(300);
        assert_eq!(told(&site), Vec::<String>::new());
        say(&mut site, "end B party, end A pbx");
        assert_eq!(told(&site), [verdict, "ungated warn"], "{instant}");
        site.pass(5000);
        assert_eq!(told(&site).len(), 2, "it is told once");
        assert!(hung_up(&mut site).is_empty());
    }
    // What reached nobody may still come by: a dial that the PBX gave up.
    let mut site = site(Bypass::Clear, true, MONDAY_21);
    say(&mut site, "new A 1001 in, new B carrier out b@elsewhere, offer B A, end B pbx, end A pbx");
    site.pass(5000);
    assert_eq!(told(&site), Vec::<String>::new());
}

/// Calls that went out while the link was down are asked about when its snapshot shows them.
#[test]
fn a_leg_that_began_while_the_link_was_away_is_asked_about() {
    for (proxied, state, said, ends) in [
        (false, "rings B", ["denied", "ungated clear"], 1),
        (false, "answers B", ["denied", "ungated warn"], 0),
        (true, "rings B", ["denied", "ungated clear"], 1),
        (true, "answers B", ["denied", "ungated warn"], 0),
    ] {
        let mut site = site(Bypass::Clear, proxied, MONDAY_21);
        let at = Some(site.now.wall);
        let channel = |id: &str, story: String| {
            let observed = |text| Observed { pbx_time: at, fact: fact(text) };
            (ChannelId(id.into()), story.split(',').map(observed).collect())
        };
        let channels = vec![
            channel("A", "new A 1001 in".to_owned()),
            channel("B", format!("new B carrier out b@elsewhere, offer B A, {state}")),
        ];
        let snapshot = Snapshot { channels, members: Vec::new(), members_known: true };
        report(
            &mut site,
            LinkReport::Down { reason: "cut".into(), refused: false, next_try: None },
        );
        let identity = PbxIdentity { version: "Asterisk".into(), instance: "1".into() };
        report(&mut site, LinkReport::News(News::Up(identity)));
        let fact = Fact::Snapshot(snapshot);
        report(&mut site, LinkReport::Fact(Observed { pbx_time: None, fact }));
        if proxied {
            site.pass(2001); // its INVITE would be here by now
        }
        assert_eq!(told(&site), said, "{proxied} {state}");
        assert_eq!(hung_up(&mut site).len(), ends, "{proxied} {state}");
    }
}
