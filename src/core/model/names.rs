//! Stable names of closed sets, both ways, from one table each: the wire, logs and texts use them.

use super::{
    Action, AgentState, AlertingBasis, Attest, ChangedBy, Claim, CommandCode, CommandOp,
    CommandStatus, ConnectionState, CstaCause, DayClass, DeskPresence, Direction, DncScope,
    DutyKind, DutyState, EventKind, IdentityLevel, LegRole, LineOrder, LineRole, LineState,
    LinkKind, LinkState, OverrideState, PopWindow, PromptKind, RegistrationState, Released, Repair,
    RuleOutcome, ServiceBasis, SystemState, TimeQuality, Transfer, Verdict, WorkMode,
};

/// A closed set with one wire name a member.
pub trait Named: Copy + PartialEq + 'static {
    /// Members and names.
    const TABLE: &'static [(Self, &'static str)];

    /// Name of this member.
    fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(m, _)| *m == self).map_or("", |(_, name)| name)
    }

    /// Number of this member in what is stored: its place in the table, from 1. So members are
    /// only ever added at the end of a table.
    fn code(self) -> u32 {
        Self::TABLE.iter().zip(1..).find(|((m, _), _)| *m == self).map_or(0, |(_, code)| code)
    }

    /// Member of that number.
    fn from_code(code: u32) -> Option<Self> {
        let place = usize::try_from(code.checked_sub(1)?).ok()?;
        Self::TABLE.get(place).map(|(m, _)| *m)
    }

    /// Member of that name.
    fn parse_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(m, _)| *m)
    }
}

macro_rules! named {
    ($type:ty { $($member:ident = $name:literal),* $(,)? }) => {
        impl Named for $type {
            const TABLE: &'static [(Self, &'static str)] = &[$((Self::$member, $name)),*];
        }
        const _: fn($type) = |member| match member { $(<$type>::$member => ()),* };
    };
}

named!(Direction { Inbound = "inbound", Outbound = "outbound", Internal = "internal" });
named!(DncScope { Number = "number", Customer = "customer" });
named!(Claim {
    Consent = "consent",
    RunningContract = "running_contract",
    CustomerRequestedCallback = "customer_requested_callback",
});
named!(ConnectionState {
    Initiated = "initiated",
    Alerting = "alerting",
    Connected = "connected",
    Hold = "hold",
    Queued = "queued",
    Fail = "fail",
    Null = "null",
});
named!(LegRole {
    Customer = "customer",
    Agent = "agent",
    Trunk = "trunk",
    Queue = "queue",
    Consult = "consult",
    Supervisor = "supervisor",
    External = "external",
});
named!(AlertingBasis { Sip180 = "180", Sip183 = "183", PbxState = "pbx_state" });
named!(Action {
    Answer = "call.answer",
    Hold = "call.hold",
    Retrieve = "call.retrieve",
    TransferBlind = "call.transfer.blind",
    TransferConsult = "call.transfer.consult",
    TransferComplete = "call.transfer.complete",
    TransferCancel = "call.transfer.cancel",
    Conference = "call.conference",
    Hangup = "call.hangup",
    Dtmf = "call.dtmf",
    Data = "call.data",
    Identity = "call.identity",
    Label = "call.label",
});
named!(Released {
    Customer = "customer",
    Agent = "agent",
    Network = "network",
    System = "system",
});
named!(ServiceBasis { Agent = "agent", Trunk = "trunk" });
named!(CstaCause {
    NormalClearing = "normalClearing",
    Busy = "busy",
    CallNotAnswered = "callNotAnswered",
    CallCancelled = "callCancelled",
    CallRejected = "callRejected",
    NumberUnallocated = "numberUnallocated",
    DestNotObtainable = "destNotObtainable",
    InvalidNumberFormat = "invalidNumberFormat",
    TrunksBusy = "trunksBusy",
    NetworkCongestion = "networkCongestion",
    IncompatibleDestination = "incompatibleDestination",
    Timeout = "timeout",
    Transfer = "transfer",
    PolicyDenied = "policy_denied",
    LostSync = "lost_sync",
    Other = "other",
});
named!(TimeQuality {
    Measured = "measured",
    Pbx = "pbx",
    Derived = "derived",
    Reconciled = "reconciled",
});
named!(Attest { A = "A", B = "B", C = "C" });
named!(Transfer { Blind = "blind", Attended = "attended" });
named!(Verdict { Allow = "allow", Deny = "deny" });
named!(RuleOutcome {
    Allow = "allow",
    Deny = "deny",
    NotApplicable = "not_applicable",
    WouldDeny = "would_deny"
});
named!(SystemState {
    Initializing = "initializing",
    Enabled = "enabled",
    Normal = "normal",
    MessagesLost = "messagesLost",
    Disabled = "disabled",
    PartiallyDisabled = "partiallyDisabled",
    OverloadImminent = "overloadImminent",
    OverloadReached = "overloadReached",
    OverloadRelieved = "overloadRelieved",
});
named!(DayClass {
    Workday = "workday",
    Makeup = "makeup",
    Rest = "rest",
    Holiday = "holiday",
    Provisional = "provisional",
    Unknown = "unknown",
});
named!(Repair {
    KnownAgain = "call_known_again",
    MissedAnswerLearnt = "missed_answer_learnt",
    StaleCallClosed = "stale_call_closed",
    EventsLost = "events_lost",
    BeginningLearnt = "beginning_learnt",
    MissedRingLearnt = "missed_ring_learnt",
    MissedHoldLearnt = "missed_hold_learnt",
    MissedRetrieveLearnt = "missed_retrieve_learnt",
    MissedEndLearnt = "missed_end_learnt",
    PbxRestarted = "pbx_restarted",
    LinkWasAway = "link_was_away",
});
named!(EventKind {
    CallOriginated = "call.originated",
    CallNetworkReached = "call.network_reached",
    CallDelivered = "call.delivered",
    CallEstablished = "call.established",
    CallHeld = "call.held",
    CallRetrieved = "call.retrieved",
    CallFailed = "call.failed",
    CallConnectionCleared = "call.connection_cleared",
    CallAbandoned = "call.abandoned",
    CallCleared = "call.cleared",
    CallResynced = "call.resynced",
    OutboundRequested = "outbound.requested",
    OutboundAllowed = "outbound.allowed",
    OutboundDenied = "outbound.denied",
    DncAdded = "dnc.added",
    SystemStatus = "system.status",
    LineStateChanged = "line.state_changed",
    LineFailover = "line.failover",
    LineRecovered = "line.recovered",
    LineCapacityReached = "line.capacity_reached",
    DutyStarted = "duty.started",
    DutyMet = "duty.met",
    DutyBreached = "duty.breached",
    CallQueued = "call.queued",
    CallDiverted = "call.diverted",
    CallTransferred = "call.transferred",
    CallConferenced = "call.conferenced",
    CallDataUpdated = "call.data_updated",
    CallDtmf = "call.dtmf",
    OutboundUngated = "outbound.ungated",
    AgentLoggedOn = "agent.logged_on",
    AgentLoggedOff = "agent.logged_off",
    AgentReady = "agent.ready",
    AgentNotReady = "agent.not_ready",
    AgentReserved = "agent.reserved",
    AgentBusy = "agent.busy",
    AgentWorkingAfterCall = "agent.working_after_call",
    AgentUnknown = "agent.unknown",
    AgentDeskChanged = "agent.desk_changed",
    CommandAccepted = "command.accepted",
    CommandDone = "command.done",
    LinkStateChanged = "link.state_changed",
    CallIdentified = "call.identified",
    CallLabelled = "call.labelled",
    CallTransferUnconfirmed = "call.transfer_unconfirmed",
    DncRemoved = "dnc.removed",
    OverrideRequested = "override.requested",
    OverrideApproved = "override.approved",
    OverrideUsed = "override.used",
    OverrideRevoked = "override.revoked",
    OverrideExpired = "override.expired",
    GateShadowDiffers = "gate.shadow_differs",
    ClaimRecorded = "claim.recorded",
    ClaimWithdrawn = "claim.withdrawn",
});
named!(AgentState {
    LoggedOut = "logged_out",
    NotReady = "not_ready",
    Ready = "ready",
    Reserved = "reserved",
    Busy = "busy",
    WorkingAfterCall = "working_after_call",
    Unknown = "unknown",
});
named!(WorkMode {
    ManualIn = "manual_in",
    AutoIn = "auto_in",
    AuxWork = "aux_work",
    Acw = "acw",
    LegalGuard = "legal_guard",
});
named!(ChangedBy {
    Agent = "agent",
    Supervisor = "supervisor",
    System = "system",
    Pbx = "pbx",
    Reconciler = "reconciler",
});
named!(DeskPresence { Online = "online", Unresponsive = "unresponsive", Offline = "offline" });
named!(CommandOp {
    CallDial = "call.dial",
    CallAnswer = "call.answer",
    CallHold = "call.hold",
    CallRetrieve = "call.retrieve",
    CallTransferBlind = "call.transfer.blind",
    CallTransferConsult = "call.transfer.consult",
    CallTransferComplete = "call.transfer.complete",
    CallTransferCancel = "call.transfer.cancel",
    CallConference = "call.conference",
    CallHangup = "call.hangup",
    CallDtmf = "call.dtmf",
    CallData = "call.data",
    AgentLogin = "agent.login",
    AgentLogout = "agent.logout",
    AgentState = "agent.state",
    CallIdentity = "call.identity",
    CallLabel = "call.label",
    WrapUpSet = "wrapup.set",
    WrapUpExtend = "wrapup.extend",
    WrapUpFinish = "wrapup.finish",
    OverrideRequest = "gate.override.request",
    OverrideApprove = "gate.override.approve",
    OverrideRevoke = "gate.override.revoke",
});
named!(OverrideState {
    Requested = "requested",
    Approved = "approved",
    Used = "used",
    Revoked = "revoked",
    Expired = "expired",
});
named!(CommandStatus {
    Accepted = "accepted",
    Ok = "ok",
    Failed = "failed",
    Expired = "expired",
    Unknown = "unknown",
});
named!(CommandCode {
    BadRequest = "BAD_REQUEST",
    Forbidden = "FORBIDDEN",
    NotFound = "NOT_FOUND",
    Conflict = "CONFLICT",
    IdempotencyMismatch = "IDEMPOTENCY_MISMATCH",
    Expired = "EXPIRED",
    RateLimited = "RATE_LIMITED",
    LimitExceeded = "LIMIT_EXCEEDED",
    Unsupported = "UNSUPPORTED",
    SwitchUnavailable = "SWITCH_UNAVAILABLE",
    SwitchRejected = "SWITCH_REJECTED",
    PolicyDenied = "POLICY_DENIED",
    Timeout = "TIMEOUT",
    Internal = "INTERNAL",
    NoDesk = "NO_DESK",
    NotSynced = "NOT_SYNCED",
});
named!(LineState {
    Unknown = "unknown",
    InService = "in_service",
    Degraded = "degraded",
    OutOfService = "out_of_service",
    Draining = "draining",
    Maintenance = "maintenance",
});
named!(LineRole { Primary = "primary", Backup = "backup", InboundOnly = "inbound_only" });
named!(LineOrder { Serve = "serve", Drain = "drain", Maintain = "maintain" });
named!(LinkKind { Ari = "ari", Ami = "ami", Esl = "esl" });
named!(LinkState {
    Connecting = "connecting",
    Resyncing = "resyncing",
    Up = "up",
    Down = "down",
    Refused = "refused",
});
named!(RegistrationState { Trying = "trying", Registered = "registered", Failed = "failed" });
named!(DutyKind { BackupLine = "backup_line", CallRecord = "call_record", Reconciliation = "reconciliation" });
named!(IdentityLevel { None = "none", One = "one", Two = "two" });
named!(PopWindow { Primary = "primary", Secondary = "secondary" });
named!(PromptKind { ApologyLate = "apology_late", ApologyFault = "apology_fault" });
named!(DutyState { Running = "running", Met = "met", Breached = "breached" });
