//! Events about channels, bridges and transfers.

use super::block::Block;
use super::board::Board;
use super::channel::{DialEnd, dialed, state};
use crate::model::{Now, Pii, Transfer};
use crate::pbx::{BridgeId, ChannelId, EndedBy, Fact};
use std::time::Duration;

/// Keys of an order have come back as events within so long: each takes 0.16 s.
const KEYS_TAKE: Duration = Duration::from_secs(2);
/// A transfer follows the `Unhold` that belongs to it within so long: some ms were seen.
const HOLD_SETTLES: Duration = Duration::from_millis(100);

impl Board {
    /// Reads an event; false if it is none about calls.
    pub(super) fn call_event(&mut self, event: &str, block: &Block<'_>, now: Now) -> bool {
        match event {
            "Newchannel" => self.new_channel(block),
            "Newstate" => self.new_state(block),
            "NewCallerid" => self.new_caller(block),
            "VarSet" => self.variable(block),
            "DialBegin" => self.dial_begin(block),
            "DialState" => self.dial_state(block),
            "DialEnd" => self.dial_end(block),
            "BridgeEnter" => self.bridge_enter(block),
            "BridgeLeave" => self.bridge_leave(block),
            "Hold" => self.hold(block),
            "Unhold" => self.unhold(block, now),
            "DTMFEnd" => self.key(block, now),
            "BlindTransfer" => self.blind_transfer(block),
            "AttendedTransfer" => self.attended_transfer(block),
            "Pickup" => self.pickup(block),
            "UserEvent" => self.user_event(block),
            "HangupRequest" => self.ends_by(block, EndedBy::Party),
            "SoftHangupRequest" => self.ends_by(block, EndedBy::Pbx),
            "Hangup" => self.hangup(block),
            _ => return false,
        }
        true
    }

    fn new_channel(&mut self, block: &Block<'_>) {
        let Some(id) = Self::id(block, "") else { return };
        if !self.channels.contains_key(&id) && !self.insert(block, "", id.clone()) {
            return;
        }
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.info.created = block.stamp();
        }
        self.describe(block.stamp(), &id);
    }

    fn new_state(&mut self, block: &Block<'_>) {
        let Some(id) = self.ensure(block, "") else { return };
        match block.int("ChannelState") {
            Some(state::RINGING) => self.rings(block, id),
            Some(state::UP) => self.answers(block, id),
            _ => {}
        }
    }

    fn rings(&mut self, block: &Block<'_>, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if channel.rang.is_none() && channel.answered.is_none() {
            channel.rang = Some(block.stamp());
            self.say(block.stamp(), Fact::Ringing(id));
        }
    }

    /// A snapshot may have known of the answer before its event came, but not its moment.
    fn answers(&mut self, block: &Block<'_>, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let known = channel.answered.is_some_and(|at| at.is_some() || block.stamp().is_none());
        if !known {
            channel.answered = Some(block.stamp());
            self.say(block.stamp(), Fact::Answered(id));
        }
    }

    /// A caller's number changes when the dialplan sets it, an outside line's when it is dialled.
    /// What a phone of the house is shown as its caller is not its own number.
    fn new_caller(&mut self, block: &Block<'_>) {
        let Some(id) = self.known(block, "") else { return };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let own = channel.trunk || channel.info.incoming == Some(true);
        if !own || channel.info.pipe.is_some() {
            return;
        }
        let before = (channel.info.number.clone(), channel.info.display.clone());
        let number = block.personal("", "CallerIDNum");
        let display = block.personal("", "CallerIDName");
        channel.info.number = number.or(channel.info.number.take());
        channel.info.display = display.or(channel.info.display.take());
        if (&channel.info.number, &channel.info.display) != (&before.0, &before.1) {
            self.describe(block.stamp(), &id);
        }
    }

    /// A variable of ours. One that is inherited (`_X`, `__X`) is set on each channel that is made
    /// for this one: a Call-ID belongs to the first that has it.
    fn variable(&mut self, block: &Block<'_>) {
        let Some(id) = self.known(block, "") else { return };
        let (Some(name), Some(value)) = (block.value("Variable"), block.value("Value")) else {
            return;
        };
        let name = name.trim_start_matches('_');
        let call_id = self.settings.call_id_variable.as_deref() == Some(name);
        if !call_id && self.settings.mark_variable != name {
            return;
        }
        let is_ours = |c: &&super::channel::Channel| c.info.sip_call_id.as_deref() == Some(value);
        if call_id && self.channels.values().any(|c| is_ours(&c)) {
            return;
        }
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let place = if call_id { &mut channel.info.sip_call_id } else { &mut channel.info.mark };
        if place.as_deref() != Some(value) {
            *place = Some(value.to_owned());
            self.describe(block.stamp(), &id);
        }
    }

    fn dial_begin(&mut self, block: &Block<'_>) {
        let Some(id) = self.ensure(block, "Dest") else { return };
        let by = self.ensure(block, "");
        if let Some(caller) = by.as_ref().and_then(|by| self.channels.get_mut(by))
            && let Some(waits) = &mut caller.waits
        {
            waits.taken = false;
        }
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let number = block.value("DialString").and_then(dialed);
        let number = number.map(|number| Pii::new(number.to_owned()));
        if number.is_some() && channel.info.dialed != number {
            channel.info.dialed = number;
            self.describe(block.stamp(), &id);
        }
        let Some(channel) = self.channels.get_mut(&id) else { return };
        channel.dial_end = None;
        if channel.offered.as_ref() != Some(&by) {
            channel.offered = Some(by.clone());
            self.say(block.stamp(), Fact::Offered { channel: id, by });
        }
    }

    fn dial_state(&mut self, block: &Block<'_>) {
        let Some(id) = self.known(block, "Dest") else { return };
        match block.value("DialStatus") {
            Some("RINGING") => self.rings(block, id),
            Some("PROGRESS") => {
                let Some(channel) = self.channels.get_mut(&id) else { return };
                if !std::mem::replace(&mut channel.progressed, true) {
                    self.say(block.stamp(), Fact::Progress(id));
                }
            }
            _ => {}
        }
    }

    fn dial_end(&mut self, block: &Block<'_>) {
        let status = block.value("DialStatus").unwrap_or_default();
        if let Some(caller) = self.known(block, "").and_then(|id| self.channels.get_mut(&id))
            && let Some(waits) = &mut caller.waits
            && status == "ANSWER"
        {
            waits.taken = true;
        }
        let Some(id) = self.known(block, "Dest") else { return };
        if status == "ANSWER" {
            self.answers(block, id);
        } else if let Some(channel) = self.channels.get_mut(&id) {
            let end = if status == "NOANSWER" { DialEnd::NoAnswer } else { DialEnd::Other };
            channel.dial_end.get_or_insert(end);
        }
    }

    /// In a holding bridge (parking, waiting) nobody hears anybody.
    fn bridge_enter(&mut self, block: &Block<'_>) {
        let Some(id) = self.ensure(block, "") else { return };
        let Some(bridge) = block.value("BridgeUniqueid").map(|b| BridgeId(b.into())) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if block.value("BridgeTechnology") == Some("holding_bridge") {
            return;
        }
        let known = channel.bridge.as_ref().is_some_and(|(old, at)| *old == bridge && at.is_some());
        if !known {
            channel.bridge = Some((bridge.clone(), block.stamp()));
            self.say(block.stamp(), Fact::Bridged(id, bridge));
        }
    }

    fn bridge_leave(&mut self, block: &Block<'_>) {
        let Some(id) = self.known(block, "") else { return };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let left = block.value("BridgeUniqueid");
        if let Some((bridge, _)) = channel.bridge.take_if(|(in_it, _)| Some(&*in_it.0) == left) {
            self.say(block.stamp(), Fact::Unbridged(id, bridge));
        }
    }

    /// Asterisk's feature menus (transfer by keys, `Atxfer`) say `Hold` too, without a music class;
    /// the re-INVITE of a PJSIP phone comes with the class of its endpoint (`moh_suggest`, which is
    /// `default` unless it was emptied).
    fn hold(&mut self, block: &Block<'_>) {
        let Some(id) = self.known(block, "") else { return };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let menu = channel.info.name.starts_with("PJSIP/") && block.value("MusicClass").is_none();
        if menu || channel.info.pipe.is_some() {
            return;
        }
        self.settle(&id);
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if channel.held.is_none() {
            channel.held = Some(block.stamp());
            self.say(block.stamp(), Fact::Held(id));
        }
    }

    /// Asterisk takes a held party back itself before each transfer: only what no transfer
    /// follows was done by the party.
    fn unhold(&mut self, block: &Block<'_>, now: Now) {
        let Some(id) = self.known(block, "") else { return };
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if channel.held.is_some() && channel.retrieved.is_none() {
            let due = now.mono.after(HOLD_SETTLES);
            channel.retrieved = Some((due, block.stamp()));
            self.settling.push_back((due, id));
        }
    }

    /// The party has taken its call back, if it seemed so.
    pub(super) fn settle(&mut self, id: &ChannelId) {
        let Some(channel) = self.channels.get_mut(id) else { return };
        if let Some((_, at)) = channel.retrieved.take() {
            channel.held = None;
            self.say(at, Fact::Retrieved(id.clone()));
        }
    }

    /// Whoever transfers has taken nothing back.
    fn transfers(&mut self, id: Option<&ChannelId>) {
        if let Some(channel) = id.and_then(|id| self.channels.get_mut(id)) {
            channel.retrieved = None;
        }
    }

    fn key(&mut self, block: &Block<'_>, now: Now) {
        let Some(id) = self.known(block, "") else { return };
        let Some(channel) = self.channels.get(&id) else { return };
        let ours = channel.info.pipe.is_some() || now.mono < channel.keys_are_ours;
        let key = block.value("Digit").and_then(|digit| digit.chars().next());
        if let (Some(key), Some("Received"), false) = (key, block.value("Direction"), ours) {
            self.say(block.stamp(), Fact::Dtmf(id, key));
        }
    }

    /// Asterisk works its features by keys as if the party had pressed them.
    pub(super) fn press_keys(&mut self, id: &ChannelId, now: Now) {
        if let Some(channel) = self.channels.get_mut(id) {
            channel.keys_are_ours = now.mono.after(KEYS_TAKE);
        }
    }

    fn blind_transfer(&mut self, block: &Block<'_>) {
        let (Some(by), Some("Success")) = (Self::id(block, "Transferer"), block.value("Result"))
        else {
            return;
        };
        self.transfers(Some(&by));
        let to = block.value("Extension").map(|to| Pii::new(to.to_owned()));
        let moved = Self::id(block, "Transferee");
        let kind = Transfer::Blind;
        self.say(block.stamp(), Fact::Transferred { by, kind, moved, target: None, to });
    }

    /// A conference of three is told as a transfer too, though nobody leaves.
    fn attended_transfer(&mut self, block: &Block<'_>) {
        if block.value("DestType") == Some("Threeway") {
            return;
        }
        let (Some(by), Some("Success")) =
            (Self::id(block, "OrigTransferer"), block.value("Result"))
        else {
            return;
        };
        self.transfers(Some(&by));
        self.transfers(Self::id(block, "SecondTransferer").as_ref());
        let fact = Fact::Transferred {
            by,
            kind: Transfer::Attended,
            moved: Self::id(block, "Transferee"),
            target: Self::id(block, "TransferTarget"),
            to: None,
        };
        self.say(block.stamp(), fact);
    }

    fn pickup(&mut self, block: &Block<'_>) {
        if let (Some(new), Some(old)) = (Self::id(block, ""), Self::id(block, "Target")) {
            self.say(block.stamp(), Fact::Replaced { old, new });
        }
    }

    /// `UserEvent(trunkline,key: value,...)` in the dialplan.
    fn user_event(&mut self, block: &Block<'_>) {
        let ours = block.value("UserEvent").is_some_and(|n| n.eq_ignore_ascii_case("trunkline"));
        let (true, Some(channel)) = (ours, self.known(block, "")) else { return };
        for (key, value) in block.behind("UserEvent") {
            let (channel, key) = (channel.clone(), key.to_owned());
            let value = Pii::new(value.to_owned());
            self.say(block.stamp(), Fact::Data { channel, key, value });
        }
    }

    /// The first request says who: `SoftHangupRequest` follows for the same channel in any case.
    fn ends_by(&mut self, block: &Block<'_>, by: EndedBy) {
        let Some(id) = self.known(block, "") else { return };
        if let Some(channel) = self.channels.get_mut(&id) {
            let pipe = channel.info.pipe.is_some();
            channel.ended_by.get_or_insert(if pipe { EndedBy::Pbx } else { by });
        }
    }

    fn hangup(&mut self, block: &Block<'_>) {
        let Some(id) = Self::id(block, "") else { return };
        self.leaves_queue(&id, block.stamp(), None);
        if let Some(channel) = self.remove(&id) {
            self.say(block.stamp(), Fact::Ended(id, channel.end(block)));
        }
    }
}
