//! What SIP signalling means for calls.

use super::input::Outputs;
use super::writer::Engine;
use crate::call::{CallInput, Party2, ReasonText};
use crate::model::{CallId, Now};
use crate::sip::{AskId, DialogIds, MediaDirection, PeerKind, Reason, Signal};

impl Engine {
    /// Handles one signal.
    pub(super) fn signal(&mut self, now: Now, signal: Signal, out: &mut Outputs) {
        match signal {
            Signal::Ask { ask, offer } => match offer.kind {
                PeerKind::Carrier => self.inbound(now, ask, *offer, out),
                PeerKind::Pbx => self.outbound(now, ask, *offer, out),
            },
            Signal::Forwarded { ask, peer } => {
                self.line_forwarded(now, ask, peer, out);
                let line = self.config.neighbours.get(&peer).map(|n| n.name.clone());
                let line = line.unwrap_or_default();
                self.feed_ask(now, ask, CallInput::Forwarded { line }, out);
            }
            Signal::Response { ask, peer, status, phrase, to_tag, sdp, arrival, .. } => {
                self.line_response(now, ask, peer, status, &phrase, out);
                let input = match status {
                    100..200 => CallInput::Provisional { status, sdp, arrival },
                    200..300 => CallInput::Answered { tag: to_tag, status, arrival },
                    // A branch failed; the attempt ends with `Rejected`, if it ends.
                    _ => return,
                };
                self.feed_ask(now, ask, input, out);
                if (200..300).contains(&status) {
                    if let Some(call) = self.table.of_ask(ask) {
                        self.took_over(now, call, arrival, out);
                    }
                    self.table.release_ask(ask);
                }
            }
            Signal::Cancelled { ask, reason, arrival } => {
                let reason = reason.map(text);
                self.feed_ask(now, ask, CallInput::CancelRequested { reason, arrival }, out);
                self.forget_waiting(now, ask, out);
            }
            Signal::Rejected { ask, status, phrase, reason, local, arrival } => {
                self.line_rejected(now, ask, status, local, out);
                let reason = reason.map(text);
                let input = CallInput::Rejected { status, phrase, reason, local, arrival };
                self.rejected(now, ask, status, input, out);
            }
            Signal::MidDialog {
                method,
                ids,
                cseq,
                media,
                transfer,
                progress,
                reason,
                arrival,
                ..
            } => {
                let Some((call, by)) = self.find(&ids) else { return };
                if let Some(transfer) = transfer {
                    self.referred(call, by, cseq, transfer);
                }
                if let Some(status) = progress {
                    self.refer_progress(now, call, status, arrival, out);
                }
                self.mid_dialog(now, call, by, &method, cseq, media, &ids, out);
                if method == "BYE" {
                    self.refer_done(now, call, arrival, out);
                    let reason = reason.map(text);
                    self.feed(now, call, CallInput::Bye { by, reason, arrival }, out);
                }
            }
            Signal::MidDialogFinal { method, ids, cseq, status, arrival, .. } => {
                let accepted_media = (200..300).contains(&status) && carries_media(&method);
                if !accepted_media && method != "REFER" {
                    return;
                }
                let Some((call, by)) = self.find(&ids) else { return };
                if method == "REFER" {
                    return self.refer_answered(call, by, cseq, status);
                }
                let agreed = self.table.entry(call).and_then(|e| e.agreed(by, cseq));
                if let Some(hold) = agreed {
                    self.feed(now, call, CallInput::MediaAgreed { by, hold, arrival }, out);
                }
            }
            Signal::Own { id, outcome, .. } => self.own_is_over(now, id, outcome, out),
            Signal::AnsweredLate { peer, .. } => self.line_answered_late(now, peer, out),
            Signal::Late { method, ids, status, reason, arrival, .. } => {
                if method == "INVITE" {
                    self.late(now, &ids, status, reason, arrival, out);
                }
            }
        }
    }

    fn feed_ask(&mut self, now: Now, ask: AskId, input: CallInput, out: &mut Outputs) {
        match self.table.of_ask(ask) {
            Some(call) => self.feed(now, call, input, out),
            None => self.totals.strays += 1,
        }
    }

    fn find(&mut self, ids: &DialogIds) -> Option<(CallId, Party2)> {
        let found = self.table.of_dialog(ids);
        self.totals.strays += u64::from(found.is_none());
        found
    }

    #[allow(clippy::too_many_arguments)] // the parts of one signal
    fn mid_dialog(
        &mut self,
        now: Now,
        call: CallId,
        by: Party2,
        method: &str,
        cseq: u32,
        media: Option<MediaDirection>,
        ids: &DialogIds,
        out: &mut Outputs,
    ) {
        if let Some(media) = media.filter(|_| carries_media(method))
            && let Some(entry) = self.table.entry(call)
        {
            let hold = matches!(media, MediaDirection::SendOnly | MediaDirection::Inactive);
            entry.propose(by, cseq, hold);
        }
        if matches!(method, "INVITE" | "REFER" | "BYE") {
            let callee_tag = match by {
                Party2::Caller => ids.to_tag.clone(),
                Party2::Callee => ids.from_tag.clone(),
            };
            self.feed(now, call, CallInput::Seen { callee_tag }, out);
        }
    }

    /// A response to an INVITE of an earlier run.
    fn late(
        &mut self,
        now: Now,
        ids: &DialogIds,
        status: u16,
        reason: Option<Reason>,
        arrival: crate::model::Arrival,
        out: &mut Outputs,
    ) {
        let Some((call, _)) = self.find(ids) else { return };
        let input = match status {
            ..200 => CallInput::Provisional { status, sdp: false, arrival },
            200..300 => CallInput::Answered { tag: ids.to_tag.clone(), status, arrival },
            _ => CallInput::Rejected {
                status,
                phrase: String::new(),
                reason: reason.map(text),
                local: false,
                arrival,
            },
        };
        self.feed(now, call, input, out);
    }
}

fn carries_media(method: &str) -> bool {
    matches!(method, "INVITE" | "UPDATE")
}

fn text(reason: Reason) -> ReasonText {
    ReasonText { q850: reason.q850, text: reason.text }
}
