//! One connection: frames, login, subscription.

use super::frame::{Frame, FrameError, Framer, Part};
use super::names;
use super::settings::EslSettings;
use crate::model::Mono;
use crate::pbx::{ChannelId, Close};
use std::sync::Arc;
use std::time::Duration;

/// From a connection's begin to its subscription.
const LOGIN_MAX: Duration = Duration::from_secs(10);

/// Events of a PBX that we read. `CUSTOM` must be the last, with its kinds behind it.
const EVENTS: &str = "event json HEARTBEAT CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_PROGRESS \
    CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD \
    CHANNEL_UNHOLD CHANNEL_HANGUP_COMPLETE CHANNEL_UUID DTMF \
    CUSTOM callcenter::info sofia::register sofia::unregister sofia::expire\n\n";
const RESULTS: &str = "event json BACKGROUND_JOB\n\n";
/// The same for a connection of FreeSWITCH's own, together with the results.
const EVENTS_OF_CALL: &str = "event json CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_PROGRESS \
    CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD \
    CHANNEL_UNHOLD CHANNEL_HANGUP_COMPLETE CHANNEL_UUID DTMF BACKGROUND_JOB \
    CUSTOM callcenter::info\n\n";
/// Fields that name the call's first channel: an event with one of them is about the call.
/// (`myevents` would leave out the legs that are called.)
const FIELDS_OF_CALL: [&str; 7] = [
    "Unique-ID",
    "Other-Leg-Unique-ID",
    "Channel-Call-UUID",
    "Bridge-A-Unique-ID",
    "Bridge-B-Unique-ID",
    "CC-Member-Session-UUID",
    "variable_cc_member_session_uuid",
];
/// Who gave a command: its result has no other name of the call.
const FIELD_OF_RESULT: &str = "Job-Owner-UUID";
/// How long FreeSWITCH keeps its connection after the call, in seconds: the last events come then.
const LINGER_S: u32 = 2;

/// Who opened the connection, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Ours, for events.
    Events,
    /// Ours, for commands.
    Commands,
    /// FreeSWITCH's, for one call.
    Call {
        /// The events of the call are wanted.
        events: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Off,
    /// FreeSWITCH is to ask for a password.
    Greeting,
    /// It is to say whether that was right.
    LoggingIn,
    /// `connect` was sent: it is to tell the call.
    Connecting,
    /// Answers to the subscriptions are to come, so many.
    Subscribing(u8),
    Ready,
}

/// What the session must see.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is subscribed.
    Ready,
    /// The call of a connection of FreeSWITCH's own.
    Call(Frame),
    /// An event's JSON.
    Event(Vec<u8>),
    /// An answer to a command.
    Reply {
        /// `-ERR` and what it says.
        error: Option<String>,
    },
    /// A frame was too long and passed over.
    TooLong(usize),
    /// Of a kind that nobody asked for.
    Odd(String),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    task: Task,
    stage: Stage,
    framer: Framer,
    due: Mono,
}

impl Connection {
    /// Not open yet; bodies up to so many bytes.
    pub fn new(task: Task, body_bytes_max: usize) -> Self {
        Self { task, stage: Stage::Off, framer: Framer::new(body_bytes_max), due: Mono(0) }
    }

    /// Open and subscribed from the start.
    pub fn subscribed(task: Task, body_bytes_max: usize) -> Self {
        Self { stage: Stage::Ready, ..Self::new(task, body_bytes_max) }
    }

    /// Events or results come.
    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// When the login is too late.
    pub fn login_due(&self) -> Option<Mono> {
        (!matches!(self.stage, Stage::Off | Stage::Ready)).then_some(self.due)
    }

    /// It is open: what is to be sent.
    pub fn opened(&mut self, now: Mono) -> Option<&'static str> {
        self.due = now.after(LOGIN_MAX);
        self.stage = Stage::Greeting;
        if matches!(self.task, Task::Call { .. }) {
            self.stage = Stage::Connecting;
            return Some("connect\n\n");
        }
        None
    }

    /// Takes bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// The next thing seen; what is to be sent goes to `sends`.
    pub fn next(
        &mut self,
        settings: &EslSettings,
        sends: &mut Vec<String>,
    ) -> Result<Option<Seen>, Close> {
        loop {
            let frame = match self.framer.next() {
                Ok(None) => return Ok(None),
                Ok(Some(Part::TooLong { bytes })) => return Ok(Some(Seen::TooLong(bytes))),
                Ok(Some(Part::Frame(frame))) => frame,
                Err(error @ FrameError::Stranger(_)) => {
                    return Err(Close::Refused(error.to_string()));
                }
                Err(error) => return Err(Close::Retry(error.to_string())),
            };
            if let Some(seen) = self.frame(settings, frame, sends)? {
                return Ok(Some(seen));
            }
        }
    }

    fn frame(
        &mut self,
        settings: &EslSettings,
        frame: Frame,
        sends: &mut Vec<String>,
    ) -> Result<Option<Seen>, Close> {
        match frame.header("Content-Type").unwrap_or_default() {
            "text/event-json" => Ok(Some(Seen::Event(frame.body))),
            "auth/request" => {
                if self.stage == Stage::Greeting {
                    self.stage = Stage::LoggingIn;
                    sends.push(login(settings)?);
                }
                Ok(None)
            }
            "command/reply" => self.reply(frame, sends),
            "text/rude-rejection" => Err(Close::Refused(
                "FreeSWITCH does not take connections from this address: see apply-inbound-acl \
                 in event_socket.conf"
                    .into(),
            )),
            // A call is over, and its connection ends in a moment.
            "text/disconnect-notice" if matches!(self.task, Task::Call { .. }) => Ok(None),
            "text/disconnect-notice" => {
                Err(Close::Retry("FreeSWITCH closes the connection".into()))
            }
            "api/response" | "log/data" => Ok(None),
            other if self.stage == Stage::Greeting => {
                let other: String = other.chars().take(60).collect();
                Err(Close::Refused(format!("this is no FreeSWITCH event socket: `{other}`")))
            }
            other => Ok(Some(Seen::Odd(other.chars().take(60).collect()))),
        }
    }

    fn reply(&mut self, frame: Frame, sends: &mut Vec<String>) -> Result<Option<Seen>, Close> {
        let text = frame.header("Reply-Text").unwrap_or_default();
        let error = text.strip_prefix("-ERR").map(|error| error.trim().to_owned());
        match (self.stage, error) {
            (Stage::LoggingIn, None) => {
                let events = if self.task == Task::Events { EVENTS } else { RESULTS };
                sends.push(events.into());
                self.stage = Stage::Subscribing(1);
                Ok(None)
            }
            (Stage::LoggingIn, Some(error)) => {
                Err(Close::Refused(format!("FreeSWITCH refused the password: {error}")))
            }
            (Stage::Connecting, None) => {
                let commands = self.follow(&frame)?;
                self.stage = Stage::Subscribing(u8::try_from(commands.len()).unwrap_or(u8::MAX));
                sends.extend(commands);
                Ok(Some(Seen::Call(frame)))
            }
            (Stage::Connecting, Some(error)) => {
                Err(Close::Retry(format!("FreeSWITCH told no call: {error}")))
            }
            (Stage::Subscribing(_), Some(error)) => Err(Close::Refused(format!(
                "FreeSWITCH refused the subscription of events: {error}"
            ))),
            (Stage::Subscribing(left), None) if left > 1 => {
                self.stage = Stage::Subscribing(left - 1);
                Ok(None)
            }
            (Stage::Subscribing(_), None) => {
                self.stage = Stage::Ready;
                Ok(Some(Seen::Ready))
            }
            (Stage::Ready, error) => Ok(Some(Seen::Reply { error })),
            (Stage::Off | Stage::Greeting, _) => Ok(None),
        }
    }

    /// What follows the answer to `connect`: filters first, so that no stranger's event comes.
    fn follow(&self, call: &Frame) -> Result<Vec<String>, Close> {
        let says = |name: &str, value: &str| call.header(name) == Some(value);
        if !says("Socket-Mode", "async") || !says("Control", "full") {
            let why = "the dialplan must say `socket HOST:PORT async full`";
            return Err(Close::Refused(why.into()));
        }
        let id = ChannelId(Arc::from(call.header("Unique-ID").unwrap_or_default()));
        let id = names::channel(&id)
            .map_err(|_| Close::Retry("FreeSWITCH told a call without its Unique-ID".into()))?;
        let filter = |field: &str| format!("filter {field} {id}\n\n");
        let mut commands = vec![filter(FIELD_OF_RESULT)];
        if self.task == (Task::Call { events: true }) {
            commands.extend(FIELDS_OF_CALL.map(filter));
            commands.push(format!("linger {LINGER_S}\n\n"));
            commands.push(EVENTS_OF_CALL.into());
        } else {
            commands.push(RESULTS.into());
        }
        Ok(commands)
    }
}

/// The line that logs in. A line break in it would be the next command.
fn login(settings: &EslSettings) -> Result<String, Close> {
    let line = match &settings.user {
        None => format!("auth {}", settings.password.as_str()),
        Some(user) => format!("userauth {user}:{}", settings.password.as_str()),
    };
    match line.chars().any(char::is_control) {
        true => Err(Close::Refused("user or password has a control character".into())),
        false => Ok(line + "\n\n"),
    }
}
