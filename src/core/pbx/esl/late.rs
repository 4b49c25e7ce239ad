//! Facts that are held back for a moment because what comes next decides what they mean.
//!
//! FreeSWITCH has no event for a transfer. The leg of who transfers ends first, and only then
//! does another leg tell that it was moved; and it takes a held leg back before it ends it. Told
//! at once, the former would be a hang-up and the latter a retrieve that nobody did.

use crate::model::Mono;
use crate::pbx::{ChannelId, Observed};
use std::collections::VecDeque;
use std::time::Duration;

/// How long the end of a leg is held back at most. What decides came within 75 ms in all
/// recordings.
pub(super) const GRACE: Duration = Duration::from_millis(200);
/// How long a retrieve is held back. The end that unmasks it came within 60 ms in all recordings.
const RETRIEVE_GRACE: Duration = Duration::from_millis(100);

/// What is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LateKind {
    /// The end of a channel.
    Ended,
    /// A retrieve.
    Retrieved,
}

#[derive(Debug)]
struct Held {
    due: Mono,
    kind: LateKind,
    channel: ChannelId,
    partner: Option<ChannelId>,
    fact: Observed,
}

/// Facts held back, in order.
#[derive(Debug, Default)]
pub(super) struct Late {
    queue: VecDeque<Held>,
}

impl Late {
    /// Holds a fact of `channel` back, which talked with `partner`.
    pub fn hold(
        &mut self,
        now: Mono,
        kind: LateKind,
        channel: &ChannelId,
        partner: Option<ChannelId>,
        fact: Observed,
    ) {
        let due = now.after(match kind {
            LateKind::Ended => GRACE,
            LateKind::Retrieved => RETRIEVE_GRACE,
        });
        self.queue.push_back(Held { due, kind, channel: channel.clone(), partner, fact });
    }

    /// Releases the ends of channels for which `decided(channel, partner)`.
    pub fn release_ends(
        &mut self,
        out: &mut Vec<Observed>,
        decided: impl Fn(&ChannelId, Option<&ChannelId>) -> bool,
    ) {
        self.take(out, |held| {
            held.kind == LateKind::Ended && decided(&held.channel, held.partner.as_ref())
        });
    }

    /// Releases what has waited long enough.
    pub fn release_due(&mut self, now: Mono, out: &mut Vec<Observed>) {
        self.take(out, |held| held.due <= now);
    }

    /// Releases a retrieve: the party holds again.
    pub fn release_retrieve(&mut self, channel: &ChannelId, out: &mut Vec<Observed>) {
        self.take(out, |held| held.kind == LateKind::Retrieved && held.channel == *channel);
    }

    /// Forgets a retrieve: it was only the beginning of the end.
    pub fn forget_retrieve(&mut self, channel: &ChannelId) {
        self.queue.retain(|held| held.kind != LateKind::Retrieved || held.channel != *channel);
    }

    /// When the first is due.
    pub fn next_due(&self) -> Option<Mono> {
        self.queue.iter().map(|held| held.due).min()
    }

    fn take(&mut self, out: &mut Vec<Observed>, decided: impl Fn(&Held) -> bool) {
        let mut at = 0;
        while let Some(held) = self.queue.get(at) {
            if !decided(held) {
                at += 1;
            } else if let Some(held) = self.queue.remove(at) {
                out.push(held.fact);
            }
        }
    }
}
