//! An engine with one PBX that has a control link and nothing else.

use super::recording::{Link, Recording};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::call::Settings;
use trunkline_core::engine::{
    Engine, EngineConfig, Input, LinkIx, LinkKind, Outputs, PbxIx, Restored, SwitchConfig,
};
use trunkline_core::gate::{Book, DialPlan, Normalizer};
use trunkline_core::model::{Event, Mono, Now, Pos, Wall};
use trunkline_core::pbx::ami::{AmiSession, AmiSettings};
use trunkline_core::pbx::ari::{AriSession, AriSettings};
use trunkline_core::pbx::esl::{EslSession, EslSettings};
use trunkline_core::pbx::{Lane, LinkOutputs, LinkReport, News, PbxIdentity, Session};
use trunkline_core::sip::{CoreConfig, Limits, Timers};
use trunkline_core::vault::{BlindIndex, Secret};

/// Time after the last message: what waits for something that never comes has given up by then.
const AFTER: Duration = Duration::from_secs(10);

/// All events of a recording.
pub fn events(recording: &Recording) -> Vec<Event> {
    let start = recording.messages.first().map_or(0, |(at, _)| *at);
    let mut site = Site::new(recording, start);
    for (at, bytes) in &recording.messages {
        // Two queues of Asterisk may be read in any order: the clock does not go back.
        site.pass_until((*at).max(site.now.wall.0));
        site.received(bytes);
    }
    let end = site.now.wall.after(AFTER).0;
    site.pass_until(end);
    site.events
}

struct Site {
    start: i64,
    /// `STORY_FACTS=1`: what the session reports goes to standard error.
    talkative: bool,
    now: Now,
    session: Box<dyn Session>,
    link: LinkOutputs,
    engine: Engine,
    out: Outputs,
    events: Vec<Event>,
}

impl Site {
    fn new(recording: &Recording, start: i64) -> Self {
        let now = Now { mono: Mono(1_000_000_000), wall: Wall(start) };
        let mut out = Outputs::default();
        let engine = Engine::new(config(recording.link), Restored::default(), now, &mut out);
        let mut site = Self {
            start,
            talkative: std::env::var_os("STORY_FACTS").is_some(),
            now,
            session: session(recording.link),
            link: LinkOutputs::default(),
            engine,
            out,
            events: Vec::new(),
        };
        let identity = PbxIdentity { version: recording.pbx.clone(), instance: "1".into() };
        site.link.reports.push(LinkReport::News(News::Up(identity)));
        site.settle();
        site
    }

    fn received(&mut self, bytes: &[u8]) {
        self.session.received(self.now, Lane::Events, bytes, &mut self.link);
        self.settle();
    }

    /// Lets time pass, deadline by deadline.
    fn pass_until(&mut self, wall: i64) {
        let end = self.mono(wall);
        loop {
            let due = [self.session.next_deadline(), self.engine.next_deadline()];
            match due.into_iter().flatten().min() {
                Some(due) if due <= end => {
                    self.set(due.max(Mono(self.now.mono.0 + 1_000)));
                    self.session.tick(self.now, &mut self.link);
                    self.settle();
                    self.engine.handle(self.now, Input::Tick, &mut self.out);
                    self.settle();
                }
                _ => break,
            }
        }
        self.set(end);
    }

    /// Reports go to the engine, events are durable at once.
    fn settle(&mut self) {
        for report in std::mem::take(&mut self.link).reports {
            if self.talkative {
                eprintln!("{:9.3} {report:?}", (self.now.wall.0 - self.start) as f64 / 1e6);
            }
            let input = Input::Pbx { pbx: PbxIx(0), link: LinkIx(0), report };
            self.engine.handle(self.now, input, &mut self.out);
        }
        while !self.out.events.is_empty() {
            let out = std::mem::take(&mut self.out);
            let through = out.events.last().map_or(Pos(0), |e| e.pos);
            self.events.extend(out.events);
            self.engine.handle(self.now, Input::Durable(through), &mut self.out);
        }
    }

    fn mono(&self, wall: i64) -> Mono {
        Mono(1_000_000_000 + u64::try_from(wall - self.start).unwrap_or(0) * 1_000)
    }

    fn set(&mut self, mono: Mono) {
        let mono = mono.max(self.now.mono);
        let passed = mono.since(self.now.mono);
        self.now = Now { mono, wall: self.now.wall.after(passed) };
    }
}

fn session(link: Link) -> Box<dyn Session> {
    match link {
        Link::Ami => {
            let settings = AmiSettings::new("cti", "secret");
            Box::new(AmiSession::observing(AmiSettings { trunks: trunks(link), ..settings }))
        }
        Link::Ari => {
            let settings = AriSettings { app: "cti".into(), queues: true, ..Default::default() };
            Box::new(AriSession::observing(AriSettings { trunks: trunks(link), ..settings }))
        }
        Link::Esl => {
            let settings = EslSettings { domain: "pbx.test".into(), ..EslSettings::default() };
            Box::new(EslSession::observing(EslSettings { trunks: trunks(link), ..settings }))
        }
    }
}

fn trunks(link: Link) -> Vec<String> {
    match link {
        Link::Ami | Link::Ari => vec!["PJSIP/trunk-in".into(), "PJSIP/carrier".into()],
        Link::Esl => vec!["sofia/trunk/*".into()],
    }
}

fn config(link: Link) -> EngineConfig {
    let kind = match link {
        Link::Ami => LinkKind::Ami,
        Link::Ari => LinkKind::Ari,
        Link::Esl => LinkKind::Esl,
    };
    let trunks = trunks(link);
    EngineConfig {
        sip: CoreConfig {
            listen: Vec::new(),
            peers: Vec::new(),
            timers: Timers::default(),
            limits: Limits::default(),
            secret: [7; 16],
            epoch: 1,
            purpose_header: None,
            server_name: String::new(),
        },
        neighbours: HashMap::new(),
        inbound: Vec::new(),
        outbound: Vec::new(),
        agents: trunkline_core::engine::AgentsConfig::default(),
        switches: vec![SwitchConfig {
            name: "pbx".into(),
            peer: None,
            links: vec![kind],
            trunks,
            default_purpose: None,
            bypass: Default::default(),
            bypass_by_trunk: Default::default(),
        }],
        lines: Vec::new(),
        people: Default::default(),
        post_dial_max: None,
        backup_within: Duration::from_secs(1800),
        purpose_header: String::new(),
        call: Settings {
            tenant: "acme".into(),
            site: "main".into(),
            ring_period_ms: 5000,
            answer_norm_ms: 15_000,
            people: Default::default(),
        },
        call_age_max: Duration::from_secs(3600),
        calls_max: 100,
        book: Arc::new(Book::shipped().unwrap()),
        ruleset: Some("cn-seed-service".into()),
        shadow: None,
        plans: Normalizer::new(DialPlan::default()).unwrap().into(),
        desk_refs: BlindIndex::new(&Secret::new([1; 32])),
        list_refs: BlindIndex::new(&Secret::new([2; 32])),
        seed: 42,
    }
}
