//! The calls in progress and how signalling finds them.

use super::claims::Referral;
use crate::call::{CallMachine, Party2};
use crate::line::{LineIx, Way};
use crate::model::{CallId, Dialog, Mono, OwnMap};
use crate::sip::{AskId, DialogIds};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Proposals of media that wait for their answer; more than that is no telephone.
const PROPOSALS_MAX: usize = 4;

/// A call and what the engine remembers beside its entity.
pub(super) struct Entry {
    /// The machine.
    pub machine: CallMachine,
    /// Last signalling.
    pub seen: Mono,
    /// Pending INVITE transaction.
    pub ask: Option<AskId>,
    /// Offered media changes: who, CSeq, hold.
    pub proposals: Vec<(Party2, u32, bool)>,
    /// The line it is on.
    pub line: Option<LineUse>,
    /// A transfer asked for.
    pub referral: Option<Referral>,
    /// The call that this one takes over when it is answered, and who leaves it.
    pub replaces: Option<(CallId, Party2)>,
}

/// A call on a line.
#[derive(Clone, Debug)]
pub(super) struct LineUse {
    /// Which.
    pub line: LineIx,
    /// Which way the call goes.
    pub way: Way,
    /// Since when.
    pub since: Mono,
    /// The line has answered.
    pub heard: bool,
    /// It has rung.
    pub rung: bool,
    /// Its end is in the line's ratios.
    pub counted: bool,
    /// Why the line did not serve it.
    pub failure: Option<Box<str>>,
}

impl LineUse {
    pub(super) fn new(line: LineIx, way: Way, since: Mono) -> Self {
        // A call that comes in is itself the sign of life.
        let heard = way == Way::In;
        Self { line, way, since, heard, rung: false, counted: heard, failure: None }
    }
}

impl Entry {
    pub(super) fn new(machine: CallMachine, seen: Mono) -> Self {
        let (ask, line, referral, replaces) = (None, None, None, None);
        Self { machine, seen, ask, proposals: Vec::new(), line, referral, replaces }
    }

    pub(super) fn propose(&mut self, by: Party2, cseq: u32, hold: bool) {
        if self.proposals.len() == PROPOSALS_MAX {
            self.proposals.remove(0);
        }
        self.proposals.push((by, cseq, hold));
    }

    pub(super) fn agreed(&mut self, by: Party2, cseq: u32) -> Option<bool> {
        let at = self.proposals.iter().position(|p| (p.0, p.1) == (by, cseq))?;
        Some(self.proposals.remove(at).2)
    }
}

/// Calls by id, by pending INVITE and by dialog (Call-ID and caller's tag: a Call-ID alone is
/// shared by forks and spirals).
#[derive(Default)]
pub(super) struct Table {
    /// Boxed: a table that grows moves pointers, and its free places cost little.
    entries: OwnMap<CallId, Box<Entry>>,
    by_ask: OwnMap<AskId, CallId>,
    by_dialog: OwnMap<u128, CallId>,
    dialog_keys: DialogKeys,
    /// By Call-ID alone, for control links; kept where there are any.
    by_call_id: Option<HashMap<String, CallId>>,
}

/// Makes keys of dialogs: a keyed hash of 128 bits, which no peer can make meet, takes a third of
/// the memory of the texts and is found without looking at one.
struct DialogKeys(SipHasher13);

impl Default for DialogKeys {
    fn default() -> Self {
        let random = RandomState::new();
        Self(SipHasher13::new_with_keys(random.hash_one(0), random.hash_one(1)))
    }
}

impl DialogKeys {
    fn key(&self, call_id: &str, caller_tag: &str) -> u128 {
        let mut hasher = self.0;
        hasher.write(call_id.as_bytes());
        hasher.write_u8(0); // cannot stand in either (RFC 3261 §25.1)
        hasher.write(caller_tag.as_bytes());
        hasher.finish128().as_u128()
    }
}

impl Table {
    /// Finds calls by their Call-ID alone from now on.
    pub(super) fn index_call_ids(&mut self) {
        self.by_call_id.get_or_insert_default();
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn asks(&self) -> usize {
        self.by_ask.len()
    }

    pub(super) fn insert(&mut self, entry: Entry) -> CallId {
        let id = entry.machine.call().id;
        self.index_dialog(id, &entry.machine.call().dialog.clone());
        if let Some(ask) = entry.ask {
            self.by_ask.insert(ask, id);
        }
        self.entries.insert(id, Box::new(entry));
        id
    }

    /// From here on the call has this dialog.
    pub(super) fn index_dialog(&mut self, id: CallId, dialog: &Dialog) {
        let Dialog { call_id, caller_tag, .. } = dialog;
        if call_id.is_empty() {
            return;
        }
        self.by_dialog.insert(self.dialog_keys.key(call_id, caller_tag), id);
        if let Some(by_call_id) = &mut self.by_call_id {
            by_call_id.insert(call_id.clone(), id);
        }
    }

    pub(super) fn bind_ask(&mut self, id: CallId, ask: AskId) {
        if let Some(entry) = self.entries.get_mut(&id)
            && let Some(old) = entry.ask.replace(ask)
        {
            self.by_ask.remove(&old);
        }
        self.by_ask.insert(ask, id);
    }

    /// The INVITE transaction is over.
    pub(super) fn release_ask(&mut self, ask: AskId) {
        if let Some(id) = self.by_ask.remove(&ask)
            && let Some(entry) = self.entries.get_mut(&id)
        {
            entry.ask = None;
        }
    }

    pub(super) fn of_ask(&self, ask: AskId) -> Option<CallId> {
        self.by_ask.get(&ask).copied()
    }

    /// The call of a dialog and which party sent the message.
    pub(super) fn of_dialog(&self, ids: &DialogIds) -> Option<(CallId, Party2)> {
        let find = |tag: &str| {
            let key = self.dialog_keys.key(&ids.call_id, tag);
            self.by_dialog.get(&key).copied()
        };
        match find(&ids.from_tag) {
            Some(id) => Some((id, Party2::Caller)),
            None => find(&ids.to_tag).map(|id| (id, Party2::Callee)),
        }
    }

    /// The newest call on the trunk with this Call-ID.
    pub(super) fn of_call_id(&self, call_id: &str) -> Option<CallId> {
        self.by_call_id.as_ref()?.get(call_id).copied()
    }

    pub(super) fn get(&self, id: CallId) -> Option<&Entry> {
        self.entries.get(&id).map(|entry| &**entry)
    }

    pub(super) fn entry(&mut self, id: CallId) -> Option<&mut Entry> {
        self.entries.get_mut(&id).map(|entry| &mut **entry)
    }

    /// Forgets a call; the line it was on.
    pub(super) fn remove(&mut self, id: CallId) -> Option<LineUse> {
        let entry = self.entries.remove(&id)?;
        let Dialog { call_id, caller_tag, .. } = &*entry.machine.call().dialog;
        let dialog = self.dialog_keys.key(call_id, caller_tag);
        if self.by_dialog.get(&dialog) == Some(&id) {
            self.by_dialog.remove(&dialog);
        }
        if let Some(by_call_id) = &mut self.by_call_id
            && by_call_id.get(call_id) == Some(&id)
        {
            by_call_id.remove(call_id);
        }
        if let Some(ask) = entry.ask {
            self.by_ask.remove(&ask);
        }
        entry.line
    }

    /// Calls without signalling since `limit`.
    pub(super) fn silent_since(&self, limit: Mono) -> Vec<CallId> {
        let mut silent: Vec<CallId> =
            self.entries.iter().filter(|(_, e)| e.seen < limit).map(|(id, _)| *id).collect();
        silent.sort_unstable(); // the same inputs give the same events
        silent
    }

    pub(super) fn machines_mut(&mut self) -> impl Iterator<Item = &mut CallMachine> {
        self.entries.values_mut().map(|e| &mut e.machine)
    }

    pub(super) fn machines(&self) -> impl Iterator<Item = &CallMachine> {
        self.entries.values().map(|e| &e.machine)
    }
}
