//! Claims on record: read from a request, checked, given to the engine, withdrawn.

use super::Lists;
use super::entries::{bad, day, outside, word};
use crate::app::commands::{CommandError, instant, list_key, text};
use crate::app::orders::Order;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::oneshot;
use trunkline_core::gate::is_purpose;
use trunkline_core::model::{
    Call, CallId, Claim, ClaimEnd, ClaimEntry, ClaimId, DncScope, FACT_BYTES_MAX, Named, Party,
    Wall,
};

/// Claims of one number or customer that are not withdrawn. Beyond: CONFLICT.
const CLAIMS_MAX: usize = 64;
/// A request for a call back counts so many days at most: it is for one call, not for ever.
const CALLBACK_DAYS_MAX: i64 = 31;
/// Another machine's clock may be so far ahead.
const AHEAD_US: i64 = 300_000_000;
/// Names of claims, for a person.
const CLAIMS: &str = "consent, running_contract, customer_requested_callback";

/// Who records a claim.
pub(in crate::app) struct Recorder {
    /// `user:NAME`, `uid:1000`.
    pub who: String,
    /// An agent, who records what a customer has said in a call with this agent.
    pub agent: Option<String>,
    /// `api`, `cli`, `import`.
    pub source: &'static str,
}

impl Lists {
    /// Records one claim; durable on return.
    pub(in crate::app) async fn add_claim(
        self: &Arc<Self>,
        request: Value,
        by: Recorder,
    ) -> Result<Value, CommandError> {
        let call = match word(&request, "call")? {
            None => None,
            Some(id) => Some(self.call(id).await?),
        };
        let entry = self.aside(move |lists| lists.claim(&request, &by, call.as_ref())).await?;
        let (id, key, until) = (entry.id, entry.key(), entry.until.clone());
        let pos = self.give_claims(vec![entry]).await?;
        Ok(json!({
            "id": id.to_string(), "ref": key.to_string(), "until": until, "pos": pos.to_string(),
        }))
    }

    /// Withdraws one claim by its `id`, or all of a `number`, `customer` or `ref`; at once.
    pub(in crate::app) async fn withdraw_claims(
        self: &Arc<Self>,
        request: Value,
        who: String,
    ) -> Result<Value, CommandError> {
        let reason = word(&request, "reason")?.unwrap_or_default().to_owned();
        let held = self
            .aside(move |lists| {
                let found = match text(&request, "id") {
                    Some(id) => {
                        let id: ClaimId =
                            id.parse().map_err(|_| bad("id", "the id of a claim is a UUID"))?;
                        lists.store.claim(id)?.into_iter().collect()
                    }
                    None => {
                        let parties = lists.parties();
                        let read = |typed: &str| parties.read(typed);
                        lists.store.claims_of(list_key(&lists.store, &read, &request)?)?
                    }
                };
                let held = found.into_iter().filter(|entry| entry.withdrawn.is_none());
                Ok(held.collect::<Vec<ClaimEntry>>())
            })
            .await?;
        if held.is_empty() {
            return Err(CommandError::NotFound("a claim that counts".to_owned()));
        }
        let end = ClaimEnd { at: self.clock.wall(), by: who, reason };
        let gone =
            held.into_iter().map(|entry| ClaimEntry { withdrawn: Some(end.clone()), ..entry });
        let gone: Vec<ClaimEntry> = gone.collect();
        let count = gone.len();
        let pos = self.give_claims(gone).await?;
        Ok(json!({ "withdrawn": count, "pos": pos.to_string() }))
    }

    /// A call by its id: live, just ended, or of the records (which is audited).
    async fn call(self: &Arc<Self>, id: &str) -> Result<Arc<Call>, CommandError> {
        let unknown = || bad("call", "the id of a call that there is or was");
        let id: CallId = id.parse().map_err(|_| unknown())?;
        let (done, known) = oneshot::channel();
        if !self.orders.give(Order::CallKnown { id, done }) {
            return Err(CommandError::Unavailable("the engine takes no orders".to_owned()));
        }
        let stopped = |_| CommandError::Unavailable("the server is stopping".to_owned());
        if let Some(call) = known.await.map_err(stopped)? {
            return Ok(call);
        }
        let stored = self
            .aside(move |lists| Ok(lists.store.show(id, "claims", lists.clock.wall())?))
            .await?;
        stored.map(Arc::new).ok_or_else(unknown)
    }

    fn claim(
        &self,
        request: &Value,
        by: &Recorder,
        call: Option<&Arc<Call>>,
    ) -> Result<ClaimEntry, CommandError> {
        let now = self.clock.wall();
        let (scope, number) = self.whose(request)?;
        let name = word(request, "claim")?.ok_or_else(|| bad("claim", CLAIMS))?;
        let claim = Claim::parse_name(name).ok_or_else(|| bad("claim", CLAIMS))?;
        let purpose = word(request, "purpose")?;
        if purpose.is_some_and(|purpose| !is_purpose(purpose)) {
            return Err(bad("purpose", "lower-case words joined by dots, as sales"));
        }
        let case = word(request, "case")?;
        if case.is_some_and(|case| case.len() > FACT_BYTES_MAX) {
            return Err(bad("case", format!("{FACT_BYTES_MAX} bytes at most")));
        }
        let given_at = instant(request, "given_at")?.unwrap_or(now);
        if given_at.0 > now.0.saturating_add(AHEAD_US) {
            return Err(bad("given_at", "lies in the future"));
        }
        let until = day(request, "until")?;
        if claim == Claim::CustomerRequestedCallback {
            if case.is_none() {
                return Err(bad("case", "is needed of a request for a call back: it holds it"));
            }
            check_callback(until.as_deref(), given_at)?;
        }
        let evidence = word(request, "evidence")?.unwrap_or_default();
        match call {
            None if by.agent.is_some() => {
                return Err(bad("call", "is needed of an agent: the call in which it was said"));
            }
            None if evidence.is_empty() => {
                return Err(bad("evidence", "is needed without call: where the proof is"));
            }
            None => {}
            Some(call) => check_call(call, &number, scope, by.agent.as_deref())?,
        }
        let held = self.store.claims_of(number.number_ref)?;
        if held.iter().filter(|entry| entry.withdrawn.is_none()).count() >= CLAIMS_MAX {
            let message = format!("{CLAIMS_MAX} claims count for it already: withdraw some");
            return Err(CommandError::Conflict(message));
        }
        Ok(ClaimEntry {
            id: self.claim_id(),
            claim,
            scope,
            number,
            purpose: purpose.map(str::to_owned),
            case: case.map(str::to_owned),
            until,
            call: call.map(|call| call.id),
            evidence: evidence.to_owned(),
            source: by.source.to_owned(),
            given_at: Wall(given_at.0.min(now.0)),
            added_by: by.who.clone(),
            withdrawn: None,
        })
    }

    /// Exactly one of `number` and `customer`: a claim of both would cross from one to the other.
    fn whose(&self, request: &Value) -> Result<(DncScope, Party), CommandError> {
        match (word(request, "number")?, word(request, "customer")?) {
            (Some(number), None) => {
                let parties = self.parties();
                let dialed = outside(&parties, number)?;
                Ok((DncScope::Number, parties.with(number, "", &dialed)))
            }
            (None, Some(name)) => Ok((DncScope::Customer, self.customer(name))),
            _ => Err(bad("number", "one of number, customer")),
        }
    }
}

fn check_callback(until: Option<&str>, given_at: Wall) -> Result<(), CommandError> {
    let message =
        format!("is needed of a request for a call back: {CALLBACK_DAYS_MAX} days at most");
    let last = until.and_then(|day| day.parse::<jiff::civil::Date>().ok());
    let given =
        jiff::Timestamp::from_microsecond(given_at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    // A day more: the callee's country may have tomorrow already.
    let latest = given.to_zoned(jiff::tz::TimeZone::UTC).date();
    let latest = latest.checked_add(jiff::Span::new().days(CALLBACK_DAYS_MAX + 1));
    match (last, latest) {
        (Some(last), Ok(latest)) if last <= latest => Ok(()),
        _ => Err(bad("until", message)),
    }
}

/// The call is evidence for its own parties alone, and for an agent who took part.
fn check_call(
    call: &Call,
    number: &Party,
    scope: DncScope,
    agent: Option<&str>,
) -> Result<(), CommandError> {
    let e164 = |party: &Party| party.e164.as_ref().map(|n| n.reveal().as_str().to_owned());
    let theirs = [e164(&call.from), e164(&call.to)].into_iter().flatten();
    if scope == DncScope::Number && !theirs.clone().any(|party| Some(party) == e164(number)) {
        return Err(bad("call", "was with another number"));
    }
    let took_part = |agent: &str| call.legs.iter().any(|leg| leg.agent.as_deref() == Some(agent));
    match agent {
        Some(agent) if !took_part(agent) => Err(bad("call", "is none of yours")),
        _ => Ok(()),
    }
}

/// A claim as `claim.show` tells it.
pub(in crate::app) fn claim_json(entry: &ClaimEntry) -> Value {
    let number = &entry.number;
    let name = number
        .e164
        .as_ref()
        .map_or_else(|| number.raw.reveal().clone(), |n| n.reveal().as_str().into());
    let mut line = json!({
        "id": entry.id.to_string(), "ref": entry.key().to_string(),
        "claim": entry.claim.name(), "scope": entry.scope.name(), "purpose": entry.purpose,
        "case": entry.case, "until": entry.until, "call": entry.call.map(|id| id.to_string()),
        "evidence": entry.evidence, "source": entry.source,
        "given_at": entry.given_at.rfc3339(), "added_by": entry.added_by,
    });
    line[entry.scope.name()] = name.into();
    if let Some(end) = &entry.withdrawn {
        line["withdrawn"] = json!({ "at": end.at.rfc3339(), "by": end.by, "reason": end.reason });
    }
    line
}
