//! A session with its clock and what it said.

use super::super::{AriSession, AriSettings};
use crate::model::{Mono, Now, Pii, Wall};
use crate::pbx::{
    ChannelId, Close, Fact, HttpRequest, Lane, LinkOutputs, LinkReport, News, Order, OrderId,
    Session,
};
use std::time::Duration;

pub(super) struct Rig {
    pub session: AriSession,
    pub out: LinkOutputs,
    pub now: Now,
}

/// What all recordings and scripts are read with.
pub(super) fn settings() -> AriSettings {
    AriSettings {
        app: "cti".into(),
        user: "bridge".into(),
        trunks: vec!["PJSIP/trunk*".into(), "PJSIP/carrier".into()],
        context: "from-agents".into(),
        ..AriSettings::default()
    }
}

impl Rig {
    pub(super) fn new(session: AriSession) -> Self {
        let now = Now { mono: Mono(1_000_000_000), wall: Wall(1_795_000_000_000_000) };
        Self { session, out: LinkOutputs::default(), now }
    }

    /// A session that reads a recording, which was made before there was a filter.
    pub(super) fn observing() -> Self {
        Self::new(AriSession::observing(settings()))
    }

    pub(super) fn hear(&mut self, message: &str) {
        self.session.received(self.now, Lane::Events, message.as_bytes(), &mut self.out);
    }

    pub(super) fn answer(&mut self, ticket: u64, status: u16, body: &str) {
        self.session.responded(self.now, ticket, status, body.as_bytes(), &mut self.out);
    }

    pub(super) fn order(&mut self, id: u64, order: &Order) {
        self.session.order(self.now, OrderId(id), order, &mut self.out);
    }

    /// Lets time pass, with a tick whenever one is due.
    pub(super) fn pass(&mut self, wait: Duration) {
        let end = self.now.mono.after(wait);
        while let Some(due) = self.session.next_deadline().filter(|due| *due <= end) {
            self.now.mono = self.now.mono.max(due);
            self.session.tick(self.now, &mut self.out);
        }
        self.now.mono = end;
    }

    /// Reads a recording, each line so many times.
    pub(super) fn replay(&mut self, recording: &str, times: usize) {
        for line in recording.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let at = Mono((line["rx"].as_f64().unwrap() * 1e6) as u64 * 1_000);
            self.pass(at.since(self.now.mono));
            let event = line["ev"].to_string();
            (0..times).for_each(|_| self.hear(&event));
        }
        self.pass(Duration::from_secs(1));
    }

    pub(super) fn requests(&mut self) -> Vec<HttpRequest> {
        std::mem::take(&mut self.out.requests)
    }

    pub(super) fn close(&mut self) -> Option<Close> {
        self.out.close.take()
    }

    pub(super) fn facts(&mut self) -> Vec<Fact> {
        let fact = |report| match report {
            LinkReport::Fact(observed) => Some(observed.fact),
            _ => None,
        };
        std::mem::take(&mut self.out.reports).into_iter().filter_map(fact).collect()
    }

    pub(super) fn news(&mut self) -> Vec<News> {
        let news = |report| match report {
            LinkReport::News(news) => Some(news),
            _ => None,
        };
        std::mem::take(&mut self.out.reports).into_iter().filter_map(news).collect()
    }

    /// Logs in: 200 to everything, with these channels, bridges and endpoints, and to each question
    /// about a channel what `value` says.
    pub(super) fn log_in(&mut self, lists: [&str; 3], value: impl Fn(&str) -> &'static str) {
        self.session.connected(self.now, Lane::Events, &mut self.out);
        let mut rounds = 0;
        while !self.out.requests.is_empty() {
            rounds += 1;
            assert!(rounds < 10, "the session asks for ever");
            for request in self.requests() {
                let body = match request.path.as_str() {
                    "/asterisk/info" => INFO.to_owned(),
                    "/channels" => lists[0].to_owned(),
                    "/bridges" => lists[1].to_owned(),
                    "/endpoints" => lists[2].to_owned(),
                    path if path.contains("/variable?") => {
                        format!(r#"{{"value":"{}"}}"#, value(path))
                    }
                    _ => String::new(),
                };
                self.answer(request.ticket, 200, &body);
            }
        }
    }
}

pub(super) const INFO: &str = r#"{"build":{"os":"Linux"},"system":{"version":"22.10.1+dfsg+~cs6.17.60671434-1",
    "entity_id":"02:fc:00:00:00:01"},"config":{"name":"","default_language":"en"},
    "status":{"startup_time":"2026-11-21T20:00:00.000+0000","last_reload_time":"x"}}"#;

pub(super) const EMPTY: [&str; 3] = ["[]", "[]", "[]"];

/// A channel as Asterisk writes it.
pub(super) fn channel(id: &str, name: &str, state: &str, app: &str, exten: &str) -> String {
    let linked = id.split('-').next().unwrap();
    let data = if app == "AppDial" { "(Outgoing Line)" } else { "support,tT" };
    format!(
        r#"{{"id":"{id}","name":"{name}","state":"{state}","protocol_id":"call-{id}",
        "caller":{{"name":"","number":""}},"connected":{{"name":"","number":""}},
        "dialplan":{{"context":"c","exten":"{exten}","priority":1,"app_name":"{app}",
        "app_data":"{data}"}},"creationtime":"2026-11-21T21:00:00.000+0000",
        "channelvars":{{"CHANNEL(linkedid)":"{linked}"}}}}"#
    )
}

pub(super) fn event(kind: &str, channel: &str, more: &str) -> String {
    format!(
        r#"{{"type":"{kind}","timestamp":"2026-11-21T21:00:01.000+0000",{more}"channel":{channel}}}"#
    )
}

pub(super) fn up() -> Rig {
    let mut rig = Rig::new(AriSession::new(settings()));
    rig.log_in(EMPTY, |_| "");
    assert!(rig.news().iter().any(|news| matches!(news, News::Up(_))));
    rig
}

/// A customer `7` and agent `8` talk in bridge `b`, both in Stasis.
pub(super) fn talking() -> Rig {
    let mut rig = up();
    let customer = channel("7", "PJSIP/trunk-00000001", "Ring", "Stasis", "4930100");
    let agent = channel("8", "PJSIP/1001-00000002", "Down", "Stasis", "");
    for channel in [&customer, &agent] {
        rig.hear(&event("ChannelCreated", channel, ""));
        let bridge = r#""bridge":{"id":"b","bridge_type":"mixing"},"#;
        rig.hear(&event("ChannelEnteredBridge", channel, bridge));
    }
    rig.facts();
    rig
}

pub(super) fn id(id: &str) -> ChannelId {
    ChannelId(id.into())
}

pub(super) fn text(text: &str) -> Pii<String> {
    Pii::new(text.to_owned())
}
