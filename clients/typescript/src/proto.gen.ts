// Generated from proto/trunkline/v1 by tests/clients; do not edit.
//
// What the client hands out has every member that proto/ gives a default value; members with a
// question mark are absent where nothing is known. Times are RFC 3339, positions decimal strings.

/** Facts that belong to one event and not to the entity. */
export interface Detail {
  /** Leg the event is about. */
  leg: string;
  /** SIP status that caused it (RFC 3261 §21). */
  sip_status: number;
  /** The moment by the source's own clock: kernel receive stamp or switch stamp. */
  pbx_time?: string;
  /** When trunkline saw it. */
  observed_at?: string;
  /** measured | pbx | derived | reconciled. */
  time_quality: string;
  /** Named repair after a restart or a lost link, else empty. */
  repair: string;
  /** line.*, link.*: what moved where, and why. */
  shift?: Shift;
  /** call.transferred: blind | attended. */
  transfer: string;
  /** call.transferred: the call that goes on, if it came by here. */
  to_call: string;
  /** call.dtmf: the key, one of 0-9 * # A-D. */
  digit: string;
  /** call.data_updated: name of the value that changed. call.identified: kind of the factor. */
  key: string;
  /** Agents who are to take the call over and see its data with this event. Their desktops are
   * asked by an `hb` that follows at once; answering it confirms. */
  confirm_by: string[];
  /** call.transfer_unconfirmed: why it did not wait, for a person. */
  reason: string;
  /** call.transfer_unconfirmed: user who has taken it upon himself; empty: nobody was asked. */
  waived_by: string;
}

/** Something went from one line, or state of a line, to another. */
export interface Shift {
  /** Call that moved; empty: new calls from now on. */
  call_id: string;
  /** Line (line.failover, line.recovered) or state (*.state_changed) before. */
  from: string;
  /** Line or state after. */
  to: string;
  /** Why, for a person. */
  reason: string;
}

/** A telephone call: one Call-ID and caller tag on the trunk. */
export interface Call {
  /** UUIDv7. */
  id: string;
  /** Grows by one with each change. */
  rev: number;
  /** Tenant the site belongs to. */
  tenant: string;
  /** Site (one log). */
  site: string;
  /** inbound | outbound | internal. */
  direction: string;
  /** initiated | alerting | connected | hold | fail | null (CSTA LocalConnectionState of the call). */
  state: string;
  /** Why the call is made (outbound), e.g. service, callback.routine, sales. */
  purpose: string;
  /** Caller. */
  from?: Party;
  /** Callee. */
  to?: Party;
  /** What was dialled, as dialled. */
  dialed?: Party;
  /** Carrier line in use, by its configured name. */
  trunk: string;
  /** Survives transfers. */
  thread_id: string;
  /** SIP Call-ID header values of the legs. */
  sip_call_ids: string[];
  /** INVITE received. */
  started?: Moment;
  /** First 180. */
  alerting?: Moment;
  /** First 183 with SDP. */
  network_reached?: Moment;
  /** First 2xx. */
  answered?: Moment;
  /** Call over. */
  ended?: Moment;
  /** Ring to answer, or ring to end when unanswered. */
  ring_ms?: number;
  /** Arrival to answer, or to the end when unanswered. */
  wait_ms?: number;
  /** Answer to end, holds included. */
  talk_ms?: number;
  /** Sum of holds. */
  hold_ms?: number;
  /** ceil(ring_ms / ring period); the period is a setting, 5 s by default. */
  rings?: number;
  /** Met the answer norm; absent without evidence of an agent leg. */
  answered_in_time?: boolean;
  /** agent | trunk: whose ring and answer the service figures come from. */
  service_basis: string;
  /** customer | agent | network | system. */
  released_by: string;
  /** Why it ended. */
  cause?: Cause;
  /** Gate decision that let it out or refused it. */
  decision_id: string;
  /** Parties' connections. */
  legs: Leg[];
  /** Device on the PBX side (extension or dialled inbound number): who may watch the call. */
  device: string;
  /** What else the INVITE claimed, unverified; absent: nothing. */
  signalling?: Signalling;
  /** Call whose place this one takes (RFC 3891). */
  parent_id: string;
  /** Queue that the caller waits in, or waited in last. */
  queue: string;
  /** Values attached to the call, at most 32. Everybody who may see the call sees them; in the
   * masked view those of `masked_data` are `***`. */
  data: Record<string, string>;
  /** one | two: so many distinct factors of the customer's identity were checked; empty: none. */
  identity: string;
  /** The factors, in the order in which they were recorded; at most 8. What was said is not kept. */
  factors: IdentityFactor[];
  /** Keys of `data` whose values this view does not show: sensitive, and identity is not `two`. */
  masked_data: string[];
  /** What the agent says of the call; absent: nothing yet. */
  label?: Label;
}

/** A proof of the customer's identity that was checked. */
export interface IdentityFactor {
  /** One of the site's kinds: policy_number, one_time_code, ... */
  kind: string;
  /** It rests on the number of the call: all of these together are one factor. */
  by_number: boolean;
  /** Who has recorded it: agent, else user. */
  by: string;
  /** When. */
  at?: string;
}

/** What an agent says of a call. */
export interface Label {
  /** One of the site's labels. */
  name: string;
  /** Who says so: agent, else user. */
  by: string;
  /** When. */
  at?: string;
}

/** What the desktop of a leg's agent is to show. */
export interface Pop {
  /** primary | secondary: the screen for the customer. */
  window: string;
  /** How the agent opens the conversation; empty: as the agent likes. */
  opening: string;
  /** apology_late | apology_fault: what is to be said first; empty: nothing. Known when the call is
   * answered. */
  prompt: string;
  /** Its words. */
  prompt_text: string;
}

/** Claims of an INVITE beyond caller and callee. Nothing here is verified. */
export interface Signalling {
  /** Who diverted the call last (RFC 5806, RFC 7044). */
  diverted_from?: Party;
  /** Why, in the words of RFC 5806 §4: user-busy, no-answer, unconditional, ... */
  diversion_reason: string;
  /** User-to-User header value as received (RFC 7433); only in the full view. */
  user_to_user: string;
  /** Sender's half of Session-ID (RFC 7989): 32 hex digits. */
  session_id: string;
  /** A | B | C: attestation of the caller's number (RFC 8588), its signature unchecked. */
  attest: string;
  /** The caller asked for privacy (RFC 3323): its asserted number is in no event. */
  private: boolean;
}

/** One party's connection in a call. */
export interface Leg {
  /** Unique in its call. */
  id: string;
  /** customer | agent | trunk | queue | consult | supervisor | external. */
  role: string;
  /** Device or line name. */
  device: string;
  /** initiated | alerting | connected | hold | queued | fail | null. */
  state: string;
  /** 180 | 183 | pbx_state: evidence behind "alerting"; not proof of a physical bell. */
  alerting_basis: string;
  /** In this state since. */
  since?: string;
  /** Ring, answer, hold and end of this leg. */
  alerting?: Moment;
  /** Answered at. */
  answered?: Moment;
  /** Held since, while held. */
  held_since?: Moment;
  /** Ended at. */
  ended?: Moment;
  /** Why the leg ended. */
  cause?: Cause;
  /** SIP Call-ID header value. */
  sip_call_id: string;
  /** Agent at the device. */
  agent_id: string;
  /** The PBX's channel, if a control link showed it. */
  channel?: Channel;
  /** What the state permits: names of commands of the desk protocol. */
  permitted_actions: string[];
  /** What the desktop of the leg's agent is to show; there as soon as the leg is. */
  pop?: Pop;
}

/** A channel of a PBX. */
export interface Channel {
  /** Name of the PBX in the configuration. */
  pbx: string;
  /** As the PBX names it: Asterisk's Uniqueid, FreeSWITCH's UUID. */
  id: string;
}

/** A moment by two clocks. */
export interface Moment {
  /** The source's own stamp (kernel receive stamp on our own SIP leg). */
  pbx_time?: string;
  /** trunkline's clock. */
  observed_at?: string;
  /** measured | pbx | derived | reconciled. */
  time_quality: string;
}

/** Why something ended. */
export interface Cause {
  /** CSTA EventCause name: normalClearing, busy, callNotAnswered, callCancelled, ... */
  csta: string;
  /** SIP status (RFC 3261 §21). */
  sip_status?: number;
  /** ITU-T Q.850 cause value. */
  q850?: number;
  /** Text of the Reason header or the reason phrase, as received. */
  text: string;
}

/** A telephone number as a viewer may see it. */
export interface Party {
  /** E.164 with +; only in the full view. */
  e164: string;
  /** Display name; only in the full view. */
  display: string;
  /** 138****1234. */
  masked: string;
  /** Blind index: equal numbers have equal refs. */
  ref: string;
  /** Number as it stood on the wire, when it is no E.164; only in the full view. */
  raw: string;
}

/** The gate's answer for one outbound call. */
export interface Decision {
  /** UUIDv7. */
  id: string;
  /** Call it was made for. */
  call_id: string;
  /** allow | deny. */
  verdict: string;
  /** Every rule that was looked at. */
  rules: RuleVerdict[];
  /** Rule set name. */
  ruleset: string;
  /** SHA-256 of the rule set, hex. */
  ruleset_hash: string;
  /** Version of the calendar data. */
  calendar_version: string;
  /** Version of the do-not-call list. */
  list_version: string;
  /** IANA tz database version. */
  tzdb_version: string;
  /** Callee's local time, RFC 3339 with offset. */
  local_time: string;
  /** Callee's zone, IANA name. */
  zone: string;
  /** workday | makeup | rest | holiday | provisional | unknown. */
  day_class: string;
  /** Earliest instant at which the same call would be allowed, RFC 3339 with offset; empty: none found. */
  next_allowed_at: string;
  /** Purpose the decision was made for. */
  purpose: string;
  /** Until when an allow may be used. */
  expires_at?: string;
  /** Callee. */
  to?: Party;
  /** Device that dialled. */
  device: string;
  /** What else was known of the call; absent: nothing. */
  facts?: CallFacts;
}

/** What is known of a call out beyond number and purpose. Empty: not known. */
export interface CallFacts {
  /** What it is about: a product, a policy line. */
  subject: string;
  /** Case it belongs to. */
  case_id: string;
  /** Campaign. */
  campaign: string;
  /** Who is called, as the customer records name them; empty in a masked view. */
  customer: string;
  /** For whom the call is made, where a site calls for several. */
  seller: string;
}

/** What one rule said. */
export interface RuleVerdict {
  /** Rule id, e.g. night, statutory-holiday, dnc, window. */
  id: string;
  /** allow | deny | not_applicable | would_deny (its rule set is only tried out). */
  verdict: string;
  /** Clause the rule comes from. */
  citation: string;
  /** What the rule looked at, in words without personal data. */
  inputs: string;
}

/** CSTA SystemStatus. */
export interface SystemStatus {
  /** initializing | enabled | normal | messagesLost | disabled | partiallyDisabled | overloadImminent | overloadReached | overloadRelieved. */
  status: string;
  /** What and why, for a person. */
  reason: string;
  /** How many events were lost (messagesLost). */
  lost: number;
}

/** Do-not-call entries were added, lengthened or imported, or hold no more. */
export interface DoNotCall {
  /** The entries of this change. */
  entries: DoNotCallEntry[];
}

/** People let one call out although a company's hours refuse it (docs/gate.md). */
export interface Override {
  /** Ours, UUIDv7. */
  id: string;
  /** Counts from 1. */
  rev: number;
  /** requested | approved | used | revoked | expired. */
  state: string;
  /** Who may be called. */
  to?: Party;
  /** Why the call is made, for the gate. */
  purpose: string;
  /** What it is needed for, in the words of who asked; empty in a masked view. */
  reason: string;
  /** Agent who will call; empty: whoever is at the device. */
  agent: string;
  /** Device that will call; empty: any of the agent's. */
  device: string;
  /** User who asked. */
  requested_by: string;
  /** Users who approved, in that order. */
  approved_by: string[];
  /** When it was asked for. */
  requested_at?: string;
  /** Not to be used from then on. */
  expires_at?: string;
  /** Call that used it. */
  call_id: string;
  /** Decision that let that call out. */
  decision_id: string;
}

/** A call that rules tried out beside those in force would have treated otherwise (docs/gate.md).
 * Nothing of it was enforced. */
export interface ShadowDiff {
  /** The decision that counted. */
  decision_id: string;
  /** Purpose of the call; empty: none was given. */
  purpose: string;
  /** allow | deny: what the rules in force said. */
  verdict: string;
  /** Their rules that refused, in order of precedence. */
  refused_by: string[];
  /** allow | deny: what the rules tried out would have said. */
  shadow_verdict: string;
  /** Their rules that would have refused. */
  shadow_refused_by: string[];
  /** SHA-256 of the rules tried out, hex. */
  shadow_hash: string;
}

/** Claims were recorded, or count no more. */
export interface Claims {
  /** The claims of this change. */
  entries: ClaimEntry[];
}

/** What a person has said or signed that exempts a call (docs/gate.md). */
export interface ClaimEntry {
  /** Ours, UUIDv7. */
  id: string;
  /** consent | running_contract | customer_requested_callback. */
  claim: string;
  /** number | customer (all numbers of a person). */
  scope: string;
  /** Number; of a customer its raw form is the name that the customer records use. */
  number?: Party;
  /** Counts for calls with this purpose and its family; empty: for all. */
  purpose: string;
  /** Counts for calls of this case; empty: for all, or not shown in a masked view. */
  case: string;
  /** Last local calendar day on which it counts, YYYY-MM-DD; empty: until it is withdrawn. */
  until: string;
  /** Call in which it was said. */
  call_id: string;
  /** Where the proof is; empty in a masked view. */
  evidence: string;
  /** How it came in: cli | api | import | desk. */
  source: string;
  /** When the person said it. */
  given_at?: string;
  /** Who entered it. */
  added_by: string;
  /** It counts no more. */
  withdrawn?: ClaimEnd;
}

/** How a claim came to count no more before its day. */
export interface ClaimEnd {
  /** When. */
  at?: string;
  /** Who entered it. */
  by: string;
  /** Why; empty in a masked view. */
  reason: string;
}

/** One number or customer nobody may call. */
export interface DoNotCallEntry {
  /** Number; of a customer its raw form is the name that the customer records use. */
  number?: Party;
  /** Blocked through the end of this local calendar day, YYYY-MM-DD; empty: for ever. */
  until: string;
  /** Why: do_not_disturb, register, complaint, ... */
  reason: string;
  /** When it was asked for. */
  asked_at?: string;
  /** Who entered it. */
  added_by: string;
  /** number | customer (all numbers of a person); empty: number. */
  scope: string;
  /** Blocked for calls with this purpose and its family; empty: for all. */
  purpose: string;
  /** How it came in: cli | api | import. */
  source: string;
  /** It holds no more. */
  removed?: DoNotCallRemoval;
}

/** How a do-not-call entry came to hold no more. */
export interface DoNotCallRemoval {
  /** When. */
  at?: string;
  /** Why. */
  reason: string;
  /** Who asked for it. */
  by: string;
  /** Who agreed; never the same. */
  approved_by: string;
}

/** A carrier line. */
export interface Line {
  /** Name in the configuration. */
  id: string;
  /** Grows by one with each event of this line. */
  rev: number;
  /** primary | backup | inbound_only. */
  role: string;
  /** unknown | in_service | degraded | out_of_service | draining | maintenance. */
  state: string;
  /** In this state since. */
  since?: string;
  /** Why, for a person. */
  reason: string;
  /** The newest evidence against it; empty: none. */
  last_failure: string;
  /** Order in force: serve | drain | maintain. */
  order: string;
  /** Who gave it; empty: nobody. */
  ordered_by: string;
  /** Our registration, where the carrier asks for one. */
  registration?: LineRegistration;
  /** Calls that came in by it. */
  calls_in: number;
  /** Calls that went out by it. */
  calls_out: number;
  /** Limit of both together; absent: none. */
  calls_max?: number;
  /** Limit of calls in. */
  calls_in_max?: number;
  /** Limit of calls out. */
  calls_out_max?: number;
  /** Newest round trip of a probe, microseconds. */
  rtt_us?: number;
  /** Probes without a sign of life in a row. */
  probe_failures: number;
  /** Calls without a sign of life, or with 503, in a row. */
  call_failures: number;
  /** When it is probed next; absent: it is not probed, or a probe is under way. */
  next_probe_at?: string;
  /** INVITEs sent to it that ended in the last 15 minutes. */
  seizures: number;
  /** Answer seizure ratio of these (ITU-T E.411), thousandths; absent: no seizure. */
  answer_seizure_permille?: number;
  /** Network effectiveness ratio of these (ITU-T E.425), thousandths; absent: no seizure. */
  network_effectiveness_permille?: number;
  /** Answers that came after their call had gone elsewhere; released by trunkline. */
  late_answers: number;
  /** Flap damping: 1000 a flap, halved each half-life. */
  penalty: number;
  /** The newest probes, oldest first; ten at most. */
  probes: LineProbe[];
}

/** Our registration with a carrier. */
export interface LineRegistration {
  /** trying | registered | failed. */
  state: string;
  /** The newest answer, for a person. */
  reason: string;
  /** When it ends unless it is renewed. */
  expires_at?: string;
}

/** One probe (OPTIONS) and what came of it. */
export interface LineProbe {
  /** When its outcome was known. */
  at?: string;
  /** Counted as a sign of life. */
  alive: boolean;
  /** Status of the answer; absent: there was none. */
  status?: number;
  /** The answer or its absence, for a person. */
  text: string;
  /** Send to receive, microseconds. */
  rtt_us?: number;
}

/** What has to be done in time. */
export interface Duty {
  /** UUIDv7. */
  id: string;
  /** Grows by one with each change. */
  rev: number;
  /** backup_line: the backup line carries calls, or the failed line serves again.
   * call_record: the agent labels a call after its end.
   * reconciliation: a PBX's call records of a day are held against the decisions. */
  kind: string;
  /** Whose: for backup_line the name of the failed line, for call_record the id of the call, for
   * reconciliation the PBX and the day. */
  subject: string;
  /** Since when. */
  started?: string;
  /** Until when. */
  due_at?: string;
  /** running | met | breached. */
  state: string;
  /** When it was met. */
  met_at?: string;
  /** What started or ended it, for a person. */
  reason: string;
  /** Agent who is to do it (call_record). */
  agent: string;
}

/** A person at a device, and whether calls may be given to them. */
export interface Agent {
  /** Name in the configuration. */
  id: string;
  /** Grows by one with each event of this agent. */
  rev: number;
  /** For people. */
  name: string;
  /** Team; empty: none. */
  team: string;
  /** What the agent can do, as configured. */
  skills: string[];
  /** Device in the PBX's words. */
  device: string;
  /** PBX of the device. */
  pbx: string;
  /** Queues the agent works for. */
  queues: string[];
  /** logged_out | not_ready | ready | reserved | busy | working_after_call | unknown. */
  state: string;
  /** In this state since. */
  since?: string;
  /** Where the agent goes when what holds them now is over; empty: ready. */
  pending_state: string;
  /** Why not ready, or why not ready later. */
  reason: string;
  /** manual_in | auto_in | aux_work | acw | legal_guard (rest that nobody shortens). */
  work_mode: string;
  /** Work after the call ends then by itself; absent: it does not. */
  wrap_up_deadline?: string;
  /** The newest call at the device. */
  last_call_id: string;
  /** agent | supervisor | system | pbx | reconciler. */
  changed_by: string;
  /** State before; empty: nothing is known of before. */
  previous_state: string;
  /** How long that lasted. */
  previous_duration_ms?: number;
  /** online | unresponsive | offline. */
  desk: string;
}

/** A command of a desk and what became of it. */
export interface Command {
  /** The client's UUID. */
  id: string;
  /** 1 when accepted, 2 when done. */
  rev: number;
  /** Who gave it. */
  user: string;
  /** call.dial, call.answer, agent.state, ... */
  op: string;
  /** Call it is about, or the call that came of it. */
  call_id: string;
  /** Leg it is about. */
  leg: string;
  /** Agent it is about. */
  agent: string;
  /** Number it names. */
  to?: Party;
  /** When it was accepted. */
  accepted_at?: string;
  /** Not to be begun after this. */
  not_after?: string;
  /** accepted | ok | failed | expired | unknown. */
  status: string;
  /** Why it failed. */
  error?: CommandError;
  /** When it was done. */
  done_at?: string;
}

/** What went wrong with a command. */
export interface CommandError {
  /** FORBIDDEN, CONFLICT, SWITCH_REJECTED, POLICY_DENIED, TIMEOUT, ...: an open set. */
  code: string;
  /** For a person. */
  msg: string;
  /** SIP status behind it. */
  sip_status?: number;
  /** ITU-T Q.850 cause behind it. */
  q850?: number;
  /** The gate's decision (POLICY_DENIED). */
  decision_id: string;
  /** Earliest instant at which the gate would allow it, RFC 3339 with offset (POLICY_DENIED). */
  next_allowed_at: string;
}

/** A control link to a PBX. */
export interface Link {
  /** PBX and kind: asterisk/ami. */
  id: string;
  /** Grows by one with each event of this link. */
  rev: number;
  /** PBX, by its configured name. */
  pbx: string;
  /** ari | ami | esl. */
  kind: string;
  /** connecting | resyncing | up | down | refused. */
  state: string;
  /** In this state since. */
  since?: string;
  /** Why, for a person. */
  reason: string;
  /** When the next connection is tried; absent: there is one, or the PBX connects to us. */
  next_try_at?: string;
  /** The PBX's software; empty: not known yet. */
  version: string;
  /** Changes when the PBX was restarted; empty: not known yet. */
  instance: string;
  /** Events of the PBX that were lost since trunkline started. */
  lost: number;
  /** The PBX's clock against ours, median of the newest stamps; positive: it is ahead; absent: too
   * few stamps. */
  clock_skew_ms?: number;
  /** The newest thing that an operator should know; empty: none. */
  warning: string;
}

/** t = hello, client to server, the first message; within 5 s, at most 4 KiB. */
export interface Hello {
  /** Who. */
  auth?: Auth;
  /** What software. */
  client?: Client;
  /** What it wants to see. */
  subs: Subscription[];
  /** Where it was. */
  resume?: Resume;
  /** Commands whose result it does not know; at most 64. */
  pending: string[];
  /** Optional features it has: batch. */
  caps: string[];
}

/** Credentials: one of the two; none where a client certificate says who it is. */
export interface Auth {
  /** Signed token (JWT). */
  token: string;
  /** Single-use ticket of POST /v1/ws-ticket. */
  ticket: string;
}

/** Client software. */
export interface Client {
  /** Name. */
  name: string;
  /** Version. */
  ver: string;
  /** Instance: the same for the life of one desktop. */
  inst: string;
}

/** Last place the client has applied. */
export interface Resume {
  /** Log incarnation. */
  epoch: string;
  /** Position. */
  pos: string;
  /** `scope` of the welcome that it continues; empty: not checked. */
  scope: string;
}

/** One subscription. */
export interface Subscription {
  /** Client's own id, unique on the socket. */
  id: string;
  /** calls:own | agent:self | site:calls | site:agents | site:health | site:lines |
   * site:links | queue:ID | line:ID | team:ID. */
  topic: string;
  /** full | masked | aggregate; empty: the best that the role allows. */
  view: string;
  /** What of the topic; absent: all of it. */
  filter?: Filter;
}

/** A filter: an entity passes that has, for each list that is there, one of its values. What has
 * no such label passes no list of it. At most 256 values of 128 bytes in all lists together. */
export interface Filter {
  /** Kinds of entities: call, decision, dnc, agent, line, duty, link, system. */
  kind: string[];
  /** Teams of the agents that take or took part, or of the agent. */
  team: string[];
  /** Queue of the call, or one of the agent's. */
  queue: string[];
  /** Carrier line of the call, the line, or whose duty it is. */
  line: string[];
  /** The same as line. */
  trunk: string[];
  /** State. */
  state: string[];
  /** Calls: inbound, outbound, internal. */
  direction: string[];
  /** Devices that take or took part; device of a decision. */
  device: string[];
  /** Agents that take or took part; the agent. */
  agent: string[];
}

/** t = sub, client to server: one more subscription. Answered by `err`, or by `sub.ok`, its pages
 * and `scope`. */
export interface Sub {
  /** Client's own id, unique on the socket. */
  id: string;
  /** As in Subscription. */
  topic: string;
  /** As in Subscription. */
  view: string;
  /** As in Subscription. */
  filter?: Filter;
}

/** t = unsub, client to server: one subscription less. Answered by `err`, or by `gone` for each
 * entity that no other subscription shows, `sub.ok` with view none, and `scope`. */
export interface Unsub {
  /** Subscription. */
  id: string;
}

/** t = auth.refresh, client to server: another token of the same user and site. */
export interface AuthRefresh {
  /** Signed token (JWT). */
  token: string;
}

/** t = auth.ok: the token of auth.refresh is in force; comes after all that it changes. */
export interface AuthOk {
  /** When it ends. */
  auth_exp?: string;
}

/** t = auth.expiring: the token ends soon; a new one is wanted. */
export interface AuthExpiring {
  /** Time left; 0: it is over, and the socket will be closed soon. */
  in_ms: number;
}

/** t = scope: what the client may see has changed, and it has been told all that this brings. */
export interface Scope {
  /** Position of the step. */
  pos: string;
  /** To be given back in `resume` from here on, in place of that of `welcome`. */
  scope: string;
}

/** t = gone: the client sees an entity no longer; to be ignored if it does not have it. Not counted
 * in hb.n. */
export interface Gone {
  /** Position of the event, or of the step, that took it away. */
  pos: string;
  /** call, agent, line, duty, link. */
  kind: string;
  /** Its id. */
  id: string;
  /** ended | scope (it is there still, but not for this client). */
  why: string;
}

/** Figures of one board: how many calls and agents stand in which state. What is absent is zero. */
export interface Figures {
  /** site | queue | line | team. */
  kind: string;
  /** Name of the queue, line or team; empty for the site. */
  id: string;
  /** Position up to which they are counted. */
  as_of: string;
  /** Live calls by state. */
  calls: Record<string, number>;
  /** Agents by state. */
  agents: Record<string, number>;
}

/** t = count: figures have changed; the newest alone, at most ten times a second. Not counted in
 * hb.n. */
export interface Count {
  /** Position up to which they are counted. */
  pos: string;
  /** The board. */
  o?: Figures;
}

/** t = batch, only for clients with the capability `batch`: several frames in one message. */
export interface Batch {
  /** The frames. */
  items: BatchItem[];
}

/** A frame in a batch. */
export interface BatchItem {
  /** Its name: count. */
  t: string;
  /** As in the frame. */
  pos: string;
  /** As in the frame. */
  o?: Figures;
}

/** t = welcome. */
export interface Welcome {
  /** Connection id. */
  conn: string;
  /** Log incarnation. */
  epoch: string;
  /** Position the stream starts after (resumed: that of the client). */
  pos: string;
  /** Whether the events since `resume.pos` follow. */
  resumed: boolean;
  /** ok | epoch | too_old | ahead | scope | none. */
  why: string;
  /** Heartbeat period. */
  hb_ms: number;
  /** Limits of this socket. */
  limits?: Limits;
  /** When the token ends. */
  auth_exp?: string;
  /** Server time. */
  time?: string;
  /** enabled | degraded. */
  health: string;
  /** Fingerprint of what this client may see, to be given back in `resume`. Opaque. */
  scope: string;
  /** How the commands of `pending` stand. Status `unseen`: never accepted, may be sent again. */
  commands: CommandResult[];
}

/** Limits of a socket. */
export interface Limits {
  /** Largest client message, bytes. */
  message_bytes_max: number;
  /** Subscriptions. */
  subs_max: number;
  /** Queue towards the client, bytes. */
  queue_bytes_max: number;
}

/** t = snap: a page of the state at `pos`; `last` ends the cut of this subscription. */
export interface Snap {
  /** Subscription. */
  sub: string;
  /** State as of this position. */
  pos: string;
  /** Page number from 0. */
  page: number;
  /** The cut is complete. */
  last: boolean;
  /** Live calls. */
  objs: Call[];
  /** Calls that began and ended between the client's position and the snapshot. */
  gap: boolean;
  /** site:lines, line: lines. */
  lines: Line[];
  /** site:lines, line: duties that run. */
  duties: Duty[];
  /** agent:self: the agent; site:agents: all agents; team: its agents. */
  agents: Agent[];
  /** site:links: all control links. */
  links: Link[];
  /** View aggregate: all boards of the topic. */
  figures: Figures[];
}

/** t = replayed: all events of (from, to] that this client may see have been sent. */
export interface Replayed {
  /** Exclusive start. */
  from: string;
  /** Inclusive end. */
  to: string;
  /** How many events. */
  count: number;
  /** After a replay that had to read the journal: all that the client sees. What it has beside
   * these is gone. */
  keep: Kept[];
  /** Whether `keep` is a statement; else nothing is known to be gone. */
  kept: boolean;
}

/** An entity that a client sees. */
export interface Kept {
  /** call, agent, line, duty, link. */
  kind: string;
  /** Its id. */
  id: string;
}

/** t = hb, both ways. n counts the ev frames since welcome: unequal counts prove a gap. */
export interface Hb {
  /** Newest position the server has passed (server), applied (client). */
  pos: string;
  /** ev frames since welcome. */
  n: number;
  /** enabled | degraded (server only). */
  health: string;
}

/** t = sub.ok. */
export interface SubOk {
  /** Subscription. */
  id: string;
  /** View in force; none: the subscription has ended. */
  view: string;
  /** Position of the cut. */
  pos: string;
}

/** t = err. An error of a command or subscription never closes the socket. */
export interface Err {
  /** What it answers (subscription or command id), else empty. */
  ref: string;
  /** BAD_REQUEST UNAUTHENTICATED FORBIDDEN NOT_FOUND CONFLICT IDEMPOTENCY_MISMATCH EXPIRED
   * LIMIT_EXCEEDED RATE_LIMITED UNSUPPORTED SWITCH_UNAVAILABLE TIMEOUT INTERNAL. */
  code: string;
  /** The same request may succeed later. */
  retryable: boolean;
  /** For a person. */
  msg: string;
}

/** t = goaway: the server will close this socket; reconnect after a random wait within spread_ms. */
export interface GoAway {
  /** Why. */
  why: string;
  /** Earliest reconnect. */
  after_ms: number;
  /** Random extra. */
  spread_ms: number;
}

/** t = cmd, client to server: do something. Answered by `err`, or by `ack` once it is durable and
 * later by `result`. The same id is never carried out twice. */
export interface Cmd {
  /** UUID (version 7) made by the client; the same when the command is sent again. */
  id: string;
  /** call.dial, call.answer, call.hold, call.retrieve, call.transfer.blind, call.transfer.consult,
   * call.transfer.complete, call.transfer.cancel, call.conference, call.hangup, call.dtmf,
   * call.data, call.identity, call.label, agent.login, agent.logout, agent.state, wrapup.set,
   * wrapup.extend, wrapup.finish, gate.override.request, gate.override.approve,
   * gate.override.revoke. */
  op: string;
  /** What it is about. */
  target?: CmdTarget;
  /** How. */
  args?: CmdArgs;
  /** Only if the target is still as it was seen. */
  if?: CmdIf;
  /** Not to be begun after this; absent: 5 s after it came. At most 60 s ahead. */
  not_after?: string;
}

/** What a command is about. */
export interface CmdTarget {
  /** Call. */
  call: string;
  /** Leg of the call; empty: that of the user's device. */
  leg: string;
  /** Agent; empty: that of the token. */
  agent: string;
  /** Device; empty: that of the agent, or the first of the token. */
  device: string;
}

/** Arguments of commands. Each names the commands that read it. */
export interface CmdArgs {
  /** call.dial, call.transfer.blind, call.transfer.consult, gate.override.request: number as dialled
   * at the site. */
  to: string;
  /** call.dial, gate.override.request: why the call is made, for the gate. */
  purpose: string;
  /** call.dtmf: keys, 1 to 32 of 0-9 * # A-D. */
  digits: string;
  /** call.data: name of the value. */
  key: string;
  /** call.data: the value. */
  value: string;
  /** agent.state: ready | not_ready | working_after_call. agent.login: ready, or empty: not ready. */
  state: string;
  /** agent.state: why not ready. call.transfer.complete with override, gate.override.request: why. */
  reason: string;
  /** agent.login: auto_in | manual_in. */
  work_mode: string;
  /** agent.state with working_after_call, wrapup.extend: so many seconds more; 0: up to the limit. */
  extend_s?: number;
  /** call.transfer.complete: do not wait for the receiver's desktop; needs a reason, and by default
   * the role supervisor. */
  override: boolean;
  /** call.identity: kind of the factor that was checked, never what was said. */
  factor: string;
  /** call.label, wrapup.set: one of the site's labels. */
  label: string;
  /** call.dial: what else is known of the call, for the gate; values of 128 bytes at most. */
  facts?: CallFacts;
  /** gate.override.approve, gate.override.revoke: the override. */
  override_id: string;
}

/** A condition of a command. */
export interface CmdIf {
  /** Revision of the call, or of the agent, that the client has seen. */
  rev?: number;
}

/** t = ack: the command is durable and will be carried out, once. */
export interface Ack {
  /** Command. */
  id: string;
  /** Its position in the log. */
  pos: string;
}

/** t = result: what became of a command. */
export interface CommandResult {
  /** Command. */
  id: string;
  /** ok | failed | expired | unknown; in `welcome` also accepted (its result will follow) and
   * unseen (never accepted). */
  status: string;
  /** Position of the result in the log; empty in `welcome`. */
  pos: string;
  /** Call it is about, or the call that came of it. */
  call_id: string;
  /** Why it failed. */
  err?: CommandError;
}

/** Messages by name. */
export interface Messages {
  Detail: Detail;
  Shift: Shift;
  Call: Call;
  IdentityFactor: IdentityFactor;
  Label: Label;
  Pop: Pop;
  Signalling: Signalling;
  Leg: Leg;
  Channel: Channel;
  Moment: Moment;
  Cause: Cause;
  Party: Party;
  Decision: Decision;
  CallFacts: CallFacts;
  RuleVerdict: RuleVerdict;
  SystemStatus: SystemStatus;
  DoNotCall: DoNotCall;
  Override: Override;
  ShadowDiff: ShadowDiff;
  Claims: Claims;
  ClaimEntry: ClaimEntry;
  ClaimEnd: ClaimEnd;
  DoNotCallEntry: DoNotCallEntry;
  DoNotCallRemoval: DoNotCallRemoval;
  Line: Line;
  LineRegistration: LineRegistration;
  LineProbe: LineProbe;
  Duty: Duty;
  Agent: Agent;
  Command: Command;
  CommandError: CommandError;
  Link: Link;
  Hello: Hello;
  Auth: Auth;
  Client: Client;
  Resume: Resume;
  Subscription: Subscription;
  Filter: Filter;
  Sub: Sub;
  Unsub: Unsub;
  AuthRefresh: AuthRefresh;
  AuthOk: AuthOk;
  AuthExpiring: AuthExpiring;
  Scope: Scope;
  Gone: Gone;
  Figures: Figures;
  Count: Count;
  Batch: Batch;
  BatchItem: BatchItem;
  Welcome: Welcome;
  Limits: Limits;
  Snap: Snap;
  Replayed: Replayed;
  Kept: Kept;
  Hb: Hb;
  SubOk: SubOk;
  Err: Err;
  GoAway: GoAway;
  Cmd: Cmd;
  CmdTarget: CmdTarget;
  CmdArgs: CmdArgs;
  CmdIf: CmdIf;
  Ack: Ack;
  CommandResult: CommandResult;
}

/** Entity in `o` by the first word of an event's kind. */
export const ENTITIES = {
  call: 'Call',
  outbound: 'Decision',
  system: 'SystemStatus',
  dnc: 'DoNotCall',
  line: 'Line',
  duty: 'Duty',
  link: 'Link',
  agent: 'Agent',
  command: 'Command',
  override: 'Override',
  gate: 'ShadowDiff',
  claim: 'Claims',
} as const;

/** Members of messages: a default, `?` may be absent, [list], {} map, Message. */
export const FIELDS: Record<string, Record<string, string | number | boolean>> = {
  Detail: {
    leg: '',
    sip_status: 0,
    pbx_time: '?',
    observed_at: '?',
    time_quality: '',
    repair: '',
    shift: 'Shift',
    transfer: '',
    to_call: '',
    digit: '',
    key: '',
    confirm_by: '[?]',
    reason: '',
    waived_by: '',
  },
  Shift: {
    call_id: '',
    from: '',
    to: '',
    reason: '',
  },
  Call: {
    id: '',
    rev: 0,
    tenant: '',
    site: '',
    direction: '',
    state: '',
    purpose: '',
    from: 'Party',
    to: 'Party',
    dialed: 'Party',
    trunk: '',
    thread_id: '',
    sip_call_ids: '[?]',
    started: 'Moment',
    alerting: 'Moment',
    network_reached: 'Moment',
    answered: 'Moment',
    ended: 'Moment',
    ring_ms: '?',
    wait_ms: '?',
    talk_ms: '?',
    hold_ms: '?',
    rings: '?',
    answered_in_time: '?',
    service_basis: '',
    released_by: '',
    cause: 'Cause',
    decision_id: '',
    legs: '[Leg]',
    device: '',
    signalling: 'Signalling',
    parent_id: '',
    queue: '',
    data: '{}',
    identity: '',
    factors: '[IdentityFactor]',
    masked_data: '[?]',
    label: 'Label',
  },
  IdentityFactor: {
    kind: '',
    by_number: false,
    by: '',
    at: '?',
  },
  Label: {
    name: '',
    by: '',
    at: '?',
  },
  Pop: {
    window: '',
    opening: '',
    prompt: '',
    prompt_text: '',
  },
  Signalling: {
    diverted_from: 'Party',
    diversion_reason: '',
    user_to_user: '',
    session_id: '',
    attest: '',
    private: false,
  },
  Leg: {
    id: '',
    role: '',
    device: '',
    state: '',
    alerting_basis: '',
    since: '?',
    alerting: 'Moment',
    answered: 'Moment',
    held_since: 'Moment',
    ended: 'Moment',
    cause: 'Cause',
    sip_call_id: '',
    agent_id: '',
    channel: 'Channel',
    permitted_actions: '[?]',
    pop: 'Pop',
  },
  Channel: {
    pbx: '',
    id: '',
  },
  Moment: {
    pbx_time: '?',
    observed_at: '?',
    time_quality: '',
  },
  Cause: {
    csta: '',
    sip_status: '?',
    q850: '?',
    text: '',
  },
  Party: {
    e164: '',
    display: '',
    masked: '',
    ref: '',
    raw: '',
  },
  Decision: {
    id: '',
    call_id: '',
    verdict: '',
    rules: '[RuleVerdict]',
    ruleset: '',
    ruleset_hash: '',
    calendar_version: '',
    list_version: '',
    tzdb_version: '',
    local_time: '',
    zone: '',
    day_class: '',
    next_allowed_at: '',
    purpose: '',
    expires_at: '?',
    to: 'Party',
    device: '',
    facts: 'CallFacts',
  },
  CallFacts: {
    subject: '',
    case_id: '',
    campaign: '',
    customer: '',
    seller: '',
  },
  RuleVerdict: {
    id: '',
    verdict: '',
    citation: '',
    inputs: '',
  },
  SystemStatus: {
    status: '',
    reason: '',
    lost: 0,
  },
  DoNotCall: {
    entries: '[DoNotCallEntry]',
  },
  Override: {
    id: '',
    rev: 0,
    state: '',
    to: 'Party',
    purpose: '',
    reason: '',
    agent: '',
    device: '',
    requested_by: '',
    approved_by: '[?]',
    requested_at: '?',
    expires_at: '?',
    call_id: '',
    decision_id: '',
  },
  ShadowDiff: {
    decision_id: '',
    purpose: '',
    verdict: '',
    refused_by: '[?]',
    shadow_verdict: '',
    shadow_refused_by: '[?]',
    shadow_hash: '',
  },
  Claims: {
    entries: '[ClaimEntry]',
  },
  ClaimEntry: {
    id: '',
    claim: '',
    scope: '',
    number: 'Party',
    purpose: '',
    case: '',
    until: '',
    call_id: '',
    evidence: '',
    source: '',
    given_at: '?',
    added_by: '',
    withdrawn: 'ClaimEnd',
  },
  ClaimEnd: {
    at: '?',
    by: '',
    reason: '',
  },
  DoNotCallEntry: {
    number: 'Party',
    until: '',
    reason: '',
    asked_at: '?',
    added_by: '',
    scope: '',
    purpose: '',
    source: '',
    removed: 'DoNotCallRemoval',
  },
  DoNotCallRemoval: {
    at: '?',
    reason: '',
    by: '',
    approved_by: '',
  },
  Line: {
    id: '',
    rev: 0,
    role: '',
    state: '',
    since: '?',
    reason: '',
    last_failure: '',
    order: '',
    ordered_by: '',
    registration: 'LineRegistration',
    calls_in: 0,
    calls_out: 0,
    calls_max: '?',
    calls_in_max: '?',
    calls_out_max: '?',
    rtt_us: '?',
    probe_failures: 0,
    call_failures: 0,
    next_probe_at: '?',
    seizures: 0,
    answer_seizure_permille: '?',
    network_effectiveness_permille: '?',
    late_answers: 0,
    penalty: 0,
    probes: '[LineProbe]',
  },
  LineRegistration: {
    state: '',
    reason: '',
    expires_at: '?',
  },
  LineProbe: {
    at: '?',
    alive: false,
    status: '?',
    text: '',
    rtt_us: '?',
  },
  Duty: {
    id: '',
    rev: 0,
    kind: '',
    subject: '',
    started: '?',
    due_at: '?',
    state: '',
    met_at: '?',
    reason: '',
    agent: '',
  },
  Agent: {
    id: '',
    rev: 0,
    name: '',
    team: '',
    skills: '[?]',
    device: '',
    pbx: '',
    queues: '[?]',
    state: '',
    since: '?',
    pending_state: '',
    reason: '',
    work_mode: '',
    wrap_up_deadline: '?',
    last_call_id: '',
    changed_by: '',
    previous_state: '',
    previous_duration_ms: '?',
    desk: '',
  },
  Command: {
    id: '',
    rev: 0,
    user: '',
    op: '',
    call_id: '',
    leg: '',
    agent: '',
    to: 'Party',
    accepted_at: '?',
    not_after: '?',
    status: '',
    error: 'CommandError',
    done_at: '?',
  },
  CommandError: {
    code: '',
    msg: '',
    sip_status: '?',
    q850: '?',
    decision_id: '',
    next_allowed_at: '',
  },
  Link: {
    id: '',
    rev: 0,
    pbx: '',
    kind: '',
    state: '',
    since: '?',
    reason: '',
    next_try_at: '?',
    version: '',
    instance: '',
    lost: 0,
    clock_skew_ms: '?',
    warning: '',
  },
  Hello: {
    auth: 'Auth',
    client: 'Client',
    subs: '[Subscription]',
    resume: 'Resume',
    pending: '[?]',
    caps: '[?]',
  },
  Auth: {
    token: '',
    ticket: '',
  },
  Client: {
    name: '',
    ver: '',
    inst: '',
  },
  Resume: {
    epoch: '',
    pos: '',
    scope: '',
  },
  Subscription: {
    id: '',
    topic: '',
    view: '',
    filter: 'Filter',
  },
  Filter: {
    kind: '[?]',
    team: '[?]',
    queue: '[?]',
    line: '[?]',
    trunk: '[?]',
    state: '[?]',
    direction: '[?]',
    device: '[?]',
    agent: '[?]',
  },
  Sub: {
    id: '',
    topic: '',
    view: '',
    filter: 'Filter',
  },
  Unsub: {
    id: '',
  },
  AuthRefresh: {
    token: '',
  },
  AuthOk: {
    auth_exp: '?',
  },
  AuthExpiring: {
    in_ms: 0,
  },
  Scope: {
    pos: '',
    scope: '',
  },
  Gone: {
    pos: '',
    kind: '',
    id: '',
    why: '',
  },
  Figures: {
    kind: '',
    id: '',
    as_of: '',
    calls: '{}',
    agents: '{}',
  },
  Count: {
    pos: '',
    o: 'Figures',
  },
  Batch: {
    items: '[BatchItem]',
  },
  BatchItem: {
    t: '',
    pos: '',
    o: 'Figures',
  },
  Welcome: {
    conn: '',
    epoch: '',
    pos: '',
    resumed: false,
    why: '',
    hb_ms: 0,
    limits: 'Limits',
    auth_exp: '?',
    time: '?',
    health: '',
    scope: '',
    commands: '[CommandResult]',
  },
  Limits: {
    message_bytes_max: 0,
    subs_max: 0,
    queue_bytes_max: 0,
  },
  Snap: {
    sub: '',
    pos: '',
    page: 0,
    last: false,
    objs: '[Call]',
    gap: false,
    lines: '[Line]',
    duties: '[Duty]',
    agents: '[Agent]',
    links: '[Link]',
    figures: '[Figures]',
  },
  Replayed: {
    from: '',
    to: '',
    count: 0,
    keep: '[Kept]',
    kept: false,
  },
  Kept: {
    kind: '',
    id: '',
  },
  Hb: {
    pos: '',
    n: 0,
    health: '',
  },
  SubOk: {
    id: '',
    view: '',
    pos: '',
  },
  Err: {
    ref: '',
    code: '',
    retryable: false,
    msg: '',
  },
  GoAway: {
    why: '',
    after_ms: 0,
    spread_ms: 0,
  },
  Cmd: {
    id: '',
    op: '',
    target: 'CmdTarget',
    args: 'CmdArgs',
    if: 'CmdIf',
    not_after: '?',
  },
  CmdTarget: {
    call: '',
    leg: '',
    agent: '',
    device: '',
  },
  CmdArgs: {
    to: '',
    purpose: '',
    digits: '',
    key: '',
    value: '',
    state: '',
    reason: '',
    work_mode: '',
    extend_s: '?',
    override: false,
    factor: '',
    label: '',
    facts: 'CallFacts',
    override_id: '',
  },
  CmdIf: {
    rev: '?',
  },
  Ack: {
    id: '',
    pos: '',
  },
  CommandResult: {
    id: '',
    status: '',
    pos: '',
    call_id: '',
    err: 'CommandError',
  },
};
