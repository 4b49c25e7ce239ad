//! What the routes of the gate ask of the application.

use std::sync::Arc;
use tokio::sync::oneshot;
use trunkline_core::engine::{PermitAnswer, PermitRequest};
use trunkline_core::gate::{DialPlans, Slice};
use trunkline_core::model::NumberRef;
use trunkline_core::vault::BlindIndex;

/// What is asked of the engine.
#[derive(Debug)]
pub enum GateOrder {
    /// The gate as far as one callee is concerned.
    Look {
        /// Key in the do-not-call list.
        key: Option<NumberRef>,
        /// Who is called, as the customer records name them.
        customer: Option<String>,
        /// Who waits.
        done: oneshot::Sender<Slice>,
    },
    /// A permit; the answer is durable.
    Permit {
        /// For what.
        request: Box<PermitRequest>,
        /// Who waits.
        done: oneshot::Sender<PermitAnswer>,
    },
}

/// Takes an order; `false`: it cannot be taken now. Must not block.
pub type GiveGateOrder = Arc<dyn Fn(GateOrder) -> bool + Send + Sync>;

/// What answers about the gate are made of.
#[derive(Clone)]
pub struct GateDeps {
    /// How the site dials now, and where otherwise.
    pub plans: Arc<dyn Fn() -> DialPlans + Send + Sync>,
    /// Keys of the do-not-call list.
    pub list_refs: BlindIndex,
    /// The engine.
    pub give: GiveGateOrder,
}
