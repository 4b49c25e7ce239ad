//! Orders of the engine in Asterisk's words.

use super::action::Action;
use super::board::Board;
use crate::model::Pii;
use crate::pbx::{ChannelId, Order, OrderResult};
use std::collections::VecDeque;

/// How long a key is pressed, in milliseconds.
const KEY_MS: &str = "120";
/// Keys in one order.
const KEYS_MAX: usize = 32;
/// Characters of a number that is dialled.
const NUMBER_CHARS_MAX: usize = 64;

/// First version whose attended transfer reads `TRANSFER_EXTEN` (`main/bridge_basic.c`).
const TAKES_TRANSFER_EXTEN: (u32, u32) = (18, 15);

/// What an order needs.
#[derive(Debug)]
pub(super) enum Plan {
    /// One action; its answer is the order's result.
    Ask(Action),
    /// An originate: done when the channel is there.
    Dial(Action, ChannelId),
    /// A variable; it is told as a fact when the PBX has taken it.
    Data(Action, ChannelId, String, Pii<String>),
    /// A consultation: set what it reads, begin it, and clear that when it was read.
    Consult {
        /// Where to.
        set: Action,
        /// The feature.
        begin: Action,
        /// What was set would hold for a later transfer too.
        clear: Action,
    },
    /// Keys, one action each.
    Keys(Keys),
    /// A snapshot.
    Snapshot,
}

/// Keys still to be pressed, as if the party at the channel did.
#[derive(Debug)]
pub(super) struct Keys {
    channel: String,
    left: VecDeque<char>,
}

impl Keys {
    /// The next key.
    pub(super) fn next(&mut self) -> Option<Action> {
        let key = self.left.pop_front()?;
        let action = Action::new("PlayDTMF")
            .with("Channel", &self.channel)
            .with("Digit", key.encode_utf8(&mut [0; 4]))
            .with("Duration", KEY_MS);
        Some(action.with("Receive", "true"))
    }
}

/// What an order needs, or why it cannot be carried out.
pub(super) fn plan(board: &Board, order: &Order) -> Result<Plan, OrderResult> {
    let settings = &board.settings;
    match order {
        Order::Dial { .. } => dial(board, order),
        Order::Answer(id) => notify(board, id, "talk"),
        Order::Hold(id) => notify(board, id, "hold"),
        Order::Retrieve(id) => notify(board, id, "talk"),
        Order::TransferBlind { by, to, .. } => {
            let action = Action::new("BlindTransfer")
                .with("Channel", name(board, by)?)
                .with("Exten", number(to)?)
                .with("Context", &settings.context);
            Ok(Plan::Ask(action))
        }
        Order::Consult { by, to } => consult(board, by, number(to)?),
        Order::TransferComplete { by } => {
            // The feature joins the two others when the one between them leaves.
            consulting(board, by)?;
            let action = Action::new("Hangup").with("Channel", name(board, by)?);
            Ok(Plan::Ask(action.with("Cause", "16")))
        }
        Order::ConsultCancel { by } => {
            consulting(board, by)?;
            Ok(Plan::Ask(Action::new("CancelAtxfer").with("Channel", name(board, by)?)))
        }
        Order::Conference { by } => {
            consulting(board, by)?;
            let left = keys(&settings.threeway_keys)?;
            Ok(Plan::Keys(Keys { channel: name(board, by)?.to_owned(), left }))
        }
        Order::Hangup { channel, q850 } => {
            let action = Action::new("Hangup").with("Channel", name(board, channel)?);
            Ok(Plan::Ask(action.with("Cause", &q850.to_string())))
        }
        Order::Dtmf { channel, digits } => {
            let (channel, left) = (name(board, channel)?.to_owned(), keys(digits)?);
            Ok(Plan::Keys(Keys { channel, left }))
        }
        Order::SetData { channel, key, value } => data(board, channel, key, value),
        Order::QueueMember { queue, device, present } => {
            let action = if *present { "QueueAdd" } else { "QueueRemove" };
            let interface = board.queues.interface(device);
            Ok(Plan::Ask(Action::new(action).with("Queue", queue).with("Interface", interface)))
        }
        Order::Pause { device, paused, reason } => {
            let action = Action::new("QueuePause")
                .with("Interface", board.queues.interface(device))
                .with("Paused", if *paused { "true" } else { "false" });
            Ok(Plan::Ask(if reason.is_empty() { action } else { action.with("Reason", reason) }))
        }
        Order::Snapshot => Ok(Plan::Snapshot),
    }
}

fn dial(board: &Board, order: &Order) -> Result<Plan, OrderResult> {
    let Order::Dial { channel, device, to, mark, purpose, ring_s } = order else {
        return Err(rejected("not a dial order"));
    };
    let settings = &board.settings;
    let id_ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if channel.0.is_empty() || channel.0.len() > 100 || !channel.0.chars().all(id_ok) {
        return Err(rejected("the id is none that a channel can have"));
    }
    // Two underscores: the channels made for this one have it too, and those made for them.
    let mark = format!("__{}={}", settings.mark_variable, variable(mark)?);
    let mut action = Action::new("Originate")
        .with("Channel", endpoint(device)?)
        .with("Context", &settings.context)
        .with("Exten", number(to)?)
        .with("Priority", "1")
        .with("Timeout", &(u64::from(*ring_s) * 1000).to_string())
        .with("Async", "true")
        .with("ChannelId", &channel.0)
        .with("Variable", &mark);
    if let Some(purpose) = purpose {
        let purpose = format!("__{}={}", settings.purpose_variable, variable(purpose)?);
        action = action.with("Variable", &purpose);
    }
    Ok(Plan::Dial(action, channel.clone()))
}

/// `Atxfer` presses the keys of the feature and then those of the number, which Asterisk gathers
/// while it plays a prompt: that needs the prompt (`pbx-transfer`), and audio from the phone to
/// measure the keys by. Since Asterisk 18.15 the number can be given in a variable; then one key
/// that nobody uses stands for it.
fn consult(board: &Board, by: &ChannelId, to: &str) -> Result<Plan, OrderResult> {
    let by = name(board, by)?;
    let begin = |exten: &str| {
        let action = Action::new("Atxfer").with("Channel", by).with("Exten", exten);
        action.with("Context", &board.settings.context)
    };
    if board.version < TAKES_TRANSFER_EXTEN {
        keys(to)?;
        return Ok(Plan::Ask(begin(to)));
    }
    let set = |value: &str| {
        let action = Action::new("Setvar").with("Channel", by).with("Variable", "TRANSFER_EXTEN");
        action.with("Value", value)
    };
    Ok(Plan::Consult { set: set(to), begin: begin("D"), clear: set("") })
}

/// The phone does it: it must support the event packages `talk` and `hold` (those of BroadSoft,
/// `Allow-Events: talk, hold`). Asterisk sends the NOTIFY within the phone's own dialog.
fn notify(board: &Board, id: &ChannelId, event: &str) -> Result<Plan, OrderResult> {
    let name = name(board, id)?;
    if !name.starts_with("PJSIP/") {
        let why = "only a PJSIP phone can be told to: AMI has no such action for this channel";
        return Err(OrderResult::Unsupported(why.to_owned()));
    }
    let action = Action::new("PJSIPNotify").with("Channel", name);
    Ok(Plan::Ask(action.with("Variable", &format!("Event={event}"))))
}

fn data(
    board: &Board,
    channel: &ChannelId,
    key: &str,
    value: &Pii<String>,
) -> Result<Plan, OrderResult> {
    // A key with parentheses would be a function of the dialplan (`SHELL(...)`).
    let ok = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(ok) || key.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(rejected("a key is made of letters, digits and _, and begins with no digit"));
    }
    let action = Action::new("Setvar")
        .with("Channel", name(board, channel)?)
        .with("Variable", key)
        .with("Value", value.reveal());
    Ok(Plan::Data(action, channel.clone(), key.to_owned(), value.clone()))
}

fn name<'a>(board: &'a Board, id: &ChannelId) -> Result<&'a str, OrderResult> {
    board.name(id).ok_or_else(|| rejected("no such channel"))
}

fn consulting(board: &Board, by: &ChannelId) -> Result<(), OrderResult> {
    name(board, by)?;
    if board.consults(by) {
        return Ok(());
    }
    let why = "no consultation that the PBX made is in progress at this channel: one that the \
               phone made is completed at the phone, or by an ARI link";
    Err(OrderResult::Unsupported(why.to_owned()))
}

/// A number goes into the dialplan as an extension, which may put it into a dial string: nothing
/// that has a meaning there.
fn number(to: &Pii<String>) -> Result<&str, OrderResult> {
    let to = to.reveal();
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '*' | '#' | '.' | '-' | '_');
    let fits = !to.is_empty() && to.len() <= NUMBER_CHARS_MAX && to.chars().all(ok);
    fits.then_some(to.as_str()).ok_or_else(|| rejected("the number cannot be dialled"))
}

fn endpoint(device: &str) -> Result<&str, OrderResult> {
    let ok = |c: char| c.is_ascii_alphanumeric() || "/_.@:+-".contains(c);
    let fits = device.contains('/') && device.chars().all(ok);
    fits.then_some(device).ok_or_else(|| rejected("the device is no endpoint of the PBX"))
}

/// `Variable: A=1,B=2` sets two.
fn variable(value: &str) -> Result<&str, OrderResult> {
    let fits = !value.contains([',', '"', '\\']);
    fits.then_some(value).ok_or_else(|| rejected("a mark or purpose holds a comma or a quote"))
}

fn keys(keys: &str) -> Result<VecDeque<char>, OrderResult> {
    let ok = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D');
    let fits = !keys.is_empty() && keys.len() <= KEYS_MAX && keys.chars().all(ok);
    fits.then(|| keys.chars().collect()).ok_or_else(|| rejected("there are no such keys"))
}

/// The order itself is at fault.
pub(super) fn rejected(why: &str) -> OrderResult {
    OrderResult::Rejected(why.to_owned())
}
