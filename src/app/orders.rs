//! How the runtime speaks to the SIP thread: a bounded inbox and a waker.

use crate::io::desk::DeskOrder;
use crate::io::http::GateOrder;
use crate::io::wake::Waker;
use crossbeam_channel::{Sender, TrySendError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;
use trunkline_core::engine::{ClockState, Explained, ProbeAnswer, Reconciling, ShadowNews};
use trunkline_core::gate::{Book, DialPlans, Register};
use trunkline_core::model::{Call, CallId, ClaimEntry, DncEntry, Line, LineOrder, Link, Pos};
use trunkline_core::sip::{Endpoint, PeerId};

/// One order.
pub(super) enum Order {
    /// The explainer's answer.
    Explained(Explained),
    /// Do-not-call entries; `done` hears the position once it is durable.
    Dnc {
        /// Entries.
        entries: Vec<DncEntry>,
        /// Who waits.
        done: oneshot::Sender<Pos>,
    },
    /// Claims; `done` as above.
    Claims {
        /// Recorded, or withdrawn.
        entries: Vec<ClaimEntry>,
        /// Who waits.
        done: oneshot::Sender<Pos>,
    },
    /// A call that is live or ended within the hour.
    CallKnown {
        /// Which.
        id: CallId,
        /// Who waits.
        done: oneshot::Sender<Option<Arc<Call>>>,
    },
    /// An edition of a register that is on disk; `done` as above.
    Register {
        /// It.
        register: Arc<Register>,
        /// Who waits.
        done: oneshot::Sender<Pos>,
    },
    /// An operator's order about a line; `done` hears the position once it is durable.
    Line {
        /// Line.
        name: String,
        /// Order.
        order: LineOrder,
        /// Who gives it.
        who: String,
        /// Who waits.
        done: oneshot::Sender<Pos>,
    },
    /// Probe a line now; `done` hears what each of its addresses said.
    TestLine {
        /// Line.
        name: String,
        /// Who waits.
        done: oneshot::Sender<Vec<ProbeAnswer>>,
    },
    /// How all lines stand.
    Lines {
        /// Who waits.
        done: oneshot::Sender<Vec<Line>>,
    },
    /// How all control links stand.
    Links {
        /// Who waits.
        done: oneshot::Sender<Vec<Link>>,
    },
    /// Take no new calls; `done` hears when none is taken any more and the figures say so.
    Drain {
        /// Who waits.
        done: oneshot::Sender<()>,
    },
    /// The resolver's newest answer for a neighbour.
    Endpoints {
        /// Neighbour.
        peer: PeerId,
        /// In order of preference.
        endpoints: Vec<Endpoint>,
    },
    /// The gate's rules were read anew, and with them how the site dials.
    Rules {
        /// They.
        book: Arc<Book>,
        /// Dial plans with the numbers that they leave ungated.
        plans: DialPlans,
    },
    /// They could not be used: why.
    RulesRefused(String),
    /// Call records are to be reconciled, or were.
    Reconciling(Reconciling),
    /// The gate's data ends soon: what to do.
    GateAlarm(String),
    /// Of the rules that are tried out.
    Shadow(ShadowNews),
    /// How the wall clock stands.
    Clock {
        /// Who waits.
        done: oneshot::Sender<ClockState>,
    },
    /// An administrator says that the wall clock is right; `done` hears when that is durable.
    ConfirmClock {
        /// Who.
        who: String,
        /// Who waits.
        done: oneshot::Sender<Pos>,
    },
    /// About the gate.
    Gate(GateOrder),
    /// Of a desk.
    Desk(DeskOrder),
    /// End the thread.
    Stop,
}

/// The sending side; clones share it.
#[derive(Clone)]
pub(super) struct Orders {
    inbox: Sender<Order>,
    durable: Arc<AtomicU64>,
    waker: Waker,
}

impl Orders {
    pub(super) fn new(inbox: Sender<Order>, durable: Arc<AtomicU64>, waker: Waker) -> Self {
        Self { inbox, durable, waker }
    }

    /// Gives an order; `false` if the inbox is full or the thread is gone.
    pub(super) fn give(&self, order: Order) -> bool {
        let given = match self.inbox.try_send(order) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        };
        self.waker.wake();
        given
    }

    /// Everything through this position is durable.
    pub(super) fn durable(&self, through: Pos) {
        self.durable.store(through.0, Ordering::Release);
        self.waker.wake();
    }
}
