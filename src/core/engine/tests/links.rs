//! What becomes of reports of control links.

use super::bench_site::*;
use crate::engine::{EngineConfig, Input, LinkIx, LinkKind, PbxIx, Restored, SwitchConfig};
use crate::model::{Entity, EventKind, Link, LinkState, Named, SystemState, Wall};
use crate::pbx::{DeviceState, Fact, LinkReport, News, Observed, PbxIdentity, Snapshot};

fn linked_config() -> EngineConfig {
    let switch = SwitchConfig {
        name: "asterisk".into(),
        peer: None,
        links: vec![LinkKind::Ari, LinkKind::Ami],
        trunks: vec!["PJSIP/carrier".into()],
        default_purpose: None,
        bypass: Default::default(),
        bypass_by_trunk: Default::default(),
    };
    EngineConfig { switches: vec![switch], ..config() }
}

fn site_with(links: Vec<Link>) -> Site {
    let restored = Restored { clean: true, links, ..Restored::default() };
    Site::with(linked_config(), MONDAY_10, restored)
}

/// A report of the AMI link.
fn report(site: &mut Site, report: LinkReport) {
    site.give(Input::Pbx { pbx: PbxIx(0), link: LinkIx(1), report });
}

fn fact(fact: Fact, pbx_time: Option<Wall>) -> LinkReport {
    LinkReport::Fact(Observed { pbx_time, fact })
}

fn down(reason: &str, refused: bool, next_try: i64) -> LinkReport {
    LinkReport::Down { reason: reason.into(), refused, next_try: Some(Wall(next_try)) }
}

fn up(site: &mut Site) {
    let identity = PbxIdentity { version: "Asterisk 22".into(), instance: "one".into() };
    report(site, LinkReport::News(News::Up(identity)));
    report(site, fact(Fact::Snapshot(Snapshot::default()), None));
}

/// `id: from -> to: reason`, of the events since the last call.
fn told(site: &mut Site) -> Vec<String> {
    let events = std::mem::take(&mut site.events);
    let links = events.iter().filter(|e| e.kind == EventKind::LinkStateChanged);
    links
        .map(|event| {
            let (Entity::Link(link), Some(shift)) = (&event.entity, &event.detail.shift) else {
                panic!("a link and its shift: {event:?}");
            };
            assert_eq!((link.state.name(), &link.reason), (shift.to.as_str(), &shift.reason));
            format!("{}: {} -> {}: {}", link.id, shift.from, shift.to, shift.reason)
        })
        .collect()
}

fn ami(site: &Site) -> Link {
    site.engine.links().into_iter().find(|l| l.id == "asterisk/ami").unwrap()
}

#[test]
fn a_link_is_told_from_its_start_to_its_loss() {
    let mut site = site_with(Vec::new());
    assert_eq!(
        told(&mut site),
        [
            "asterisk/ari: connecting -> connecting: trunkline has started",
            "asterisk/ami: connecting -> connecting: trunkline has started",
        ]
    );
    up(&mut site);
    report(&mut site, down("the PBX closed the connection", false, 5));
    assert_eq!(
        told(&mut site),
        [
            "asterisk/ami: connecting -> resyncing: logged in, asking what is there",
            "asterisk/ami: resyncing -> up: in step with the PBX: 0 channels",
            "asterisk/ami: up -> down: the PBX closed the connection",
        ]
    );
    let link = ami(&site);
    assert_eq!((link.next_try_at, link.version.as_str()), (Some(Wall(5)), "Asterisk 22"));
    assert_eq!(site.engine.links()[0].state, LinkState::Connecting, "the other one is untouched");
}

#[test]
fn tries_that_fail_alike_are_one_event_but_the_next_try_is_shown() {
    let mut site = site_with(Vec::new());
    told(&mut site);
    for at in 1..100 {
        report(&mut site, LinkReport::Connecting);
        report(&mut site, down("cannot connect", false, at));
    }
    let expected = [
        "asterisk/ami: connecting -> connecting: connecting",
        "asterisk/ami: connecting -> down: cannot connect",
    ];
    assert_eq!(told(&mut site), expected);
    assert_eq!(ami(&site).next_try_at, Some(Wall(99)));
    report(&mut site, down("wrong password", true, 100));
    assert_eq!(told(&mut site), ["asterisk/ami: down -> refused: wrong password"]);
    up(&mut site);
    assert_eq!(ami(&site).state, LinkState::Up);
}

#[test]
fn lost_events_are_told_to_everybody_and_make_the_link_resync() {
    let mut site = site_with(Vec::new());
    up(&mut site);
    told(&mut site);
    report(&mut site, LinkReport::News(News::Lost(7, "the queue was full".into())));
    let status = site.events.iter().find_map(|e| match &e.entity {
        Entity::System(status) => Some(status.clone()),
        _ => None,
    });
    let status = status.unwrap();
    assert_eq!((status.state, status.lost), (SystemState::MessagesLost, 7));
    assert_eq!(status.reason, "link asterisk/ami: the queue was full");
    report(&mut site, fact(Fact::Snapshot(Snapshot::default()), None));
    assert_eq!(
        told(&mut site),
        [
            "asterisk/ami: up -> resyncing: 7 events lost (the queue was full), asking what is \
             there",
            "asterisk/ami: resyncing -> up: in step with the PBX: 0 channels",
        ]
    );
    report(&mut site, fact(Fact::Snapshot(Snapshot::default()), None));
    assert!(told(&mut site).is_empty(), "a further snapshot is no news");
    assert_eq!(ami(&site).lost, 7);
}

#[test]
fn the_skew_is_the_median_of_the_stamps() {
    let mut site = site_with(Vec::new());
    let device = || Fact::Device { device: "PJSIP/1".into(), state: DeviceState::Idle };
    let wall = site.now.wall.0;
    for (at, skew_ms) in [40, -9000, 41, 42].into_iter().enumerate() {
        report(&mut site, fact(device(), Some(Wall(wall + skew_ms * 1000))));
        assert_eq!(ami(&site).clock_skew_ms, None, "{at}: too few");
    }
    report(&mut site, fact(device(), None));
    assert_eq!(ami(&site).clock_skew_ms, None, "no stamp says nothing");
    report(&mut site, fact(device(), Some(Wall(wall + 9_000_000))));
    assert_eq!(ami(&site).clock_skew_ms, Some(41));
}

#[test]
fn a_warning_is_told_once_and_texts_of_a_peer_are_cut() {
    let mut site = site_with(Vec::new());
    up(&mut site);
    told(&mut site);
    for _ in 0..3 {
        report(&mut site, LinkReport::News(News::Warning("no stamps".into())));
    }
    assert_eq!(told(&mut site).len(), 1);
    assert_eq!(ami(&site).warning, "no stamps");
    report(&mut site, LinkReport::News(News::Warning("ä".repeat(10_000))));
    assert_eq!(ami(&site).warning.len(), 512);
}

#[test]
fn revisions_go_on_after_a_restart() {
    let mut site = site_with(Vec::new());
    up(&mut site);
    let before = ami(&site);
    let site = site_with(vec![before.clone()]);
    let after = ami(&site);
    assert_eq!((after.rev, after.state), (before.rev + 1, LinkState::Connecting));
    assert_eq!(after.instance, "one");
}

#[test]
fn a_report_of_a_link_that_is_not_configured_changes_nothing() {
    let mut site = site_with(Vec::new());
    told(&mut site);
    let links = site.engine.links();
    for (pbx, link) in [(0, 2), (1, 0), (u16::MAX, u16::MAX)] {
        for report in [LinkReport::Connecting, down("x", true, 1)] {
            site.give(Input::Pbx { pbx: PbxIx(pbx), link: LinkIx(link), report });
        }
    }
    assert!(told(&mut site).is_empty());
    assert_eq!(site.engine.links(), links);
}
