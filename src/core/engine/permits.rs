//! Permits that programs fetch before they dial (dialplans, dialers).
//!
//! A permit is an allow whose decision is durable before its holder hears of it. It travels to the
//! trunk as the mark of the INVITE, is taken by the first INVITE that names it, and lasts a few
//! seconds. It is no short cut: the gate is asked again when the INVITE comes, with what the permit
//! knows of the call (claims, case) and an INVITE does not. A permit that does not fit refuses.
//!
//! None outlives the process: after a restart every permit of before is unknown, so none is used
//! twice.

use super::agents::short_device;
use super::input::{Explained, Outputs};
use super::overrides::Caller;
use super::rights::{Asked, COMMIT_WAIT, EXPLAIN_WAIT};
use super::writer::Engine;
use crate::gate::{
    CallFacts, Committed, Decided, DecisionParts, Dialed, ExemptReason, Permit, Ruling, Slice,
    Waiting,
};
use crate::model::{
    DecisionId, Detail, Entity, EventKind as K, Mono, Now, NumberRef, Pii, Place, Pos, RuleOutcome,
    RuleVerdict, Text, Verdict, Wall,
};
use crate::sip::{AskId, DialogIds, Offer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use uuid::Uuid;

/// Marks that are permits begin so.
const PREFIX: &str = "permit-";
/// Permits that may be out, used ones included until they are forgotten. Beyond: none is made.
const PERMITS_MAX: usize = 20_000;
/// So long a permit that is over is told apart from one that never was.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Asks of the explainer that are ours: not those of an INVITE, nor of a dial.
const OURS: u64 = 1 << 62;

/// What a permit is asked for.
#[derive(Clone, Debug)]
pub struct PermitRequest {
    /// Number as dialled at the site.
    pub number: Pii<String>,
    /// PBX or trunk whose dial plan reads the number; `None`, or a name without one: the site's.
    pub trunk: Option<String>,
    /// Why the call is made.
    pub purpose: Option<String>,
    /// What else is known of it.
    pub facts: CallFacts,
    /// Agent who will speak; a call of another agent's telephone cannot use the permit.
    pub agent: Option<String>,
    /// User part of the From of the INVITE; another one cannot use the permit.
    pub device: Option<String>,
    /// Who asks.
    pub who: String,
}

/// The answer, once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermitAnswer {
    /// Not gated: dial without one.
    Exempt(ExemptReason),
    /// May be dialled once.
    Granted {
        /// Goes into the mark of the INVITE.
        permit: String,
        /// Its decision.
        decision: DecisionId,
        /// The INVITE must be there before.
        expires_at: Wall,
    },
    /// Must not be dialled.
    Denied {
        /// The decision.
        decision: DecisionId,
        /// The rule that refuses.
        rule: String,
        /// Earliest allowed instant, RFC 3339 with offset.
        next_allowed_at: Option<String>,
    },
    /// Nothing was decided that counts: the journal is late or fails.
    NotDurable,
    /// Too many permits are out.
    Full,
}

/// Permits of programs.
#[derive(Default)]
pub(super) struct Permits {
    /// Allowed, not durable yet, in order of position.
    waiting: VecDeque<Promised>,
    /// Denied, next instant not known yet.
    denials: BTreeMap<AskId, Denied>,
    /// Denied, not durable yet, in order of position.
    told: VecDeque<(Pos, u64, PermitAnswer)>,
    out: BTreeMap<Uuid, Out>,
    /// When each runs out, and then when it is forgotten.
    ends: BTreeSet<(Mono, Uuid)>,
    next_ask: u64,
}

struct Promised {
    ticket: u64,
    id: Uuid,
    waiting: Waiting,
    bound: Bound,
    deadline: Mono,
}

struct Denied {
    ticket: u64,
    decided: Decided,
    parts: DecisionParts,
    deadline: Mono,
}

/// What a permit is good for.
struct Bound {
    number: Option<NumberRef>,
    purpose: Option<String>,
    facts: CallFacts,
    agent: Option<String>,
    device: Option<String>,
    /// Holds its place under the caps.
    place: DecisionId,
    expires_at: Wall,
}

impl Bound {
    /// Why a call cannot use it.
    fn misfit(
        &self,
        number: Option<NumberRef>,
        offer: &Offer,
        agent: Option<&str>,
    ) -> Option<&'static str> {
        let differs = |mine: &Option<String>, other: Option<&str>| {
            mine.as_deref().zip(other).is_some_and(|(mine, other)| mine != other)
        };
        if self.number != number {
            Some("is for another number")
        } else if differs(&self.purpose, offer.purpose.as_deref()) {
            Some("is for another purpose")
        } else if differs(&self.device, Some(&offer.from_user)) {
            Some("is for another device")
        } else if differs(&self.agent, agent) {
            Some("is for another agent")
        } else if self.facts.waived.is_some() && !self.is_of(offer, agent) {
            Some("is for the caller of its override")
        } else {
            None
        }
    }
}

impl Bound {
    /// The one who was named when it was asked for makes this call, and nobody who is not known.
    fn is_of(&self, offer: &Offer, agent: Option<&str>) -> bool {
        let device = self.device.as_deref() == Some(offer.from_user.as_str());
        device || (self.agent.is_some() && self.agent.as_deref() == agent)
    }
}

struct Out {
    bound: Bound,
    state: State,
    /// It is only remembered.
    is_over: bool,
}

enum State {
    Good(Committed<Permit>),
    /// Call-ID and tag of the INVITE that took it.
    Used(DecisionId, String, String),
    RanOut,
}

/// What the permit of an INVITE brings to its call.
pub(super) struct Pass {
    pub(super) purpose: Option<String>,
    pub(super) facts: CallFacts,
    /// What the rule `permit` says of it.
    pub(super) rule: RuleVerdict,
}

impl Pass {
    fn refused(why: &str) -> Self {
        let rule = rule(RuleOutcome::Deny, why.to_owned());
        Self { purpose: None, facts: CallFacts::default(), rule }
    }
}

fn rule(outcome: RuleOutcome, inputs: String) -> RuleVerdict {
    RuleVerdict { id: Text::fixed("permit"), outcome, citation: Text::fixed(""), inputs }
}

impl Permits {
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let waiting = self.waiting.front().map(|one| one.deadline);
        let denial = self.denials.values().map(|one| one.deadline).min();
        [waiting, denial, self.ends.first().map(|end| end.0)].into_iter().flatten().min()
    }

    fn is_full(&self) -> bool {
        self.out.len() + self.waiting.len() >= PERMITS_MAX
    }
}

impl Engine {
    /// The gate as far as one callee is concerned.
    pub fn gate_slice(&self, list_key: Option<NumberRef>, customer: Option<&str>) -> Slice {
        let customer_ref = self.customer_ref(customer);
        Slice {
            customer_ref,
            book: self.config.book.clone(),
            ruleset: self.config.ruleset.clone(),
            list: self.list.only([list_key, customer_ref]),
            list_version: self.list.version(),
            recorded: self.on_record([list_key, customer_ref]),
            past: self.ledger.past(list_key, customer_ref).into_owned(),
            known_since: self.ledger.known_since(),
            clock: self.clock.fault().map(|fault| fault.to_string()),
        }
    }

    /// Permits that are out or remembered.
    pub fn permits_out(&self) -> usize {
        self.permits.out.len()
    }

    /// Somebody asks for a permit; the answer comes in `out.permits`, once it is durable.
    pub(super) fn permit(
        &mut self,
        now: Now,
        request: PermitRequest,
        ticket: u64,
        out: &mut Outputs,
    ) {
        let mut answer = |answer| out.permits.push((ticket, answer));
        let number = request.number.reveal();
        let plan = self.config.plans.asked(request.trunk.as_deref());
        let reading = plan.unwrap_or(self.config.plans.site()).look(number);
        let device = request.device.as_deref().map(short_device).unwrap_or_default();
        let caller = Caller { agent: request.agent.as_deref(), device };
        let waived = self.override_for(now, &reading.dialed, request.purpose.as_deref(), caller);
        let facts = CallFacts { waived, ..request.facts.clone() };
        let Asked { dialed, list_key, place, ruling } =
            self.ask_gate(now, reading, request.purpose.as_deref(), &facts);
        let decided = match ruling {
            Ruling::Exempt(exemption) => return answer(PermitAnswer::Exempt(exemption.reason())),
            Ruling::Decided(decided) => decided,
        };
        if self.dialing.is_closed() || self.overflow.is_some() {
            return answer(PermitAnswer::NotDurable);
        }
        if self.permits.is_full() {
            return answer(PermitAnswer::Full);
        }
        let device = request.device.as_deref().or(request.agent.as_deref());
        let parts = DecisionParts {
            id: self.decision_id(now),
            call_id: None,
            purpose: request.purpose.clone(),
            to: self.desk_parties.with(number, "", &dialed),
            device: device.unwrap_or(&request.who).to_owned(),
            next_allowed_at: None,
            facts: request.facts.clone(),
        };
        match decided.verdict {
            Verdict::Allow => {
                let of = (None, Some(parts.id));
                let used = self.use_override(now, facts.waived.as_ref(), &decided, of, out);
                let waived = facts.waived.filter(|_| used);
                let facts = CallFacts { waived, ..request.facts };
                let request = PermitRequest { facts, ..request };
                self.promise(now, request, decided, parts, place, ticket, out);
            }
            Verdict::Deny => {
                let asked = (dialed, list_key);
                self.explain_denial(now, decided, parts, asked, ticket, out);
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // one decision and its question
    fn promise(
        &mut self,
        now: Now,
        request: PermitRequest,
        mut decided: Decided,
        parts: DecisionParts,
        place: Option<Place>,
        ticket: u64,
        out: &mut Outputs,
    ) {
        self.totals.gate_allowed += 1;
        let (id, expires_at) = (parts.id, decided.expires_at());
        let Some(permit) = decided.permit(id, self.ids.call(now), now.wall) else {
            return out.permits.push((ticket, PermitAnswer::NotDurable));
        };
        // Its place is not journaled: no permit outlives this process, and the call that takes it
        // has a decision of its own.
        let _ = self.note_attempt(now, place, &parts);
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        let pos = self.emit(now, K::OutboundAllowed, entity, Detail::default(), out);
        let PermitRequest { purpose, facts, agent, device, .. } = request;
        let number = place.map(|place| place.number);
        let bound = Bound { number, purpose, facts, agent, device, place: id, expires_at };
        self.permits.waiting.push_back(Promised {
            ticket,
            id: self.ids.uuid(now),
            waiting: permit.wait(pos),
            bound,
            deadline: now.mono.after(COMMIT_WAIT),
        });
    }

    #[allow(clippy::too_many_arguments)] // one refusal and its question
    fn explain_denial(
        &mut self,
        now: Now,
        decided: Decided,
        parts: DecisionParts,
        (dialed, list_key): (Dialed, Option<NumberRef>),
        ticket: u64,
        out: &mut Outputs,
    ) {
        self.totals.gate_denied += 1;
        self.permits.next_ask += 1;
        let ask = AskId(OURS | self.permits.next_ask);
        out.explain.push(self.explain_job(now, ask, &parts, dialed, list_key));
        let deadline = now.mono.after(EXPLAIN_WAIT);
        self.permits.denials.insert(ask, Denied { ticket, decided, parts, deadline });
    }

    /// The explainer's answer, if it is about a permit.
    pub(super) fn permit_explained(
        &mut self,
        now: Now,
        answer: &Explained,
        out: &mut Outputs,
    ) -> bool {
        let Some(denied) = self.permits.denials.remove(&answer.ask) else {
            return answer.ask.0 & OURS != 0; // it came too late
        };
        self.tell_denial(now, denied, answer.next_allowed_at.clone(), out);
        true
    }

    fn tell_denial(&mut self, now: Now, denied: Denied, next: Option<String>, out: &mut Outputs) {
        let Denied { ticket, decided, mut parts, .. } = denied;
        let answer = PermitAnswer::Denied {
            decision: parts.id,
            rule: decided.denying_rule().to_owned(),
            next_allowed_at: next.clone(),
        };
        parts.next_allowed_at = next;
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        let pos = self.emit(now, K::OutboundDenied, entity, Detail::default(), out);
        self.permits.told.push_back((pos, ticket, answer));
    }

    /// What is durable is told.
    pub(super) fn permits_durable(&mut self, now: Now, through: Pos, out: &mut Outputs) {
        while let Some(first) = self.permits.told.front()
            && first.0 <= through
            && let Some((_, ticket, answer)) = self.permits.told.pop_front()
        {
            out.permits.push((ticket, answer));
        }
        while let Some(first) = self.permits.waiting.front()
            && first.waiting.pos() <= through
            && let Some(promised) = self.permits.waiting.pop_front()
        {
            self.grant(now, promised, through, out);
        }
    }

    fn grant(&mut self, now: Now, promised: Promised, through: Pos, out: &mut Outputs) {
        let Promised { ticket, id, waiting, bound, .. } = promised;
        let Ok(permit) = waiting.release(through, now.wall) else {
            self.ledger.release(bound.place);
            return out.permits.push((ticket, PermitAnswer::NotDurable));
        };
        let (decision, expires_at) = (permit.decision(), bound.expires_at);
        let life = u64::try_from(expires_at.0.saturating_sub(now.wall.0)).unwrap_or(0);
        self.permits.ends.insert((now.mono.after(Duration::from_micros(life)), id));
        let one = Out { bound, state: State::Good(permit), is_over: false };
        self.permits.out.insert(id, one);
        let permit = format!("{PREFIX}{id}");
        out.permits.push((ticket, PermitAnswer::Granted { permit, decision, expires_at }));
    }

    /// Takes the permit that an INVITE names. `None`: it names none.
    pub(super) fn take_permit(&mut self, now: Now, offer: &Offer) -> Option<Pass> {
        let id = offer.mark.as_deref()?.strip_prefix(PREFIX)?;
        let agent = self.agent_at(None, &offer.from_user);
        let number = self.plan_of_peer(offer.peer).read(&offer.dialed);
        let number = self.list_key(&number);
        let again = self.comes_again(&offer.ids);
        let Some(one) = id.parse().ok().and_then(|id: Uuid| self.permits.out.get_mut(&id)) else {
            return Some(Pass::refused("not known"));
        };
        let ids = &offer.ids;
        let decision = match &one.state {
            State::Good(permit) if now.wall < permit.expires_at() => permit.decision(),
            State::Good(_) | State::RanOut => return Some(Pass::refused("has run out")),
            // The carrier wants credentials: the same call comes again with them.
            State::Used(decision, call, tag)
                if again && *call == ids.call_id && *tag == ids.from_tag =>
            {
                *decision
            }
            State::Used(..) => return Some(Pass::refused("was used")),
        };
        one.state = State::Used(decision, ids.call_id.clone(), ids.from_tag.clone());
        let bound = &one.bound;
        let why = bound.misfit(number, offer, agent.as_deref());
        let pass = match why {
            Some(why) => Pass::refused(why),
            None => Pass {
                purpose: bound.purpose.clone(),
                facts: bound.facts.clone(),
                rule: rule(RuleOutcome::Allow, format!("decision={decision}")),
            },
        };
        let place = bound.place;
        self.ledger.release(place); // the call takes a place of its own
        Some(pass)
    }

    /// A leg that a control link shows uses up the oldest permit for its number: nobody can show
    /// it there. What it knows of the call.
    pub(super) fn take_permit_for(
        &mut self,
        now: Now,
        number: Option<NumberRef>,
    ) -> Option<(Option<String>, CallFacts)> {
        let number = number?;
        let good = |one: &Out| match &one.state {
            State::Good(permit) => now.wall < permit.expires_at(),
            State::Used(..) | State::RanOut => false,
        };
        let mut fits = self.permits.out.values_mut();
        let one = fits.find(|one| one.bound.number == Some(number) && good(one))?;
        let State::Good(permit) = &one.state else { return None };
        one.state = State::Used(permit.decision(), String::new(), String::new());
        let bound = &one.bound;
        let known = (bound.purpose.clone(), bound.facts.clone());
        let place = bound.place;
        self.ledger.release(place); // the call takes a place of its own
        Some(known)
    }

    fn comes_again(&self, ids: &DialogIds) -> bool {
        let call = self.table.of_dialog(ids);
        call.is_some_and(|(call, _)| self.dialing.is_challenged(call))
    }

    /// What nobody used gives its place under the caps back.
    pub(super) fn permits_tick(&mut self, now: Now, out: &mut Outputs) {
        while let Some(first) = self.permits.waiting.front()
            && first.deadline <= now.mono
            && let Some(Promised { ticket, bound, .. }) = self.permits.waiting.pop_front()
        {
            self.ledger.release(bound.place);
            out.permits.push((ticket, PermitAnswer::NotDurable));
        }
        let denials = self.permits.denials.iter();
        let late: Vec<AskId> =
            denials.filter(|(_, one)| one.deadline <= now.mono).map(|(ask, _)| *ask).collect();
        for ask in late {
            if let Some(denied) = self.permits.denials.remove(&ask) {
                self.tell_denial(now, denied, None, out);
            }
        }
        self.end_permits(now);
    }

    fn end_permits(&mut self, now: Now) {
        while let Some((end, id)) = self.permits.ends.first().copied()
            && end <= now.mono
        {
            self.permits.ends.pop_first();
            let Some(one) = self.permits.out.get_mut(&id) else { continue };
            if std::mem::replace(&mut one.is_over, true) {
                self.permits.out.remove(&id);
                continue;
            }
            if let State::Good(_) = &one.state {
                self.ledger.release(one.bound.place);
                one.state = State::RanOut;
            }
            self.permits.ends.insert((now.mono.after(REMEMBERED), id));
        }
    }
}
