//! What a dialled string was taken for, and what was done to it on the way.

use super::Dialed;
use super::answer::own;
use crate::model::{RuleOutcome, RuleVerdict, mask};
use std::fmt::Write as _;
use std::sync::Arc;

/// What a dialled string means, by which plan, and what stood around the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it means.
    pub dialed: Dialed,
    /// Name of the plan: a PBX, or one of its trunks; empty: the site's.
    pub plan: Arc<str>,
    /// Outside prefix that was taken off.
    pub prefix: Option<Arc<str>>,
    /// Area code that was put in front.
    pub area: Option<Arc<str>>,
    /// An extension was cut off.
    pub extension: bool,
}

impl Reading {
    pub(super) fn plain(dialed: Dialed) -> Self {
        Self { dialed, plan: Arc::default(), prefix: None, area: None, extension: false }
    }

    /// What the rule `number` says where the number that was judged is not the string that was
    /// dialled; `None`: it is.
    pub fn rule(&self) -> Option<RuleVerdict> {
        if self.prefix.is_none() && self.area.is_none() && !self.extension {
            return None;
        }
        let judged = match &self.dialed {
            Dialed::Number(number) => mask(number.as_str()),
            Dialed::Short(code) => code.clone(), // a company or office: nobody's number
            Dialed::Emergency(_) | Dialed::Internal(_) | Dialed::Invalid(_) => return None,
        };
        let mut inputs = String::new();
        let mut say = |name: &str, value: &str| {
            let gap = if inputs.is_empty() { "" } else { " " };
            let _ = write!(inputs, "{gap}{name}={value}"); // a string takes all
        };
        if !self.plan.is_empty() {
            say("trunk", &self.plan);
        }
        if let Some(prefix) = &self.prefix {
            say("prefix", prefix);
        }
        if let Some(area) = &self.area {
            say("area", area);
        }
        if self.extension {
            say("extension", "cut");
        }
        say("judged", &judged);
        Some(own("number", RuleOutcome::Allow, inputs))
    }
}
