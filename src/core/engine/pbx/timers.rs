//! What is due for calls of control links.

use crate::engine::input::{Outputs, PbxIx};
use crate::engine::writer::Engine;
use crate::model::{CallId, Mono, Now};
use crate::pbx::{BridgeId, ChannelId};
use std::collections::BTreeMap;
use std::time::Duration;

/// What explains an end (who hung up, a transfer) comes within this, if it comes: recorded PBXs
/// tell the ends of one call within some ten milliseconds.
pub(super) const GRACE: Duration = Duration::from_millis(500);
/// The INVITE of a channel comes by within this, if it comes by.
pub(super) const INVITE_WAIT: Duration = Duration::from_secs(2);

/// What is to be looked at.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// Ends that wait in this call.
    Ends(CallId),
    /// A channel whose INVITE was waited for.
    Invite(PbxIx, ChannelId),
    /// Parties of different calls, or more than two, in this bridge.
    Bridge(PbxIx, BridgeId),
}

/// In the order of time.
#[derive(Default)]
pub(super) struct Timers {
    queue: BTreeMap<(Mono, u64), Due>,
    count: u64,
}

impl Timers {
    pub(super) fn set(&mut self, at: Mono, due: Due) {
        self.count += 1;
        self.queue.insert((at, self.count), due);
    }

    fn take(&mut self, now: Mono) -> Option<Due> {
        let first = self.queue.first_entry().filter(|e| e.key().0 <= now)?;
        Some(first.remove())
    }
}

impl Engine {
    /// When something is due for calls of control links.
    pub(in crate::engine) fn pbx_deadline(&self) -> Option<Mono> {
        self.boards.timers.queue.first_key_value().map(|(key, _)| key.0)
    }

    pub(in crate::engine) fn pbx_tick(&mut self, now: Now, out: &mut Outputs) {
        while let Some(due) = self.boards.timers.take(now.mono) {
            match due {
                Due::Ends(call) => {
                    let before = now.wall.before(GRACE);
                    self.feed_with(now, call, out, |machine, facts| machine.settle(before, facts));
                }
                Due::Invite(ix, id) => self.gone_astray(now, ix, &id, out),
                Due::Bridge(ix, bridge) => self.bridge_settled(now, ix, &bridge, out),
            }
        }
    }
}
