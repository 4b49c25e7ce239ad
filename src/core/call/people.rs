//! What people add to a call (proofs of identity, a label), what follows it (attached values),
//! and what an agent is to say first.

use super::input::Fact;
use super::machine::CallMachine;
use crate::model::{
    Call, CallLabel, Detail, Direction, Dossier, EventKind as K, FACTORS_MAX, Factor, LegId,
    LegRole, Moment, Pii, PromptKind,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a site sets about people in calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleRules {
    /// Attached values that agents see when two factors of the customer's identity are known.
    pub sensitive: BTreeSet<Arc<str>>,
    /// First words to a customer who has waited too long; empty: none.
    pub apology_late: Arc<str>,
    /// The same while something here did not work; empty: those of `apology_late`.
    pub apology_fault: Arc<str>,
}

/// Why a proof is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactorRefusal {
    /// It says nothing new.
    #[error("a factor of that kind is recorded already")]
    Known,
    /// There is nothing to compare.
    #[error("the customer's number is not known: it proves nothing")]
    NoNumber,
    /// More are no proof.
    #[error("a call has 8 factors at most")]
    TooMany,
}

impl CallMachine {
    /// Whether a proof says something new, and rests on something.
    ///
    /// # Errors
    /// As [`FactorRefusal`] has it.
    pub fn check_factor(&self, kind: &str, by_number: bool) -> Result<(), FactorRefusal> {
        let factors = self.call.dossier.as_ref().map_or(&[][..], |d| &d.factors);
        if factors.iter().any(|f| &*f.kind == kind) {
            return Err(FactorRefusal::Known);
        }
        if by_number && !knows_number(&self.call) {
            return Err(FactorRefusal::NoNumber);
        }
        if factors.len() >= FACTORS_MAX {
            return Err(FactorRefusal::TooMany);
        }
        Ok(())
    }

    /// A proof of the customer's identity was checked by the agent of this leg.
    pub fn identify(&mut self, leg: LegId, factor: Factor, out: &mut Vec<Fact>) {
        if self.is_over() || self.check_factor(&factor.kind, factor.by_number).is_err() {
            return;
        }
        let key = Some(factor.kind.as_ref().into());
        self.dossier().factors.push(factor);
        self.emit(K::CallIdentified, Detail { leg: Some(leg), key, ..Detail::default() }, out);
    }

    /// An agent says what becomes of the call.
    pub fn label(&mut self, leg: Option<LegId>, label: CallLabel, out: &mut Vec<Fact>) {
        if !self.is_over() {
            self.dossier().label = Some(label);
            self.emit(K::CallLabelled, Detail { leg, ..Detail::default() }, out);
        }
    }

    /// What is known of another call's customer is known here from now on; what was attached here
    /// stays as it is. Gives the keys of what is new.
    pub fn take_over(&mut self, from: &Call) -> Vec<String> {
        let new = |key: &&String| !self.call.data.contains_key(*key);
        let room = crate::model::DATA_KEYS_MAX.saturating_sub(self.call.data.len());
        let keys: Vec<String> = from.data.keys().filter(new).take(room).cloned().collect();
        for key in &keys {
            self.attach_silently(key.clone(), from.data[key].clone());
        }
        if let Some(dossier) = &from.dossier {
            for factor in &dossier.factors {
                if self.check_factor(&factor.kind, false).is_ok() {
                    self.dossier().factors.push(factor.clone());
                }
            }
        }
        keys
    }

    /// Values that were attached to a call this one was made for.
    pub fn follow(
        &mut self,
        at: Moment,
        data: &BTreeMap<String, Pii<String>>,
        out: &mut Vec<Fact>,
    ) {
        for (key, value) in data {
            self.attach_value(at, 0, key.clone(), value.clone(), out);
        }
    }

    pub(super) fn attach_silently(&mut self, key: String, value: Pii<String>) {
        if let Some(sensitive) = self.people.sensitive.get(key.as_str()).cloned() {
            self.dossier().sensitive.insert(sensitive);
        }
        self.edit().data.insert(key, value);
    }

    fn dossier(&mut self) -> &mut Dossier {
        self.edit().dossier.get_or_insert_default()
    }

    /// Something here does not work while these phones ring.
    pub fn note_fault(&mut self) {
        let rings = |l: &&crate::model::Leg| l.pop.is_some() && l.answered.is_none();
        let legs = self.call.legs.iter().filter(rings).filter(|l| l.ended.is_none());
        self.seen.faults.extend(legs.map(|l| l.id));
    }

    /// What the agent of a leg that has just answered is to say first.
    pub(super) fn prompt(&mut self, index: usize, at: Moment) {
        let leg = &self.call.legs[index];
        let fault = self.seen.faults.contains(&leg.id);
        let serves = leg.role == LegRole::Agent && self.call.direction == Direction::Inbound;
        if !serves || leg.pop.is_none() || !self.is_late(index, at) {
            return;
        }
        let PeopleRules { apology_late, apology_fault, .. } = &*self.people;
        let said = match fault && !apology_fault.is_empty() {
            true => (PromptKind::ApologyFault, apology_fault.clone()),
            false => (PromptKind::ApologyLate, apology_late.clone()),
        };
        if !said.1.is_empty()
            && let Some(pop) = &mut self.edit().legs[index].pop
        {
            pop.prompt = Some(said);
        }
    }
}

/// The number of the person outside is known and was not withheld.
fn knows_number(call: &Call) -> bool {
    let private = call.signalling.as_ref().is_some_and(|s| s.private);
    match call.direction {
        Direction::Inbound => call.from.e164.is_some() && !private,
        Direction::Outbound => call.to.e164.is_some(),
        Direction::Internal => false,
    }
}
