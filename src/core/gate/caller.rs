//! What a call shows its callee: a number, perhaps a name.

use super::answer::deny_if;
use super::schema::CallerId;
use super::values::PurposePattern;
use super::{Ask, DialPlan, Normalizer, vague_name};
use crate::model::{Pii, RuleOutcome, mask};

/// Longest display name.
const NAME_BYTES_MAX: usize = 128;

/// What the callee will see. What is not known never allows more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ShownCaller {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Nobody knows yet: the gate is asked again when the call is at the trunk.
    Later,
    /// This.
    Shown {
        /// E.164 or short code, else as it is shown (`anonymous`).
        number: Pii<String>,
        /// Display name; empty: none.
        name: Pii<String>,
    },
}

impl ShownCaller {
    /// As an INVITE or a question has it; `plan` reads numbers that nobody dialled.
    pub fn shown(plan: &Normalizer, number: &str, name: &str) -> Self {
        let read = plan.read(number);
        let number = read.list_key().unwrap_or(number).to_owned();
        Self::Shown { number: Pii::new(number), name: Pii::new(name.trim().to_owned()) }
    }
}

/// A number that may be shown, as it is compared.
#[derive(Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ShownNumber(String);

impl TryFrom<String> for ShownNumber {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let plan = Normalizer::new(DialPlan::default()).map_err(|error| error.to_string())?;
        match plan.read(&text).list_key() {
            Some(key) => Ok(Self(key.to_owned())),
            None => Err(format!(
                "{text:?} is no number that a network shows: E.164, or as it is written in China \
                 (021-95519, 95519)"
            )),
        }
    }
}

/// A name that may be shown.
#[derive(Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ShownName(String);

impl TryFrom<String> for ShownName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if let Some(word) = vague_name(&text) {
            return Err(format!(
                "{word} tells nobody who is calling: the company's name goes first"
            ));
        }
        let text = text.trim();
        match text.is_empty() || text.len() > NAME_BYTES_MAX {
            true => Err(format!("a name of 1 to {NAME_BYTES_MAX} bytes")),
            false => Ok(Self(text.to_owned())),
        }
    }
}

impl CallerId {
    /// It speaks of calls with that purpose. One that is not known may be any.
    pub(super) fn covers(&self, purpose: Option<&str>) -> bool {
        let matches = |pattern: &PurposePattern| purpose.is_none_or(|text| pattern.matches(text));
        self.purpose.iter().any(matches)
    }

    /// It speaks of the call and refuses it.
    pub(super) fn refuses(&self, ask: &Ask<'_>) -> bool {
        self.covers(ask.purpose) && self.says(ask.given.caller).0 == RuleOutcome::Deny
    }

    /// What it says of a call that shows this, and why.
    pub(super) fn says(&self, caller: Option<&ShownCaller>) -> (RuleOutcome, String) {
        match caller {
            None | Some(ShownCaller::Unknown) => {
                (RuleOutcome::Deny, "it is not known what number is shown".to_owned())
            }
            Some(ShownCaller::Later) => {
                (RuleOutcome::NotApplicable, "judged when the call is at the trunk".to_owned())
            }
            Some(ShownCaller::Shown { number, name }) => {
                let (number, name) = (number.reveal(), name.reveal());
                let number_fits = self.numbers.iter().any(|listed| listed.0 == *number);
                let name_fits = name.is_empty()
                    || self.names.is_empty()
                    || self.names.iter().any(|n| n.0 == *name);
                let listed = |fits| if fits { "listed" } else { "not listed" };
                let mut inputs = format!("shown={} {}", mask(number), listed(number_fits));
                if !name_fits {
                    inputs.push_str(", name not listed"); // it may be a person's
                }
                (deny_if(!(number_fits && name_fits)), inputs)
            }
        }
    }
}
