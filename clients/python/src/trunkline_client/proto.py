# Generated from proto/trunkline/v1 by tests/clients; do not edit.
"""Messages of the desk protocol.

What the client hands out has every member; `None` is what was absent. Times are RFC 3339,
positions decimal strings. `from` and `if` are Python's own words: those members are `from_` and
`if_` here.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Detail:
    """Facts that belong to one event and not to the entity."""

    #: Leg the event is about.
    leg: str = ""

    #: SIP status that caused it (RFC 3261 §21).
    sip_status: int = 0

    #: The moment by the source's own clock: kernel receive stamp or switch stamp.
    pbx_time: str | None = None

    #: When trunkline saw it.
    observed_at: str | None = None

    #: measured | pbx | derived | reconciled.
    time_quality: str = ""

    #: Named repair after a restart or a lost link, else empty.
    repair: str = ""

    #: line.*, link.*: what moved where, and why.
    shift: Shift | None = None

    #: call.transferred: blind | attended.
    transfer: str = ""

    #: call.transferred: the call that goes on, if it came by here.
    to_call: str = ""

    #: call.dtmf: the key, one of 0-9 * # A-D.
    digit: str = ""

    #: call.data_updated: name of the value that changed. call.identified: kind of the factor.
    key: str = ""

    #: Agents who are to take the call over and see its data with this event. Their desktops are
    #: asked by an `hb` that follows at once; answering it confirms.
    confirm_by: list[str] = field(default_factory=list)

    #: call.transfer_unconfirmed: why it did not wait, for a person.
    reason: str = ""

    #: call.transfer_unconfirmed: user who has taken it upon himself; empty: nobody was asked.
    waived_by: str = ""


@dataclass(slots=True, kw_only=True)
class Shift:
    """Something went from one line, or state of a line, to another."""

    #: Call that moved; empty: new calls from now on.
    call_id: str = ""

    #: Line (line.failover, line.recovered) or state (*.state_changed) before.
    from_: str = ""

    #: Line or state after.
    to: str = ""

    #: Why, for a person.
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Call:
    """A telephone call: one Call-ID and caller tag on the trunk."""

    #: UUIDv7.
    id: str = ""

    #: Grows by one with each change.
    rev: int = 0

    #: Tenant the site belongs to.
    tenant: str = ""

    #: Site (one log).
    site: str = ""

    #: inbound | outbound | internal.
    direction: str = ""

    #: initiated | alerting | connected | hold | fail | null (CSTA LocalConnectionState of the call).
    state: str = ""

    #: Why the call is made (outbound), e.g. service, callback.routine, sales.
    purpose: str = ""

    #: Caller.
    from_: Party | None = None

    #: Callee.
    to: Party | None = None

    #: What was dialled, as dialled.
    dialed: Party | None = None

    #: Carrier line in use, by its configured name.
    trunk: str = ""

    #: Survives transfers.
    thread_id: str = ""

    #: SIP Call-ID header values of the legs.
    sip_call_ids: list[str] = field(default_factory=list)

    #: INVITE received.
    started: Moment | None = None

    #: First 180.
    alerting: Moment | None = None

    #: First 183 with SDP.
    network_reached: Moment | None = None

    #: First 2xx.
    answered: Moment | None = None

    #: Call over.
    ended: Moment | None = None

    #: Ring to answer, or ring to end when unanswered.
    ring_ms: int | None = None

    #: Arrival to answer, or to the end when unanswered.
    wait_ms: int | None = None

    #: Answer to end, holds included.
    talk_ms: int | None = None

    #: Sum of holds.
    hold_ms: int | None = None

    #: ceil(ring_ms / ring period); the period is a setting, 5 s by default.
    rings: int | None = None

    #: Met the answer norm; absent without evidence of an agent leg.
    answered_in_time: bool | None = None

    #: agent | trunk: whose ring and answer the service figures come from.
    service_basis: str = ""

    #: customer | agent | network | system.
    released_by: str = ""

    #: Why it ended.
    cause: Cause | None = None

    #: Gate decision that let it out or refused it.
    decision_id: str = ""

    #: Parties' connections.
    legs: list[Leg] = field(default_factory=list)

    #: Device on the PBX side (extension or dialled inbound number): who may watch the call.
    device: str = ""

    #: What else the INVITE claimed, unverified; absent: nothing.
    signalling: Signalling | None = None

    #: Call whose place this one takes (RFC 3891).
    parent_id: str = ""

    #: Queue that the caller waits in, or waited in last.
    queue: str = ""

    #: Values attached to the call, at most 32. Everybody who may see the call sees them; in the
    #: masked view those of `masked_data` are `***`.
    data: dict[str, str] = field(default_factory=dict)

    #: one | two: so many distinct factors of the customer's identity were checked; empty: none.
    identity: str = ""

    #: The factors, in the order in which they were recorded; at most 8. What was said is not kept.
    factors: list[IdentityFactor] = field(default_factory=list)

    #: Keys of `data` whose values this view does not show: sensitive, and identity is not `two`.
    masked_data: list[str] = field(default_factory=list)

    #: What the agent says of the call; absent: nothing yet.
    label: Label | None = None


@dataclass(slots=True, kw_only=True)
class IdentityFactor:
    """A proof of the customer's identity that was checked."""

    #: One of the site's kinds: policy_number, one_time_code, ...
    kind: str = ""

    #: It rests on the number of the call: all of these together are one factor.
    by_number: bool = False

    #: Who has recorded it: agent, else user.
    by: str = ""

    #: When.
    at: str | None = None


@dataclass(slots=True, kw_only=True)
class Label:
    """What an agent says of a call."""

    #: One of the site's labels.
    name: str = ""

    #: Who says so: agent, else user.
    by: str = ""

    #: When.
    at: str | None = None


@dataclass(slots=True, kw_only=True)
class Pop:
    """What the desktop of a leg's agent is to show."""

    #: primary | secondary: the screen for the customer.
    window: str = ""

    #: How the agent opens the conversation; empty: as the agent likes.
    opening: str = ""

    #: apology_late | apology_fault: what is to be said first; empty: nothing. Known when the call is
    #: answered.
    prompt: str = ""

    #: Its words.
    prompt_text: str = ""


@dataclass(slots=True, kw_only=True)
class Signalling:
    """Claims of an INVITE beyond caller and callee. Nothing here is verified."""

    #: Who diverted the call last (RFC 5806, RFC 7044).
    diverted_from: Party | None = None

    #: Why, in the words of RFC 5806 §4: user-busy, no-answer, unconditional, ...
    diversion_reason: str = ""

    #: User-to-User header value as received (RFC 7433); only in the full view.
    user_to_user: str = ""

    #: Sender's half of Session-ID (RFC 7989): 32 hex digits.
    session_id: str = ""

    #: A | B | C: attestation of the caller's number (RFC 8588), its signature unchecked.
    attest: str = ""

    #: The caller asked for privacy (RFC 3323): its asserted number is in no event.
    private: bool = False


@dataclass(slots=True, kw_only=True)
class Leg:
    """One party's connection in a call."""

    #: Unique in its call.
    id: str = ""

    #: customer | agent | trunk | queue | consult | supervisor | external.
    role: str = ""

    #: Device or line name.
    device: str = ""

    #: initiated | alerting | connected | hold | queued | fail | null.
    state: str = ""

    #: 180 | 183 | pbx_state: evidence behind "alerting"; not proof of a physical bell.
    alerting_basis: str = ""

    #: In this state since.
    since: str | None = None

    #: Ring, answer, hold and end of this leg.
    alerting: Moment | None = None

    #: Answered at.
    answered: Moment | None = None

    #: Held since, while held.
    held_since: Moment | None = None

    #: Ended at.
    ended: Moment | None = None

    #: Why the leg ended.
    cause: Cause | None = None

    #: SIP Call-ID header value.
    sip_call_id: str = ""

    #: Agent at the device.
    agent_id: str = ""

    #: The PBX's channel, if a control link showed it.
    channel: Channel | None = None

    #: What the state permits: names of commands of the desk protocol.
    permitted_actions: list[str] = field(default_factory=list)

    #: What the desktop of the leg's agent is to show; there as soon as the leg is.
    pop: Pop | None = None


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel of a PBX."""

    #: Name of the PBX in the configuration.
    pbx: str = ""

    #: As the PBX names it: Asterisk's Uniqueid, FreeSWITCH's UUID.
    id: str = ""


@dataclass(slots=True, kw_only=True)
class Moment:
    """A moment by two clocks."""

    #: The source's own stamp (kernel receive stamp on our own SIP leg).
    pbx_time: str | None = None

    #: trunkline's clock.
    observed_at: str | None = None

    #: measured | pbx | derived | reconciled.
    time_quality: str = ""


@dataclass(slots=True, kw_only=True)
class Cause:
    """Why something ended."""

    #: CSTA EventCause name: normalClearing, busy, callNotAnswered, callCancelled, ...
    csta: str = ""

    #: SIP status (RFC 3261 §21).
    sip_status: int | None = None

    #: ITU-T Q.850 cause value.
    q850: int | None = None

    #: Text of the Reason header or the reason phrase, as received.
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Party:
    """A telephone number as a viewer may see it."""

    #: E.164 with +; only in the full view.
    e164: str = ""

    #: Display name; only in the full view.
    display: str = ""

    #: 138****1234.
    masked: str = ""

    #: Blind index: equal numbers have equal refs.
    ref: str = ""

    #: Number as it stood on the wire, when it is no E.164; only in the full view.
    raw: str = ""


@dataclass(slots=True, kw_only=True)
class Decision:
    """The gate's answer for one outbound call."""

    #: UUIDv7.
    id: str = ""

    #: Call it was made for.
    call_id: str = ""

    #: allow | deny.
    verdict: str = ""

    #: Every rule that was looked at.
    rules: list[RuleVerdict] = field(default_factory=list)

    #: Rule set name.
    ruleset: str = ""

    #: SHA-256 of the rule set, hex.
    ruleset_hash: str = ""

    #: Version of the calendar data.
    calendar_version: str = ""

    #: Version of the do-not-call list.
    list_version: str = ""

    #: IANA tz database version.
    tzdb_version: str = ""

    #: Callee's local time, RFC 3339 with offset.
    local_time: str = ""

    #: Callee's zone, IANA name.
    zone: str = ""

    #: workday | makeup | rest | holiday | provisional | unknown.
    day_class: str = ""

    #: Earliest instant at which the same call would be allowed, RFC 3339 with offset; empty: none found.
    next_allowed_at: str = ""

    #: Purpose the decision was made for.
    purpose: str = ""

    #: Until when an allow may be used.
    expires_at: str | None = None

    #: Callee.
    to: Party | None = None

    #: Device that dialled.
    device: str = ""

    #: What else was known of the call; absent: nothing.
    facts: CallFacts | None = None


@dataclass(slots=True, kw_only=True)
class CallFacts:
    """What is known of a call out beyond number and purpose. Empty: not known."""

    #: What it is about: a product, a policy line.
    subject: str = ""

    #: Case it belongs to.
    case_id: str = ""

    #: Campaign.
    campaign: str = ""

    #: Who is called, as the customer records name them; empty in a masked view.
    customer: str = ""

    #: For whom the call is made, where a site calls for several.
    seller: str = ""


@dataclass(slots=True, kw_only=True)
class RuleVerdict:
    """What one rule said."""

    #: Rule id, e.g. night, statutory-holiday, dnc, window.
    id: str = ""

    #: allow | deny | not_applicable | would_deny (its rule set is only tried out).
    verdict: str = ""

    #: Clause the rule comes from.
    citation: str = ""

    #: What the rule looked at, in words without personal data.
    inputs: str = ""


@dataclass(slots=True, kw_only=True)
class SystemStatus:
    """CSTA SystemStatus."""

    #: initializing | enabled | normal | messagesLost | disabled | partiallyDisabled | overloadImminent | overloadReached | overloadRelieved.
    status: str = ""

    #: What and why, for a person.
    reason: str = ""

    #: How many events were lost (messagesLost).
    lost: int = 0


@dataclass(slots=True, kw_only=True)
class DoNotCall:
    """Do-not-call entries were added, lengthened or imported, or hold no more."""

    #: The entries of this change.
    entries: list[DoNotCallEntry] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Override:
    """People let one call out although a company's hours refuse it (docs/gate.md)."""

    #: Ours, UUIDv7.
    id: str = ""

    #: Counts from 1.
    rev: int = 0

    #: requested | approved | used | revoked | expired.
    state: str = ""

    #: Who may be called.
    to: Party | None = None

    #: Why the call is made, for the gate.
    purpose: str = ""

    #: What it is needed for, in the words of who asked; empty in a masked view.
    reason: str = ""

    #: Agent who will call; empty: whoever is at the device.
    agent: str = ""

    #: Device that will call; empty: any of the agent's.
    device: str = ""

    #: User who asked.
    requested_by: str = ""

    #: Users who approved, in that order.
    approved_by: list[str] = field(default_factory=list)

    #: When it was asked for.
    requested_at: str | None = None

    #: Not to be used from then on.
    expires_at: str | None = None

    #: Call that used it.
    call_id: str = ""

    #: Decision that let that call out.
    decision_id: str = ""


@dataclass(slots=True, kw_only=True)
class ShadowDiff:
    """A call that rules tried out beside those in force would have treated otherwise (docs/gate.md).
    Nothing of it was enforced."""

    #: The decision that counted.
    decision_id: str = ""

    #: Purpose of the call; empty: none was given.
    purpose: str = ""

    #: allow | deny: what the rules in force said.
    verdict: str = ""

    #: Their rules that refused, in order of precedence.
    refused_by: list[str] = field(default_factory=list)

    #: allow | deny: what the rules tried out would have said.
    shadow_verdict: str = ""

    #: Their rules that would have refused.
    shadow_refused_by: list[str] = field(default_factory=list)

    #: SHA-256 of the rules tried out, hex.
    shadow_hash: str = ""


@dataclass(slots=True, kw_only=True)
class Claims:
    """Claims were recorded, or count no more."""

    #: The claims of this change.
    entries: list[ClaimEntry] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ClaimEntry:
    """What a person has said or signed that exempts a call (docs/gate.md)."""

    #: Ours, UUIDv7.
    id: str = ""

    #: consent | running_contract | customer_requested_callback.
    claim: str = ""

    #: number | customer (all numbers of a person).
    scope: str = ""

    #: Number; of a customer its raw form is the name that the customer records use.
    number: Party | None = None

    #: Counts for calls with this purpose and its family; empty: for all.
    purpose: str = ""

    #: Counts for calls of this case; empty: for all, or not shown in a masked view.
    case: str = ""

    #: Last local calendar day on which it counts, YYYY-MM-DD; empty: until it is withdrawn.
    until: str = ""

    #: Call in which it was said.
    call_id: str = ""

    #: Where the proof is; empty in a masked view.
    evidence: str = ""

    #: How it came in: cli | api | import | desk.
    source: str = ""

    #: When the person said it.
    given_at: str | None = None

    #: Who entered it.
    added_by: str = ""

    #: It counts no more.
    withdrawn: ClaimEnd | None = None


@dataclass(slots=True, kw_only=True)
class ClaimEnd:
    """How a claim came to count no more before its day."""

    #: When.
    at: str | None = None

    #: Who entered it.
    by: str = ""

    #: Why; empty in a masked view.
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class DoNotCallEntry:
    """One number or customer nobody may call."""

    #: Number; of a customer its raw form is the name that the customer records use.
    number: Party | None = None

    #: Blocked through the end of this local calendar day, YYYY-MM-DD; empty: for ever.
    until: str = ""

    #: Why: do_not_disturb, register, complaint, ...
    reason: str = ""

    #: When it was asked for.
    asked_at: str | None = None

    #: Who entered it.
    added_by: str = ""

    #: number | customer (all numbers of a person); empty: number.
    scope: str = ""

    #: Blocked for calls with this purpose and its family; empty: for all.
    purpose: str = ""

    #: How it came in: cli | api | import.
    source: str = ""

    #: It holds no more.
    removed: DoNotCallRemoval | None = None


@dataclass(slots=True, kw_only=True)
class DoNotCallRemoval:
    """How a do-not-call entry came to hold no more."""

    #: When.
    at: str | None = None

    #: Why.
    reason: str = ""

    #: Who asked for it.
    by: str = ""

    #: Who agreed; never the same.
    approved_by: str = ""


@dataclass(slots=True, kw_only=True)
class Line:
    """A carrier line."""

    #: Name in the configuration.
    id: str = ""

    #: Grows by one with each event of this line.
    rev: int = 0

    #: primary | backup | inbound_only.
    role: str = ""

    #: unknown | in_service | degraded | out_of_service | draining | maintenance.
    state: str = ""

    #: In this state since.
    since: str | None = None

    #: Why, for a person.
    reason: str = ""

    #: The newest evidence against it; empty: none.
    last_failure: str = ""

    #: Order in force: serve | drain | maintain.
    order: str = ""

    #: Who gave it; empty: nobody.
    ordered_by: str = ""

    #: Our registration, where the carrier asks for one.
    registration: LineRegistration | None = None

    #: Calls that came in by it.
    calls_in: int = 0

    #: Calls that went out by it.
    calls_out: int = 0

    #: Limit of both together; absent: none.
    calls_max: int | None = None

    #: Limit of calls in.
    calls_in_max: int | None = None

    #: Limit of calls out.
    calls_out_max: int | None = None

    #: Newest round trip of a probe, microseconds.
    rtt_us: int | None = None

    #: Probes without a sign of life in a row.
    probe_failures: int = 0

    #: Calls without a sign of life, or with 503, in a row.
    call_failures: int = 0

    #: When it is probed next; absent: it is not probed, or a probe is under way.
    next_probe_at: str | None = None

    #: INVITEs sent to it that ended in the last 15 minutes.
    seizures: int = 0

    #: Answer seizure ratio of these (ITU-T E.411), thousandths; absent: no seizure.
    answer_seizure_permille: int | None = None

    #: Network effectiveness ratio of these (ITU-T E.425), thousandths; absent: no seizure.
    network_effectiveness_permille: int | None = None

    #: Answers that came after their call had gone elsewhere; released by trunkline.
    late_answers: int = 0

    #: Flap damping: 1000 a flap, halved each half-life.
    penalty: int = 0

    #: The newest probes, oldest first; ten at most.
    probes: list[LineProbe] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class LineRegistration:
    """Our registration with a carrier."""

    #: trying | registered | failed.
    state: str = ""

    #: The newest answer, for a person.
    reason: str = ""

    #: When it ends unless it is renewed.
    expires_at: str | None = None


@dataclass(slots=True, kw_only=True)
class LineProbe:
    """One probe (OPTIONS) and what came of it."""

    #: When its outcome was known.
    at: str | None = None

    #: Counted as a sign of life.
    alive: bool = False

    #: Status of the answer; absent: there was none.
    status: int | None = None

    #: The answer or its absence, for a person.
    text: str = ""

    #: Send to receive, microseconds.
    rtt_us: int | None = None


@dataclass(slots=True, kw_only=True)
class Duty:
    """What has to be done in time."""

    #: UUIDv7.
    id: str = ""

    #: Grows by one with each change.
    rev: int = 0

    #: backup_line: the backup line carries calls, or the failed line serves again.
    #: call_record: the agent labels a call after its end.
    #: reconciliation: a PBX's call records of a day are held against the decisions.
    kind: str = ""

    #: Whose: for backup_line the name of the failed line, for call_record the id of the call, for
    #: reconciliation the PBX and the day.
    subject: str = ""

    #: Since when.
    started: str | None = None

    #: Until when.
    due_at: str | None = None

    #: running | met | breached.
    state: str = ""

    #: When it was met.
    met_at: str | None = None

    #: What started or ended it, for a person.
    reason: str = ""

    #: Agent who is to do it (call_record).
    agent: str = ""


@dataclass(slots=True, kw_only=True)
class Agent:
    """A person at a device, and whether calls may be given to them."""

    #: Name in the configuration.
    id: str = ""

    #: Grows by one with each event of this agent.
    rev: int = 0

    #: For people.
    name: str = ""

    #: Team; empty: none.
    team: str = ""

    #: What the agent can do, as configured.
    skills: list[str] = field(default_factory=list)

    #: Device in the PBX's words.
    device: str = ""

    #: PBX of the device.
    pbx: str = ""

    #: Queues the agent works for.
    queues: list[str] = field(default_factory=list)

    #: logged_out | not_ready | ready | reserved | busy | working_after_call | unknown.
    state: str = ""

    #: In this state since.
    since: str | None = None

    #: Where the agent goes when what holds them now is over; empty: ready.
    pending_state: str = ""

    #: Why not ready, or why not ready later.
    reason: str = ""

    #: manual_in | auto_in | aux_work | acw | legal_guard (rest that nobody shortens).
    work_mode: str = ""

    #: Work after the call ends then by itself; absent: it does not.
    wrap_up_deadline: str | None = None

    #: The newest call at the device.
    last_call_id: str = ""

    #: agent | supervisor | system | pbx | reconciler.
    changed_by: str = ""

    #: State before; empty: nothing is known of before.
    previous_state: str = ""

    #: How long that lasted.
    previous_duration_ms: int | None = None

    #: online | unresponsive | offline.
    desk: str = ""


@dataclass(slots=True, kw_only=True)
class Command:
    """A command of a desk and what became of it."""

    #: The client's UUID.
    id: str = ""

    #: 1 when accepted, 2 when done.
    rev: int = 0

    #: Who gave it.
    user: str = ""

    #: call.dial, call.answer, agent.state, ...
    op: str = ""

    #: Call it is about, or the call that came of it.
    call_id: str = ""

    #: Leg it is about.
    leg: str = ""

    #: Agent it is about.
    agent: str = ""

    #: Number it names.
    to: Party | None = None

    #: When it was accepted.
    accepted_at: str | None = None

    #: Not to be begun after this.
    not_after: str | None = None

    #: accepted | ok | failed | expired | unknown.
    status: str = ""

    #: Why it failed.
    error: CommandError | None = None

    #: When it was done.
    done_at: str | None = None


@dataclass(slots=True, kw_only=True)
class CommandError:
    """What went wrong with a command."""

    #: FORBIDDEN, CONFLICT, SWITCH_REJECTED, POLICY_DENIED, TIMEOUT, ...: an open set.
    code: str = ""

    #: For a person.
    msg: str = ""

    #: SIP status behind it.
    sip_status: int | None = None

    #: ITU-T Q.850 cause behind it.
    q850: int | None = None

    #: The gate's decision (POLICY_DENIED).
    decision_id: str = ""

    #: Earliest instant at which the gate would allow it, RFC 3339 with offset (POLICY_DENIED).
    next_allowed_at: str = ""


@dataclass(slots=True, kw_only=True)
class Link:
    """A control link to a PBX."""

    #: PBX and kind: asterisk/ami.
    id: str = ""

    #: Grows by one with each event of this link.
    rev: int = 0

    #: PBX, by its configured name.
    pbx: str = ""

    #: ari | ami | esl.
    kind: str = ""

    #: connecting | resyncing | up | down | refused.
    state: str = ""

    #: In this state since.
    since: str | None = None

    #: Why, for a person.
    reason: str = ""

    #: When the next connection is tried; absent: there is one, or the PBX connects to us.
    next_try_at: str | None = None

    #: The PBX's software; empty: not known yet.
    version: str = ""

    #: Changes when the PBX was restarted; empty: not known yet.
    instance: str = ""

    #: Events of the PBX that were lost since trunkline started.
    lost: int = 0

    #: The PBX's clock against ours, median of the newest stamps; positive: it is ahead; absent: too
    #: few stamps.
    clock_skew_ms: int | None = None

    #: The newest thing that an operator should know; empty: none.
    warning: str = ""


@dataclass(slots=True, kw_only=True)
class Hello:
    """t = hello, client to server, the first message; within 5 s, at most 4 KiB."""

    #: Who.
    auth: Auth | None = None

    #: What software.
    client: Client | None = None

    #: What it wants to see.
    subs: list[Subscription] = field(default_factory=list)

    #: Where it was.
    resume: Resume | None = None

    #: Commands whose result it does not know; at most 64.
    pending: list[str] = field(default_factory=list)

    #: Optional features it has: batch.
    caps: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Auth:
    """Credentials: one of the two; none where a client certificate says who it is."""

    #: Signed token (JWT).
    token: str = ""

    #: Single-use ticket of POST /v1/ws-ticket.
    ticket: str = ""


@dataclass(slots=True, kw_only=True)
class Client:
    """Client software."""

    #: Name.
    name: str = ""

    #: Version.
    ver: str = ""

    #: Instance: the same for the life of one desktop.
    inst: str = ""


@dataclass(slots=True, kw_only=True)
class Resume:
    """Last place the client has applied."""

    #: Log incarnation.
    epoch: str = ""

    #: Position.
    pos: str = ""

    #: `scope` of the welcome that it continues; empty: not checked.
    scope: str = ""


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One subscription."""

    #: Client's own id, unique on the socket.
    id: str = ""

    #: calls:own | agent:self | site:calls | site:agents | site:health | site:lines |
    #: site:links | queue:ID | line:ID | team:ID.
    topic: str = ""

    #: full | masked | aggregate; empty: the best that the role allows.
    view: str = ""

    #: What of the topic; absent: all of it.
    filter: Filter | None = None


@dataclass(slots=True, kw_only=True)
class Filter:
    """A filter: an entity passes that has, for each list that is there, one of its values. What has
    no such label passes no list of it. At most 256 values of 128 bytes in all lists together."""

    #: Kinds of entities: call, decision, dnc, agent, line, duty, link, system.
    kind: list[str] = field(default_factory=list)

    #: Teams of the agents that take or took part, or of the agent.
    team: list[str] = field(default_factory=list)

    #: Queue of the call, or one of the agent's.
    queue: list[str] = field(default_factory=list)

    #: Carrier line of the call, the line, or whose duty it is.
    line: list[str] = field(default_factory=list)

    #: The same as line.
    trunk: list[str] = field(default_factory=list)

    #: State.
    state: list[str] = field(default_factory=list)

    #: Calls: inbound, outbound, internal.
    direction: list[str] = field(default_factory=list)

    #: Devices that take or took part; device of a decision.
    device: list[str] = field(default_factory=list)

    #: Agents that take or took part; the agent.
    agent: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Sub:
    """t = sub, client to server: one more subscription. Answered by `err`, or by `sub.ok`, its pages
    and `scope`."""

    #: Client's own id, unique on the socket.
    id: str = ""

    #: As in Subscription.
    topic: str = ""

    #: As in Subscription.
    view: str = ""

    #: As in Subscription.
    filter: Filter | None = None


@dataclass(slots=True, kw_only=True)
class Unsub:
    """t = unsub, client to server: one subscription less. Answered by `err`, or by `gone` for each
    entity that no other subscription shows, `sub.ok` with view none, and `scope`."""

    #: Subscription.
    id: str = ""


@dataclass(slots=True, kw_only=True)
class AuthRefresh:
    """t = auth.refresh, client to server: another token of the same user and site."""

    #: Signed token (JWT).
    token: str = ""


@dataclass(slots=True, kw_only=True)
class AuthOk:
    """t = auth.ok: the token of auth.refresh is in force; comes after all that it changes."""

    #: When it ends.
    auth_exp: str | None = None


@dataclass(slots=True, kw_only=True)
class AuthExpiring:
    """t = auth.expiring: the token ends soon; a new one is wanted."""

    #: Time left; 0: it is over, and the socket will be closed soon.
    in_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Scope:
    """t = scope: what the client may see has changed, and it has been told all that this brings."""

    #: Position of the step.
    pos: str = ""

    #: To be given back in `resume` from here on, in place of that of `welcome`.
    scope: str = ""


@dataclass(slots=True, kw_only=True)
class Gone:
    """t = gone: the client sees an entity no longer; to be ignored if it does not have it. Not counted
    in hb.n."""

    #: Position of the event, or of the step, that took it away.
    pos: str = ""

    #: call, agent, line, duty, link.
    kind: str = ""

    #: Its id.
    id: str = ""

    #: ended | scope (it is there still, but not for this client).
    why: str = ""


@dataclass(slots=True, kw_only=True)
class Figures:
    """Figures of one board: how many calls and agents stand in which state. What is absent is zero."""

    #: site | queue | line | team.
    kind: str = ""

    #: Name of the queue, line or team; empty for the site.
    id: str = ""

    #: Position up to which they are counted.
    as_of: str = ""

    #: Live calls by state.
    calls: dict[str, int] = field(default_factory=dict)

    #: Agents by state.
    agents: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Count:
    """t = count: figures have changed; the newest alone, at most ten times a second. Not counted in
    hb.n."""

    #: Position up to which they are counted.
    pos: str = ""

    #: The board.
    o: Figures | None = None


@dataclass(slots=True, kw_only=True)
class Batch:
    """t = batch, only for clients with the capability `batch`: several frames in one message."""

    #: The frames.
    items: list[BatchItem] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class BatchItem:
    """A frame in a batch."""

    #: Its name: count.
    t: str = ""

    #: As in the frame.
    pos: str = ""

    #: As in the frame.
    o: Figures | None = None


@dataclass(slots=True, kw_only=True)
class Welcome:
    """t = welcome."""

    #: Connection id.
    conn: str = ""

    #: Log incarnation.
    epoch: str = ""

    #: Position the stream starts after (resumed: that of the client).
    pos: str = ""

    #: Whether the events since `resume.pos` follow.
    resumed: bool = False

    #: ok | epoch | too_old | ahead | scope | none.
    why: str = ""

    #: Heartbeat period.
    hb_ms: int = 0

    #: Limits of this socket.
    limits: Limits | None = None

    #: When the token ends.
    auth_exp: str | None = None

    #: Server time.
    time: str | None = None

    #: enabled | degraded.
    health: str = ""

    #: Fingerprint of what this client may see, to be given back in `resume`. Opaque.
    scope: str = ""

    #: How the commands of `pending` stand. Status `unseen`: never accepted, may be sent again.
    commands: list[CommandResult] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Limits:
    """Limits of a socket."""

    #: Largest client message, bytes.
    message_bytes_max: int = 0

    #: Subscriptions.
    subs_max: int = 0

    #: Queue towards the client, bytes.
    queue_bytes_max: int = 0


@dataclass(slots=True, kw_only=True)
class Snap:
    """t = snap: a page of the state at `pos`; `last` ends the cut of this subscription."""

    #: Subscription.
    sub: str = ""

    #: State as of this position.
    pos: str = ""

    #: Page number from 0.
    page: int = 0

    #: The cut is complete.
    last: bool = False

    #: Live calls.
    objs: list[Call] = field(default_factory=list)

    #: Calls that began and ended between the client's position and the snapshot.
    gap: bool = False

    #: site:lines, line: lines.
    lines: list[Line] = field(default_factory=list)

    #: site:lines, line: duties that run.
    duties: list[Duty] = field(default_factory=list)

    #: agent:self: the agent; site:agents: all agents; team: its agents.
    agents: list[Agent] = field(default_factory=list)

    #: site:links: all control links.
    links: list[Link] = field(default_factory=list)

    #: View aggregate: all boards of the topic.
    figures: list[Figures] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Replayed:
    """t = replayed: all events of (from, to] that this client may see have been sent."""

    #: Exclusive start.
    from_: str = ""

    #: Inclusive end.
    to: str = ""

    #: How many events.
    count: int = 0

    #: After a replay that had to read the journal: all that the client sees. What it has beside
    #: these is gone.
    keep: list[Kept] = field(default_factory=list)

    #: Whether `keep` is a statement; else nothing is known to be gone.
    kept: bool = False


@dataclass(slots=True, kw_only=True)
class Kept:
    """An entity that a client sees."""

    #: call, agent, line, duty, link.
    kind: str = ""

    #: Its id.
    id: str = ""


@dataclass(slots=True, kw_only=True)
class Hb:
    """t = hb, both ways. n counts the ev frames since welcome: unequal counts prove a gap."""

    #: Newest position the server has passed (server), applied (client).
    pos: str = ""

    #: ev frames since welcome.
    n: int = 0

    #: enabled | degraded (server only).
    health: str = ""


@dataclass(slots=True, kw_only=True)
class SubOk:
    """t = sub.ok."""

    #: Subscription.
    id: str = ""

    #: View in force; none: the subscription has ended.
    view: str = ""

    #: Position of the cut.
    pos: str = ""


@dataclass(slots=True, kw_only=True)
class Err:
    """t = err. An error of a command or subscription never closes the socket."""

    #: What it answers (subscription or command id), else empty.
    ref: str = ""

    #: BAD_REQUEST UNAUTHENTICATED FORBIDDEN NOT_FOUND CONFLICT IDEMPOTENCY_MISMATCH EXPIRED
    #: LIMIT_EXCEEDED RATE_LIMITED UNSUPPORTED SWITCH_UNAVAILABLE TIMEOUT INTERNAL.
    code: str = ""

    #: The same request may succeed later.
    retryable: bool = False

    #: For a person.
    msg: str = ""


@dataclass(slots=True, kw_only=True)
class GoAway:
    """t = goaway: the server will close this socket; reconnect after a random wait within spread_ms."""

    #: Why.
    why: str = ""

    #: Earliest reconnect.
    after_ms: int = 0

    #: Random extra.
    spread_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Cmd:
    """t = cmd, client to server: do something. Answered by `err`, or by `ack` once it is durable and
    later by `result`. The same id is never carried out twice."""

    #: UUID (version 7) made by the client; the same when the command is sent again.
    id: str = ""

    #: call.dial, call.answer, call.hold, call.retrieve, call.transfer.blind, call.transfer.consult,
    #: call.transfer.complete, call.transfer.cancel, call.conference, call.hangup, call.dtmf,
    #: call.data, call.identity, call.label, agent.login, agent.logout, agent.state, wrapup.set,
    #: wrapup.extend, wrapup.finish, gate.override.request, gate.override.approve,
    #: gate.override.revoke.
    op: str = ""

    #: What it is about.
    target: CmdTarget | None = None

    #: How.
    args: CmdArgs | None = None

    #: Only if the target is still as it was seen.
    if_: CmdIf | None = None

    #: Not to be begun after this; absent: 5 s after it came. At most 60 s ahead.
    not_after: str | None = None


@dataclass(slots=True, kw_only=True)
class CmdTarget:
    """What a command is about."""

    #: Call.
    call: str = ""

    #: Leg of the call; empty: that of the user's device.
    leg: str = ""

    #: Agent; empty: that of the token.
    agent: str = ""

    #: Device; empty: that of the agent, or the first of the token.
    device: str = ""


@dataclass(slots=True, kw_only=True)
class CmdArgs:
    """Arguments of commands. Each names the commands that read it."""

    #: call.dial, call.transfer.blind, call.transfer.consult, gate.override.request: number as dialled
    #: at the site.
    to: str = ""

    #: call.dial, gate.override.request: why the call is made, for the gate.
    purpose: str = ""

    #: call.dtmf: keys, 1 to 32 of 0-9 * # A-D.
    digits: str = ""

    #: call.data: name of the value.
    key: str = ""

    #: call.data: the value.
    value: str = ""

    #: agent.state: ready | not_ready | working_after_call. agent.login: ready, or empty: not ready.
    state: str = ""

    #: agent.state: why not ready. call.transfer.complete with override, gate.override.request: why.
    reason: str = ""

    #: agent.login: auto_in | manual_in.
    work_mode: str = ""

    #: agent.state with working_after_call, wrapup.extend: so many seconds more; 0: up to the limit.
    extend_s: int | None = None

    #: call.transfer.complete: do not wait for the receiver's desktop; needs a reason, and by default
    #: the role supervisor.
    override: bool = False

    #: call.identity: kind of the factor that was checked, never what was said.
    factor: str = ""

    #: call.label, wrapup.set: one of the site's labels.
    label: str = ""

    #: call.dial: what else is known of the call, for the gate; values of 128 bytes at most.
    facts: CallFacts | None = None

    #: gate.override.approve, gate.override.revoke: the override.
    override_id: str = ""


@dataclass(slots=True, kw_only=True)
class CmdIf:
    """A condition of a command."""

    #: Revision of the call, or of the agent, that the client has seen.
    rev: int | None = None


@dataclass(slots=True, kw_only=True)
class Ack:
    """t = ack: the command is durable and will be carried out, once."""

    #: Command.
    id: str = ""

    #: Its position in the log.
    pos: str = ""


@dataclass(slots=True, kw_only=True)
class CommandResult:
    """t = result: what became of a command."""

    #: Command.
    id: str = ""

    #: ok | failed | expired | unknown; in `welcome` also accepted (its result will follow) and
    #: unseen (never accepted).
    status: str = ""

    #: Position of the result in the log; empty in `welcome`.
    pos: str = ""

    #: Call it is about, or the call that came of it.
    call_id: str = ""

    #: Why it failed.
    err: CommandError | None = None


#: Entity in `o` by the first word of an event's kind.
ENTITIES: dict[str, str] = {
    "call": "Call",
    "outbound": "Decision",
    "system": "SystemStatus",
    "dnc": "DoNotCall",
    "line": "Line",
    "duty": "Duty",
    "link": "Link",
    "agent": "Agent",
    "command": "Command",
    "override": "Override",
    "gate": "ShadowDiff",
    "claim": "Claims",
}

#: Messages by name.
MESSAGES: dict[str, type] = {
    "Detail": Detail,
    "Shift": Shift,
    "Call": Call,
    "IdentityFactor": IdentityFactor,
    "Label": Label,
    "Pop": Pop,
    "Signalling": Signalling,
    "Leg": Leg,
    "Channel": Channel,
    "Moment": Moment,
    "Cause": Cause,
    "Party": Party,
    "Decision": Decision,
    "CallFacts": CallFacts,
    "RuleVerdict": RuleVerdict,
    "SystemStatus": SystemStatus,
    "DoNotCall": DoNotCall,
    "Override": Override,
    "ShadowDiff": ShadowDiff,
    "Claims": Claims,
    "ClaimEntry": ClaimEntry,
    "ClaimEnd": ClaimEnd,
    "DoNotCallEntry": DoNotCallEntry,
    "DoNotCallRemoval": DoNotCallRemoval,
    "Line": Line,
    "LineRegistration": LineRegistration,
    "LineProbe": LineProbe,
    "Duty": Duty,
    "Agent": Agent,
    "Command": Command,
    "CommandError": CommandError,
    "Link": Link,
    "Hello": Hello,
    "Auth": Auth,
    "Client": Client,
    "Resume": Resume,
    "Subscription": Subscription,
    "Filter": Filter,
    "Sub": Sub,
    "Unsub": Unsub,
    "AuthRefresh": AuthRefresh,
    "AuthOk": AuthOk,
    "AuthExpiring": AuthExpiring,
    "Scope": Scope,
    "Gone": Gone,
    "Figures": Figures,
    "Count": Count,
    "Batch": Batch,
    "BatchItem": BatchItem,
    "Welcome": Welcome,
    "Limits": Limits,
    "Snap": Snap,
    "Replayed": Replayed,
    "Kept": Kept,
    "Hb": Hb,
    "SubOk": SubOk,
    "Err": Err,
    "GoAway": GoAway,
    "Cmd": Cmd,
    "CmdTarget": CmdTarget,
    "CmdArgs": CmdArgs,
    "CmdIf": CmdIf,
    "Ack": Ack,
    "CommandResult": CommandResult,
}

#: Members: a default, `?` may be absent, [list], {} map, Message.
FIELDS: dict[str, dict[str, str | int | bool]] = {
    "Detail": {
        "leg": "",
        "sip_status": 0,
        "pbx_time": "?",
        "observed_at": "?",
        "time_quality": "",
        "repair": "",
        "shift": "Shift",
        "transfer": "",
        "to_call": "",
        "digit": "",
        "key": "",
        "confirm_by": "[?]",
        "reason": "",
        "waived_by": "",
    },
    "Shift": {
        "call_id": "",
        "from": "",
        "to": "",
        "reason": "",
    },
    "Call": {
        "id": "",
        "rev": 0,
        "tenant": "",
        "site": "",
        "direction": "",
        "state": "",
        "purpose": "",
        "from": "Party",
        "to": "Party",
        "dialed": "Party",
        "trunk": "",
        "thread_id": "",
        "sip_call_ids": "[?]",
        "started": "Moment",
        "alerting": "Moment",
        "network_reached": "Moment",
        "answered": "Moment",
        "ended": "Moment",
        "ring_ms": "?",
        "wait_ms": "?",
        "talk_ms": "?",
        "hold_ms": "?",
        "rings": "?",
        "answered_in_time": "?",
        "service_basis": "",
        "released_by": "",
        "cause": "Cause",
        "decision_id": "",
        "legs": "[Leg]",
        "device": "",
        "signalling": "Signalling",
        "parent_id": "",
        "queue": "",
        "data": "{}",
        "identity": "",
        "factors": "[IdentityFactor]",
        "masked_data": "[?]",
        "label": "Label",
    },
    "IdentityFactor": {
        "kind": "",
        "by_number": False,
        "by": "",
        "at": "?",
    },
    "Label": {
        "name": "",
        "by": "",
        "at": "?",
    },
    "Pop": {
        "window": "",
        "opening": "",
        "prompt": "",
        "prompt_text": "",
    },
    "Signalling": {
        "diverted_from": "Party",
        "diversion_reason": "",
        "user_to_user": "",
        "session_id": "",
        "attest": "",
        "private": False,
    },
    "Leg": {
        "id": "",
        "role": "",
        "device": "",
        "state": "",
        "alerting_basis": "",
        "since": "?",
        "alerting": "Moment",
        "answered": "Moment",
        "held_since": "Moment",
        "ended": "Moment",
        "cause": "Cause",
        "sip_call_id": "",
        "agent_id": "",
        "channel": "Channel",
        "permitted_actions": "[?]",
        "pop": "Pop",
    },
    "Channel": {
        "pbx": "",
        "id": "",
    },
    "Moment": {
        "pbx_time": "?",
        "observed_at": "?",
        "time_quality": "",
    },
    "Cause": {
        "csta": "",
        "sip_status": "?",
        "q850": "?",
        "text": "",
    },
    "Party": {
        "e164": "",
        "display": "",
        "masked": "",
        "ref": "",
        "raw": "",
    },
    "Decision": {
        "id": "",
        "call_id": "",
        "verdict": "",
        "rules": "[RuleVerdict]",
        "ruleset": "",
        "ruleset_hash": "",
        "calendar_version": "",
        "list_version": "",
        "tzdb_version": "",
        "local_time": "",
        "zone": "",
        "day_class": "",
        "next_allowed_at": "",
        "purpose": "",
        "expires_at": "?",
        "to": "Party",
        "device": "",
        "facts": "CallFacts",
    },
    "CallFacts": {
        "subject": "",
        "case_id": "",
        "campaign": "",
        "customer": "",
        "seller": "",
    },
    "RuleVerdict": {
        "id": "",
        "verdict": "",
        "citation": "",
        "inputs": "",
    },
    "SystemStatus": {
        "status": "",
        "reason": "",
        "lost": 0,
    },
    "DoNotCall": {
        "entries": "[DoNotCallEntry]",
    },
    "Override": {
        "id": "",
        "rev": 0,
        "state": "",
        "to": "Party",
        "purpose": "",
        "reason": "",
        "agent": "",
        "device": "",
        "requested_by": "",
        "approved_by": "[?]",
        "requested_at": "?",
        "expires_at": "?",
        "call_id": "",
        "decision_id": "",
    },
    "ShadowDiff": {
        "decision_id": "",
        "purpose": "",
        "verdict": "",
        "refused_by": "[?]",
        "shadow_verdict": "",
        "shadow_refused_by": "[?]",
        "shadow_hash": "",
    },
    "Claims": {
        "entries": "[ClaimEntry]",
    },
    "ClaimEntry": {
        "id": "",
        "claim": "",
        "scope": "",
        "number": "Party",
        "purpose": "",
        "case": "",
        "until": "",
        "call_id": "",
        "evidence": "",
        "source": "",
        "given_at": "?",
        "added_by": "",
        "withdrawn": "ClaimEnd",
    },
    "ClaimEnd": {
        "at": "?",
        "by": "",
        "reason": "",
    },
    "DoNotCallEntry": {
        "number": "Party",
        "until": "",
        "reason": "",
        "asked_at": "?",
        "added_by": "",
        "scope": "",
        "purpose": "",
        "source": "",
        "removed": "DoNotCallRemoval",
    },
    "DoNotCallRemoval": {
        "at": "?",
        "reason": "",
        "by": "",
        "approved_by": "",
    },
    "Line": {
        "id": "",
        "rev": 0,
        "role": "",
        "state": "",
        "since": "?",
        "reason": "",
        "last_failure": "",
        "order": "",
        "ordered_by": "",
        "registration": "LineRegistration",
        "calls_in": 0,
        "calls_out": 0,
        "calls_max": "?",
        "calls_in_max": "?",
        "calls_out_max": "?",
        "rtt_us": "?",
        "probe_failures": 0,
        "call_failures": 0,
        "next_probe_at": "?",
        "seizures": 0,
        "answer_seizure_permille": "?",
        "network_effectiveness_permille": "?",
        "late_answers": 0,
        "penalty": 0,
        "probes": "[LineProbe]",
    },
    "LineRegistration": {
        "state": "",
        "reason": "",
        "expires_at": "?",
    },
    "LineProbe": {
        "at": "?",
        "alive": False,
        "status": "?",
        "text": "",
        "rtt_us": "?",
    },
    "Duty": {
        "id": "",
        "rev": 0,
        "kind": "",
        "subject": "",
        "started": "?",
        "due_at": "?",
        "state": "",
        "met_at": "?",
        "reason": "",
        "agent": "",
    },
    "Agent": {
        "id": "",
        "rev": 0,
        "name": "",
        "team": "",
        "skills": "[?]",
        "device": "",
        "pbx": "",
        "queues": "[?]",
        "state": "",
        "since": "?",
        "pending_state": "",
        "reason": "",
        "work_mode": "",
        "wrap_up_deadline": "?",
        "last_call_id": "",
        "changed_by": "",
        "previous_state": "",
        "previous_duration_ms": "?",
        "desk": "",
    },
    "Command": {
        "id": "",
        "rev": 0,
        "user": "",
        "op": "",
        "call_id": "",
        "leg": "",
        "agent": "",
        "to": "Party",
        "accepted_at": "?",
        "not_after": "?",
        "status": "",
        "error": "CommandError",
        "done_at": "?",
    },
    "CommandError": {
        "code": "",
        "msg": "",
        "sip_status": "?",
        "q850": "?",
        "decision_id": "",
        "next_allowed_at": "",
    },
    "Link": {
        "id": "",
        "rev": 0,
        "pbx": "",
        "kind": "",
        "state": "",
        "since": "?",
        "reason": "",
        "next_try_at": "?",
        "version": "",
        "instance": "",
        "lost": 0,
        "clock_skew_ms": "?",
        "warning": "",
    },
    "Hello": {
        "auth": "Auth",
        "client": "Client",
        "subs": "[Subscription]",
        "resume": "Resume",
        "pending": "[?]",
        "caps": "[?]",
    },
    "Auth": {
        "token": "",
        "ticket": "",
    },
    "Client": {
        "name": "",
        "ver": "",
        "inst": "",
    },
    "Resume": {
        "epoch": "",
        "pos": "",
        "scope": "",
    },
    "Subscription": {
        "id": "",
        "topic": "",
        "view": "",
        "filter": "Filter",
    },
    "Filter": {
        "kind": "[?]",
        "team": "[?]",
        "queue": "[?]",
        "line": "[?]",
        "trunk": "[?]",
        "state": "[?]",
        "direction": "[?]",
        "device": "[?]",
        "agent": "[?]",
    },
    "Sub": {
        "id": "",
        "topic": "",
        "view": "",
        "filter": "Filter",
    },
    "Unsub": {
        "id": "",
    },
    "AuthRefresh": {
        "token": "",
    },
    "AuthOk": {
        "auth_exp": "?",
    },
    "AuthExpiring": {
        "in_ms": 0,
    },
    "Scope": {
        "pos": "",
        "scope": "",
    },
    "Gone": {
        "pos": "",
        "kind": "",
        "id": "",
        "why": "",
    },
    "Figures": {
        "kind": "",
        "id": "",
        "as_of": "",
        "calls": "{}",
        "agents": "{}",
    },
    "Count": {
        "pos": "",
        "o": "Figures",
    },
    "Batch": {
        "items": "[BatchItem]",
    },
    "BatchItem": {
        "t": "",
        "pos": "",
        "o": "Figures",
    },
    "Welcome": {
        "conn": "",
        "epoch": "",
        "pos": "",
        "resumed": False,
        "why": "",
        "hb_ms": 0,
        "limits": "Limits",
        "auth_exp": "?",
        "time": "?",
        "health": "",
        "scope": "",
        "commands": "[CommandResult]",
    },
    "Limits": {
        "message_bytes_max": 0,
        "subs_max": 0,
        "queue_bytes_max": 0,
    },
    "Snap": {
        "sub": "",
        "pos": "",
        "page": 0,
        "last": False,
        "objs": "[Call]",
        "gap": False,
        "lines": "[Line]",
        "duties": "[Duty]",
        "agents": "[Agent]",
        "links": "[Link]",
        "figures": "[Figures]",
    },
    "Replayed": {
        "from": "",
        "to": "",
        "count": 0,
        "keep": "[Kept]",
        "kept": False,
    },
    "Kept": {
        "kind": "",
        "id": "",
    },
    "Hb": {
        "pos": "",
        "n": 0,
        "health": "",
    },
    "SubOk": {
        "id": "",
        "view": "",
        "pos": "",
    },
    "Err": {
        "ref": "",
        "code": "",
        "retryable": False,
        "msg": "",
    },
    "GoAway": {
        "why": "",
        "after_ms": 0,
        "spread_ms": 0,
    },
    "Cmd": {
        "id": "",
        "op": "",
        "target": "CmdTarget",
        "args": "CmdArgs",
        "if": "CmdIf",
        "not_after": "?",
    },
    "CmdTarget": {
        "call": "",
        "leg": "",
        "agent": "",
        "device": "",
    },
    "CmdArgs": {
        "to": "",
        "purpose": "",
        "digits": "",
        "key": "",
        "value": "",
        "state": "",
        "reason": "",
        "work_mode": "",
        "extend_s": "?",
        "override": False,
        "factor": "",
        "label": "",
        "facts": "CallFacts",
        "override_id": "",
    },
    "CmdIf": {
        "rev": "?",
    },
    "Ack": {
        "id": "",
        "pos": "",
    },
    "CommandResult": {
        "id": "",
        "status": "",
        "pos": "",
        "call_id": "",
        "err": "CommandError",
    },
}
