//! A consultation is handed over when the receiver's desktop has the call's data.

use super::bench_site::*;
use super::commands::{Desk, alice, desk_config, request};
use super::switch::fact;
use crate::engine::{
    CommandAnswer, CommandRequest, EngineConfig, Input, Restored, TransferBarrier,
};
use crate::hub::{Principal, Role};
use crate::model::*;
use crate::pbx::{ChannelId, Fact, LinkReport, News, Observed, Order, OrderResult, PbxIdentity};

/// A site in which nothing happens yet, with both links up.
pub(super) fn linked(change: impl FnOnce(&mut EngineConfig)) -> Desk {
    let mut config = desk_config(None);
    change(&mut config);
    let restored = Restored { clean: true, ..Restored::default() };
    let mut desk = Desk::of(Site::with(config, MONDAY_10, restored));
    for link in 0..2 {
        desk.report(link, LinkReport::News(News::Up(PbxIdentity::default())));
    }
    desk
}

pub(super) fn say(desk: &mut Desk, story: &str) {
    for text in story.split(',') {
        report(desk, fact(text));
    }
}

fn report(desk: &mut Desk, fact: Fact) {
    desk.report(1, LinkReport::Fact(Observed { pbx_time: None, fact }));
}

pub(super) const SERVED: &str = "new C carrier in, answers C, waits C, offer A C, new A 8001 out, \
                                 rings A, answers A, bridge C b, bridge A b";
/// Alice asks bob within the call.
const ASKED: &str = "offer B A, new B 8002 out, rings B, answers B";

pub(super) fn newest_call(desk: &Desk) -> Call {
    let call = desk.site.events.iter().rev().find_map(|e| match &e.entity {
        Entity::Call(call) => Some((**call).clone()),
        _ => None,
    });
    call.unwrap()
}

fn attach(desk: &mut Desk, key: &str, value: &str) {
    let (key, value) = (key.to_owned(), Pii::new(value.to_owned()));
    report(desk, Fact::Data { channel: ChannelId("A".into()), key, value });
}

/// Alice talks to a customer whose contract is known, and asks bob.
fn asked(barrier: TransferBarrier) -> Desk {
    let mut desk = linked(|config| config.people.barrier = barrier);
    say(&mut desk, SERVED);
    desk.call = newest_call(&desk).id;
    attach(&mut desk, "contract", "K-1");
    say(&mut desk, ASKED);
    desk
}

fn bob_is(desk: &mut Desk, presence: DeskPresence) {
    desk.give(Input::Desk { agent: "bob".into(), presence });
}

fn applied(desk: &mut Desk, pos: Pos) {
    desk.give(Input::Applied { agent: "bob".into(), pos });
}

/// Events that ask bob's desktop to confirm.
fn shown(desk: &Desk) -> Vec<&Event> {
    let bob: std::sync::Arc<str> = "bob".into();
    desk.site.events.iter().filter(|e| e.detail.confirm_by.contains(&bob)).collect()
}

fn complete(desk: &Desk, id: u128) -> CommandRequest {
    desk.on_call(id, CommandOp::CallTransferComplete)
}

fn gives(desk: &mut Desk, request: CommandRequest) {
    assert_eq!(desk.ask(request), CommandAnswer::Accepted);
    desk.durable();
}

fn is_completed(desk: &mut Desk) {
    let order = desk.only_order();
    assert_eq!(order.order, Order::TransferComplete { by: ChannelId("A".into()) });
    desk.done(&order, OrderResult::Done);
    assert_eq!(desk.told().last().unwrap(), "command.done ok");
}

fn unconfirmed(desk: &Desk) -> Vec<&Event> {
    let kind = EventKind::CallTransferUnconfirmed;
    desk.site.events.iter().filter(|e| e.kind == kind).collect()
}

#[test]
fn a_transfer_waits_for_the_position_that_shows_the_data() {
    let mut desk = asked(TransferBarrier::Hold);
    bob_is(&mut desk, DeskPresence::Online);
    let [first] = shown(&desk)[..] else { panic!("{:?}", shown(&desk)) };
    let (pos, kind) = (first.pos, first.kind);
    assert_eq!(kind, EventKind::CallDelivered, "before bob's telephone is answered");
    let Entity::Call(call) = &first.entity else { panic!() };
    assert_eq!(call.data["contract"].reveal(), "K-1");
    let request = complete(&desk, 1);
    gives(&mut desk, request);
    applied(&mut desk, Pos(pos.0 - 1));
    assert!(desk.take_orders().is_empty(), "bob's desktop has not read it");
    applied(&mut desk, pos);
    is_completed(&mut desk);
}

#[test]
fn what_is_attached_later_has_to_be_shown_too() {
    let mut desk = asked(TransferBarrier::Hold);
    bob_is(&mut desk, DeskPresence::Online);
    let seen = desk.site.last_pos();
    applied(&mut desk, seen);
    attach(&mut desk, "contract", "K-2");
    let newest = shown(&desk).last().unwrap().pos;
    assert!(newest > seen, "it is shown again");
    let request = complete(&desk, 1);
    gives(&mut desk, request);
    assert!(desk.take_orders().is_empty());
    applied(&mut desk, newest);
    is_completed(&mut desk);
}

#[test]
fn without_a_word_in_time_the_consultation_goes_on() {
    let mut desk = asked(TransferBarrier::Hold);
    bob_is(&mut desk, DeskPresence::Online);
    let request = complete(&desk, 1);
    gives(&mut desk, request);
    desk.pass(2999);
    assert!(!desk.told().iter().any(|t| t.starts_with("command.done")));
    desk.pass(1);
    assert_eq!(desk.told(), ["command.done failed NOT_SYNCED"]);
    assert!(desk.take_orders().is_empty(), "the PBX was not asked");
    // A command whose own time is shorter waits no longer than that.
    let not_after = Some(desk.site.now.wall.after(std::time::Duration::from_secs(1)));
    let request = CommandRequest { not_after, ..complete(&desk, 2) };
    gives(&mut desk, request);
    desk.pass(1000);
    assert_eq!(desk.told().last().unwrap(), "command.done failed NOT_SYNCED");
    let pos = desk.site.last_pos();
    applied(&mut desk, pos);
    assert!(desk.take_orders().is_empty(), "what has failed is not carried out later");
    let request = complete(&desk, 3);
    gives(&mut desk, request);
    is_completed(&mut desk);
}

#[test]
fn a_receiver_without_a_desktop_is_refused_and_what_is_allowed_is_said() {
    let mut desk = asked(TransferBarrier::Hold);
    let CommandAnswer::Refused(error, _) = desk.ask(complete(&desk, 1)) else { panic!() };
    assert_eq!(error.code, CommandCode::NoDesk);
    assert!(error.msg.contains("agent bob") && error.msg.contains("args.override"), "{error:?}");
    bob_is(&mut desk, DeskPresence::Online);
    let request = complete(&desk, 2);
    gives(&mut desk, request);
    bob_is(&mut desk, DeskPresence::Unresponsive);
    assert_eq!(desk.told().last().unwrap(), "command.done failed NO_DESK");
    // What the desktop before had read, the next one has not.
    let pos = desk.site.last_pos();
    bob_is(&mut desk, DeskPresence::Online);
    applied(&mut desk, pos);
    bob_is(&mut desk, DeskPresence::Offline);
    bob_is(&mut desk, DeskPresence::Online);
    let request = complete(&desk, 3);
    gives(&mut desk, request);
    assert!(desk.take_orders().is_empty());
}

#[test]
fn a_telephone_of_nobody_has_no_desktop() {
    let mut desk = asked(TransferBarrier::Hold);
    say(&mut desk, "end B party, offer D A, new D 8009 out, rings D, answers D");
    assert_eq!(desk.refusal(complete(&desk, 1)), CommandCode::NoDesk);
    // A party outside has none either, and needs none.
    say(&mut desk, "end D party, offer E A, new E carrier out, rings E, answers E");
    let request = complete(&desk, 2);
    gives(&mut desk, request);
    is_completed(&mut desk);
}

fn boss() -> Principal {
    let (user, role) = ("boss".into(), Role::Supervisor);
    Principal { user, role, devices: Vec::new(), agent: String::new(), teams: Vec::new() }
}

fn overriding(desk: &Desk, id: u128, who: Principal, reason: &str) -> CommandRequest {
    let mut request = CommandRequest { who, ..complete(desk, id) };
    request.target.leg = newest_call(desk).legs.iter().find(|l| &*l.device == "8001").map(|l| l.id);
    (request.args.r#override, request.args.reason) = (true, reason.into());
    request
}

#[test]
fn nobody_hands_over_before_the_receivers_telephone_is_seen() {
    for (to, held) in [("8002", true), ("13800138000", false)] {
        let mut desk = linked(|config| {
            config.people.barrier = TransferBarrier::Hold;
            config.switches[0].default_purpose = Some("service".into());
        });
        say(&mut desk, SERVED);
        desk.call = newest_call(&desk).id;
        let mut consult = desk.on_call(1, CommandOp::CallTransferConsult);
        consult.args.to = Pii::new(to.into());
        gives(&mut desk, consult);
        let order = desk.only_order();
        desk.done(&order, OrderResult::Done);
        bob_is(&mut desk, DeskPresence::Online);
        let request = complete(&desk, 2);
        gives(&mut desk, request);
        if held {
            assert!(desk.take_orders().is_empty(), "nobody knows yet who it will be");
            say(&mut desk, ASKED);
            assert!(desk.take_orders().is_empty());
            let pos = shown(&desk).last().unwrap().pos;
            applied(&mut desk, pos);
        }
        is_completed(&mut desk); // who is outside has no desktop
    }
}

/// At a PBX whose calls do not pass our trunk nobody else would ask.
#[test]
fn a_number_outside_is_not_consulted_without_the_gates_leave() {
    let ops = [CommandOp::CallTransferConsult, CommandOp::CallTransferBlind];
    for (op, purpose) in ops.into_iter().flat_map(|op| [(op, None), (op, Some("service"))]) {
        let mut desk =
            linked(|config| config.switches[0].default_purpose = purpose.map(Into::into));
        say(&mut desk, SERVED);
        desk.call = newest_call(&desk).id;
        let mut request = desk.on_call(1, op);
        request.args.to = Pii::new("13800138000".into());
        desk.told();
        gives(&mut desk, request);
        let told = desk.told();
        let refused = ["command.accepted accepted", "outbound.denied", "command.done failed"];
        match purpose {
            None => assert!(told[1] == refused[1] && told[2].starts_with(refused[2]), "{told:?}"),
            Some(_) => assert_eq!(told, refused[..1]),
        }
        assert_eq!(desk.take_orders().is_empty(), purpose.is_none(), "{op:?}");
    }
}

#[test]
fn an_override_is_a_supervisors_and_leaves_its_reason() {
    let mut desk = asked(TransferBarrier::Hold);
    let by_alice = overriding(&desk, 1, alice(), "hurry");
    assert_eq!(desk.refusal(by_alice), CommandCode::Forbidden);
    let silent = overriding(&desk, 2, boss(), "  ");
    assert_eq!(desk.refusal(silent), CommandCode::BadRequest);
    let other = Principal { teams: vec!["night".into()], ..boss() };
    let elsewhere = overriding(&desk, 3, other, "hurry");
    assert_eq!(desk.refusal(elsewhere), CommandCode::Forbidden);
    let hang_up = CommandRequest {
        op: CommandOp::CallHangup,
        ..overriding(&desk, 9, boss(), "the desktop is broken")
    };
    assert_eq!(desk.refusal(hang_up), CommandCode::Forbidden, "it is for transfers alone");
    let request = overriding(&desk, 4, boss(), "the desktop is broken");
    let id = request.id;
    gives(&mut desk, request);
    let [event] = unconfirmed(&desk)[..] else { panic!("{:?}", unconfirmed(&desk)) };
    let waiver = event.detail.waiver.as_ref().unwrap();
    assert_eq!((&*waiver.by, &*waiver.reason), ("boss", "the desktop is broken"));
    assert_eq!(event.detail.caused_by.as_deref(), Some(&id));
    is_completed(&mut desk);
    say(&mut desk, "joins A C B, end A party");
    assert!(unconfirmed(&desk).is_empty(), "it was said already");
    let transferred = |e: &&Event| e.kind == EventKind::CallTransferred;
    assert!(desk.site.events.iter().any(|e| transferred(&e)));
}

#[test]
fn agents_may_override_where_the_site_lets_them() {
    let mut desk = linked(|config| {
        config.people.barrier = TransferBarrier::Hold;
        config.people.agents_override = true;
    });
    say(&mut desk, SERVED);
    desk.call = newest_call(&desk).id;
    say(&mut desk, ASKED);
    let request = overriding(&desk, 1, alice(), "hurry");
    gives(&mut desk, request);
    is_completed(&mut desk);
}

#[test]
fn a_transfer_without_the_desktops_word_is_told_however_it_was_made() {
    for (barrier, confirmed, told) in [
        (TransferBarrier::Hold, false, 1), // by the telephone's keys, or by hanging up
        (TransferBarrier::Warn, false, 1),
        (TransferBarrier::Warn, true, 0),
        (TransferBarrier::Off, false, 0),
    ] {
        let mut desk = asked(barrier);
        assert_eq!(shown(&desk).is_empty(), barrier == TransferBarrier::Off);
        bob_is(&mut desk, DeskPresence::Online);
        if confirmed {
            let pos = desk.site.last_pos();
            applied(&mut desk, pos);
        }
        if barrier == TransferBarrier::Warn {
            let request = complete(&desk, 1);
            gives(&mut desk, request);
            is_completed(&mut desk);
        }
        desk.site.events.clear();
        say(&mut desk, "joins A C B, end A party");
        let events = unconfirmed(&desk);
        assert_eq!(events.len(), told, "{barrier:?} {confirmed}");
        for event in events {
            let waiver = event.detail.waiver.as_ref().unwrap();
            assert!(waiver.by.is_empty() && waiver.reason.contains("agent bob"), "{waiver:?}");
            let Entity::Call(call) = &event.entity else { panic!() };
            let leg = call.leg(event.detail.leg.unwrap()).unwrap();
            assert_eq!(leg.agent.as_deref(), Some("bob"));
        }
        let revs: Vec<u64> = desk
            .site
            .events
            .iter()
            .filter_map(|e| match &e.entity {
                Entity::Call(call) => Some(call.rev),
                _ => None,
            })
            .collect();
        assert!(revs.is_sorted(), "{revs:?}");
    }
}

#[test]
fn data_follows_into_a_call_that_the_telephone_makes_to_ask() {
    let mut desk = linked(|config| config.people.barrier = TransferBarrier::Hold);
    say(&mut desk, SERVED);
    let first = newest_call(&desk).id;
    desk.call = first;
    attach(&mut desk, "contract", "K-1");
    say(&mut desk, "holds A, new A2 8001 in, offer B A2, new B 8002 out, rings B");
    let second = newest_call(&desk);
    assert_ne!(second.id, first);
    assert_eq!(second.data["contract"].reveal(), "K-1");
    assert_eq!(shown(&desk).len(), 1);
    attach(&mut desk, "step", "2");
    assert_eq!(newest_call(&desk).data["step"].reveal(), "2", "also while it lasts");
    bob_is(&mut desk, DeskPresence::Online);
    let request = complete(&desk, 1);
    gives(&mut desk, request);
    assert!(desk.take_orders().is_empty(), "bob is asked in a call of its own");
    let pos = shown(&desk).last().unwrap().pos;
    applied(&mut desk, pos);
    is_completed(&mut desk);
    say(&mut desk, "answers B, answers A2, bridge A2 d, bridge B d");
    say(&mut desk, "unbridge A2 d, bridge C d, joins A C B, end A party, end A2 pbx");
    assert!(unconfirmed(&desk).is_empty());
    let call = newest_call(&desk);
    assert_eq!((call.id, call.data.len()), (first, 2), "data is equal on both sides");
}

#[test]
fn a_blind_transfer_shows_the_data_before_the_telephone_is_answered() {
    let mut desk = linked(|config| config.people.barrier = TransferBarrier::Hold);
    say(&mut desk, SERVED);
    attach(&mut desk, "contract", "K-1");
    desk.site.events.clear();
    say(&mut desk, "sends A C, end A pbx, offer B C, new B 8002 out, rings B");
    let Some(Event { kind: EventKind::CallDelivered, entity: Entity::Call(call), .. }) =
        desk.site.events.iter().rev().find(|e| e.kind == EventKind::CallDelivered)
    else {
        panic!("{:?}", desk.told())
    };
    assert_eq!(call.data["contract"].reveal(), "K-1");
    let bob = call.legs.iter().find(|l| l.agent.as_deref() == Some("bob")).unwrap();
    assert!(bob.pop.is_some() && bob.answered.is_none());
    let kinds = desk.site.kinds();
    assert!(!kinds.contains(&"call.established"));
    say(&mut desk, "answers B, bridge B e, bridge C e");
    assert!(desk.site.kinds().contains(&"call.established"));
}

#[test]
fn a_restart_forgets_no_consultation() {
    let desk = asked(TransferBarrier::Hold);
    let live = newest_call(&desk);
    let head = desk.site.last_pos();
    let restored = Restored { clean: true, live: vec![live], head, ..Restored::default() };
    let mut config = desk_config(None);
    config.people.barrier = TransferBarrier::Hold;
    let mut again = Desk::of(Site::with(config, MONDAY_10, restored));
    again.call = desk.call;
    for link in 0..2 {
        again.report(link, LinkReport::News(News::Up(PbxIdentity::default())));
    }
    bob_is(&mut again, DeskPresence::Online);
    let request = complete(&again, 1);
    gives(&mut again, request);
    assert!(again.take_orders().is_empty(), "nobody knows what bob's desktop shows");
    applied(&mut again, head);
    is_completed(&mut again);
}

#[test]
fn the_wrong_command_is_not_held() {
    let mut desk = asked(TransferBarrier::Hold);
    let mut hold = request(alice(), 1, CommandOp::CallHold);
    hold.target.call = Some(desk.call);
    gives(&mut desk, hold);
    assert_eq!(desk.only_order().order, Order::Hold(ChannelId("A".into())));
}
