//! The calls that this site knows, as records are held against them.

use std::collections::{BTreeMap, HashMap, HashSet};
use trunkline_core::cdr::{Known, Reads};
use trunkline_core::gate::{CallFacts, Dialed, Normalizer, PastCall};
use trunkline_core::model::{
    Call, CallId, CstaCause, Decision, DecisionId, Direction, Leg, LegRole, NumberRef, RuleOutcome,
    Verdict, Wall,
};
use trunkline_core::vault::BlindIndex;

/// What a dialled number is at this site.
pub(super) fn reads(normalizer: &Normalizer, number: &str) -> Reads {
    let dialed = normalizer.read(number);
    match (&dialed, dialed.list_key()) {
        (_, Some(key)) => Reads::Outside(key.to_owned()),
        (Dialed::Emergency(_), None) => Reads::Exempt,
        (Dialed::Internal(_), None) => Reads::Inside,
        (Dialed::Number(_) | Dialed::Short(_) | Dialed::Invalid(_), None) => Reads::Nothing,
    }
}

/// A call, read once.
pub(super) struct Ours {
    pub(super) call: Call,
    pub(super) decision: Option<Decision>,
    dialed: Dialed,
    facts: CallFacts,
    key: Option<NumberRef>,
    customer: Option<NumberRef>,
}

impl Ours {
    pub(super) fn new(
        call: Call,
        decision: Option<Decision>,
        normalizer: &Normalizer,
        refs: &BlindIndex,
    ) -> Self {
        let party = match call.direction {
            Direction::Inbound => &call.from,
            Direction::Outbound | Direction::Internal => &call.dialed,
        };
        // As it was judged then, by whichever plan.
        let dialed = match &party.e164 {
            Some(number) => Dialed::Number(number.reveal().clone()),
            None => normalizer.read(party.raw.reveal()),
        };
        let topic = decision.as_ref().and_then(|decision| decision.topic.as_deref().cloned());
        let facts = topic.map(CallFacts::from).unwrap_or_default();
        let key = dialed.list_key().map(|key| refs.number_ref(key));
        let customer = facts.customer.as_deref().map(|name| refs.customer_ref(name));
        Self { call, decision, dialed, facts, key, customer }
    }

    pub(super) fn is_out(&self) -> bool {
        self.call.direction == Direction::Outbound
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.decision.as_ref().map(|decision| decision.verdict)
    }

    /// It was stopped before it left.
    pub(super) fn was_stopped(&self) -> bool {
        self.call.cause.as_ref().is_some_and(|cause| cause.csta == CstaCause::PolicyDenied)
    }

    /// Its INVITE came by here.
    pub(super) fn came_by(&self) -> bool {
        !self.call.dialog.call_id.is_empty()
    }

    /// A leg beyond the agent's own was begun.
    pub(super) fn was_dialled(&self) -> bool {
        let outside = |leg: &&Leg| !leg.role.is_inside();
        let shown = self.call.legs.iter().filter(outside).any(|leg| leg.channel.is_some());
        (self.came_by() || shown) && !self.was_stopped()
    }

    /// It is a call of that PBX: `None` if nothing says.
    pub(super) fn is_of(&self, pbx: &str) -> Option<bool> {
        let mut channels =
            self.call.legs.iter().filter_map(|leg| leg.channel.as_deref()).peekable();
        channels.peek()?;
        Some(channels.any(|channel| *channel.pbx == *pbx))
    }

    /// As the rules see it.
    pub(super) fn past(&self) -> PastCall<'_> {
        let label = self.call.dossier.as_ref().and_then(|dossier| dossier.label.as_ref());
        PastCall {
            id: self.decision.as_ref().map_or(DecisionId(self.call.id.0), |one| one.id),
            dialed: &self.dialed,
            key: self.key,
            customer: self.customer,
            facts: &self.facts,
            answered: self.call.answered.is_some(),
            label: label.map(|label| &*label.name),
            purpose: self.call.purpose.as_deref(),
            at: self.call.started.pbx_time,
            who: &self.call.device,
            refused_by: &[],
        }
    }

    /// For pairing with records of that PBX.
    pub(super) fn known(&self, pbx: &str, decisions: &Decisions) -> Known {
        let legs = self.call.legs.iter();
        let channels = legs.clone().filter_map(|leg| leg.channel.as_deref());
        let channels = channels.filter(|channel| *channel.pbx == *pbx);
        let channels = channels.map(|channel| channel.id.to_string());
        let own = [self.call.dialog.call_id.clone()].into_iter();
        let sip = legs.filter_map(|leg| leg.sip_call_id.as_deref()).map(str::to_owned);
        let ids = own.chain(sip).chain(channels).filter(|id| !id.is_empty()).collect();
        // A click and the INVITE that came of it have a decision each, and are one leg.
        let outside = |leg: &&Leg| matches!(leg.role, LegRole::Customer | LegRole::External);
        let outside = self.call.legs.iter().filter(outside).count();
        let decided = decisions.of_call.get(&self.call.id).copied().unwrap_or_default();
        Known {
            ids,
            key: self.dialed.list_key().map(str::to_owned),
            at: self.call.started.pbx_time,
            room: decided.min(outside).max(1),
        }
    }
}

/// The decisions of the time.
#[derive(Default)]
pub(super) struct Decisions {
    /// How many each call has.
    of_call: HashMap<CallId, usize>,
    /// Allowed and not yet said to be a call's.
    unused: BTreeMap<DecisionId, ()>,
    /// Permits that were used, as the rule `permit` names them.
    used: HashSet<DecisionId>,
    /// By rule set: when which file decided.
    hashes: BTreeMap<String, BTreeMap<Wall, String>>,
}

impl Decisions {
    pub(super) fn take(&mut self, decision: &Decision) {
        match decision.call_id {
            Some(call) => *self.of_call.entry(call).or_default() += 1,
            None if decision.verdict == Verdict::Allow => {
                self.unused.insert(decision.id, ());
            }
            None => {}
        }
        let at = trunkline_core::model::uuid_instant(decision.id.0);
        let of_set = self.hashes.entry(decision.ruleset.clone()).or_default();
        // Only the changes.
        if of_set.values().next_back() != Some(&decision.ruleset_hash) {
            of_set.insert(at, decision.ruleset_hash.clone());
        }
        let permit = decision.rules.iter().find(|rule| rule.id == "permit");
        if let Some(rule) = permit.filter(|rule| rule.outcome == RuleOutcome::Allow) {
            let words = rule.inputs.split(|c: char| c == '=' || c.is_whitespace());
            self.used.extend(words.filter_map(|word| word.parse::<DecisionId>().ok()));
        }
    }

    /// Allowed by a permit or a click, and no call came of it.
    pub(super) fn never_dialled(&self) -> Vec<DecisionId> {
        self.unused.keys().filter(|id| !self.used.contains(id)).copied().collect()
    }

    /// That file of the rule set was in force at that instant, as far as decisions show.
    pub(super) fn was_in_force(&self, ruleset: &str, hash: &str, at: Wall) -> bool {
        let Some(changes) = self.hashes.get(ruleset) else { return false };
        let before = changes.range(..=at).next_back();
        before.or(changes.iter().next()).is_some_and(|(_, then)| then == hash)
    }
}
