//! A desk dials where the PBX's calls come by the trunk and a control link shows its phones: one
//! call, whichever of the two is quicker.

use super::bench_site::*;
use super::commands::{Desk, desk_config, dial, dialled};
use super::switch::fact;
use crate::engine::Restored;
use crate::model::{Call, Direction, Entity, LegRole, Named};
use crate::pbx::{LinkReport, News, Observed, OrderResult, PbxIdentity};
use crate::sip::PeerId;

fn say(desk: &mut Desk, story: &str) {
    for text in story.split(',') {
        let pbx_time = Some(desk.site.now.wall);
        desk.report(0, LinkReport::Fact(Observed { pbx_time, fact: fact(text) }));
    }
}

/// Kinds of the calls' events, and the calls they are of.
fn calls(desk: &Desk) -> (Vec<&'static str>, Vec<&Call>) {
    let mut kinds = Vec::new();
    let mut calls = Vec::new();
    for event in &desk.site.events {
        if let Entity::Call(call) = &event.entity {
            kinds.push(event.kind.name());
            calls.push(&**call);
        }
    }
    (kinds, calls)
}

#[test]
fn a_dial_is_one_call_whoever_is_quicker() {
    for (link_first, told) in [
        (true, "call.originated call.delivered outbound.requested call.originated"),
        (false, "outbound.requested call.originated"),
    ] {
        let restored = Restored { clean: true, ..Restored::default() };
        let mut desk = Desk::of(Site::with(desk_config(Some(PeerId(0))), MONDAY_10, restored));
        desk.report(0, LinkReport::News(News::Up(PbxIdentity::default())));
        desk.ask(dial(1));
        desk.durable();
        let order = desk.only_order();
        let (_, mark, channel) = dialled(&order);
        desk.done(&order, OrderResult::Done);
        desk.site.events.clear();
        let c = channel.0;
        let phone = format!("new {c} 8001 out, offer {c}, rings {c}, answers {c}");
        if link_first {
            say(&mut desk, &phone);
        }
        let marked = format!("X-Trunkline-Mark: {mark}\n");
        desk.site.receive(PBX, &invite("13800138000", "a", &marked));
        if !link_first {
            say(&mut desk, &phone);
        }
        desk.durable();
        let (kinds, calls) = calls(&desk);
        assert_eq!(kinds.join(" "), told, "link first: {link_first}");
        assert!(calls.iter().all(|call| call.id == calls[0].id), "link first: {link_first}");
        assert!(calls.iter().all(|call| call.direction == Direction::Outbound));
        let last = calls.last().unwrap();
        let legs: Vec<_> = last.legs.iter().map(|l| (l.role, l.channel.is_some())).collect();
        assert_eq!(legs, [(LegRole::Agent, true), (LegRole::Customer, false)]);
        assert_eq!(desk.site.engine.calls(), 1);
    }
}
