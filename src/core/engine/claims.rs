//! What an INVITE claims beyond its parties, and transfers.

use super::input::Outputs;
use super::writer::Engine;
use crate::call::{CallInput, Party2, Replaced};
use crate::model::{Arrival, CallId, Now, Pii, Signalling, Transfer, Transferred};
use crate::sip::{DialogIds, Offer, Privacy, WireFacts};

/// Longest User-to-User value that an event holds; RFC 7433 §3.1 leaves it at 128 octets, twice that
/// in hexadecimal digits, and some switches join several.
const USER_TO_USER_MAX: usize = 1024;

/// A transfer that a party has asked for by REFER.
pub(super) struct Referral {
    /// Who asked.
    by: Party2,
    /// CSeq of the REFER.
    cseq: u32,
    /// Which kind.
    transfer: Transfer,
    /// The other side agreed to try (202).
    accepted: bool,
}

impl Engine {
    /// The caller as it wants to be known: asserted by its network (RFC 3325), unless it asked for
    /// privacy; then what it wrote itself (RFC 3323 §4.1.1.3).
    pub(super) fn caller<'a>(&self, offer: &'a Offer) -> &'a str {
        let asserted = offer.asserted_user.as_deref().filter(|_| !is_private(&offer.facts));
        asserted.unwrap_or(&offer.from_user)
    }

    /// Claims of an INVITE; most have none.
    pub(super) fn signalling(&mut self, offer: &Offer) -> Option<Box<Signalling>> {
        let facts = &offer.facts;
        let user_to_user = facts.user_to_user.as_ref().filter(|u| u.len() <= USER_TO_USER_MAX);
        let diverted_from = facts.diversion.as_ref().filter(|_| !hides_history(facts));
        let said = Signalling {
            diverted_from: diverted_from.map(|d| self.desk_parties.party(&d.user, "")),
            diversion_reason: facts.diversion.as_ref().and_then(|d| d.reason.clone()),
            user_to_user: user_to_user.cloned().map(Pii::new),
            session_id: facts.session_id.clone(),
            attest: facts.attest,
            private: is_private(facts),
        };
        (said != Signalling::default()).then(|| Box::new(said))
    }

    /// The live call that an INVITE takes over (RFC 3891).
    pub(super) fn replaced(&self, offer: &Offer) -> Option<Replaced> {
        let dialog = offer.facts.replaces.as_ref()?;
        let ids = DialogIds {
            call_id: dialog.call_id.clone(),
            from_tag: dialog.from_tag.clone(),
            to_tag: dialog.to_tag.clone(),
        };
        // The tags are those of whom the INVITE is for, who stays: from-tag is the other's.
        let (call, leaver) = self.table.of_dialog(&ids)?;
        let thread = self.table.get(call)?.machine.call().thread_id;
        Some(Replaced { call, thread, leaver })
    }

    /// A party asks the other to call somebody else.
    pub(super) fn referred(&mut self, call: CallId, by: Party2, cseq: u32, transfer: Transfer) {
        if let Some(entry) = self.table.entry(call) {
            entry.referral = Some(Referral { by, cseq, transfer, accepted: false });
        }
    }

    /// The other side agrees to try, or not.
    pub(super) fn refer_answered(&mut self, call: CallId, by: Party2, cseq: u32, status: u16) {
        let Some(entry) = self.table.entry(call) else { return };
        match &mut entry.referral {
            Some(r) if (r.by, r.cseq) != (by, cseq) => {}
            Some(r) if status < 300 => r.accepted = true,
            referral => *referral = None,
        }
    }

    /// NOTIFY tells how the new call of a REFER fares (RFC 3515 §2.4.4).
    pub(super) fn refer_progress(
        &mut self,
        now: Now,
        call: CallId,
        status: u16,
        arrival: Arrival,
        out: &mut Outputs,
    ) {
        match status {
            ..200 => {}
            200..300 => self.refer_done(now, call, arrival, out),
            _ => {
                if let Some(entry) = self.table.entry(call) {
                    entry.referral = None; // the call stays as it was
                }
            }
        }
    }

    /// The transfer has happened: it was confirmed, or one side hangs up after it was accepted
    /// (RFC 5589 §6.1), so that no NOTIFY can follow.
    pub(super) fn refer_done(
        &mut self,
        now: Now,
        call: CallId,
        arrival: Arrival,
        out: &mut Outputs,
    ) {
        let referral = self.table.entry(call).and_then(|e| e.referral.take());
        let Some(Referral { by, transfer, accepted: true, .. }) = referral else { return };
        let transfer = Transferred { kind: transfer, to_call: None };
        let input = CallInput::Transferred { by, transfer, arrival };
        self.feed(now, call, input, out);
    }

    /// An answered INVITE with Replaces: its predecessor goes on as this call.
    pub(super) fn took_over(
        &mut self,
        now: Now,
        call: CallId,
        arrival: Arrival,
        out: &mut Outputs,
    ) {
        let replaces = self.table.entry(call).and_then(|e| e.replaces.take());
        let Some((old, by)) = replaces else { return };
        let transfer = Transferred { kind: Transfer::Attended, to_call: Some(call) };
        self.feed(now, old, CallInput::Transferred { by, transfer, arrival }, out);
    }
}

fn is_private(facts: &WireFacts) -> bool {
    facts.privacy.iter().any(|p| matches!(p, Privacy::Id | Privacy::User | Privacy::Header))
}

fn hides_history(facts: &WireFacts) -> bool {
    facts.privacy.iter().any(|p| matches!(p, Privacy::History | Privacy::Header))
}
