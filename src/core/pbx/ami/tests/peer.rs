//! A session and the Asterisk it talks to, played by a test.

use super::say::say;
use crate::model::{Mono, Now, Wall};
use crate::pbx::ami::{AmiSession, AmiSettings};
use crate::pbx::*;
use std::time::Duration;

pub(super) struct Peer {
    session: AmiSession,
    now: Now,
    out: LinkOutputs,
    /// Actions that were sent and not yet answered.
    asked: Vec<String>,
}

impl Peer {
    /// Connected; nothing was said.
    pub(super) fn new(settings: AmiSettings) -> Self {
        let now = Now { mono: Mono(1_000_000_000), wall: Wall(1_795_295_366_000_000) };
        let mut session = AmiSession::new(settings);
        let mut out = LinkOutputs::default();
        session.connected(now, Lane::Events, &mut out);
        Self { session, now, out, asked: Vec::new() }
    }

    /// Logged in, with an empty snapshot taken.
    pub(super) fn up(settings: AmiSettings) -> Self {
        Self::up_with(settings, "22.10.0")
    }

    /// The same, of this version.
    pub(super) fn up_with(settings: AmiSettings, version: &str) -> Self {
        let mut peer = Self::new(settings);
        peer.says("Asterisk Call Manager/11.0.0");
        peer.answers("Challenge", "Success", "Challenge: 842911");
        peer.answers("Login", "Success", "Message: Authentication accepted");
        peer.says("Event: FullyBooted\nStatus: Fully Booted\n");
        peer.answers("Filter", "Success", "");
        peer.answers("Filter", "Success", "");
        peer.answers("CoreSettings", "Success", &format!("AsteriskVersion: {version}"));
        let started = "CoreStartupDate: 2026-11-22\nCoreStartupTime: 04:00:00";
        peer.answers("CoreStatus", "Success", started);
        peer.answers("Getvar", "Success", "Variable: TRUNKLINE_RUN\nValue: r1");
        peer.answers("Events", "Success", "Events: On");
        peer.lists(&[], &[]);
        peer
    }

    /// Bytes of a block, or of the banner.
    pub(super) fn says(&mut self, block: &str) {
        let bytes: String = block.lines().map(|line| format!("{line}\r\n")).collect();
        let end = if block.contains('\n') { "\r\n" } else { "" };
        self.sends(format!("{bytes}{end}").as_bytes());
    }

    pub(super) fn sends(&mut self, bytes: &[u8]) {
        self.session.received(self.now, Lane::Events, bytes, &mut self.out);
        self.take();
    }

    /// Answers the oldest action of that name that waits.
    pub(super) fn answers(&mut self, action: &str, response: &str, rest: &str) {
        let id = self.id(action, true);
        self.says(&format!("Response: {response}\nActionID: {id}\n{rest}\n"));
    }

    /// Takes the id of the oldest action of that name that waits.
    pub(super) fn id(&mut self, action: &str, take: bool) -> String {
        let start = format!("Action: {action}\r\n");
        let at = self.asked.iter().position(|asked| asked.starts_with(&start));
        let at = at.unwrap_or_else(|| panic!("no {action} in {:?}", self.asked));
        let asked = if take { self.asked.remove(at) } else { self.asked[at].clone() };
        header(&asked, "ActionID").to_owned()
    }

    /// Answers the three lists of a snapshot.
    pub(super) fn lists(&mut self, channels: &[&str], queues: &[&str]) {
        for (action, items) in
            [("BridgeList", &[][..]), ("Status", channels), ("QueueStatus", queues)]
        {
            let id = self.id(action, true);
            self.says(&format!("Response: Success\nActionID: {id}\nEventList: start\n"));
            for item in items {
                self.says(&format!("{item}\nActionID: {id}\n"));
            }
            let end = format!("Event: {action}Complete\nActionID: {id}\nEventList: Complete\n");
            self.says(&end);
        }
    }

    pub(super) fn order(&mut self, id: u64, order: &Order) {
        self.session.order(self.now, OrderId(id), order, &mut self.out);
        self.take();
    }

    pub(super) fn drops(&mut self, events: u64) {
        self.session.dropped(self.now, events, &mut self.out);
        self.take();
    }

    /// Lets time pass and ticks when it is due.
    pub(super) fn passes(&mut self, wait: Duration) {
        let end = self.now.mono.after(wait);
        while let Some(due) = self.session.next_deadline().filter(|due| *due <= end) {
            self.go(due);
            self.session.tick(self.now, &mut self.out);
            self.take();
        }
        self.go(end);
    }

    fn go(&mut self, to: Mono) {
        self.now.wall = self.now.wall.after(to.since(self.now.mono));
        self.now.mono = to.max(self.now.mono);
    }

    fn take(&mut self) {
        for (lane, bytes) in self.out.sends.drain(..) {
            assert_eq!(lane, Lane::Events);
            self.asked.push(String::from_utf8(bytes).unwrap());
        }
    }

    /// Actions that wait, without their ids.
    pub(super) fn asked(&self) -> Vec<String> {
        let lines = |asked: &String| {
            let lines = asked.split("\r\n").filter(|line| !line.starts_with("ActionID"));
            lines.collect::<Vec<_>>().join("|").trim_end_matches('|').to_owned()
        };
        self.asked.iter().map(lines).collect()
    }

    /// What was reported since the last time.
    pub(super) fn told(&mut self) -> Vec<String> {
        self.out.reports.drain(..).map(|report| say(&report)).collect()
    }

    pub(super) fn session_deadline(&self) -> Option<Mono> {
        self.session.next_deadline()
    }

    pub(super) fn closed(&self) -> Option<&Close> {
        self.out.close.as_ref()
    }

    pub(super) fn closed_with(&self, part: &str) {
        let said = match self.closed() {
            Some(Close::Retry(why)) => format!("retry: {why}"),
            Some(Close::Refused(why)) => format!("refused: {why}"),
            None => panic!("not closed"),
        };
        assert!(said.contains(part), "{said}");
    }
}

/// A header of an action.
fn header<'a>(action: &'a str, name: &str) -> &'a str {
    let mut lines = action.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.find(|(n, _)| *n == name).map(|(_, value)| value).unwrap()
}
