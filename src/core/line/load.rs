//! Calls on a line and their limits.

use super::settings::CallLimits;

/// Which way a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the carrier.
    In,
    /// To the carrier.
    Out,
}

/// Calls on one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    pub(super) limits: CallLimits,
    pub(super) inbound: u32,
    pub(super) outbound: u32,
    /// The limit was reached and told; it is told again after there was room for a tenth of it.
    told: [bool; 2],
}

impl Load {
    pub(super) fn new(limits: CallLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) fn began(&mut self, way: Way) {
        match way {
            Way::In => self.inbound += 1,
            Way::Out => self.outbound += 1,
        }
    }

    pub(super) fn ended(&mut self, way: Way) {
        match way {
            Way::In => self.inbound = self.inbound.saturating_sub(1),
            Way::Out => self.outbound = self.outbound.saturating_sub(1),
        }
        for way in [Way::In, Way::Out] {
            let free = self.free(way).is_none_or(|(free, limit)| free > limit / 10);
            self.told[index(way)] &= !free;
        }
    }

    pub(super) fn calls(&self) -> u32 {
        self.inbound + self.outbound
    }

    pub(super) fn has_room(&self, way: Way) -> bool {
        self.free(way).is_none_or(|(free, _)| free > 0)
    }

    /// Is this the first time that the limit of this episode is met?
    pub(super) fn tell_full(&mut self, way: Way) -> bool {
        !std::mem::replace(&mut self.told[index(way)], true)
    }

    /// Free places and the limit they come from: the scarcer of the two that apply.
    fn free(&self, way: Way) -> Option<(u32, u32)> {
        let (used, own) = match way {
            Way::In => (self.inbound, self.limits.inbound),
            Way::Out => (self.outbound, self.limits.outbound),
        };
        let own = own.map(|limit| (limit.saturating_sub(used), limit));
        let all = self.limits.all.map(|limit| (limit.saturating_sub(self.calls()), limit));
        [own, all].into_iter().flatten().min()
    }

    pub(super) fn reason(&self) -> String {
        let shown = |limit: Option<u32>| limit.map_or("none".to_owned(), |l| l.to_string());
        format!(
            "{} calls in (limit {}), {} out (limit {}), limit of both {}",
            self.inbound,
            shown(self.limits.inbound),
            self.outbound,
            shown(self.limits.outbound),
            shown(self.limits.all)
        )
    }
}

fn index(way: Way) -> usize {
    match way {
        Way::In => 0,
        Way::Out => 1,
    }
}
