//! A question as all rule sets are asked it.

use super::dnc::Listed;
use super::values::is_purpose;
use super::{Ask, DncList, phrase};
use crate::model::{DncScope, RuleOutcome};
use jiff::civil::Date;

/// A question at one instant: what all rule sets look at is found once.
pub(super) struct Asked<'a> {
    pub(super) list: &'a DncList,
    pub(super) ask: &'a Ask<'a>,
    /// The purpose is one, whatever it is.
    pub(super) is_purpose: bool,
    /// What the do-not-call list says on the local day asked about last.
    listed: Option<(Date, RuleOutcome, String)>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(list: &'a DncList, ask: &'a Ask<'a>) -> Self {
        let is_purpose = ask.purpose.is_some_and(is_purpose);
        Self { list, ask, is_purpose, listed: None }
    }

    /// What the do-not-call list says on a local day.
    pub(super) fn listed(&mut self, day: Date) -> (RuleOutcome, String) {
        match &self.listed {
            Some((known, outcome, inputs)) if *known == day => (*outcome, inputs.clone()),
            _ => {
                let (outcome, inputs) = listed(self.list.says(self.ask, day));
                self.listed = Some((day, outcome, inputs.clone()));
                (outcome, inputs)
            }
        }
    }
}

fn listed(said: Listed) -> (RuleOutcome, String) {
    match said {
        Listed::Empty => (RuleOutcome::NotApplicable, "list is empty".to_owned()),
        Listed::Not => (RuleOutcome::Allow, "not blocked".to_owned()),
        Listed::Unknown(why) => (RuleOutcome::Deny, why.to_owned()),
        Listed::Waived => {
            let inputs = "the list cannot be read; such calls are made all the same";
            (RuleOutcome::Allow, inputs.to_owned())
        }
        Listed::Blocked { until, scope, purpose } => {
            let mut inputs = "blocked for ever".to_owned();
            if let Some(until) = until {
                inputs = String::from("blocked through ");
                phrase::date(&mut inputs, until);
            }
            if scope == DncScope::Customer {
                inputs.push_str(" scope=customer");
            }
            if let Some(purpose) = purpose {
                inputs.push_str(" purpose=");
                inputs.push_str(&purpose);
            }
            (RuleOutcome::Deny, inputs)
        }
    }
}
