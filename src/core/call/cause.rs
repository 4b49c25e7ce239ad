//! SIP status and Reason header (RFC 3326, Q.850) to a CSTA cause.

use super::input::{Ender, LegEnd};
use crate::model::{Cause, CstaCause};

/// What a Reason header said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReasonText {
    /// Q.850 cause.
    pub q850: Option<u8>,
    /// Text.
    pub text: String,
}

/// Cause of a final response. A Q.850 cause from the network is more exact than the status where
/// both exist, because gateways fold many causes into one status (RFC 3398 §7.2.4.1).
pub fn cause_of_status(status: u16, phrase: &str, reason: Option<&ReasonText>) -> Cause {
    let q850 = reason.and_then(|r| r.q850);
    let csta = q850.and_then(from_q850).unwrap_or_else(|| from_status(status));
    let text = match reason {
        Some(r) if !r.text.is_empty() => r.text.as_str().into(),
        _ => phrase.into(),
    };
    Cause { csta, sip_status: Some(status), q850, text }
}

/// Cause of a BYE: normal, unless its Reason says otherwise.
pub fn cause_of_bye(reason: Option<&ReasonText>) -> Cause {
    let q850 = reason.and_then(|r| r.q850);
    Cause {
        csta: q850.and_then(from_q850).unwrap_or(CstaCause::NormalClearing),
        sip_status: None,
        q850,
        text: reason.map(|r| r.text.as_str().into()).unwrap_or_default(),
    }
}

/// Cause of a call given up by its caller.
pub fn cause_of_cancel(reason: Option<&ReasonText>) -> Cause {
    Cause {
        csta: CstaCause::CallCancelled,
        sip_status: Some(487),
        q850: reason.and_then(|r| r.q850),
        text: reason.map(|r| r.text.as_str().into()).unwrap_or_default(),
    }
}

/// Cause of the end of a leg that a control link shows. The status is that of the very leg; the
/// Q.850 value is a PBX's translation of it.
pub(super) fn cause_of_leg(end: &LegEnd, talked: bool) -> Cause {
    let status = end.sip_status.filter(|s| *s >= 400 && !talked);
    let by_status = status.map(from_status).filter(|c| *c != CstaCause::Other);
    let by_q850 = end.q850.and_then(from_q850);
    // FreeSWITCH's names of what Q.850 has no number for.
    let by_name = match end.text.as_str() {
        "BLIND_TRANSFER" | "ATTENDED_TRANSFER" => Some(CstaCause::Transfer),
        _ => None,
    };
    let unknown = if talked { CstaCause::NormalClearing } else { CstaCause::Other };
    Cause {
        csta: by_name.or(by_status).or(by_q850).unwrap_or(unknown),
        sip_status: status,
        q850: end.q850,
        text: end.text.as_str().into(),
    }
}

/// The party could not be reached or would not come: more than a ring that ended.
pub(super) fn is_refusal(end: &LegEnd) -> bool {
    use CstaCause as C;
    if end.by == Ender::Party && end.sip_status.is_some_and(|s| s >= 400 && s != 487) {
        return true;
    }
    let said = end.q850.and_then(from_q850);
    !matches!(said, None | Some(C::NormalClearing | C::CallNotAnswered | C::Timeout))
}

/// RFC 3261 §21 statuses by what they mean to a caller.
fn from_status(status: u16) -> CstaCause {
    match status {
        486 | 600 => CstaCause::Busy,
        403 | 603 | 607 | 608 => CstaCause::CallRejected,
        404 | 604 => CstaCause::NumberUnallocated,
        480 | 410 => CstaCause::DestNotObtainable,
        484 => CstaCause::InvalidNumberFormat,
        503 => CstaCause::TrunksBusy,
        500 | 502 => CstaCause::NetworkCongestion,
        415 | 488 | 606 => CstaCause::IncompatibleDestination,
        408 | 504 => CstaCause::Timeout,
        487 => CstaCause::CallCancelled,
        _ => CstaCause::Other,
    }
}

/// ITU-T Q.850 table 1. `None`: this value says no more than the status does.
fn from_q850(cause: u8) -> Option<CstaCause> {
    Some(match cause {
        1 => CstaCause::NumberUnallocated,
        16 => CstaCause::NormalClearing,
        17 => CstaCause::Busy,
        18 | 19 => CstaCause::CallNotAnswered,
        20 | 27 => CstaCause::DestNotObtainable,
        21 => CstaCause::CallRejected,
        28 => CstaCause::InvalidNumberFormat,
        34 => CstaCause::TrunksBusy,
        38 | 41 | 42 => CstaCause::NetworkCongestion,
        88 => CstaCause::IncompatibleDestination,
        102 => CstaCause::Timeout,
        _ => return None,
    })
}
