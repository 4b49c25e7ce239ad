//! From what was dialled to what is gated.

use super::DialPlan;
use crate::model::E164;

/// What a dialled string means. `Emergency` and `Internal` can be made by [`Normalizer`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialed {
    /// An emergency number: never gated.
    Emergency(Ungated),
    /// Stays inside the site: never gated.
    Internal(Ungated),
    /// An external number.
    Number(E164),
    /// A national short code (10086, 95519, 12345): external and gated, without an E.164 form.
    Short(String),
    /// Cannot be dialled, so it is denied.
    Invalid(InvalidNumber),
}

/// Proof that the dial plan was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ungated(());

/// Why a string is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidNumber {
    /// Nothing was dialled.
    #[error("empty")]
    Empty,
    /// Letters or other signs that are no part of a number.
    #[error("has signs that are not dialable")]
    NotDialable,
    /// Starts with `*` or `#` and the dial plan does not list it as internal.
    #[error("feature code outside the dial plan")]
    FeatureCode,
    /// A local number, but the dial plan has no `home_area`.
    #[error("local number without an area code")]
    NoAreaCode,
    /// More signs than any number has.
    #[error("too long")]
    TooLong,
    /// No number of the region's numbering plan.
    #[error("not in the numbering plan")]
    Unassigned,
}

/// A dial plan that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dial plan: {key} = {value:?}: {allowed}")]
pub struct DialPlanError {
    /// Field.
    pub key: &'static str,
    /// What stood there.
    pub value: String,
    /// What may stand there.
    pub allowed: &'static str,
}

/// Reads dialled strings by one dial plan.
#[derive(Clone, Debug)]
pub struct Normalizer {}

impl Normalizer {
    /// Checks the plan.
    pub fn new(_plan: DialPlan) -> Result<Self, DialPlanError> {
        todo!()
    }

    /// Reads a user part, number, `tel:` or `sip:` URI.
    pub fn read(&self, _dialed: &str) -> Dialed {
        todo!()
    }
}

impl Dialed {
    /// What a blind index is made from: the E.164 form, else the short code; `None` for the rest.
    pub fn list_key(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number.as_str()),
            Self::Short(code) => Some(code),
            Self::Emergency(_) | Self::Internal(_) | Self::Invalid(_) => None,
        }
    }
}
