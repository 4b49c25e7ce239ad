//! Manager actions that are about calls and queues.

use super::channel::{By, State, Uid};
use super::switch::Switch;
use super::text::{Action, Block};
use std::time::Duration;
use trunkline_core::model::Mono;

/// What makes a talk of three of a consultation (`atxferthreeway` in `features.conf`).
const THREEWAY: [char; 2] = ['*', '3'];

type Answer = Result<(), String>;

impl Switch {
    /// Carries an action out; what is sent to who asked, a list's items included.
    pub(super) fn action(&mut self, now: Mono, action: &Action) -> Vec<Block> {
        let done = match action.value("Action").to_ascii_lowercase().as_str() {
            "ping" => return vec![Block::success().with("Ping", "Pong")],
            "coresettings" => {
                let block = Block::success().with("AMIversion", "11.0.0");
                return vec![block.with("AsteriskVersion", "22.10.0-simulated")];
            }
            "corestatus" => return vec![self.started()],
            "getvar" => return vec![self.variable(action)],
            "bridgelist" => return self.list_bridges(),
            "status" => return self.list_channels(),
            "queuestatus" => return self.list_queues(),
            "filter" | "events" => Ok(()),
            "setvar" => self.set_variable(action),
            "hangup" => self.of(action).map(|uid| {
                let cause = action.value("Cause").parse().unwrap_or(16);
                self.leaves(now, &uid, By::Pbx, cause);
            }),
            "pjsipnotify" => self.notify(now, action),
            "blindtransfer" => {
                self.of(action).and_then(|uid| self.transfer(now, &uid, action.value("Exten")))
            }
            "atxfer" => self.of(action).and_then(|uid| self.ask_somebody(now, &uid, action)),
            "cancelatxfer" => self.of(action).and_then(|uid| self.cancel(now, &uid)),
            "playdtmf" => self.of(action).and_then(|uid| self.press(&uid, action.value("Digit"))),
            "originate" => self.originate(now, action),
            "queueadd" | "queueremove" | "queuepause" => self.queue_action(now, action),
            other => Err(format!("Invalid/unknown command: {other}")),
        };
        match done {
            Ok(()) => vec![Block::success()],
            Err(why) => vec![Block::error(&why)],
        }
    }

    fn started(&self) -> Block {
        let at = jiff::Timestamp::from_second(i64::try_from(self.settings.started_s).unwrap_or(0));
        let at = at.unwrap_or_default().to_string();
        let (day, time) = at.split_once('T').unwrap_or((&at, ""));
        let time = time.trim_end_matches('Z');
        Block::success().with("CoreStartupDate", day).with("CoreStartupTime", time)
    }

    /// The channel that an action names.
    fn of(&self, action: &Action) -> Result<Uid, String> {
        self.by_name(action.value("Channel")).ok_or_else(|| "No such channel".to_owned())
    }

    fn variable(&self, action: &Action) -> Block {
        let name = action.value("Variable");
        let channel = action.value("Channel");
        let value = if channel.is_empty() {
            self.globals.get(name).cloned()
        } else {
            match self.by_name(channel) {
                Some(uid) => self.value_of(&uid, name),
                None => return Block::error("No such channel"),
            }
        };
        let value = value.unwrap_or_else(|| "(null)".to_owned());
        Block::success().with("Variable", name).with("Value", value)
    }

    fn value_of(&self, uid: &str, name: &str) -> Option<String> {
        let channel = self.channels.get(uid)?;
        match (name, &channel.kind) {
            ("CHANNEL(pjsip,call-id)", super::channel::Kind::Trunk { call_id, .. }) => {
                Some(call_id.clone())
            }
            _ => channel.variables.get(name).cloned(),
        }
    }

    fn set_variable(&mut self, action: &Action) -> Answer {
        let (name, value) = (action.value("Variable"), action.value("Value"));
        if action.value("Channel").is_empty() {
            self.globals.insert(name.to_owned(), value.to_owned());
            return Ok(());
        }
        let uid = self.of(action)?;
        if let Some(channel) = self.channels.get_mut(&uid) {
            channel.variables.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// What a telephone does when it is told by NOTIFY (`Event: talk`, `hold`).
    fn notify(&mut self, now: Mono, action: &Action) -> Answer {
        let uid = self.of(action)?;
        let channel = self.channels.get(&uid).ok_or("No such channel")?;
        let (state, held) = (channel.state, channel.held);
        let event = action.variables().find(|(name, _)| *name == "Event").map(|(_, value)| value);
        match (event, state) {
            (Some("talk"), State::Ringing) => self.phone_answers(now, &uid),
            (Some("talk"), _) if held => self.hold(&uid, false),
            (Some("hold"), _) => self.hold(&uid, true),
            _ => {} // a telephone that has nothing to do says 200 all the same
        }
        Ok(())
    }

    /// The number is in a variable, as Asterisk has it since 18.15; else in the action.
    fn ask_somebody(&mut self, now: Mono, uid: &Uid, action: &Action) -> Answer {
        let set = self.value_of(uid, "TRANSFER_EXTEN").filter(|value| !value.is_empty());
        let exten = set.unwrap_or_else(|| action.value("Exten").to_owned());
        self.consult(now, uid, &exten)
    }

    /// A key is pressed as if by the party. Two of them in a consultation are a feature.
    fn press(&mut self, uid: &Uid, digit: &str) -> Answer {
        let key = digit.chars().next().ok_or("Need 'Digit'")?;
        let channel = self.channels.get_mut(uid).ok_or("No such channel")?;
        let block = channel.describe(uid, "", Block::event("DTMFEnd"));
        if channel.consult.is_some() {
            let before = channel.variables.insert("KEY".to_owned(), key.to_string());
            if before.as_deref() == Some(&THREEWAY[0].to_string()) && key == THREEWAY[1] {
                return self.three(uid);
            }
            return Ok(());
        }
        self.tell(block.with("Digit", key).with("DurationMs", 120).with("Direction", "Received"));
        Ok(())
    }

    /// The agent's telephone rings first; when it is lifted, it goes to the dialplan.
    fn originate(&mut self, now: Mono, action: &Action) -> Answer {
        let extension = action.value("Channel").strip_prefix("PJSIP/").unwrap_or_default();
        if !self.phones.contains_key(extension) {
            return Err("Extension does not exist.".to_owned());
        }
        if self.is_busy(extension) {
            return Err("the telephone is busy".to_owned());
        }
        let uid = action.value("ChannelId").to_owned();
        if uid.is_empty() || self.channels.contains_key(&uid) {
            return Err("Channel identifier already in use".to_owned());
        }
        let ms = action.value("Timeout").parse().unwrap_or(30_000);
        self.ring_first(now, extension, uid.clone(), Duration::from_millis(ms));
        if let Some(channel) = self.channels.get_mut(&uid) {
            channel.then = Some(action.value("Exten").to_owned());
            let named = action.variables().map(|(name, value)| (name.to_owned(), value.to_owned()));
            channel.variables.extend(named);
        }
        Ok(())
    }

    fn queue_action(&mut self, now: Mono, action: &Action) -> Answer {
        let interface = action.value("Interface");
        let extension = interface.strip_prefix("PJSIP/").unwrap_or(interface);
        let (queue, no) = (action.value("Queue"), "Unable to do so: No such queue or interface");
        let done = match action.value("Action").to_ascii_lowercase().as_str() {
            "queueadd" => self.member(now, queue, extension, true),
            "queueremove" => self.member(now, queue, extension, false),
            _ => {
                let paused = matches!(action.value("Paused"), "true" | "1" | "yes");
                self.pause(now, extension, paused, action.value("Reason"))
            }
        };
        done.then_some(()).ok_or_else(|| no.to_owned())
    }
}
