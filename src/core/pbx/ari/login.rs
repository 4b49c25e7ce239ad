//! From the connection to the first event: who is there, which run of it, and the filter.

use super::raw::{Info, Variable};
use super::rest::{Ask, Request, escaped, words};
use super::session::{AriSession, Phase};
use super::settings::{PING_EVERY, START_MAX};
use crate::model::Now;
use crate::pbx::asterisk::{self, RUN_VARIABLE, new_run};
use crate::pbx::{Close, LinkOutputs, LinkReport, Method, News, PbxIdentity};

impl AriSession {
    /// The PBX said who it is, or refused.
    pub(super) fn greeted(&mut self, now: Now, status: u16, body: &[u8], out: &mut LinkOutputs) {
        let user = &self.facts.settings.user;
        let said = words(status, body);
        out.close = match status {
            200..=299 => None,
            401 | 403 => Some(Close::Refused(format!("ARI refuses user {user}: {said}"))),
            404 => Some(Close::Refused("ARI is not enabled at this address (404)".to_owned())),
            _ => Some(Close::Retry(format!("ARI does not say who it is: {said}"))),
        };
        if out.close.is_some() {
            return;
        }
        let info: Info = serde_json::from_slice(body).unwrap_or_default();
        // Distributions add what they built it from: `22.10.1+dfsg+~cs6.17`.
        let version = info.system.version.split(['+', '~']).next().unwrap_or_default();
        self.identity = PbxIdentity {
            version: format!("Asterisk {version}"),
            instance: info.status.startup_time,
        };
        let path = format!("/asterisk/variable?variable={RUN_VARIABLE}");
        self.ask(now, START_MAX, Request::new(Method::Get, path), Ask::Run, out);
    }

    /// Which run of the PBX it is: one that has no name gets one.
    pub(super) fn run_told(&mut self, now: Now, status: u16, body: &[u8], out: &mut LinkOutputs) {
        let known: Variable = serde_json::from_slice(body).unwrap_or_default();
        match (status, known.value) {
            (0, _) => self.silent(body, out),
            (200..=299, run) if run.is_empty() => {
                let name = new_run(now.wall);
                let path = format!("/asterisk/variable?variable={RUN_VARIABLE}&value={name}");
                let request = Request::new(Method::Post, path);
                self.ask(now, START_MAX, request, Ask::NameRun(name), out);
            }
            (200..=299, run) => self.identified(now, Some(&run), out),
            _ => self.identified(now, None, out),
        }
    }

    pub(super) fn run_named(
        &mut self,
        now: Now,
        name: String,
        status: u16,
        body: &[u8],
        out: &mut LinkOutputs,
    ) {
        match status {
            0 => self.silent(body, out),
            200..=299 => self.identified(now, Some(&name), out),
            _ => self.identified(now, None, out), // who may only read
        }
    }

    fn silent(&mut self, body: &[u8], out: &mut LinkOutputs) {
        out.close = Some(Close::Retry(format!("ARI went silent: {}", words(0, body))));
    }

    fn identified(&mut self, now: Now, run: Option<&str>, out: &mut LinkOutputs) {
        self.identity.instance = asterisk::instance(&self.identity.instance, run);
        let app = &self.facts.settings.app;
        let path = format!("/applications/{}/eventFilter", escaped(app));
        let request =
            Request { body: self.facts.settings.filter(), ..Request::new(Method::Put, path) };
        self.ask(now, START_MAX, request, Ask::Filter, out);
    }

    /// The filter is in force or refused: events come in either case.
    pub(super) fn filtered(&mut self, now: Now, status: u16, body: &[u8], out: &mut LinkOutputs) {
        if status == 0 {
            return self.silent(body, out);
        }
        if !(200..300).contains(&status) {
            let said = words(status, body);
            let text = match status {
                403 => format!(
                    "ARI user {} may only read: orders will be refused, and every event comes",
                    self.facts.settings.user
                ),
                _ => format!("ARI has not taken the event filter, every event comes: {said}"),
            };
            self.warn("filter", text, out);
        }
        self.phase = Phase::Up;
        self.next_ping = Some(now.mono.after(PING_EVERY));
        out.reports.push(LinkReport::News(News::Up(self.identity.clone())));
        self.take_snapshot(now, Vec::new(), out);
    }
}
