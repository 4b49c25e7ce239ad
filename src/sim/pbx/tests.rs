//! The virtual PBX on a clock of its own, as a manager sees it.

#![allow(clippy::unwrap_used)]

use super::switch::Switch;
use super::text::{Action, Block};
use super::{PhoneSettings, QueueSettings, SwitchSettings};
use crate::sim::ua::{Command, Report, Side};
use std::time::Duration;
use trunkline_core::model::Mono;

struct Rig {
    switch: Switch,
    now: Mono,
    events: Vec<Block>,
    sip: Vec<Command>,
}

impl Rig {
    /// Telephone 1001 waits to be told, 1002 and 1003 answer after 1 s; all are in `support`.
    fn new(slow: Duration) -> Self {
        let phone = |n: &str, answers| PhoneSettings { extension: n.to_owned(), answers };
        let queue = |name: &str, number: &str, slow| QueueSettings {
            name: name.to_owned(),
            number: number.to_owned(),
            slow,
        };
        let settings = SwitchSettings {
            trunk: "carrier".to_owned(),
            user: "u".to_owned(),
            secret: "s".to_owned(),
            queues: vec![queue("support", "95501", slow)],
            phones: vec![phone("1001", false), phone("1002", true), phone("1003", true)],
            answer: Duration::from_secs(1),
            ring: Duration::from_secs(10),
            seed: 1,
            started_s: 1_000,
        };
        let switch = Switch::new(settings);
        Self { switch, now: Mono::default(), events: Vec::new(), sip: Vec::new() }
    }

    fn took(&mut self) {
        let out = self.switch.take();
        self.events.extend(out.events);
        self.sip.extend(out.sip);
    }

    fn sip(&mut self, report: Report) {
        self.switch.sip(self.now, &report);
        self.took();
    }

    fn incoming(&mut self, id: &str, to: &str) {
        let (id, from, to) = (id.to_owned(), "+8613800138000".to_owned(), to.to_owned());
        let call_id = format!("{id}@carrier");
        self.sip(Report::Incoming { id, from, to, call_id, extensions: Vec::new() });
    }

    fn hangs_up(&mut self, id: &str) {
        let (id, by, reason, talk_ms) = (id.to_owned(), Side::Peer, None, 0);
        self.sip(Report::Ended { id, by, reason, talk_ms });
    }

    fn wait(&mut self, seconds: u64) {
        let until = self.now.after(Duration::from_secs(seconds));
        while let Some(at) = self.switch.next_timer().filter(|at| *at <= until) {
            self.now = at;
            self.switch.tick(at);
            self.took();
        }
        self.now = until;
    }

    /// An action in lines; the first block of its answer.
    fn action(&mut self, text: &str) -> Block {
        let mut action = Action::default();
        text.split('|').for_each(|line| action.line(line));
        let answer = self.switch.action(self.now, &action);
        self.took();
        answer.into_iter().next().unwrap()
    }

    fn joins(&mut self, extension: &str) {
        let add = format!("Action: QueueAdd|Queue: support|Interface: PJSIP/{extension}");
        assert_eq!(self.action(&add).value("Response"), "Success");
    }

    /// Name of the channel of this endpoint that was made last.
    fn channel(&self, endpoint: &str) -> String {
        let made = self.events.iter().rev().filter(|e| e.value("Event") == "Newchannel");
        let mut named = made.map(|e| e.value("Channel").to_owned());
        named.find(|name| name.starts_with(&format!("PJSIP/{endpoint}-"))).unwrap()
    }

    /// Names of the events since the last call of this.
    fn told(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut self.events);
        events.iter().map(|event| event.value("Event").to_owned()).collect()
    }

    fn is_over(&mut self) {
        assert_eq!(self.switch.channels(), 0, "{:?}", self.told());
        assert!(self.switch.bridges().is_empty());
    }
}

fn count(told: &[String], event: &str) -> usize {
    told.iter().filter(|name| *name == event).count()
}

#[test]
fn a_caller_waits_is_offered_and_talks() {
    let mut rig = Rig::new(Duration::ZERO);
    rig.joins("1002");
    rig.told();
    rig.incoming("in-1", "95501");
    rig.wait(2);
    let told = rig.told();
    let order = ["Newchannel", "QueueCallerJoin", "AgentCalled", "DialBegin", "DialEnd"];
    let at = order.map(|event| told.iter().position(|name| name == event).unwrap());
    assert!(at.is_sorted(), "{told:?}");
    assert_eq!(count(&told, "BridgeEnter"), 2);
    assert_eq!(rig.sip[0], Command::Answer { id: "in-1".to_owned() });
    rig.hangs_up("in-1");
    let told = rig.told();
    assert_eq!((count(&told, "Hangup"), count(&told, "HangupRequest")), (2, 1), "{told:?}");
    rig.is_over();
}

#[test]
fn a_slow_queue_keeps_its_callers_and_who_leaves_has_given_up() {
    let mut rig = Rig::new(Duration::from_secs(30));
    rig.joins("1002");
    rig.incoming("in-1", "95501");
    rig.wait(29);
    assert_eq!(count(&rig.told(), "AgentCalled"), 0);
    rig.hangs_up("in-1");
    assert_eq!(count(&rig.told(), "QueueCallerAbandon"), 1);
    rig.is_over();
    rig.incoming("in-2", "95501");
    rig.wait(32);
    assert_eq!(count(&rig.told(), "AgentConnect"), 1);
}

#[test]
fn who_does_not_answer_or_is_paused_is_passed_over() {
    let mut rig = Rig::new(Duration::ZERO);
    rig.joins("1001");
    rig.incoming("in-1", "95501");
    rig.wait(11);
    let told = rig.told();
    assert_eq!(count(&told, "AgentRingNoAnswer"), 1, "{told:?}");
    rig.action("Action: QueuePause|Interface: PJSIP/1001|Paused: true|Reason: break");
    rig.joins("1002");
    rig.wait(20);
    assert_eq!(count(&rig.told(), "AgentConnect"), 1);
    assert!(rig.channel_names().iter().any(|name| name.starts_with("PJSIP/1002-")));
}

impl Rig {
    fn channel_names(&self) -> Vec<&str> {
        self.switch.channels.values().map(|channel| channel.name.as_str()).collect()
    }

    /// A customer talks with 1001; the channels of both.
    fn talks(&mut self) -> (String, String) {
        self.incoming("in-1", "1001");
        let own = self.channel("1001");
        let notify = format!("Action: PJSIPNotify|Channel: {own}|Variable: Event=talk");
        assert_eq!(self.action(&notify).value("Response"), "Success");
        assert_eq!(count(&self.told(), "BridgeEnter"), 2);
        let customer = self.channel_names().into_iter().find(|name| name.contains("carrier"));
        (own, customer.unwrap().to_owned())
    }

    fn consults(&mut self, own: &str) {
        let set = format!("Action: Setvar|Channel: {own}|Variable: TRANSFER_EXTEN|Value: 1002");
        self.action(&set);
        let ask = format!("Action: Atxfer|Channel: {own}|Exten: D|Context: from-agents");
        assert_eq!(self.action(&ask).value("Response"), "Success");
        self.wait(2);
    }

    /// Who hears whom, by endpoint.
    fn bridges(&self) -> Vec<Vec<String>> {
        let inside = |bridge: &String| {
            let inside = self.switch.in_bridge(bridge);
            let names = inside.iter().map(|uid| self.switch.channels[uid].name.clone());
            let mut names: Vec<String> =
                names.map(|name| name.split('-').next().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        let mut bridges: Vec<_> = self.switch.bridges().into_iter().map(inside).collect();
        bridges.sort();
        bridges
    }
}

#[test]
fn a_consultation_is_completed_cancelled_or_becomes_a_talk_of_three() {
    for end in ["Hangup", "CancelAtxfer", "keys", "customer"] {
        let mut rig = Rig::new(Duration::ZERO);
        let (own, _) = rig.talks();
        rig.consults(&own);
        assert_eq!(rig.bridges().len(), 3, "{end}: {:?}", rig.bridges());
        let pair = |a: &str, b: &str| vec![vec![format!("PJSIP/{a}"), format!("PJSIP/{b}")]];
        match end {
            "keys" => {
                for key in ["*", "3"] {
                    rig.action(&format!("Action: PlayDTMF|Channel: {own}|Digit: {key}"));
                }
                let told = rig.bridges();
                assert!(told.iter().any(|bridge| bridge.len() == 3), "{told:?}");
            }
            "customer" => {
                rig.hangs_up("in-1");
                assert_eq!(rig.bridges().len(), 2, "who asked still talks with who was asked");
            }
            action => {
                rig.action(&format!("Action: {action}|Channel: {own}"));
                let other = if action == "Hangup" { "1002" } else { "1001" };
                assert_eq!(rig.bridges(), pair(other, "carrier"), "{action}");
            }
        }
        // However it stands: when those that are left hang up, nothing stays.
        rig.action(&format!("Action: Hangup|Channel: {own}"));
        rig.hangs_up("in-1");
        rig.wait(2);
        rig.is_over();
    }
}

#[test]
fn a_consultation_that_was_left_early_joins_when_it_is_answered() {
    let mut rig = Rig::new(Duration::ZERO);
    let (own, _) = rig.talks();
    let ask = format!("Action: Atxfer|Channel: {own}|Exten: 1002|Context: from-agents");
    rig.action(&ask);
    rig.action(&format!("Action: Hangup|Channel: {own}"));
    rig.wait(2);
    assert_eq!(rig.bridges(), [["PJSIP/1002", "PJSIP/carrier"]]);
    rig.hangs_up("in-1");
    rig.is_over();
}

#[test]
fn a_blind_transfer_to_somebody_busy_ends_the_call() {
    let mut rig = Rig::new(Duration::ZERO);
    let (own, _) = rig.talks();
    let send = |to: &str| format!("Action: BlindTransfer|Channel: {own}|Exten: {to}|Context: x");
    assert_eq!(rig.action(&send("1003")).value("Response"), "Success");
    rig.wait(2);
    assert_eq!(rig.bridges(), [["PJSIP/1003", "PJSIP/carrier"]]);
    assert_eq!(rig.action(&send("1002")).value("Response"), "Error", "it is gone");
    rig.hangs_up("in-1");
    rig.is_over();
}

#[test]
fn a_dial_rings_the_agent_first_and_carries_its_mark() {
    let mut rig = Rig::new(Duration::ZERO);
    let originate = "Action: Originate|Channel: PJSIP/1001|Exten: 13900139000|ChannelId: ours-1|\
                     Timeout: 20000|Variable: __TRUNKLINE_MARK=m1|\
                     Variable: __TRUNKLINE_PURPOSE=service";
    assert_eq!(rig.action(originate).value("Response"), "Success");
    assert!(rig.sip.is_empty(), "the agent has not answered");
    rig.wait(1);
    let Some(Command::Call(dial)) = rig.sip.pop() else { panic!("no call") };
    assert_eq!((dial.from.as_str(), dial.to.as_str()), ("1001", "13900139000"));
    let headers: Vec<_> = dial.headers.values().map(String::as_str).collect();
    assert_eq!(headers, ["m1", "service"]);
    rig.told();
    let (id, phrase, reason) = (dial.id.clone(), String::new(), None);
    rig.sip(Report::Failed { id, status: 486, phrase, reason, ms: 1 });
    let told = rig.told();
    assert_eq!(count(&told, "Hangup"), 2, "{told:?}");
    rig.is_over();
    assert_eq!(rig.action(&originate.replace("1001", "1009")).value("Response"), "Error");
}
