//! From the banner to the first event.

use super::action::Action;
use super::block::Block;
use super::pending::{ANSWER, Ask};
use super::session::{AmiSession, Phase};
use crate::model::Now;
use crate::pbx::asterisk::{self, RUN_VARIABLE, new_run};
use crate::pbx::{Close, LinkOutputs, LinkReport, News, PbxIdentity};
use md5::Digest;
use std::time::Duration;

const BANNER: &str = "Asterisk Call Manager/";
/// Asterisk says `FullyBooted` when its modules are loaded.
const BOOT: Duration = Duration::from_secs(60);
/// Bytes of a wrong banner that are shown.
const SHOWN_MAX: usize = 40;

/// Events that mean something here, as Asterisk's regular expression over the event's text. The
/// rest (`TestEvent`, `CEL`, `Newexten`, `RTCP*`: nine tenths) stays at the PBX.
const WANTED: &str = "^Event: (Newchannel|Newstate|NewCallerid|Dial|BridgeEnter|BridgeLeave|Hold|\
    Unhold|DTMFEnd|BlindTransfer|AttendedTransfer|Pickup|UserEvent|Hangup|SoftHangup|\
    OriginateResponse|QueueCaller|QueueMember|Agent|DeviceStateChange|ExtensionStatus|\
    ContactStatus|FullyBooted|Shutdown)";

impl AmiSession {
    /// A banner may never be complete when another protocol answers.
    pub(super) fn check_partial_banner(&mut self, out: &mut LinkOutputs) {
        let Phase::Banner(_) = self.phase else { return };
        let came = self.framer.partial_line();
        let due = &BANNER.as_bytes()[..came.len().min(BANNER.len())];
        if !came.starts_with(due) {
            let came = came.to_vec();
            self.no_banner(&came, out);
        }
    }

    pub(super) fn banner(&mut self, now: Now, line: &str, out: &mut LinkOutputs) {
        if !line.starts_with(BANNER) {
            self.no_banner(line.as_bytes(), out);
            return;
        }
        self.phase = Phase::LoggingIn;
        self.ask(now, &Action::new("Challenge").with("AuthType", "MD5"), Ask::Challenge, out);
    }

    /// A TLS record begins with its type (21 alert, 22 handshake) and version (RFC 8446 §5.1).
    fn no_banner(&mut self, came: &[u8], out: &mut LinkOutputs) {
        let what = match came {
            [20..=23, 3, ..] => "a TLS record: the port expects TLS".to_owned(),
            [20..=23] => "a byte of TLS: the port expects TLS".to_owned(),
            came => {
                let shown = String::from_utf8_lossy(&came[..came.len().min(SHOWN_MAX)]);
                format!("'{}'", shown.escape_debug())
            }
        };
        self.give_up(Close::Refused(format!("no Asterisk manager is there; it said {what}")), out);
    }

    pub(super) fn challenged(&mut self, now: Now, block: &Block<'_>, out: &mut LinkOutputs) {
        let login = Action::new("Login").with("Username", &self.settings.user);
        let secret = self.settings.secret.reveal();
        let login = match block.value("Challenge") {
            Some(challenge) => {
                let key = md5::Md5::new().chain_update(challenge).chain_update(secret).finalize();
                let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
                login.with("AuthType", "MD5").with("Key", &key)
            }
            None if self.settings.plain_login => login.with("Secret", secret),
            None => {
                let said = block.value("Message").unwrap_or("nothing");
                let why = format!(
                    "the manager offers no MD5 challenge ({said}); plain_login would send the \
                     secret as it is"
                );
                self.give_up(Close::Refused(why), out);
                return;
            }
        };
        // Asterisk says `FullyBooted` only to a session that takes system events.
        self.ask(now, &login.with("Events", "system"), Ask::Login, out);
    }

    pub(super) fn logged_in(&mut self, now: Now, block: &Block<'_>, out: &mut LinkOutputs) {
        if block.value("Response") == Some("Success") {
            self.phase = Phase::Booting(now.mono.after(BOOT));
            return;
        }
        let said = block.value("Message").unwrap_or("no reason");
        let user = &self.settings.user;
        let close = match said {
            "Authentication failed" => Close::Refused(format!(
                "{said}: user '{user}' or its secret is not that of manager.conf, or this address \
                 is not permitted there"
            )),
            _ => Close::Retry(format!("login of user '{user}': {said}")),
        };
        self.give_up(close, out);
    }

    pub(super) fn booted(&mut self, now: Now, out: &mut LinkOutputs) {
        let Phase::Booting(_) = self.phase else { return };
        self.phase = Phase::Identifying;
        let settings = &self.settings;
        let mut variables = settings.mark_variable.clone();
        if let Some(name) = &settings.call_id_variable {
            variables = format!("{variables}|{name}");
        }
        let ours = format!("^Event: VarSet.*Variable: _*({variables})[[:cntrl:]]");
        for filter in [WANTED, &ours] {
            let action = Action::new("Filter").with("Operation", "Add").with("Filter", filter);
            self.ask(now, &action, Ask::Filter, out);
        }
        self.ask(now, &Action::new("CoreSettings"), Ask::Settings, out);
        self.ask(now, &Action::new("CoreStatus"), Ask::Status, out);
        let run = Action::new("Getvar").with("Variable", RUN_VARIABLE);
        self.ask(now, &run, Ask::Run, out);
    }

    pub(super) fn identified(&mut self, now: Now, block: &Block<'_>, out: &mut LinkOutputs) {
        if let Some(version) = block.value("AsteriskVersion") {
            self.identity.version = format!("Asterisk {version}");
            self.board.version = numbers(version);
        }
        if let (Some(day), Some(time)) =
            (block.value("CoreStartupDate"), block.value("CoreStartupTime"))
        {
            self.identity.instance = format!("{day} {time}");
        }
        if block.value("Response") == Some("Error") {
            let why = "the PBX does not tell its version or start time: a restart is seen only by \
                       its calls (write = system or reporting)";
            self.warn("identity", why, out);
        }
        self.begin_events_when_ready(now, out);
    }

    pub(super) fn filtered(&mut self, now: Now, block: &Block<'_>, out: &mut LinkOutputs) {
        if block.value("Response") != Some("Success") {
            self.filtered = false;
            let said = block.value("Message").unwrap_or("no reason");
            let why = format!(
                "the PBX takes no event filter ({said}; it needs write = system): all events of a \
                 call are sent, and none about variables is asked for"
            );
            self.warn("filter", &why, out);
        }
        self.begin_events_when_ready(now, out);
    }

    /// Which run of the PBX it is: one that has no name gets one.
    pub(super) fn run_told(&mut self, now: Now, block: &Block<'_>, out: &mut LinkOutputs) {
        self.run = block.value("Value").filter(|run| *run != "(null)").map(str::to_owned);
        if self.run.is_none() && block.value("Response") == Some("Success") {
            let name = new_run(now.wall);
            let action = Action::new("Setvar").with("Variable", RUN_VARIABLE).with("Value", &name);
            self.ask(now, &action, Ask::NameRun(name), out);
        }
        self.begin_events_when_ready(now, out);
    }

    pub(super) fn run_named(
        &mut self,
        now: Now,
        name: String,
        block: &Block<'_>,
        out: &mut LinkOutputs,
    ) {
        self.run = Some(name).filter(|_| block.value("Response") == Some("Success"));
        self.begin_events_when_ready(now, out);
    }

    fn begin_events_when_ready(&mut self, now: Now, out: &mut LinkOutputs) {
        let open = |ask: &Ask| {
            matches!(ask, Ask::Filter | Ask::Settings | Ask::Status | Ask::Run | Ask::NameRun(_))
        };
        if self.pending.any(open) {
            return;
        }
        let mask = match self.filtered {
            true => "system,call,agent,user,dtmf,dialplan",
            false => "system,call,agent,user,dtmf",
        };
        self.ask(now, &Action::new("Events").with("EventMask", mask), Ask::Events, out);
    }

    pub(super) fn subscribed(&mut self, now: Now, block: &Block<'_>, out: &mut LinkOutputs) {
        if block.value("Response") != Some("Success") {
            let said = block.value("Message").unwrap_or("no reason");
            self.give_up(Close::Refused(format!("the PBX sends no events: {said}")), out);
            return;
        }
        self.phase = Phase::Up;
        self.ping_due = now.mono.after(super::session::PING_EVERY);
        let PbxIdentity { version, instance } = self.identity.clone();
        let instance = asterisk::instance(&instance, self.run.as_deref());
        out.reports.push(LinkReport::News(News::Up(PbxIdentity { version, instance })));
        self.take_snapshot(now, None, out);
    }

    /// Deadlines before the first event.
    pub(super) fn login_deadline(&mut self, now: Now, out: &mut LinkOutputs) {
        let why = match self.phase {
            Phase::Banner(due) if due <= now.mono => {
                format!("no banner within {ANSWER:?}: perhaps the port expects TLS")
            }
            Phase::Booting(due) if due <= now.mono => {
                format!("Asterisk was not fully booted within {BOOT:?}")
            }
            _ => return,
        };
        self.give_up(Close::Retry(why), out);
    }
}

/// Major and minor number of `22.10.1+dfsg`, `certified/18.9-cert3`.
fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions() {
        for (text, want) in
            [("22.10.1+dfsg", (22, 10)), ("certified/18.9-cert3", (18, 9)), ("GIT-master", (0, 0))]
        {
            assert_eq!(super::numbers(text), want);
        }
    }
}
