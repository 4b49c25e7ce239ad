//! A call that began with a desk's order to dial: the agent's phone is called first, by the PBX,
//! and when it has answered the customer's INVITE comes to the trunk. Both are one call.

use super::input::Start;
use super::machine::{CALLER, CallMachine};
use crate::model::{ConnectionState as S, Moment, Now};

impl CallMachine {
    /// Only the phone that was called first is in it, and no INVITE has come.
    pub fn awaits_invite(&self) -> bool {
        let [phone] = self.call.legs.as_slice() else { return false };
        !self.on_trunk() && !self.is_over() && phone.ended.is_none() && !self.leaves(phone.id)
    }

    /// The INVITE has come: the phone is its caller, and rings and answers from here on are the
    /// customer's. The call keeps its identity, its beginning and the phone's own stamps.
    pub fn goes_out(&mut self, start: Start, now: Now) {
        let at = Moment::measured(start.arrival, now);
        self.correct(|origin| {
            origin.direction = start.direction;
            origin.purpose = start.purpose.map(String::into_boxed_str);
            origin.to = start.to;
            origin.dialed = start.dialed;
            origin.signalling = start.signalling;
        });
        let call = self.edit();
        call.dialog = start.dialog.into();
        call.state = S::Initiated;
        (call.alerting, call.network_reached, call.answered) = (None, None, None);
        let phone = &mut call.legs[CALLER];
        (phone.state, phone.since) = (S::Initiated, at.pbx_time);
        self.caller_is_known(at);
    }
}
