//! Actions that wait for their answer.

use super::action::Action;
use super::orders::Keys;
use crate::model::{Mono, Pii};
use crate::pbx::{ChannelId, OrderId};
use std::collections::BTreeMap;
use std::time::Duration;

/// An action is answered within this.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Lists follow their answer within this.
pub(super) const LIST: Duration = Duration::from_secs(30);
/// Actions that wait at once. Beyond: an order is refused, a question is not asked.
const WAITING_MAX: usize = 1000;

/// What an answer is for.
#[derive(Debug)]
pub(super) enum Ask {
    Challenge,
    Login,
    Filter,
    Settings,
    Status,
    /// Which run of the PBX it is.
    Run,
    /// This run has no name yet and gets this one.
    NameRun(String),
    Events,
    Ping,
    /// Clears what a consultation has read.
    Clear,
    /// One of the lists of a snapshot.
    List(List),
    /// SIP Call-ID of a channel, asked for so often.
    CallId(ChannelId, u8),
    Order(OrderId, Then),
}

/// The lists of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Bridges,
    Channels,
    Queues,
}

/// What an order needs beside its answer.
#[derive(Debug)]
pub(super) enum Then {
    Nothing,
    /// The channel must appear.
    Appears(ChannelId),
    /// The value is told as a fact.
    Tell(ChannelId, String, Pii<String>),
    /// More keys.
    More(Keys),
    /// A consultation: begin it, and then clear what it reads.
    Consult(Action, Action),
    /// Cleared a while after the answer.
    Clear(Action),
}

/// An action that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Name of the action.
    pub(super) action: &'static str,
    pub(super) ask: Ask,
    pub(super) due: Mono,
}

/// All of them, by number.
#[derive(Debug)]
pub(super) struct Pending {
    /// Events of other sessions' actions come by here too: ids must differ from theirs.
    prefix: String,
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

impl Pending {
    /// `session` differs between sessions of one PBX.
    pub(super) fn new(session: i64) -> Self {
        Self { prefix: format!("trunkline-{session:x}-"), next: 0, waiting: BTreeMap::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// The id that the next action has, and its number.
    pub(super) fn next_id(&mut self) -> (u64, String) {
        self.next += 1;
        (self.next, format!("{}{}", self.prefix, self.next))
    }

    pub(super) fn insert(&mut self, number: u64, waiting: Waiting) {
        self.waiting.insert(number, waiting);
    }

    /// The number in an `ActionID`, if it is one of ours that waits.
    pub(super) fn number(&self, action_id: &str) -> Option<u64> {
        let number = action_id.strip_prefix(&self.prefix)?.parse().ok()?;
        self.waiting.contains_key(&number).then_some(number)
    }

    pub(super) fn at(&mut self, number: u64) -> Option<&mut Waiting> {
        self.waiting.get_mut(&number)
    }

    pub(super) fn take(&mut self, number: u64) -> Option<Waiting> {
        self.waiting.remove(&number)
    }

    /// The order that waits for this channel.
    pub(super) fn take_dial(&mut self, id: &ChannelId) -> Option<OrderId> {
        let (number, order) =
            self.waiting.iter().find_map(|(number, waiting)| match &waiting.ask {
                Ask::Order(order, Then::Appears(channel)) if channel == id => {
                    Some((*number, *order))
                }
                _ => None,
            })?;
        self.waiting.remove(&number);
        Some(order)
    }

    pub(super) fn any(&self, mut of: impl FnMut(&Ask) -> bool) -> bool {
        self.waiting.values().any(|waiting| of(&waiting.ask))
    }

    /// One whose time is over.
    pub(super) fn overdue(&mut self, now: Mono) -> Option<(u64, Waiting)> {
        let number = *self.waiting.iter().find(|(_, waiting)| waiting.due <= now)?.0;
        Some((number, self.waiting.remove(&number)?))
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.waiting.values().map(|waiting| waiting.due).min()
    }
}
