//! A site on a table: one PBX, two carriers, a clock, and the text of what goes out.

use crate::call::Settings;
use crate::engine::Engine;
use crate::engine::{AgentsConfig, EngineConfig, Input, Neighbour, Outputs, Restored};
use crate::gate::{Book, DialPlan, Normalizer};
use crate::model::{Entity, Event, Mono, Named, Now, Pos, Wall};
use crate::sip::{
    CoreConfig, Endpoint, Limits, Listen, Peer, PeerId, PeerKind, Received, Timers, Transport,
};
use crate::vault::{BlindIndex, Secret};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) const US: &str = "127.0.0.3:5060";
pub(super) const PBX: &str = "127.0.0.1:5070";
pub(super) const MAIN: &str = "127.0.0.2:5060";
pub(super) const SECOND: &str = "127.0.0.2:5061";

/// 2026-11-23 is a Monday and a workday.
pub(super) const MONDAY_10: &str = "2026-11-23T10:00:00+08:00";
pub(super) const MONDAY_21: &str = "2026-11-23T21:00:00+08:00";

pub(super) struct Site {
    pub engine: Engine,
    pub now: Now,
    pub events: Vec<Event>,
    pub sent: Vec<(String, String)>,
    pub out: Outputs,
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn config() -> EngineConfig {
    let book = Arc::new(Book::shipped().unwrap());
    let peer = |id, kind, name: &str, at: &str| Peer {
        id: PeerId(id),
        kind,
        name: name.into(),
        sources: vec![(addr(at).ip(), Some(addr(at).port()))],
        tls_names: Vec::new(),
        endpoints: vec![Endpoint::udp(addr(at))],
        trusted_identity: true,
        credentials: None,
    };
    let peers = vec![
        peer(0, PeerKind::Pbx, "pbx", PBX),
        peer(1, PeerKind::Carrier, "main", MAIN),
        peer(2, PeerKind::Carrier, "second", SECOND),
    ];
    let neighbours = peers
        .iter()
        .map(|p| (p.id, Neighbour { name: p.name.as_str().into(), default_purpose: None }))
        .collect::<HashMap<_, _>>();
    let internal = vec!["8xxx".to_owned()];
    EngineConfig {
        sip: CoreConfig {
            listen: vec![Listen::udp(addr(US))],
            peers,
            timers: Timers::default(),
            limits: Limits::default(),
            secret: [7; 16],
            epoch: 1,
            purpose_header: Some("X-Purpose".into()),
            server_name: String::new(),
        },
        neighbours,
        inbound: vec![PeerId(0)],
        outbound: vec![PeerId(1), PeerId(2)],
        switches: Vec::new(),
        agents: AgentsConfig::default(),
        people: Default::default(),
        lines: Vec::new(),
        post_dial_max: None,
        backup_within: std::time::Duration::from_secs(1800),
        purpose_header: "X-Purpose".into(),
        call: Settings {
            tenant: "t".into(),
            site: "s".into(),
            ring_period_ms: 5000,
            answer_norm_ms: 15_000,
            people: Default::default(),
        },
        call_age_max: std::time::Duration::from_secs(3600),
        calls_max: 100,
        book,
        ruleset: Some("cn-seed-service".into()),
        shadow: None,
        plans: Normalizer::new(DialPlan { internal, ..DialPlan::default() }).unwrap().into(),
        desk_refs: BlindIndex::new(&Secret::new([1; 32])),
        list_refs: BlindIndex::new(&Secret::new([2; 32])),
        seed: 42,
    }
}

impl Site {
    pub(super) fn at(instant: &str) -> Self {
        Self::restored(instant, Restored { clean: true, ..Restored::default() })
    }

    pub(super) fn restored(instant: &str, restored: Restored) -> Self {
        Self::with(config(), instant, restored)
    }

    pub(super) fn with(config: EngineConfig, instant: &str, restored: Restored) -> Self {
        let ts: jiff::Timestamp = instant.parse().unwrap();
        let now = Now { mono: Mono(1_000_000_000), wall: Wall(ts.as_microsecond()) };
        let mut out = Outputs::default();
        let engine = Engine::new(config, restored, now, &mut out);
        let mut site =
            Self { engine, now, events: Vec::new(), sent: Vec::new(), out: Outputs::default() };
        site.drain(out);
        site
    }

    fn drain(&mut self, mut out: Outputs) {
        self.events.append(&mut out.events);
        for send in out.sends.drain(..) {
            let text = String::from_utf8_lossy(&send.bytes).into_owned();
            self.sent.push((send.remote.to_string(), text));
        }
        self.out = out;
    }

    /// Gives an input; questions, tickets and the new-epoch mark stay in `self.out`.
    pub(super) fn give(&mut self, input: Input<'_>) {
        let mut out = Outputs::default();
        self.engine.handle(self.now, input, &mut out);
        self.drain(out);
    }

    /// Lets the engine do something that is no input.
    pub(super) fn with_engine(&mut self, act: impl FnOnce(&mut Engine, Now, &mut Outputs)) {
        let mut out = Outputs::default();
        act(&mut self.engine, self.now, &mut out);
        self.drain(out);
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now.mono = Mono(self.now.mono.0 + ms * 1_000_000);
        self.now.wall = Wall(self.now.wall.0 + i64::try_from(ms * 1000).unwrap());
        self.give(Input::Tick);
    }

    pub(super) fn receive(&mut self, from: &str, text: &str) {
        let text = text.replace('\n', "\r\n");
        let received = Received {
            transport: Transport::Udp,
            local: addr(US),
            remote: addr(from),
            flow: None,
            bytes: text.as_bytes(),
            at: self.now,
        };
        self.give(Input::Datagram(received));
    }

    pub(super) fn durable(&mut self) {
        self.give(Input::Durable(self.engine.pos()));
    }

    /// First lines of what went to `to` since the last look.
    pub(super) fn sent_to(&mut self, to: &str) -> Vec<String> {
        let (mine, rest) = std::mem::take(&mut self.sent).into_iter().partition(|s| s.0 == to);
        self.sent = rest;
        let mine: Vec<(String, String)> = mine;
        mine.into_iter().map(|s| s.1).collect()
    }

    pub(super) fn kinds(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.events).iter().map(|e| e.kind.name()).collect()
    }

    pub(super) fn last_pos(&self) -> Pos {
        self.engine.pos()
    }
}

/// An INVITE to a number.
pub(super) fn invite(to: &str, call: &str, extra: &str) -> String {
    format!(
        "INVITE sip:{to}@carrier.test SIP/2.0\n\
         Via: SIP/2.0/UDP {PBX};branch=z9hG4bK{call}\n\
         Max-Forwards: 70\nFrom: <sip:8001@pbx.test>;tag=f{call}\nTo: <sip:{to}@carrier.test>\n\
         Call-ID: {call}@pbx\nCSeq: 1 INVITE\nContact: <sip:8001@{PBX}>\n{extra}\
         Content-Length: 0\n\n"
    )
}

/// The answer to a request as its receiver would send it.
pub(super) fn answer(request: &str, status: &str, tag: &str) -> String {
    let mut out = format!("SIP/2.0 {status}\n");
    for line in request.replace("\r\n", "\n").lines() {
        let name = line.split(':').next().unwrap();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => out += &format!("{line}\n"),
            "To" => out += &format!("{line};tag={tag}\n"),
            _ => {}
        }
    }
    out + &format!("Contact: <sip:gw@{MAIN}>\nContent-Length: 0\n\n")
}

pub(super) fn first_lines(texts: &[String]) -> Vec<&str> {
    texts.iter().map(|t| t.lines().next().unwrap().trim()).collect()
}

pub(super) fn decision_rule(event: &Event) -> Option<String> {
    match &event.entity {
        Entity::Decision(d) => {
            d.rules.iter().find(|r| r.outcome.name() == "deny").map(|r| r.id.to_string())
        }
        _ => None,
    }
}
