//! What may be done to a leg.

use super::{ConnectionState as S, Leg};

/// An act on a leg that its state permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Take the call.
    Answer,
    /// Hold the others.
    Hold,
    /// And take them back.
    Retrieve,
    /// Send the others on.
    TransferBlind,
    /// Ask somebody first.
    TransferConsult,
    /// Join who was asked with the others.
    TransferComplete,
    /// Back to the others.
    TransferCancel,
    /// All hear each other.
    Conference,
    /// End this leg.
    Hangup,
    /// Send keys.
    Dtmf,
    /// Attach a value to the call.
    Data,
    /// Record a proof of the customer's identity.
    Identity,
    /// Say what becomes of the call.
    Label,
}

const TALKING: &[Action] = &[
    Action::Hold,
    Action::TransferBlind,
    Action::TransferConsult,
    Action::TransferComplete,
    Action::TransferCancel,
    Action::Conference,
    Action::Hangup,
    Action::Dtmf,
    Action::Data,
    Action::Identity,
    Action::Label,
];
const HOLDING: &[Action] = &[
    Action::Retrieve,
    Action::TransferBlind,
    Action::TransferConsult,
    Action::TransferComplete,
    Action::TransferCancel,
    Action::Conference,
    Action::Hangup,
    Action::Data,
    Action::Identity,
    Action::Label,
];

impl Leg {
    /// What its state permits. A leg that no control link showed permits nothing: there is nobody
    /// who could be told. Whether a consultation is under way is for the PBX to say.
    pub fn permitted_actions(&self) -> &'static [Action] {
        if self.channel.is_none() {
            return &[];
        }
        match (self.state, self.role.is_inside()) {
            (S::Null | S::Fail, _) => &[],
            (S::Alerting, true) => &[Action::Answer, Action::Hangup, Action::Data],
            (S::Connected, true) => TALKING,
            (S::Hold, true) => HOLDING,
            (S::Initiated | S::Queued, true) | (_, false) => &[Action::Hangup, Action::Data],
        }
    }
}
