//! `gate dry-run --from --to`: rules over the server's own calls of the past.

use super::commands::{CommandError, instant, store_command, text};
use super::rules::with_calendars;
use crate::config::Config;
use crate::store::Store;
use serde_json::Value;
use trunkline_core::gate::{
    Book, CallFacts, DialPlans, Dialed, PastCall, Replay, ShownCaller, Source,
};
use trunkline_core::model::{Call, Decision, DecisionId, RuleOutcome, Verdict, Wall};

/// Text of all rule files of one request.
const RULES_BYTES_MAX: usize = 1 << 20;

/// As [`store_command`], with what needs the site's configuration besides.
///
/// # Errors
/// See [`CommandError`].
pub fn site_command(
    config: &Config,
    (store, plans): (&Store, &DialPlans),
    request: &Value,
    who: &str,
    now: Wall,
    emit: &mut dyn FnMut(Value),
) -> Result<(), CommandError> {
    match text(request, "cmd") {
        Some("gate.dry_run") => {
            emit(dry_run(config, store, plans, request, who, now)?);
            Ok(())
        }
        _ => store_command(store, plans, request, who, now, emit),
    }
}

/// Replays the calls; one answer.
///
/// # Errors
/// If the rules cannot be used, or the records cannot be read.
fn dry_run(
    config: &Config,
    store: &Store,
    plans: &DialPlans,
    request: &Value,
    who: &str,
    now: Wall,
) -> Result<Value, CommandError> {
    let book = rules(config, request)?;
    let month = std::time::Duration::from_secs(31 * 86_400);
    let from = instant(request, "from")?.unwrap_or(now.before(month));
    let to = instant(request, "to")?.unwrap_or(now);
    let registers = store.registers()?.into_iter().filter_map(|row| store.register(&row.name));
    let registers: Vec<_> = registers.collect();
    let unknown = not_known(&book, !registers.is_empty());
    let entries = store.past_list()?;
    let mut replay = Replay::new(&book, None, entries).with_claims(store.past_claims()?);
    registers.into_iter().for_each(|register| replay.set_register(register));
    store.replay((from, to), (who, book.hash()), now, &mut |call, decision| {
        take(&mut replay, store, plans, &call, decision.as_ref());
    })?;
    let mut found = serde_json::to_value(replay.found()).unwrap_or_default();
    found["from"] = from.rfc3339().into();
    found["to"] = to.rfc3339().into();
    found["rules"] = book.hash().into();
    let calendars = book.calendars().map(|(name, version, _)| (name.to_owned(), version.into()));
    found["calendars"] = Value::Object(calendars.collect());
    found["not_known"] = unknown.into();
    Ok(found)
}

/// What a replay cannot know, for who reads it.
fn not_known(book: &Book, registers: bool) -> Vec<&'static str> {
    let back = book.looks_back().is_any();
    let all = [
        (
            true,
            "claims that callers said with a permit are not kept: those on record count, see \
                newly_denied_but_for_claims",
        ),
        (true, "zones of callees' addresses are not kept: a number counts in all its zones"),
        (true, "overrides of then are not applied"),
        (back, "calls before the first day count for no cap and no cool-down"),
        (registers, "registers are as they are now"),
    ];
    all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, text)| text).collect()
}

fn take(
    replay: &mut Replay<'_>,
    store: &Store,
    plans: &DialPlans,
    call: &Call,
    decision: Option<&Decision>,
) {
    // As it was judged then, by whichever plan; else by the site's.
    let dialed = match &call.dialed.e164 {
        Some(number) => Dialed::Number(number.reveal().clone()),
        None => plans.site().read(call.dialed.raw.reveal()),
    };
    let refused = decision.filter(|decision| decision.verdict == Verdict::Deny);
    let denying = refused.into_iter().flat_map(|decision| &decision.rules);
    let mut refused_by: Vec<String> = denying
        .filter(|rule| rule.outcome == RuleOutcome::Deny)
        .map(|rule| rule.id.to_string())
        .collect();
    if refused.is_some() && refused_by.is_empty() {
        refused_by.push("policy".to_owned());
    }
    let topic = decision.and_then(|decision| decision.topic.as_deref().cloned());
    let from = &call.from;
    let number = from.e164.as_ref().map_or(from.raw.reveal().as_str(), |n| n.reveal().as_str());
    let name = from.display.as_ref().map_or("", |name| name.reveal());
    let caller = ShownCaller::shown(plans.shown(), number, name);
    let facts = CallFacts { caller, ..topic.map(CallFacts::from).unwrap_or_default() };
    let label = call.dossier.as_ref().and_then(|dossier| dossier.label.as_ref());
    let agent = call.legs.iter().find_map(|leg| leg.agent.as_deref());
    replay.take(PastCall {
        id: decision.map_or(DecisionId(call.id.0), |decision| decision.id),
        customer: facts.customer.as_deref().map(|name| store.list_refs().customer_ref(name)),
        facts: &facts,
        answered: call.answered.is_some(),
        label: label.map(|label| &*label.name),
        dialed: &dialed,
        key: dialed.list_key().map(|key| store.list_refs().number_ref(key)),
        purpose: call.purpose.as_deref(),
        at: call.started.pbx_time,
        who: agent.unwrap_or(&call.device),
        refused_by: &refused_by,
    });
}

/// The rules that are tried: texts, because the server may not read the caller's files.
fn rules(config: &Config, request: &Value) -> Result<Book, CommandError> {
    let field = |message: String| CommandError::Field { field: "rules", message };
    let files = request.get("rules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let texts: Vec<(&str, &str)> =
        files.iter().filter_map(|file| Some((text(file, "name")?, text(file, "text")?))).collect();
    if texts.is_empty() || texts.len() != files.len() {
        return Err(field("rule files, each with name and text".to_owned()));
    }
    if texts.iter().map(|(_, text)| text.len()).sum::<usize>() > RULES_BYTES_MAX {
        return Err(field(format!("{RULES_BYTES_MAX} bytes at most")));
    }
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    with_calendars(Some(config), &sources, None).map_err(|error| field(error.to_string()))
}
