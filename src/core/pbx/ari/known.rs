//! What is known of one channel.

use super::raw::{self, stamp};
use super::settings::MARK_VARIABLE;
use crate::model::{Pii, Wall};
use crate::pbx::asterisk;
use crate::pbx::{BridgeId, ChannelInfo, EndedBy};
use std::collections::HashMap;
use std::sync::Arc;

/// One channel, and which of its facts were told: the same event comes more than once when
/// subscriptions overlap, and most steps come as two events.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub info: ChannelInfo,
    /// Somebody was told that it is there.
    pub announced: bool,
    /// What events told since the snapshot under way was asked for: newer than its lists, or as
    /// new.
    pub fresh: Fresh,
    pub offered: bool,
    pub progress: bool,
    pub ringing: bool,
    pub answered: bool,
    pub missed: bool,
    pub held: bool,
    pub bridge: Option<BridgeId>,
    /// The application of the dialplan that it is in, and that one's data.
    pub app: String,
    pub app_data: String,
    /// It waits in this queue.
    pub queue: Option<String>,
    /// An agent of the queue that it is in has taken it.
    pub served: bool,
    pub ended_by: Option<EndedBy>,
    /// The SIP status with which the party refused.
    pub refused: Option<u16>,
    pub last_key: Option<(Option<Wall>, char)>,
    /// Values told as data.
    pub data: HashMap<String, String>,
}

/// What of a channel came by events while a snapshot was under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fresh {
    /// Anything: it lives.
    pub alive: bool,
    /// Its bridge.
    pub bridge: bool,
    /// Whether it holds.
    pub hold: bool,
}

impl Known {
    /// It is in an application of ARI, where orders can reach it.
    pub(super) fn in_stasis(&self) -> bool {
        self.app == "Stasis"
    }

    /// Takes what an event says of its channel; true: there is something new to tell.
    pub(super) fn learn(&mut self, raw: &raw::Channel<'_>) -> bool {
        let before = self.info.clone();
        // While a channel takes another's place, its name has marks behind `<`.
        if self.info.name != raw.name && !raw.name.is_empty() && !raw.name.contains('<') {
            self.info.name = raw.name.to_string();
            self.info.endpoint = asterisk::endpoint(&raw.name).to_owned();
            self.info.pipe = asterisk::other_half(&raw.name);
        }
        // The first number is the one that was presented; later ones are the dialplan's, or that
        // of whoever an originated call is made for.
        first(&mut self.info.number, &raw.caller.number);
        first(&mut self.info.display, &raw.caller.name);
        if asterisk::is_sip(&raw.name) && !raw.protocol_id.is_empty() {
            set(&mut self.info.sip_call_id, &raw.protocol_id);
        }
        if let Some(group) = variable(raw, "CHANNEL(linkedid)") {
            set(&mut self.info.group, group);
        }
        if let Some(mark) = variable(raw, MARK_VARIABLE) {
            set(&mut self.info.mark, mark);
        }
        if self.info.created.is_none() {
            self.info.created = stamp(&raw.creationtime);
        }
        if !raw.dialplan.app_name.is_empty() && self.app != raw.dialplan.app_name {
            self.app = raw.dialplan.app_name.to_string();
        }
        if self.app_data != raw.dialplan.app_data {
            self.app_data = raw.dialplan.app_data.to_string();
        }
        self.info != before
    }

    /// A new channel: which way it goes and, if in, what was dialled.
    pub(super) fn learn_direction(&mut self, raw: &raw::Channel<'_>) {
        self.info.incoming = match &*raw.state {
            "Ring" => Some(true),
            "Down" | "Ringing" | "Dialing" => Some(false),
            _ => None,
        };
        // What the PBX calls stays in these applications until it is answered.
        if self.info.incoming.is_none() && raw.dialplan.app_data == "(Outgoing Line)" {
            self.info.incoming = Some(false);
        }
        if self.info.incoming == Some(true) {
            self.learn_dialed(&raw.dialplan.exten);
        }
    }

    /// What was dialled at or by this channel, if that is a number; the first counts.
    pub(super) fn learn_dialed(&mut self, number: &str) {
        if asterisk::is_number(number) {
            first(&mut self.info.dialed, number);
        }
    }

    /// The queue of the dialplan that it is in.
    pub(super) fn queue_entered(&self) -> Option<&str> {
        let name = self.app_data.split(',').next().unwrap_or_default();
        (self.app == "Queue" && !name.is_empty()).then_some(name)
    }
}

/// The value of a channel variable that Asterisk sends along (`channelvars` in its ari.conf).
fn variable<'a>(raw: &'a raw::Channel<'_>, name: &str) -> Option<&'a str> {
    let value = raw.channelvars.as_ref()?.get(name)?.as_deref()?;
    (!value.is_empty()).then_some(value)
}

fn first(field: &mut Option<Pii<String>>, value: &str) {
    if field.is_none() && !value.is_empty() {
        *field = Some(Pii::new(value.to_owned()));
    }
}

fn set(field: &mut Option<String>, value: &str) {
    if field.as_deref() != Some(value) {
        *field = Some(value.to_owned());
    }
}

/// Ids of channels that ended, the newest so many of them: an event that comes after the end must
/// not bring a channel back.
#[derive(Debug, Default)]
pub(super) struct Gone {
    ids: std::collections::HashSet<Arc<str>>,
    order: std::collections::VecDeque<Arc<str>>,
}

const GONE_MAX: usize = 4_096;

impl Gone {
    pub(super) fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// False: it is there already.
    pub(super) fn add(&mut self, id: &Arc<str>) -> bool {
        if !self.ids.insert(Arc::clone(id)) {
            return false;
        }
        self.order.push_back(Arc::clone(id));
        if self.order.len() > GONE_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
