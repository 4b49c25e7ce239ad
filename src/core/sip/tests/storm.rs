//! Conversations over all transports at once, with connections that come and go, messages that
//! cannot be sent, challenges, and requests of our own among them.

use super::mixed::*;
use super::rig::*;
use crate::sip::Transport::{Tcp, Tls, Ws};
use crate::sip::message::Name;
use crate::sip::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Opens(usize),
    Closes(usize),
    Calls(usize, usize),
    Cancels(usize),
    Routes(usize, bool),
    Answers(usize, usize),
    Repeats(usize),
    Fails(usize),
    Probes(usize),
    Registers,
    Waits(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0usize..5).prop_map(Step::Opens),
        2 => (0usize..8).prop_map(Step::Closes),
        6 => (0usize..3, 0usize..12).prop_map(|(by, name)| Step::Calls(by, name)),
        2 => (0usize..12).prop_map(Step::Cancels),
        6 => (0usize..5, any::<bool>()).prop_map(|(n, limit)| Step::Routes(n, limit)),
        14 => (0usize..8, 0usize..STATUSES.len()).prop_map(|(n, status)| Step::Answers(n, status)),
        1 => (0usize..30).prop_map(Step::Repeats),
        3 => (0usize..30).prop_map(Step::Fails),
        1 => (0usize..3).prop_map(Step::Probes),
        1 => Just(Step::Registers),
        2 => (0u64..9_000).prop_map(Step::Waits),
    ]
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",qop=\"auth\"\r\n";
const STALE: &str = "Proxy-Authenticate: Digest realm=\"r\",nonce=\"n\",stale=true\r\n";
const STATUSES: [(&str, &str); 10] = [
    ("100 Trying", ""),
    ("180 Ringing", ""),
    ("200 OK", "Contact: <sip:gw@10.0.1.1:5060;transport=tcp>;expires=60\r\n"),
    ("401 Unauthorized", CHALLENGE),
    ("407 Proxy Authentication Required", STALE),
    ("423 Interval Too Brief", "Min-Expires: 900\r\n"),
    ("486 Busy Here", ""),
    ("487 Request Terminated", ""),
    ("503 Service Unavailable", "Retry-After: 5\r\n"),
    ("603 Decline", ""),
];

struct Storm {
    rig: Rig,
    open: BTreeSet<u64>,
    next: u64,
    seen: Vec<Sent>,
    asks: Vec<AskId>,
    told: Vec<Signal>,
}

impl Storm {
    fn new() -> Self {
        let mut config = mixed(1);
        for peer in &mut config.peers {
            let password = "secret".to_owned().into();
            peer.credentials = Some(Credentials { user: "u".into(), password, realm: None });
        }
        let (open, next) = (BTreeSet::new(), 1);
        let (seen, asks, told) = (Vec::new(), Vec::new(), Vec::new());
        Self { rig: Rig::with(config), open, next, seen, asks, told }
    }

    fn opens(&mut self, what: usize) {
        let flow = self.next;
        self.next += 1;
        let name = &["sbc.beta.example"];
        let source = |ip: &str| format!("{ip}:{}", 30_000 + flow);
        let open = match what {
            0 => self.rig.opens(flow, Tcp, &source("10.0.0.1"), &[]),
            1 => self.rig.opens(flow, Ws, &source("10.0.3.1"), &[]),
            2 => self.rig.connects(flow, Tcp, ALPHA_TCP, &[]),
            3 => self.rig.connects(flow, Tls, BETA_TLS, name),
            _ => self.rig.opens(flow, Tls, &source("10.0.2.1"), name),
        };
        assert!(open);
        self.open.insert(flow);
    }

    /// What a neighbour says in answer to something that it got, on the way that it got it.
    fn replies(&mut self, to: &Sent, text: &str) -> Vec<Sent> {
        let flow = to.over.split_once('#').and_then(|(_, n)| n.parse().ok());
        let flow = flow.or_else(|| {
            let what = match to.to.as_str() {
                _ if to.over == "udp" => return None,
                ALPHA_TCP => 2,
                BETA_TLS => 3,
                _ => return None,
            };
            let open =
                |storm: &Self| storm.open.iter().copied().find(|n| storm.rig.reaches(*n, &to.to));
            open(self).or_else(|| {
                self.opens(what);
                open(self)
            })
        });
        match flow {
            Some(flow) if self.open.contains(&flow) => self.rig.says_on(flow, text),
            None if to.over == "udp" => self.rig.says(&to.to, text),
            _ => Vec::new(),
        }
    }

    fn plays(&mut self, step: &Step) -> Vec<Sent> {
        match step {
            Step::Opens(what) => {
                self.opens(*what);
                Vec::new()
            }
            Step::Closes(n) => {
                let Some(flow) = self.open.iter().copied().nth(*n) else { return Vec::new() };
                self.open.remove(&flow);
                self.rig.closes(flow)
            }
            Step::Calls(by, name) => {
                let text = invite(&format!("s{name}"));
                let flow = self.open.iter().copied().nth(*by);
                match flow {
                    Some(flow) => self.rig.says_on(flow, text.replace("2.0/UDP", "2.0/TCP")),
                    None => self.rig.says(PBX, text),
                }
            }
            Step::Cancels(name) => self.rig.says(PBX, cancel(&format!("s{name}"))),
            Step::Routes(n, limit) => {
                let Some(ask) = self.asks.pop() else { return Vec::new() };
                let targets = [ALPHA_ID, BETA_ID, WEB_ID, PBX_ID].into_iter().take(*n).collect();
                let post_dial_max = limit.then_some(Duration::from_secs(5));
                let plan = RoutePlan { targets, post_dial_max, strip: Vec::new() };
                self.rig.core.route(self.rig.now, ask, plan, &mut self.rig.out);
                self.rig.take()
            }
            Step::Answers(n, status) => {
                let asks = |s: &&Sent| !s.text().starts_with("SIP/2.0");
                let sent = self.seen.iter().rev().filter(asks).nth(*n).cloned();
                let (status, headers) = STATUSES[*status];
                sent.map_or(Vec::new(), |s| self.replies(&s, &s.answer(status, "b", headers)))
            }
            Step::Repeats(n) => {
                let Some(sent) = self.seen.iter().rev().nth(*n).cloned() else { return Vec::new() };
                let text = sent.text();
                self.replies(&sent, &text)
            }
            Step::Fails(n) => {
                let sent = self.seen.iter().rev().nth(*n).cloned();
                sent.filter(|s| s.ticket.is_some()).map_or(Vec::new(), |s| self.rig.fails(&s))
            }
            Step::Probes(which) => {
                let (peer, at) = [(PBX_ID, 0), (ALPHA_ID, 1), (BETA_ID, 2)][*which];
                let endpoint = mixed(1).peers[at].endpoints[0].clone();
                let (id, patience) = (OwnId(self.next), Duration::from_secs(3));
                self.next += 1;
                let Rig { core, now, out, .. } = &mut self.rig;
                core.probe(*now, id, peer, &endpoint, patience, out);
                self.rig.take()
            }
            Step::Registers => {
                let (aor, contact_user) = ("sip:4001@alpha.example".to_owned(), "4001".to_owned());
                let registration = Registration { aor, contact_user, expires_s: 60 };
                let id = OwnId(self.next);
                self.next += 1;
                let Rig { core, now, out, .. } = &mut self.rig;
                core.register(*now, id, ALPHA_ID, &registration, out);
                self.rig.take()
            }
            Step::Waits(ms) => self.rig.wait_ms(*ms),
        }
    }

    fn notes(&mut self, sent: Vec<Sent>) {
        for sent in &sent {
            if let Some((_, flow)) = sent.over.split_once('#') {
                let flow: u64 = flow.parse().unwrap();
                assert!(
                    self.open.contains(&flow),
                    "on a closed connection: {} {}",
                    sent.over,
                    sent.first_line()
                );
            }
            assert!(
                sent.over == "udp" || !sent.all(Name::ContentLength).is_empty(),
                "{}",
                sent.text()
            );
        }
        self.seen.extend(sent);
        for signal in self.rig.signals() {
            if let Signal::Ask { ask, .. } = &signal {
                self.asks.push(*ask);
            }
            self.told.push(signal);
        }
    }

    fn run(steps: &[Step]) -> Self {
        let mut storm = Self::new();
        for step in steps {
            let sent = storm.plays(step);
            storm.notes(sent);
        }
        while let Some(flow) = storm.open.pop_first() {
            let sent = storm.rig.closes(flow);
            storm.notes(sent);
        }
        // Timer C, and a whole life after it for each target of the longest plan.
        let sent = storm.rig.wait_ms(190_000 + 5 * 33_000);
        storm.notes(sent);
        storm
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// When everybody is silent nothing stays; each call and each request of ours ended once; and
    /// no message was handed out for a connection that was gone.
    #[test]
    fn after_the_storm_nothing_is_left(steps in vec(step(), 1..80)) {
        let storm = Storm::run(&steps);
        prop_assert_eq!(storm.rig.core.sizes(), Sizes::default());
        prop_assert_eq!(storm.rig.core.next_deadline(), None);
        let ended = |ask: AskId| storm.told.iter().filter(|s| {
            matches!(s, Signal::Rejected { ask: a, .. } if *a == ask)
        }).count();
        let answered = |ask: AskId| storm.told.iter().any(|s| {
            matches!(s, Signal::Response { ask: a, status: 200..=299, .. } if *a == ask)
        });
        let mut own = Vec::new();
        for signal in &storm.told {
            match signal {
                Signal::Ask { ask, .. } => {
                    prop_assert_eq!(ended(*ask) + usize::from(answered(*ask)), 1);
                }
                Signal::Own { id, .. } => own.push(id.0),
                _ => {}
            }
        }
        let started = steps.iter().filter(|s| matches!(s, Step::Probes(_) | Step::Registers));
        prop_assert_eq!(own.len(), started.count());
        own.sort_unstable();
        own.dedup();
        let all = storm.told.iter().filter(|s| matches!(s, Signal::Own { .. })).count();
        prop_assert_eq!(own.len(), all);
    }

    /// The same inputs give the same bytes.
    #[test]
    fn storms_are_deterministic(steps in vec(step(), 1..30)) {
        let (a, b) = (Storm::run(&steps), Storm::run(&steps));
        prop_assert_eq!(a.seen, b.seen);
        prop_assert_eq!(a.told, b.told);
        prop_assert_eq!(a.rig.core.counters(), b.rig.core.counters());
    }
}
