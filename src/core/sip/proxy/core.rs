//! The core's public face.

use crate::model::{Mono, Now};
use crate::sip::{AskId, CoreConfig, Counters, Outputs, Received, Refusal, RoutePlan, Sizes};

/// A record-routing, transaction-stateful proxy without IO.
pub struct Core {
    config: CoreConfig,
    counters: Counters,
    draining: bool,
}

impl Core {
    /// An empty core.
    pub fn new(config: CoreConfig) -> Self {
        Self { config, counters: Counters::default(), draining: false }
    }

    /// Takes one datagram.
    pub fn receive(&mut self, _now: Now, _datagram: Received<'_>, _out: &mut Outputs) {
        todo!()
    }

    /// Fires what is due; call it at `next_deadline` or later.
    pub fn tick(&mut self, _now: Now, _out: &mut Outputs) {
        todo!()
    }

    /// When `tick` has something to do.
    pub fn next_deadline(&self) -> Option<Mono> {
        let _ = &self.config;
        todo!()
    }

    /// Answers an ask: forward. An ask that is over is counted and ignored.
    pub fn route(&mut self, _now: Now, _ask: AskId, _plan: RoutePlan, _out: &mut Outputs) {
        todo!()
    }

    /// Answers an ask: refuse. An ask that is over is counted and ignored.
    pub fn refuse(&mut self, _now: Now, _ask: AskId, _refusal: Refusal, _out: &mut Outputs) {
        todo!()
    }

    /// Counts since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Live entries of each table.
    pub fn sizes(&self) -> Sizes {
        todo!()
    }

    /// While draining, new INVITEs and OPTIONS to us get 503; calls in progress go on.
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }
}
