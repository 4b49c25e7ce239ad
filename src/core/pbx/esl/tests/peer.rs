//! The other side of a session: recordings and a scripted FreeSWITCH.

use crate::model::{Mono, Now, Wall};
use crate::pbx::esl::{EslSession, EslSettings};
use crate::pbx::{
    ChannelId, Fact, Lane, LinkOutputs, LinkReport, News, Observed, Order, OrderId, Session,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const START: Now = Now { mono: Mono(1_000_000_000), wall: Wall(1_795_000_000_000_000) };

pub(super) fn settings() -> EslSettings {
    EslSettings {
        password: zeroize::Zeroizing::new("secret".into()),
        trunks: vec!["sofia/trunk/*".into(), "sofia/gateway/carrier".into()],
        mark_header: "X-CTI-Id".into(),
        domain: "pbx.test".into(),
        context: "from-agents".into(),
        ..EslSettings::default()
    }
}

/// A recorded story: when each event came, and its JSON.
pub(super) fn recorded(story: &str) -> Vec<(Mono, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/stories/data/freeswitch-1.11")
        .join(format!("{story}.esl.jsonl"));
    let text = std::fs::read_to_string(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let line = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let at = value["rx"].as_f64().unwrap();
        (Mono((at * 1e9) as u64), value["ev"].to_string())
    };
    text.lines().filter(|text| !text.is_empty()).map(line).collect()
}

/// An event as it comes on the wire.
pub(super) fn framed(json: &str) -> Vec<u8> {
    format!("Content-Length: {}\nContent-Type: text/event-json\n\n{json}", json.len()).into_bytes()
}

/// A session and all it has done.
pub(super) struct Desk {
    pub session: EslSession,
    pub now: Now,
    pub out: LinkOutputs,
}

impl Desk {
    pub fn new(session: EslSession) -> Self {
        Self { session, now: START, out: LinkOutputs::default() }
    }

    pub fn observing() -> Self {
        Self::new(EslSession::observing(settings()))
    }

    pub fn connect(&mut self, lane: Lane) {
        self.session.connected(self.now, lane, &mut self.out);
    }

    pub fn says(&mut self, lane: Lane, text: &str) {
        self.session.received(self.now, lane, text.as_bytes(), &mut self.out);
    }

    pub fn event(&mut self, json: &str) {
        self.session.received(self.now, Lane::Events, &framed(json), &mut self.out);
    }

    pub fn order(&mut self, id: u64, order: Order) {
        self.session.order(self.now, OrderId(id), &order, &mut self.out);
    }

    /// Time passes, with every tick that is asked for.
    pub fn wait(&mut self, wait: Duration) {
        let end = self.now.mono.after(wait);
        while let Some(due) = self.session.next_deadline().filter(|due| *due <= end) {
            self.now.mono = due.max(self.now.mono);
            self.session.tick(self.now, &mut self.out);
        }
        self.now.mono = end;
    }

    /// What was sent on a lane since the last look.
    pub fn sent(&mut self, lane: Lane) -> Vec<String> {
        let (mine, others) = std::mem::take(&mut self.out.sends)
            .into_iter()
            .partition(|(to, _): &(Lane, Vec<u8>)| *to == lane);
        self.out.sends = others;
        let mine: Vec<(Lane, Vec<u8>)> = mine;
        mine.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
    }

    pub fn facts(&mut self) -> Vec<Observed> {
        let reports = std::mem::take(&mut self.out.reports).into_iter();
        reports
            .filter_map(|report| match report {
                LinkReport::Fact(fact) => Some(fact),
                _ => None,
            })
            .collect()
    }

    pub fn news(&mut self) -> Vec<News> {
        let reports = std::mem::take(&mut self.out.reports).into_iter();
        reports
            .filter_map(|report| match report {
                LinkReport::News(news) => Some(news),
                _ => None,
            })
            .collect()
    }

    /// Logs both connections in, up to the first command.
    pub fn log_in(&mut self) {
        for lane in [Lane::Events, Lane::Commands] {
            self.connect(lane);
            self.says(lane, "Content-Type: auth/request\n\n");
            self.says(lane, "Content-Type: command/reply\nReply-Text: +OK accepted\n\n");
            let text = "+OK event listener enabled json";
            self.says(lane, &format!("Content-Type: command/reply\nReply-Text: {text}\n\n"));
        }
    }

    /// Acknowledges each command that was sent and answers it.
    pub fn answer(&mut self, answers: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let mut seen = Vec::new();
        for text in self.sent(Lane::Commands) {
            let Some(rest) = text.strip_prefix("bgapi ") else { continue };
            let (command, job) = rest.split_once("\nJob-UUID: ").unwrap();
            let job = job.strip_suffix("\n\n").unwrap();
            seen.push(command.to_owned());
            let text = format!("Reply-Text: +OK Job-UUID: {job}\nJob-UUID: {job}");
            self.says(Lane::Commands, &format!("Content-Type: command/reply\n{text}\n\n"));
            if let Some(body) = answers(command) {
                self.result(job, &body);
            }
        }
        seen
    }

    pub fn result(&mut self, job: &str, body: &str) {
        let event = serde_json::json!({
            "Event-Name": "BACKGROUND_JOB",
            "Core-UUID": "core-1",
            "Job-UUID": job,
            "_body": body,
        });
        let bytes = framed(&event.to_string());
        self.session.received(self.now, Lane::Commands, &bytes, &mut self.out);
    }
}

/// Channels as letters, in the order they come.
#[derive(Default)]
pub(super) struct Letters(BTreeMap<ChannelId, char>);

impl Letters {
    fn of(&mut self, id: &ChannelId) -> char {
        let next = char::from(b'A' + u8::try_from(self.0.len() % 26).unwrap());
        *self.0.entry(id.clone()).or_insert(next)
    }

    fn maybe(&mut self, id: Option<&ChannelId>) -> String {
        id.map_or("-".into(), |id| self.of(id).to_string())
    }

    /// A fact in a line.
    pub fn line(&mut self, fact: &Fact) -> String {
        match fact {
            Fact::Channel(id, info) => {
                let way = if info.incoming == Some(true) { "in" } else { "out" };
                let text = |pii: &Option<crate::model::Pii<String>>| {
                    pii.as_ref().map_or("-".to_owned(), |pii| pii.reveal().clone())
                };
                let call = if info.sip_call_id.is_some() { " call-id" } else { "" };
                let mark = info.mark.as_ref().map(|mark| format!(" mark={mark}"));
                format!(
                    "{} {way} {} {} to {}{call}{}",
                    self.of(id),
                    info.endpoint,
                    text(&info.number),
                    text(&info.dialed),
                    mark.unwrap_or_default()
                )
            }
            Fact::Offered { channel, by } => {
                format!("{} offered by {}", self.of(channel), self.maybe(by.as_ref()))
            }
            Fact::Progress(id) => format!("{} progress", self.of(id)),
            Fact::Ringing(id) => format!("{} rings", self.of(id)),
            Fact::Answered(id) => format!("{} answers", self.of(id)),
            Fact::Bridged(id, bridge) => {
                format!("{} in {}", self.of(id), self.of(&ChannelId(bridge.0.clone())))
            }
            Fact::Unbridged(id, bridge) => {
                format!("{} out of {}", self.of(id), self.of(&ChannelId(bridge.0.clone())))
            }
            Fact::Held(id) => format!("{} holds", self.of(id)),
            Fact::Retrieved(id) => format!("{} retrieves", self.of(id)),
            Fact::Dtmf(id, key) => format!("{} key {key}", self.of(id)),
            Fact::Queued { channel, queue, .. } => format!("{} waits {queue}", self.of(channel)),
            Fact::Dequeued { channel, why, .. } => {
                format!("{} dequeued {why:?}", self.of(channel))
            }
            Fact::Missed { device, caller, .. } => {
                format!("{device} missed {}", self.maybe(caller.as_ref()))
            }
            Fact::Transferred { by, kind, moved, target, to } => {
                let to = to.as_ref().map_or("-", |to| to.reveal().as_str()).to_owned();
                let (by, moved) = (self.of(by), self.maybe(moved.as_ref()));
                format!("{by} transfers {moved} to {} {to} {kind:?}", self.maybe(target.as_ref()))
            }
            Fact::Ended(id, end) => {
                let by = end.by.map_or("-".into(), |by| format!("{by:?}"));
                let number = |n: Option<u16>| n.map_or("-".to_owned(), |n| n.to_string());
                let (q850, status) = (number(end.q850.map(u16::from)), number(end.sip_status));
                format!("{} ends {by} {q850} {status} {}", self.of(id), end.text)
            }
            Fact::Lost(id) => format!("{} lost", self.of(id)),
            Fact::Member(m) => {
                let paused = if m.paused { " paused" } else { "" };
                format!("{} {} {:?}{paused}", m.queue, m.device, m.state)
            }
            Fact::Device { device, state } => format!("{device} {state:?}"),
            Fact::Replaced { old, new } => format!("{} becomes {}", self.of(old), self.of(new)),
            Fact::Data { channel, key, value } => {
                format!("{} {key}={}", self.of(channel), value.reveal())
            }
            Fact::Snapshot(snapshot) => format!("snapshot of {}", snapshot.channels.len()),
        }
    }
}
