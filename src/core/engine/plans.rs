//! By which dial plan a string is read: that of where it was dialled.

use super::input::PbxIx;
use super::parties::{KnownParties, PartyMaker};
use super::request::CommandRequest;
use super::writer::Engine;
use crate::gate::{DialPlans, Dialed, Normalizer};
use crate::model::NumberRef;
use crate::sip::PeerId;

impl Engine {
    /// Numbers are read by these from here on; calls that are known keep what they were read as.
    pub(super) fn plans(&mut self, plans: DialPlans) {
        let refs = self.config.desk_refs.clone();
        self.desk_parties = PartyMaker::new(plans.shown().clone(), refs);
        self.known_parties = KnownParties::default();
        self.config.plans = plans;
    }

    /// How the PBX dials that sends its calls to the trunk.
    pub(super) fn plan_of_peer(&self, peer: PeerId) -> &Normalizer {
        let plans = &self.config.plans;
        self.config.neighbours.get(&peer).map_or(plans.site(), |pbx| plans.of(&pbx.name))
    }

    /// How a PBX with links dials.
    pub(super) fn plan_of_pbx(&self, ix: PbxIx) -> &Normalizer {
        let plans = &self.config.plans;
        let switch = self.config.switches.get(usize::from(ix.0));
        switch.map_or(plans.site(), |switch| plans.of(&switch.name))
    }

    /// How it dials by the trunk that has this endpoint.
    pub(super) fn plan_of_endpoint(&self, ix: PbxIx, endpoint: &str) -> &Normalizer {
        let plans = &self.config.plans;
        let switch = self.config.switches.get(usize::from(ix.0));
        switch.map_or(plans.site(), |switch| plans.of_endpoint(&switch.name, endpoint))
    }

    /// How the agent dials for whom a command is.
    pub(super) fn plan_of_command(&self, request: &CommandRequest) -> &Normalizer {
        let agent = self.agent_of(request);
        self.plan_of_agent(agent.as_deref().unwrap_or_default())
    }

    /// How an agent dials: by the PBX of the agent's telephone, or the only one that has links.
    pub(super) fn plan_of_agent(&self, agent: &str) -> &Normalizer {
        let pbx = self.roster.named(agent).and_then(|at| self.roster.pbx_of(at));
        let only = (self.config.switches.len() == 1).then_some(PbxIx(0));
        pbx.or(only).map_or(self.config.plans.site(), |pbx| self.plan_of_pbx(pbx))
    }

    /// A number's key in the do-not-call list.
    pub(super) fn list_key(&self, dialed: &Dialed) -> Option<NumberRef> {
        dialed.list_key().map(|key| self.config.list_refs.number_ref(key))
    }
}
