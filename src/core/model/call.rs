//! The call entity. Leg states are CSTA's LocalConnectionState (ECMA-269 §6.1.5).

use super::{
    CallId, DecisionId, Dossier, IdentityLevel, LegId, Moment, Party, Pii, Pop, Signalling, Wall,
};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// Which way a call crosses the site's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a carrier.
    Inbound,
    /// Towards a carrier.
    Outbound,
    /// Neither.
    Internal,
}

/// State of a call or of one leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Asked for, nothing heard yet.
    Initiated,
    /// Ringing.
    Alerting,
    /// Talking.
    Connected,
    /// Held.
    Hold,
    /// Waiting in a queue.
    Queued,
    /// Could not be reached; the connection is about to end.
    Fail,
    /// Over.
    Null,
}

/// A party's part in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegRole {
    /// The person outside.
    Customer,
    /// The person inside.
    Agent,
    /// The site's side of a trunk call, when no agent leg is known.
    Trunk,
    /// A queue or menu.
    Queue,
    /// A second call for advice.
    Consult,
    /// A listener.
    Supervisor,
    /// Another outside party.
    External,
}

impl LegRole {
    /// A person of the house.
    pub fn is_inside(self) -> bool {
        match self {
            Self::Agent | Self::Consult | Self::Supervisor => true,
            Self::Customer | Self::Trunk | Self::Queue | Self::External => false,
        }
    }
}

/// What "alerting" rests on. It never proves a physical bell (ECMA-269 on Delivered).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertingBasis {
    /// SIP 180.
    Sip180,
    /// SIP 183.
    Sip183,
    /// The switch says so.
    PbxState,
}

/// Who ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Released {
    /// The outside party.
    Customer,
    /// The inside party.
    Agent,
    /// Carrier or PBX, without a party's act.
    Network,
    /// trunkline itself.
    System,
}

/// Where the service figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceBasis {
    /// An agent leg was seen.
    Agent,
    /// Only the trunk was seen.
    Trunk,
}

/// CSTA EventCause names that this site can tell apart, and two of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CstaCause {
    /// Ended by a party after talk.
    NormalClearing,
    /// 486, 600.
    Busy,
    /// Rang and nobody answered.
    CallNotAnswered,
    /// The caller gave up before the answer.
    CallCancelled,
    /// 403, 603, 607, 608.
    CallRejected,
    /// 404, 604, Q.850 1.
    NumberUnallocated,
    /// 480, 410: known, not reachable.
    DestNotObtainable,
    /// 484.
    InvalidNumberFormat,
    /// 503, Q.850 34.
    TrunksBusy,
    /// 500, 502, Q.850 38/41/42.
    NetworkCongestion,
    /// 488, 606, 415.
    IncompatibleDestination,
    /// 408, or nothing heard.
    Timeout,
    /// Another party took the place.
    Transfer,
    /// The gate said no.
    PolicyDenied,
    /// trunkline lost sight of the call and could not confirm it.
    LostSync,
    /// None of the above.
    Other,
}

/// Why something ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The name.
    pub csta: CstaCause,
    /// SIP status, if one was seen.
    pub sip_status: Option<u16>,
    /// Q.850 cause, if one was seen.
    pub q850: Option<u8>,
    /// Reason text or phrase as received.
    pub text: Box<str>,
}

impl Cause {
    /// A cause without raw codes.
    pub fn plain(csta: CstaCause) -> Self {
        Self { csta, sip_status: None, q850: None, text: Box::default() }
    }
}

/// A channel of a PBX.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    /// Name of the PBX in the configuration.
    pub pbx: Arc<str>,
    /// As the PBX names it.
    pub id: Arc<str>,
}

/// One party's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Unique in the call.
    pub id: LegId,
    /// Part in the call.
    pub role: LegRole,
    /// Device (inside) or line (outside).
    pub device: Arc<str>,
    /// Agent at that device.
    pub agent: Option<Arc<str>>,
    /// The PBX's channel of this leg, if a control link showed it.
    pub channel: Option<Box<Channel>>,
    /// Call-ID of this leg between PBX and phone; `None` for the ends of the call on the trunk,
    /// whose Call-ID is that of [`Call::dialog`].
    pub sip_call_id: Option<Arc<str>>,
    /// State.
    pub state: ConnectionState,
    /// Evidence of ringing.
    pub alerting_basis: Option<AlertingBasis>,
    /// In this state since.
    pub since: Wall,
    /// Rang.
    pub alerting: Option<Moment>,
    /// Answered.
    pub answered: Option<Moment>,
    /// Held since.
    pub held_since: Option<Moment>,
    /// Ended.
    pub ended: Option<Moment>,
    /// Why it ended. Boxed: a live call has none, and legs are most of an event.
    pub cause: Option<Box<Cause>>,
    /// What the agent's desktop is to show; `None`: no agent is known at the device.
    pub pop: Option<Box<Pop>>,
}

impl Leg {
    /// A device of the house that a control link showed.
    fn shows_device(&self) -> bool {
        self.channel.is_some() && self.role.is_inside()
    }
}

/// SIP dialog identity of a call on the trunk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// Tag of the party that sent the INVITE.
    pub caller_tag: String,
    /// Tag of the party that answered; empty before.
    pub callee_tag: String,
}

/// What is known of a call when its INVITE has been read, and does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Ours.
    pub id: CallId,
    /// Tenant.
    pub tenant: Arc<str>,
    /// Site.
    pub site: Arc<str>,
    /// Which way.
    pub direction: Direction,
    /// Why it is made.
    pub purpose: Option<Box<str>>,
    /// Caller.
    pub from: Arc<Party>,
    /// Callee.
    pub to: Arc<Party>,
    /// As dialled.
    pub dialed: Arc<Party>,
    /// Inside device: who may watch the call.
    pub device: Arc<str>,
    /// Stable through transfers.
    pub thread_id: CallId,
    /// Call whose place this one takes (RFC 3891).
    pub parent_id: Option<CallId>,
    /// What else its INVITE claimed.
    pub signalling: Option<Box<Signalling>>,
    /// INVITE received.
    pub started: Moment,
}

/// A call. Reads like one struct with its [`Origin`], which all its revisions share, as they do
/// names and dialog: an event holds the whole entity, and a call has six to eight of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What does not change.
    pub origin: Arc<Origin>,
    /// Grows with each change.
    pub rev: u64,
    /// State of the call as a whole.
    pub state: ConnectionState,
    /// Carrier line.
    pub trunk: Arc<str>,
    /// Queue that the caller waits in, or waited in last.
    pub queue: Option<Arc<str>>,
    /// Values attached to the call. At most [`DATA_KEYS_MAX`] keys.
    pub data: BTreeMap<String, Pii<String>>,
    /// SIP dialog on the trunk; all empty if it was not seen there.
    pub dialog: Arc<Dialog>,
    /// First 180.
    pub alerting: Option<Moment>,
    /// First 183 with SDP.
    pub network_reached: Option<Moment>,
    /// First 2xx.
    pub answered: Option<Moment>,
    /// Over.
    pub ended: Option<Moment>,
    /// Ring to answer or end; this and the next three stay at their top after 49 days.
    pub ring_ms: Option<u32>,
    /// Arrival to answer or end.
    pub wait_ms: Option<u32>,
    /// Answer to end.
    pub talk_ms: Option<u32>,
    /// Sum of holds.
    pub hold_ms: Option<u32>,
    /// Rings heard.
    pub rings: Option<u32>,
    /// Met the norm; `None` without an agent leg.
    pub answered_in_time: Option<bool>,
    /// Evidence for the figures.
    pub service_basis: ServiceBasis,
    /// Who ended it.
    pub released_by: Option<Released>,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// Gate decision.
    pub decision_id: Option<DecisionId>,
    /// What people have added; `None`: nothing.
    pub dossier: Option<Box<Dossier>>,
    /// Parties.
    pub legs: Vec<Leg>,
}

impl Deref for Call {
    type Target = Origin;

    fn deref(&self) -> &Origin {
        &self.origin
    }
}

/// Values attached to one call.
pub const DATA_KEYS_MAX: usize = 32;
/// Bytes of the name of an attached value.
pub const DATA_KEY_BYTES_MAX: usize = 64;
/// Bytes of an attached value.
pub const DATA_VALUE_BYTES_MAX: usize = 1024;

impl Call {
    /// A call of which nothing has been told yet.
    pub fn begun(origin: Origin, trunk: Arc<str>, dialog: Dialog, legs: Vec<Leg>) -> Self {
        Self {
            origin: Arc::new(origin),
            rev: 0,
            state: ConnectionState::Initiated,
            trunk,
            queue: None,
            data: BTreeMap::new(),
            dialog: Arc::new(dialog),
            alerting: None,
            network_reached: None,
            answered: None,
            ended: None,
            ring_ms: None,
            wait_ms: None,
            talk_ms: None,
            hold_ms: None,
            rings: None,
            answered_in_time: None,
            service_basis: ServiceBasis::Trunk,
            released_by: None,
            cause: None,
            decision_id: None,
            dossier: None,
            legs,
        }
    }

    /// Call-IDs of all its legs, that of the trunk first.
    pub fn sip_call_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        let legs = self.legs.iter().filter_map(|l| l.sip_call_id.as_deref());
        for id in std::iter::once(self.dialog.call_id.as_str()).chain(legs) {
            if !id.is_empty() && !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The leg of that id.
    pub fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|l| l.id == id)
    }

    /// Every device that takes or took part, that of the origin first, each once.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<str>> {
        let again = |at: usize, device: &str| {
            let before = self.legs[..at].iter().filter(|l| l.shows_device());
            device == &*self.device || before.into_iter().any(|l| &*l.device == device)
        };
        let shown = move |(at, leg): &(usize, &Leg)| leg.shows_device() && !again(*at, &leg.device);
        let legs = self.legs.iter().enumerate().filter(shown).map(|(_, l)| &l.device);
        std::iter::once(&self.device).chain(legs).filter(|d| !d.is_empty())
    }

    /// Whether a device takes or took part.
    pub fn has_device(&self, device: &str) -> bool {
        &*self.device == device
            || self.legs.iter().any(|l| l.shows_device() && &*l.device == device)
    }

    /// How well the customer is known.
    pub fn identity(&self) -> IdentityLevel {
        self.dossier.as_ref().map_or(IdentityLevel::None, |dossier| dossier.identity())
    }

    /// An attached value that an agent does not see yet.
    pub fn is_masked(&self, key: &str) -> bool {
        let sensitive = |d: &Dossier| d.sensitive.iter().any(|s| &**s == key);
        self.dossier.as_ref().is_some_and(|d| sensitive(d)) && self.identity() < IdentityLevel::Two
    }

    /// Whether the call is over.
    pub fn is_over(&self) -> bool {
        self.state == ConnectionState::Null
    }
}
