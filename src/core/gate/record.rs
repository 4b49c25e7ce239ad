//! Claims on record: what people have said or signed, by the key of their number or customer.

use super::dnc::{RefHasher, is_of};
use super::values::parse_day;
use super::{Ask, Given};
use crate::model::{Claim, ClaimEntry, ClaimId, NumberRef};
use jiff::civil::Date;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// One claim on record, as far as the gate needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    id: ClaimId,
    claim: Claim,
    /// Counts for calls with this purpose and its family; `None`: for all.
    purpose: Option<Arc<str>>,
    /// Counts for calls of this case; `None`: for all.
    case: Option<Arc<str>>,
    /// Last local day; `None`: until it is withdrawn.
    until: Option<Date>,
}

impl Recorded {
    /// `None`: its day cannot be read, so it does not count.
    pub fn of(entry: &ClaimEntry) -> Option<Self> {
        let until = match &entry.until {
            None => None,
            Some(text) => Some(parse_day(text)?),
        };
        Some(Self {
            id: entry.id,
            claim: entry.claim,
            purpose: entry.purpose.as_deref().map(Arc::from),
            case: entry.case.as_deref().map(Arc::from),
            until,
        })
    }

    /// Whether it counts for a call on that local day. What is not known of the call counts
    /// against it.
    fn holds(&self, given: &Given<'_>, purpose: Option<&str>, on: Date) -> bool {
        let case = match (self.claim, self.case.as_deref()) {
            (_, Some(case)) => given.case == Some(case),
            // The case holds the request.
            (Claim::CustomerRequestedCallback, None) => false,
            (Claim::Consent | Claim::RunningContract, None) => true,
        };
        let family = self.purpose.as_deref();
        case && self.until.is_none_or(|until| on <= until)
            && family.is_none_or(|family| purpose.is_some_and(|p| is_of(Some(p), family)))
    }
}

impl Given<'_> {
    /// The claims on record that count for a call with that purpose on a local day.
    pub(super) fn recorded_on(
        &self,
        purpose: Option<&str>,
        on: Date,
    ) -> impl Iterator<Item = (Claim, ClaimId)> {
        let held = self.recorded.iter().filter(move |one| one.holds(self, purpose, on));
        held.map(|one| (one.claim, one.id))
    }
}

impl Ask<'_> {
    /// A claim by its name, and by its id where it is on record: a decision that rests on it says
    /// so.
    pub(super) fn shown(&self, claim: Claim, on: Date) -> String {
        let mut held = self.given.recorded_on(self.purpose, on);
        let name = crate::model::Named::name(claim);
        match held.find(|(kind, _)| *kind == claim) {
            Some((_, id)) => format!("{name} claim={id}"),
            None => name.to_owned(),
        }
    }
}

/// All claims on record that are not withdrawn, expired ones included. 1,000,000 take 150 MB.
#[derive(Clone, Debug, Default)]
pub struct ClaimBook {
    held: HashMap<NumberRef, Vec<Recorded>, BuildHasherDefault<RefHasher>>,
    count: usize,
}

impl ClaimBook {
    /// Takes a claim in, or out where it says that it is withdrawn. A claim whose day cannot be
    /// read does not count: damage must not open the gate.
    pub fn take(&mut self, entry: &ClaimEntry) {
        self.drop_claim(entry.key(), entry.id);
        if let (None, Some(one)) = (&entry.withdrawn, Recorded::of(entry)) {
            self.held.entry(entry.key()).or_default().push(one);
            self.count += 1;
        }
    }

    fn drop_claim(&mut self, key: NumberRef, id: ClaimId) {
        let Some(held) = self.held.get_mut(&key) else { return };
        let before = held.len();
        held.retain(|one| one.id != id);
        self.count -= before - held.len();
        if held.is_empty() {
            self.held.remove(&key);
        }
    }

    /// Those of a number and of a customer, in the order in which they came.
    pub fn of(&self, keys: [Option<NumberRef>; 2]) -> Vec<Recorded> {
        if self.held.is_empty() {
            return Vec::new(); // most sites
        }
        let held = keys.into_iter().flatten().filter_map(|key| self.held.get(&key));
        held.flatten().cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
