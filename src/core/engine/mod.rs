//! R3: the single writer. Only [`Engine::handle`] changes call and gate state.
//!
//! Inputs are datagrams, timers, what the journal made durable, answers of the explainer and
//! orders of the operator; outputs are datagrams, events and questions, drained before the next
//! input. The same inputs give the same bytes.

mod agents;
mod claims;
mod clock;
mod commands;
mod control;
mod dialing;
mod dials;
mod handover;
mod incidents;
mod input;
mod line_calls;
mod lines;
mod links;
mod listing;
mod on_record;
mod orders;
mod overflow;
mod overrides;
mod parties;
mod pbx;
mod people;
mod permits;
mod plans;
mod probing;
mod queues;
mod records;
mod request;
mod rights;
mod shadow;
mod signals;
mod staff;
mod table;
mod writer;

#[cfg(test)]
mod tests;

pub use crate::model::LinkKind;

pub use clock::{ClockFault, ClockStart, ClockState};
pub use input::{
    AgentsConfig, Bypass, EngineConfig, ExplainJob, Explained, Input, LineConfig, LinkIx,
    Neighbour, Outputs, PbxIx, PbxOrder, ProbeAnswer, Reconciling, Restored, SwitchConfig, Tested,
    Totals,
};
pub use parties::PartyMaker;
pub use people::{LABELS, PeopleConfig, TransferBarrier};
pub use permits::{PermitAnswer, PermitRequest};
pub use request::{CommandAnswer, CommandArgs, CommandRequest, CommandTarget, Current};
pub use shadow::{Shadow, ShadowJob, ShadowNews};
pub use writer::Engine;
