//! Entries from a request or a row of an import.

use super::Lists;
use crate::app::commands::{CommandError, instant, text};
use serde_json::{Value, json};
use std::sync::Arc;
use trunkline_core::engine::PartyMaker;
use trunkline_core::gate::{Ask, Block, Dialed, Given, is_purpose};
use trunkline_core::model::{
    DO_NOT_DISTURB_REASON, DncEntry, DncScope, Party, Pii, Pos, Wall, mask,
};

/// What a request not to be called is called in rule sets.
const ACTION: &str = "action:do_not_disturb";
/// Longest reason and customer, bytes.
const TEXT_BYTES_MAX: usize = 256;

/// Another machine's clock may be so far ahead.
const AHEAD_US: i64 = 86_400_000_000;

pub(super) fn bad(field: &'static str, message: impl Into<String>) -> CommandError {
    CommandError::Field { field, message: message.into() }
}

/// A text of people: short, and of one line.
pub(super) fn word<'a>(
    row: &'a Value,
    field: &'static str,
) -> Result<Option<&'a str>, CommandError> {
    let Some(text) = text(row, field).map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control) {
        true => Ok(Some(text)),
        false => Err(bad(field, format!("one line of {TEXT_BYTES_MAX} bytes at most"))),
    }
}

/// A calendar day; `forever` is none.
pub(super) fn day(row: &Value, field: &'static str) -> Result<Option<String>, CommandError> {
    let Some(text) = text(row, field).map(str::trim).filter(|text| *text != "forever") else {
        return Ok(None);
    };
    let strict = text.len() == "2026-11-22".len();
    let read = text.parse::<jiff::civil::Date>().ok().filter(|_| strict);
    let message = "a day is written YYYY-MM-DD; or forever";
    Ok(Some(read.ok_or_else(|| bad(field, message))?.to_string()))
}

pub(super) fn outside(parties: &PartyMaker, number: &str) -> Result<Dialed, CommandError> {
    let dialed = parties.read(number);
    match dialed.list_key() {
        Some(_) => Ok(dialed),
        None => Err(bad("number", "no outside number: write E.164 or as dialled")),
    }
}

impl Lists {
    /// Adds what a request asks for: one number or customer, durable on return.
    pub(in crate::app) async fn add(
        &self,
        request: &Value,
        source: &str,
        who: &str,
    ) -> Result<Value, CommandError> {
        let entries = self.entries(&self.parties(), request, source, who)?;
        let first = entries.first();
        let reference = first.map(|entry| entry.key().to_string());
        let tag = first.and_then(DncEntry::tag);
        let until = first.and_then(|entry| entry.until.clone());
        let blocks: Vec<Value> = entries
            .iter()
            .map(|e| json!({"scope": name(e.scope), "purpose": e.purpose, "until": e.until}))
            .collect();
        let pos = self.give(entries).await?;
        Ok(json!({
            "ref": reference, "until": until, "tag": tag, "blocks": blocks, "pos": pos.to_string(),
        }))
    }

    /// Rows of an import: good ones are taken, bad ones named by their line. With `dry` none is
    /// taken.
    pub(in crate::app) async fn import(
        self: &Arc<Self>,
        request: Value,
        who: String,
    ) -> Result<Value, CommandError> {
        let dry = request.get("dry").and_then(Value::as_bool).unwrap_or_default();
        let read = move |lists: &Self| {
            let rows = request.get("rows").and_then(Value::as_array);
            let rows = rows.ok_or_else(|| bad("rows", "an array of rows is needed"))?;
            let (mut entries, mut refused, mut taken) = (Vec::new(), Vec::new(), 0_u64);
            let parties = lists.parties();
            for row in rows {
                match lists.entries(&parties, row, "import", &who) {
                    Ok(found) => {
                        taken += 1;
                        entries.extend(found);
                    }
                    Err(error) => {
                        refused.push(json!({"line": row.get("line"), "error": error.to_string()}));
                    }
                }
            }
            Ok((entries, refused, taken))
        };
        let (entries, refused, taken) = self.aside(read).await?;
        let pos = if dry { Pos(0) } else { self.give(entries).await? };
        Ok(json!({"done": true, "taken": taken, "bad": refused, "pos": pos.to_string()}))
    }

    /// `number`, `customer` or both; `purpose`, `until`, `reason`, `asked_at`.
    pub(super) fn entries(
        &self,
        parties: &PartyMaker,
        row: &Value,
        source: &str,
        who: &str,
    ) -> Result<Vec<DncEntry>, CommandError> {
        let (number, customer) = (word(row, "number")?, word(row, "customer")?);
        let dialed = number.map(|number| outside(parties, number)).transpose()?;
        let reason = word(row, "reason")?.unwrap_or(DO_NOT_DISTURB_REASON);
        let purpose = word(row, "purpose")?;
        if purpose.is_some_and(|purpose| !is_purpose(purpose)) {
            return Err(bad("purpose", "lower-case words joined by dots, as sales"));
        }
        let now = self.clock.wall();
        let asked_at = instant(row, "asked_at")?.unwrap_or(now);
        if asked_at.0 > now.0.saturating_add(AHEAD_US) {
            return Err(bad("asked_at", "lies more than a day in the future"));
        }
        let blocks = self.blocks(row, dialed.as_ref(), purpose, asked_at)?;
        let party = |scope| match (scope, &dialed) {
            (DncScope::Number, Some(dialed)) => {
                Some(parties.with(number.unwrap_or_default(), "", dialed))
            }
            (DncScope::Number, None) => None,
            (DncScope::Customer, _) => customer.map(|name| self.customer(name)),
        };
        let made = [DncScope::Number, DncScope::Customer].into_iter().filter_map(|scope| {
            let number = party(scope)?;
            Some(blocks.iter().map(move |block| DncEntry {
                scope,
                number: number.clone(),
                purpose: block.purpose.clone(),
                until: block.until.clone(),
                reason: reason.to_owned(),
                source: source.to_owned(),
                asked_at: Wall(asked_at.0),
                added_by: who.to_owned(),
                removed: None,
            }))
        });
        let made: Vec<DncEntry> = made.flatten().collect();
        match made.is_empty() {
            true => Err(bad("number", "is missing, and so is customer")),
            false => Ok(made),
        }
    }

    pub(super) fn customer(&self, name: &str) -> Party {
        Party {
            e164: None,
            raw: Pii::new(name.to_owned()),
            display: None,
            masked: mask(name),
            number_ref: self.store.list_refs().customer_ref(name),
        }
    }

    /// What is blocked for how long: as said, else as the rule sets of the number's region say.
    fn blocks(
        &self,
        row: &Value,
        dialed: Option<&Dialed>,
        purpose: Option<&str>,
        asked_at: Wall,
    ) -> Result<Vec<Block>, CommandError> {
        let of = |until| vec![Block { purpose: purpose.map(str::to_owned), until }];
        let (dialed, until) = (dialed, text(row, "until").map(str::trim));
        let dialed = match (until, dialed) {
            (Some("forever"), _) => return Ok(of(None)),
            (Some(_), _) => return Ok(of(day(row, "until")?)),
            (None, Some(dialed)) => dialed,
            (None, None) => {
                let message = "is needed for a customer: the rules go by a number's region";
                return Err(bad("until", message));
            }
        };
        let ask = Ask {
            dialed,
            purpose,
            ruleset: self.rules.ruleset.as_deref(),
            number_ref: None,
            given: Given::default(),
        };
        let book = self.rules.book();
        Ok(match purpose {
            Some(_) => of(book.blocked_until(&ask, ACTION, asked_at)),
            None => book.blocks(&ask, ACTION, asked_at),
        })
    }
}

pub(in crate::app) fn name(scope: DncScope) -> &'static str {
    trunkline_core::model::Named::name(scope)
}
