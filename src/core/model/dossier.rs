//! What the house has learnt of a customer in a call, and what it says of the call itself.

use super::Wall;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Factors of one call. Beyond: LIMIT_EXCEEDED.
pub const FACTORS_MAX: usize = 8;

/// How well a customer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityLevel {
    /// Not at all.
    None,
    /// By one factor.
    One,
    /// By two that are distinct.
    Two,
}

/// One proof that was checked, without what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// One of the site's kinds.
    pub kind: Arc<str>,
    /// It rests on the number of the call: all of these together are one factor.
    pub by_number: bool,
    /// Who has recorded it: agent, else user.
    pub by: Arc<str>,
    /// When.
    pub at: Wall,
}

/// What an agent says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLabel {
    /// One of the site's labels.
    pub name: Arc<str>,
    /// Who says so: agent, else user.
    pub by: Arc<str>,
    /// When.
    pub at: Wall,
}

/// Facts that people add to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dossier {
    /// Proofs of the customer's identity, in the order in which they were recorded.
    pub factors: Vec<Factor>,
    /// Keys of attached values that are masked until two factors are known.
    pub sensitive: BTreeSet<Arc<str>>,
    /// The newest label.
    pub label: Option<CallLabel>,
}

impl Dossier {
    /// Two factors of one kind, or two that rest on the number of the call, are one.
    pub fn identity(&self) -> IdentityLevel {
        let mut kinds: BTreeSet<&str> =
            self.factors.iter().filter(|f| !f.by_number).map(|f| &*f.kind).collect();
        if let Some(number) = self.factors.iter().find(|f| f.by_number) {
            kinds.insert(&number.kind);
        }
        match kinds.len() {
            0 => IdentityLevel::None,
            1 => IdentityLevel::One,
            _ => IdentityLevel::Two,
        }
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.factors.is_empty() && self.sensitive.is_empty() && self.label.is_none()
    }
}

/// On which screen a desktop shows the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PopWindow {
    /// That of the work.
    Primary,
    /// The second one.
    Secondary,
}

/// Why an agent has something to say first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PromptKind {
    /// The customer has waited longer than the norm allows.
    ApologyLate,
    /// The same, while something here did not work.
    ApologyFault,
}

/// What the desktop of a leg's agent is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pop {
    /// Where.
    pub window: PopWindow,
    /// How the agent opens the conversation; empty: as the agent likes.
    pub opening: Arc<str>,
    /// What is to be said first; known when the call is answered.
    pub prompt: Option<(PromptKind, Arc<str>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_factors_are_two_kinds_and_the_number_is_one_of_them() {
        let factor = |kind: &str| Factor {
            kind: kind.into(),
            by_number: matches!(kind, "ani" | "stored_phone"),
            by: "alice".into(),
            at: Wall(0),
        };
        for (kinds, level) in [
            ("", IdentityLevel::None),
            ("policy_number", IdentityLevel::One),
            ("policy_number policy_number", IdentityLevel::One),
            ("ani", IdentityLevel::One),
            ("ani stored_phone", IdentityLevel::One),
            ("ani birth_date", IdentityLevel::Two),
            ("policy_number birth_date id_number", IdentityLevel::Two),
        ] {
            let factors = kinds.split_whitespace().map(factor).collect();
            let dossier = Dossier { factors, ..Dossier::default() };
            assert_eq!(dossier.identity(), level, "{kinds}");
        }
    }
}
