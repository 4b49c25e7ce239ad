//! `gate dry-run --from --to`: rules over the server's own calls of the past.

use super::commands::{CommandError, instant, text};
use crate::store::Store;
use serde_json::Value;
use trunkline_core::gate::{
    Book, CallFacts, Dialed, Normalizer, PastCall, Replay, Source, shipped_calendars,
};
use trunkline_core::model::{Call, Decision, DecisionId, RuleOutcome, Verdict, Wall};

/// Text of all rule files of one request.
const RULES_BYTES_MAX: usize = 1 << 20;

/// Replays the calls; one answer.
///
/// # Errors
/// If the rules cannot be used, or the records cannot be read.
pub(super) fn dry_run(
    store: &Store,
    normalizer: &Normalizer,
    request: &Value,
    who: &str,
    now: Wall,
) -> Result<Value, CommandError> {
    let book = rules(request)?;
    let month = std::time::Duration::from_secs(31 * 86_400);
    let from = instant(request, "from")?.unwrap_or(now.before(month));
    let to = instant(request, "to")?.unwrap_or(now);
    let mut replay = Replay::new(&book, None, store.replay_list()?);
    store.replay((from, to), (who, book.hash()), now, &mut |call, decision| {
        take(&mut replay, store, normalizer, &call, decision.as_ref());
    })?;
    let mut found = serde_json::to_value(replay.found()).unwrap_or_default();
    found["from"] = from.rfc3339().into();
    found["to"] = to.rfc3339().into();
    found["rules"] = book.hash().into();
    Ok(found)
}

fn take(
    replay: &mut Replay<'_>,
    store: &Store,
    normalizer: &Normalizer,
    call: &Call,
    decision: Option<&Decision>,
) {
    // As it was judged then, by whichever plan; else by the site's.
    let dialed = match &call.dialed.e164 {
        Some(number) => Dialed::Number(number.reveal().clone()),
        None => normalizer.read(call.dialed.raw.reveal()),
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
    let facts = topic.map(CallFacts::from).unwrap_or_default();
    let label = call.dossier.as_ref().and_then(|dossier| dossier.label.as_ref());
    let agent = call.legs.iter().find_map(|leg| leg.agent.as_deref());
    replay.take(PastCall {
        id: decision.map_or(DecisionId(call.id.0), |decision| decision.id),
        customer: facts.customer.as_deref().map(|customer| store.replay_key(customer)),
        facts: &facts,
        answered: call.answered.is_some(),
        label: label.map(|label| &*label.name),
        dialed: &dialed,
        key: dialed.list_key().map(|key| store.replay_key(key)),
        purpose: call.purpose.as_deref(),
        at: call.started.pbx_time,
        who: agent.unwrap_or(&call.device),
        refused_by: &refused_by,
    });
}

/// The rules that are tried: texts, because the server may not read the caller's files.
fn rules(request: &Value) -> Result<Book, CommandError> {
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
    Book::load(&sources, &shipped_calendars()).map_err(|error| field(error.to_string()))
}
