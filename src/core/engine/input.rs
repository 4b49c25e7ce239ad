//! What the engine takes and gives.

use super::clock::ClockStart;
use super::people::PeopleConfig;
use super::permits::{PermitAnswer, PermitRequest};
use super::request::{CommandAnswer, CommandRequest};
use super::shadow::{Shadow, ShadowJob, ShadowNews};
use crate::agent::AgentPolicy;
use crate::call::Settings;
use crate::gate::{
    Book, CallFacts, ClaimBook, DialPlans, Dialed, DncList, Register, Slice, SliceAsk,
};
use crate::line::LineSettings;
use crate::model::{
    Agent, AgentSettings, Attempt, Call, ClaimEntry, Command, CommandId, DeskPresence, DncEntry,
    Duty, Event, Line, LineOrder, Link, LinkKind, NumberRef, Override, Pos, Reply, Wall,
};
use crate::pbx::{self, LinkReport, OrderId};
use crate::sip::{
    AskId, CoreConfig, Endpoint, FlowId, FlowOpened, Outgoing, PeerId, Received, Registration,
};
use crate::vault::BlindIndex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What the engine knows of a neighbour beyond SIP.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Name in the configuration.
    pub name: Arc<str>,
    /// PBX only: purpose of a call that names none.
    pub default_purpose: Option<String>,
}

/// A neighbour that is watched as a line.
#[derive(Clone, Debug)]
pub struct LineConfig {
    /// Which.
    pub peer: PeerId,
    /// What the site sets about it.
    pub settings: LineSettings,
    /// What to register, if the carrier asks for it; its seconds are those of `settings`.
    pub registration: Option<Registration>,
}

/// A PBX with control links, by its place in [`EngineConfig::switches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PbxIx(pub u16);

/// A control link of a PBX, by its place in [`SwitchConfig::links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkIx(pub u16);

/// A PBX with control links.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    /// Name in the configuration.
    pub name: String,
    /// The same PBX as neighbour of the SIP proxy; `None`: its trunk calls do not come by here.
    pub peer: Option<PeerId>,
    /// Its links: orders take the first that can carry them out.
    pub links: Vec<LinkKind>,
    /// Endpoints behind which the outside world is; `*` at the end stands for any rest
    /// (`PJSIP/carrier`, `sofia/trunk/*`). All others are devices of the house.
    pub trunks: Vec<String>,
    /// Purpose of a call out that names none.
    pub default_purpose: Option<String>,
    /// What is done about calls that go out without a decision.
    pub bypass: Bypass,
    /// The same for one of `trunks`, as it is written there.
    pub bypass_by_trunk: BTreeMap<String, Bypass>,
}

/// The reconciliation of one PBX's call records of one day.
#[derive(Clone, Debug)]
pub enum Reconciling {
    /// It has to be done in time.
    Due {
        /// PBX and day.
        subject: String,
        /// How long there is.
        within: Duration,
    },
    /// It is done.
    Done {
        /// PBX and day.
        subject: String,
        /// What was found, in counts.
        reason: String,
    },
}

/// What is done about a call that is out and that the gate was not asked about before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bypass {
    /// The decision that it would have had is recorded.
    Observe,
    /// It is told besides: `outbound.ungated`.
    #[default]
    Warn,
    /// It is told, and ended if the gate refuses it and nobody has answered.
    Clear,
}

impl Bypass {
    /// Name, as it is configured.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Clear => "clear",
        }
    }
}

impl SwitchConfig {
    /// What is done about a call that goes out by that endpoint.
    pub(super) fn bypass_of(&self, endpoint: &str) -> Bypass {
        let of = |trunk: &&String| match trunk.strip_suffix('*') {
            Some(stem) => endpoint.starts_with(stem),
            None => trunk.as_str() == endpoint,
        };
        let trunk = self.trunks.iter().find(of);
        let own = trunk.and_then(|trunk| self.bypass_by_trunk.get(trunk));
        own.copied().unwrap_or(self.bypass)
    }
}

/// The site's agents and the rules for them.
#[derive(Clone, Debug, Default)]
pub struct AgentsConfig {
    /// Rules.
    pub policy: AgentPolicy,
    /// Agents; names are unique.
    pub agents: Vec<AgentSettings>,
}

/// Everything the engine is built from.
pub struct EngineConfig {
    /// The proxy core's part.
    pub sip: CoreConfig,
    /// Neighbours by id.
    pub neighbours: HashMap<PeerId, Neighbour>,
    /// Where inbound calls go.
    pub inbound: Vec<PeerId>,
    /// Where outbound calls go, in order.
    pub outbound: Vec<PeerId>,
    /// PBXs with control links.
    pub switches: Vec<SwitchConfig>,
    /// Agents.
    pub agents: AgentsConfig,
    /// People in calls.
    pub people: PeopleConfig,
    /// Neighbours that are watched as lines. One that is not is always used, and after no other.
    pub lines: Vec<LineConfig>,
    /// Longest time of a call out from its INVITE to ringing, over all lines tried.
    pub post_dial_max: Option<Duration>,
    /// A backup line must carry calls so long after its primary line failed.
    pub backup_within: Duration,
    /// Header that carries the purpose, taken out of every INVITE that leaves.
    pub purpose_header: String,
    /// On every call.
    pub call: Settings,
    /// A call without signalling for so long is closed.
    pub call_age_max: Duration,
    /// Calls in the table. Beyond: 503 to new INVITEs.
    pub calls_max: usize,
    /// Rule sets and calendars.
    pub book: Arc<Book>,
    /// Rule set in force; `None`: all that apply.
    pub ruleset: Option<String>,
    /// Rules that are tried out beside them.
    pub shadow: Option<Shadow>,
    /// How the site dials, and where otherwise.
    pub plans: DialPlans,
    /// References that desks see.
    pub desk_refs: BlindIndex,
    /// Keys of the do-not-call list.
    pub list_refs: BlindIndex,
    /// Seed of ids: random, so that two runs differ.
    pub seed: u64,
}

/// What an earlier run left.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Newest durable position.
    pub head: Pos,
    /// Calls that were live.
    pub live: Vec<Call>,
    /// Do-not-call list with the editions of registers.
    pub dnc: DncList,
    /// Claims on record.
    pub claims: ClaimBook,
    /// Lines as they stood.
    pub lines: Vec<Line>,
    /// Control links as they stood.
    pub links: Vec<Link>,
    /// Duties that ran.
    pub duties: Vec<Duty>,
    /// Agents as they stood.
    pub agents: Vec<Agent>,
    /// Commands of the last day, oldest first.
    pub commands: Vec<Command>,
    /// Overrides that were open.
    pub overrides: Vec<Override>,
    /// Calls that are over and whose label is due (a duty runs).
    pub ended: Vec<Call>,
    /// Calls that rules look back to, oldest first.
    pub attempts: Vec<Attempt>,
    /// Of calls before it nothing is known.
    pub known_since: Option<Wall>,
    /// How the wall clock is watched; `None`: it is a test's own, and not watched.
    pub clock: Option<ClockStart>,
    /// The last stop was clean (or there was none).
    pub clean: bool,
}

/// One input.
pub enum Input<'a> {
    /// A datagram came.
    Datagram(Received<'a>),
    /// A connection opened.
    FlowOpened(FlowOpened),
    /// A connection is gone.
    FlowClosed(FlowId),
    /// A message with that ticket could not be sent.
    Unsent {
        /// `Outgoing::ticket`.
        ticket: u64,
        /// For the operator.
        why: String,
    },
    /// The resolver's newest answer for a neighbour.
    Endpoints {
        /// Neighbour.
        peer: PeerId,
        /// In order of preference.
        endpoints: Vec<Endpoint>,
    },
    /// Time has passed.
    Tick,
    /// Everything through this position is durable.
    Durable(Pos),
    /// The explainer's answer.
    Explained(Explained),
    /// Do-not-call entries; `ticket` comes back with the position that makes them durable.
    Dnc {
        /// The entries, keyed by the list's own index.
        entries: Vec<DncEntry>,
        /// Handle of who waits.
        ticket: u64,
    },
    /// Claims that are recorded, or withdrawn; `ticket` as above.
    Claims {
        /// The claims, keyed by the list's own index.
        entries: Vec<ClaimEntry>,
        /// Handle of who waits.
        ticket: u64,
    },
    /// An edition of a register; `ticket` as above. It must be durable already.
    Register {
        /// It.
        register: Arc<Register>,
        /// Handle of who waits.
        ticket: u64,
    },
    /// An operator's order about a line; `ticket` as above. The name must be that of a line.
    OrderLine {
        /// Line.
        name: String,
        /// Order.
        order: LineOrder,
        /// Who gives it.
        who: String,
        /// Handle of who waits.
        ticket: u64,
    },
    /// Probe a line now; `Outputs::tested` brings the outcome.
    TestLine {
        /// Line.
        name: String,
        /// Handle of who waits.
        ticket: u64,
    },
    /// A command of a desk; `ticket` comes back in `Outputs::commands`.
    Command {
        /// It.
        request: Box<CommandRequest>,
        /// Handle of who waits.
        ticket: u64,
    },
    /// How do these commands of a user stand? `ticket` as above.
    Commands {
        /// User.
        user: String,
        /// Ids.
        ids: Vec<CommandId>,
        /// Handle of who waits.
        ticket: u64,
    },
    /// A program asks for a permit; `ticket` comes back in `Outputs::permits`.
    Permit {
        /// For what.
        request: Box<PermitRequest>,
        /// Handle of who waits.
        ticket: u64,
    },
    /// Desktops of an agent came or went.
    Desk {
        /// Agent.
        agent: String,
        /// How they stand.
        presence: DeskPresence,
    },
    /// A desktop of an agent has applied every event up to a position.
    Applied {
        /// Agent.
        agent: String,
        /// Position.
        pos: Pos,
    },
    /// A control link reports.
    Pbx {
        /// PBX.
        pbx: PbxIx,
        /// Which of its links.
        link: LinkIx,
        /// What.
        report: LinkReport,
    },
    /// The gate's rules were read anew: decide by these from here on.
    Rules(Arc<Book>),
    /// How the site dials was read anew: numbers are read so from here on.
    Plans(DialPlans),
    /// New rules could not be used, for this reason: those of before stay in force.
    RulesRefused(String),
    /// A PBX's call records are to be reconciled, or were.
    Reconciling(Reconciling),
    /// The gate's data will not do for long: what an operator has to do.
    GateAlarm(String),
    /// Of the rules that are tried out.
    Shadow(ShadowNews),
    /// An administrator says that the clock is right; `ticket` comes back with a position.
    ConfirmClock {
        /// Who.
        who: String,
        /// Handle of who waits.
        ticket: u64,
    },
    /// The journal is late or fails (true), or writes again (false).
    Degraded(bool),
    /// These events found no place in the ring to the journal.
    RingFull(Vec<Event>),
    /// The ring has place again.
    RingFree,
    /// Stop taking new calls.
    Drain,
}

/// A refusal that needs its next allowed instant searched: not on the engine's thread.
#[derive(Clone, Debug)]
pub struct ExplainJob {
    /// Handle.
    pub ask: AskId,
    /// What was dialled.
    pub dialed: Dialed,
    /// Purpose.
    pub purpose: Option<String>,
    /// Key in the do-not-call list.
    pub list_key: Option<NumberRef>,
    /// What else was known of the call.
    pub facts: CallFacts,
    /// The gate that refused, as far as this callee is concerned.
    pub slice: Slice,
    /// Instant of the refusal.
    pub at: Wall,
}

impl ExplainJob {
    /// Searches the next allowed instant: microseconds to a few milliseconds, so elsewhere.
    pub fn run(self) -> Explained {
        let ask = SliceAsk {
            dialed: &self.dialed,
            list_key: self.list_key,
            purpose: self.purpose.as_deref(),
            facts: &self.facts,
        };
        let next_allowed_at = self.slice.next_allowed(ask, self.at);
        Explained { ask: self.ask, next_allowed_at }
    }
}

/// Answer to an [`ExplainJob`].
#[derive(Clone, Debug)]
pub struct Explained {
    /// Handle.
    pub ask: AskId,
    /// Earliest allowed instant, RFC 3339 with offset.
    pub next_allowed_at: Option<String>,
}

/// What one address of a line said to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// Transport and address.
    pub endpoint: String,
    /// Counts as a sign of life.
    pub alive: bool,
    /// The answer.
    pub reply: Reply,
}

/// Outcome of [`Input::TestLine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Handle of who waits.
    pub ticket: u64,
    /// One for each address; none: it has none.
    pub answers: Vec<ProbeAnswer>,
}

/// An order for a control link.
#[derive(Clone, Debug, PartialEq)]
pub struct PbxOrder {
    /// PBX.
    pub pbx: PbxIx,
    /// Which of its links.
    pub link: LinkIx,
    /// Handle.
    pub id: OrderId,
    /// What to do.
    pub order: pbx::Order,
}

/// Effects, in order within each list.
#[derive(Default)]
pub struct Outputs {
    /// Messages to send.
    pub sends: Vec<Outgoing>,
    /// Connections to close, after what is to be sent.
    pub close: Vec<FlowId>,
    /// Events for the journal.
    pub events: Vec<Event>,
    /// Before `events` go to the journal it must start a new epoch: positions were lost.
    pub new_epoch: bool,
    /// Questions for the explainer.
    pub explain: Vec<ExplainJob>,
    /// Decisions to be judged again by the rules that are tried out.
    pub shadow: Vec<ShadowJob>,
    /// Tickets and the position that must be durable before they are answered.
    pub tickets: Vec<(u64, Pos)>,
    /// Outcomes of tests of lines.
    pub tested: Vec<Tested>,
    /// Answers to commands and questions about them.
    pub commands: Vec<(u64, CommandAnswer)>,
    /// Answers to requests for permits.
    pub permits: Vec<(u64, PermitAnswer)>,
    /// Orders for control links; each comes back as `News::Done`.
    pub pbx_orders: Vec<PbxOrder>,
}

/// Counters of the engine since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls begun, inbound.
    pub calls_inbound: u64,
    /// Calls begun, outbound and internal.
    pub calls_outbound: u64,
    /// Gate: allowed.
    pub gate_allowed: u64,
    /// Gate: denied.
    pub gate_denied: u64,
    /// Gate: exempt.
    pub gate_exempt: u64,
    /// Allowed calls refused because their decision was not durable in time.
    pub gate_not_durable: u64,
    /// Events that found no place in the ring.
    pub events_lost: u64,
    /// Signalling that belongs to no known call.
    pub strays: u64,
    /// Calls that went to a later line after an earlier one had failed them.
    pub line_failovers: u64,
    /// Calls refused because no line could take them: full, or taken out.
    pub line_refusals: u64,
    /// Commands of desks that were accepted.
    pub commands_accepted: u64,
    /// Of these, done.
    pub commands_ok: u64,
    /// Of these, refused or out of time.
    pub commands_failed: u64,
}
