//! The session: login, subscription, liveness, and where everything else is put together.

use super::settings::EslSettings;
use crate::model::{Mono, Now};
use crate::pbx::{Lane, LinkOutputs, Order, OrderId, Session};

/// One Event Socket link: two connections of ours, or one that FreeSWITCH opened.
pub struct EslSession {
    #[allow(dead_code)]
    settings: EslSettings,
}

impl EslSession {
    /// A link whose two connections we open; nothing is connected yet.
    pub fn new(settings: EslSettings) -> Self {
        Self { settings }
    }

    /// A link that is logged in and subscribed already: recorded events are played into it, on
    /// [`Lane::Events`], each as a `text/event-json` frame.
    pub fn observing(settings: EslSettings) -> Self {
        Self { settings }
    }

    /// A connection that FreeSWITCH opened for one call (`socket` in the dialplan): everything
    /// travels on [`Lane::Events`].
    pub fn outbound(settings: EslSettings) -> Self {
        Self { settings }
    }
}

impl Session for EslSession {
    fn connected(&mut self, _now: Now, _lane: Lane, _out: &mut LinkOutputs) {}
    fn received(&mut self, _now: Now, _lane: Lane, _bytes: &[u8], _out: &mut LinkOutputs) {}
    fn responded(&mut self, _: Now, _: u64, _: u16, _: &[u8], _: &mut LinkOutputs) {}
    fn order(&mut self, _now: Now, _id: OrderId, _order: &Order, _out: &mut LinkOutputs) {}
    fn dropped(&mut self, _now: Now, _events: u64, _out: &mut LinkOutputs) {}
    fn tick(&mut self, _now: Now, _out: &mut LinkOutputs) {}
    fn next_deadline(&self) -> Option<Mono> {
        None
    }
}
