//! Two user agents talk to each other through every script, in virtual time, on a network that may
//! lose datagrams.

#![allow(clippy::unwrap_used)]

use super::{Behaviour, Command, Dial, Hold, Message, Outcome, Outputs, Progress, Report, Ua};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use trunkline_core::model::Mono;

/// One way, every datagram.
const LATENCY: Duration = Duration::from_millis(1);

struct Net {
    now: Mono,
    agents: BTreeMap<SocketAddr, Ua>,
    /// By arrival and order of sending: source, target, bytes.
    flying: BTreeMap<(Mono, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sent: u64,
    reports: Vec<(SocketAddr, Report)>,
    /// First lines of what was sent.
    trace: Vec<String>,
    loses: fn(u64, u64) -> bool,
    seed: u64,
}

impl Net {
    fn new() -> Self {
        let agents = [(caller(), Ua::new(caller(), 0xa)), (callee(), Ua::new(callee(), 0xb))];
        let mut net = Self {
            now: Mono(0),
            agents: BTreeMap::from(agents),
            flying: BTreeMap::new(),
            sent: 0,
            reports: Vec::new(),
            trace: Vec::new(),
            loses: |_, _| false,
            seed: 0,
        };
        net.order(caller(), Command::Server { addr: callee() });
        net
    }

    fn order(&mut self, whom: SocketAddr, command: Command) {
        let now = self.now;
        self.step(whom, |ua, out| ua.command(now, command, out));
    }

    fn step(&mut self, whom: SocketAddr, what: impl FnOnce(&mut Ua, &mut Outputs)) {
        let mut out = Outputs::default();
        what(self.agents.get_mut(&whom).unwrap(), &mut out);
        for (to, bytes) in out.datagrams {
            self.sent += 1;
            let text = String::from_utf8_lossy(&bytes);
            self.trace.push(text.lines().next().unwrap_or_default().to_owned());
            if !(self.loses)(self.seed, self.sent) {
                self.flying.insert((self.now.after(LATENCY), self.sent), (whom, to, bytes));
            }
        }
        self.reports.extend(out.reports.into_iter().map(|report| (whom, report)));
    }

    /// Lets time pass until nothing is due before `until`.
    fn run(&mut self, until: Duration) {
        let until = Mono(0).after(until);
        loop {
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let timers = self.agents.values().filter_map(Ua::next_timer);
            let Some(next) = timers.chain(arrival).min().filter(|at| *at <= until) else { break };
            self.now = self.now.max(next);
            let now = self.now;
            while let Some(entry) = self.flying.first_entry().filter(|e| e.key().0 <= now) {
                let (source, to, bytes) = entry.remove();
                self.step(to, |ua, out| ua.receive(now, source, &bytes, out));
            }
            for whom in [caller(), callee()] {
                self.step(whom, |ua, out| ua.tick(now, out));
            }
        }
        self.now = until;
    }

    fn told(&self, whom: SocketAddr) -> Vec<String> {
        let own = self.reports.iter().filter(|(who, _)| *who == whom);
        own.map(|(_, report)| in_words(report)).collect()
    }

    fn entries(&self) -> usize {
        self.agents.values().map(Ua::entries).sum()
    }
}

fn caller() -> SocketAddr {
    "127.0.0.2:5060".parse().unwrap()
}

fn callee() -> SocketAddr {
    "127.0.0.3:5060".parse().unwrap()
}

fn in_words(report: &Report) -> String {
    match report {
        Report::Incoming { from, to, .. } => format!("incoming {from}>{to}"),
        Report::Progress { status, ms, .. } => format!("{status} at {ms}"),
        Report::Answered { ms, .. } => format!("answered at {ms}"),
        Report::Held { by, .. } => format!("held by {by:?}"),
        Report::Retrieved { by, .. } => format!("retrieved by {by:?}"),
        Report::Ended { by, talk_ms, .. } => format!("ended by {by:?} after {talk_ms}"),
        Report::Failed { status, phrase, ms, .. } => format!("failed {status} {phrase} at {ms}"),
        Report::Cancelled { ms, .. } => format!("cancelled at {ms}"),
        Report::Trouble { text } => format!("trouble: {text}"),
        Report::Listening { .. } | Report::Bye => "unexpected".to_owned(),
    }
}

fn behave(plan: Behaviour) -> Command {
    Command::Behave { user: "*".to_owned(), plan }
}

fn answers(after_ms: u64) -> Behaviour {
    Behaviour { progress_after_ms: 300, then: Outcome::Answer { after_ms }, ..Behaviour::default() }
}

fn dial() -> Dial {
    Dial { id: "d".to_owned(), from: "8001".to_owned(), to: "95519".to_owned(), ..Dial::default() }
}

/// Plays one script and compares what both ends tell.
fn check(dial: Dial, plan: Behaviour, at_caller: &[&str], at_callee: &[&str]) -> Net {
    let mut net = Net::new();
    net.order(callee(), behave(plan));
    net.order(caller(), Command::Call(dial));
    net.run(Duration::from_secs(20));
    assert_eq!(net.told(caller()), at_caller, "{:#?}", net.trace);
    assert_eq!(net.told(callee()), at_callee, "{:#?}", net.trace);
    assert!(net.agents.values().all(|ua| ua.calls() == 0));
    net.run(Duration::from_secs(90));
    assert_eq!(net.entries(), 0, "64*T1 of silence empties every table");
    net
}

#[test]
fn answered_and_the_caller_hangs_up() {
    let dial = Dial { talk_ms: Some(1000), ..dial() };
    let net = check(
        dial,
        answers(2000),
        &["180 at 302", "answered at 2002", "ended by Us after 1002"],
        &["incoming 8001>95519", "answered at 2000", "ended by Peer after 1002"],
    );
    let expected = [
        "INVITE sip:95519@127.0.0.3:5060 SIP/2.0",
        "SIP/2.0 100 Trying",
        "SIP/2.0 180 Ringing",
        "SIP/2.0 200 OK",
        "ACK sip:95519@127.0.0.3:5060 SIP/2.0",
        "BYE sip:95519@127.0.0.3:5060 SIP/2.0",
        "SIP/2.0 200 OK",
    ];
    assert_eq!(net.trace, expected);
}

#[test]
fn answered_and_the_callee_hangs_up() {
    let plan = Behaviour { talk_ms: Some(700), progress: Progress::EarlyMedia, ..answers(900) };
    check(
        dial(),
        plan,
        &["183 at 302", "answered at 902", "ended by Peer after 700"],
        &["incoming 8001>95519", "answered at 900", "ended by Us after 702"],
    );
}

#[test]
fn busy() {
    let reason = Some("Q.850;cause=17".to_owned());
    let phrase = "Busy Here".to_owned();
    let then = Outcome::Reject { after_ms: 100, status: 486, phrase, reason };
    let plan = Behaviour { progress: Progress::None, then, ..Behaviour::default() };
    let net = check(
        dial(),
        plan,
        &["failed 486 Busy Here at 102"],
        &["incoming 8001>95519", "failed 486 Busy Here at 100"],
    );
    let told = net.reports.iter().find_map(|(who, report)| match report {
        Report::Failed { reason, .. } if *who == caller() => reason.clone(),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some("Q.850;cause=17"));
    assert_eq!(net.trace.iter().filter(|line| line.starts_with("ACK")).count(), 1);
}

#[test]
fn no_answer_until_the_caller_gives_up() {
    let dial = Dial { cancel_after_ms: Some(5000), ..dial() };
    let plan = Behaviour { then: Outcome::Never, ..answers(0) };
    check(
        dial,
        plan,
        &["180 at 302", "failed 487 Request Terminated at 5002"],
        &["incoming 8001>95519", "cancelled at 5000"],
    );
}

#[test]
fn a_cancel_that_crosses_the_answer_ends_the_call_by_bye() {
    let dial = Dial { cancel_after_ms: Some(2001), ..dial() };
    let net = check(
        dial,
        answers(2000),
        &["180 at 302", "answered at 2002", "ended by Us after 2"],
        &["incoming 8001>95519", "answered at 2000", "ended by Peer after 2"],
    );
    assert!(net.trace.iter().any(|line| line.starts_with("CANCEL")));
}

#[test]
fn hold_and_retrieve_by_either_side() {
    let hold = Some(Hold { after_ms: 500, for_ms: 1000 });
    check(
        Dial { talk_ms: Some(3000), hold, ..dial() },
        answers(1000),
        &[
            "180 at 302",
            "answered at 1002",
            "held by Us",
            "retrieved by Us",
            "ended by Us after 3002",
        ],
        &[
            "incoming 8001>95519",
            "answered at 1000",
            "held by Peer",
            "retrieved by Peer",
            "ended by Peer after 3002",
        ],
    );
    let mut net = Net::new();
    net.order(callee(), behave(Behaviour { hold, talk_ms: Some(3000), ..answers(1000) }));
    net.order(caller(), Command::Call(dial()));
    net.run(Duration::from_secs(5));
    let told = net.told(caller());
    assert_eq!(told[2..], ["held by Peer", "retrieved by Peer", "ended by Peer after 3000"]);
}

#[test]
fn a_silent_server_costs_seven_invites_and_a_408() {
    let mut net = Net::new();
    net.loses = |_, _| true;
    net.order(caller(), Command::Call(Dial { cancel_after_ms: Some(100), ..dial() }));
    net.run(Duration::from_secs(40));
    assert_eq!(net.told(caller()), ["failed 408 nobody answers at 32000"]);
    assert_eq!(net.trace.len(), 7, "no CANCEL before a provisional response");
    assert_eq!(net.entries(), 0);
}

#[test]
fn quit_leaves_calls_in_every_state() {
    let mut net = Net::new();
    net.order(callee(), behave(answers(1000)));
    net.order(caller(), Command::Call(dial()));
    net.run(Duration::from_millis(500));
    net.order(caller(), Command::Quit);
    net.run(Duration::from_millis(700));
    assert_eq!(net.told(callee())[1..], ["cancelled at 500"]);
    net.order(caller(), Command::Call(dial()));
    net.run(Duration::from_millis(2500));
    net.order(callee(), Command::Quit);
    net.run(Duration::from_millis(2700));
    assert!(net.agents.values().all(|ua| ua.calls() == 0));
}

#[test]
fn options_gets_ok_and_a_stray_bye_481() {
    let mut ua = Ua::new(callee(), 1);
    let mut out = Outputs::default();
    for (method, tag) in [("OPTIONS", ""), ("BYE", ";tag=gone"), ("PUBLISH", "")] {
        let text = format!(
            "{method} sip:a@127.0.0.3 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK{method}\r\n\
             From: <sip:b@c>;tag=1\r\nTo: <sip:a@c>{tag}\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n\r\n"
        );
        for _ in 0..2 {
            ua.receive(Mono(0), caller(), text.as_bytes(), &mut out);
        }
    }
    ua.receive(Mono(0), caller(), b"\r\n\r\n", &mut out);
    ua.receive(Mono(0), caller(), b"noise", &mut out);
    let replies = out.datagrams.iter().map(|(_, bytes)| bytes);
    let statuses: Vec<_> = replies.map(|b| Message::read(b).unwrap().status().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 481, 481, 405, 405]);
    assert_eq!(out.datagrams[0], out.datagrams[1], "a retransmission gets the same bytes");
    assert_eq!(out.reports.len(), 1, "only the noise is trouble");
}

/// On a network that loses one datagram in six, a call is held, retrieved and ended once at both
/// ends, unless a request went lost as often as it may be repeated; nothing is left behind.
#[test]
fn a_lossy_network_only_costs_time() {
    let hold = Some(Hold { after_ms: 8000, for_ms: 8000 });
    let (seeds, mut full) = (200, 0);
    for seed in 0..seeds {
        let mut net = Net::new();
        net.seed = seed;
        net.loses = |seed, n| {
            let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n;
            mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31) % 6 == 0
        };
        net.order(callee(), behave(answers(1000)));
        net.order(caller(), Command::Call(Dial { talk_ms: Some(120_000), hold, ..dial() }));
        net.run(Duration::from_secs(400));
        assert_eq!(net.entries(), 0, "seed {seed}");
        let counts = [caller(), callee()].map(|whom| {
            let told = net.told(whom);
            ["answered", "held", "retrieved", "ended", "trouble", "failed"]
                .map(|word| told.iter().filter(|t| t.starts_with(word)).count())
        });
        let gave_up = counts.iter().any(|[.., trouble, failed]| trouble + failed > 0);
        full += usize::from(!gave_up);
        let expected = [1, 1, 1, 1, 0, 0];
        assert!(gave_up || counts == [expected; 2], "seed {seed}: {counts:?}");
    }
    assert!(full >= 190, "only {full} calls of {seeds} went to their end");
}
