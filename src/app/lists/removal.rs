//! Taking a block away before its day: one person asks and says why, another one agrees.

use super::Lists;
use crate::app::commands::{CommandError, list_key, text};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use trunkline_core::model::{DncEntry, DncRemoval, NumberRef, Wall};

/// A request that nobody agrees to is forgotten after so long.
const WAIT_US: i64 = 3_600_000_000;
/// Requests that wait. Beyond: refused.
const WAITING_MAX: usize = 1000;
/// Longest reason, bytes.
const REASON_BYTES_MAX: usize = 256;

/// Requests that wait for a second person; a restart forgets them.
#[derive(Default)]
pub(in crate::app) struct Removals(HashMap<NumberRef, Waiting>);

#[derive(Clone)]
struct Waiting {
    by: String,
    reason: String,
    until: Wall,
}

/// What a request leads to.
enum Step {
    Wait(Wall),
    Remove(DncRemoval),
}

impl Removals {
    fn step(
        &mut self,
        key: NumberRef,
        reason: Option<&str>,
        who: &str,
        now: Wall,
    ) -> Result<Step, CommandError> {
        self.0.retain(|_, waiting| waiting.until > now);
        if let Some(waiting) = self.0.get(&key) {
            if waiting.by == who {
                let message = "you have asked for it: somebody else has to agree".to_owned();
                return Err(CommandError::Conflict(message));
            }
            let Waiting { by, reason, .. } = waiting.clone();
            return Ok(Step::Remove(DncRemoval { at: now, reason, by, approved_by: who.into() }));
        }
        let field =
            |message: &str| CommandError::Field { field: "reason", message: message.to_owned() };
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let reason = reason.ok_or_else(|| field("is needed of who asks first"))?;
        if reason.len() > REASON_BYTES_MAX || reason.chars().any(char::is_control) {
            return Err(field("one line of 256 bytes at most"));
        }
        if self.0.len() >= WAITING_MAX {
            let message = format!("{WAITING_MAX} removals wait for a second person");
            return Err(CommandError::Unavailable(message));
        }
        let until = Wall(now.0 + WAIT_US);
        let waiting = Waiting { by: who.to_owned(), reason: reason.to_owned(), until };
        self.0.insert(key, waiting);
        Ok(Step::Wait(until))
    }
}

impl Lists {
    /// Asks for the removal of every block of a number or customer, or agrees to it.
    pub(in crate::app) async fn remove(
        self: &Arc<Self>,
        request: Value,
        who: String,
    ) -> Result<Value, CommandError> {
        let (asked, by) = (request.clone(), who.clone());
        let (key, entries) = self
            .aside(move |lists| {
                let parties = lists.parties();
                let key = list_key(&lists.store, &|typed| parties.read(typed), &asked)?;
                let entries = lists.store.dnc_show(key, &by, lists.clock.wall())?;
                let held = entries.into_iter().filter(|entry| entry.removed.is_none());
                Ok((key, held.collect::<Vec<DncEntry>>()))
            })
            .await?;
        if entries.is_empty() {
            return Err(CommandError::NotFound("an entry of it".to_owned()));
        }
        let now = self.clock.wall();
        let step = self.waiting().step(key, text(&request, "reason"), &who, now)?;
        match step {
            Step::Wait(until) => {
                let object = format!("ref={key} entries={}", entries.len());
                self.aside(move |lists| {
                    Ok(lists.store.audit(&who, "dnc.remove.requested", &object, now)?)
                })
                .await?;
                Ok(json!({
                    "status": "pending", "ref": key.to_string(), "expires_at": until.rfc3339(),
                }))
            }
            Step::Remove(removal) => {
                let removed = Some(removal);
                let gone: Vec<DncEntry> = entries
                    .into_iter()
                    .map(|entry| DncEntry { removed: removed.clone(), ..entry })
                    .collect();
                let (count, pos) = (gone.len(), self.give(gone).await?);
                self.waiting().0.remove(&key);
                Ok(json!({
                    "status": "removed", "ref": key.to_string(), "entries": count,
                    "pos": pos.to_string(),
                }))
            }
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Removals> {
        self.removals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(byte: u8) -> NumberRef {
        NumberRef([byte; 16])
    }

    #[test]
    fn two_people_agree_within_an_hour_and_one_alone_never() {
        let mut removals = Removals::default();
        let start = Wall(1_000_000);
        let asked = removals.step(key(1), Some(" moved away "), "anna", start).unwrap();
        assert!(matches!(asked, Step::Wait(until) if until.0 == start.0 + WAIT_US));
        let again = removals.step(key(1), Some("please"), "anna", start);
        assert!(matches!(again, Err(CommandError::Conflict(_))));
        let agreed = removals.step(key(1), None, "ben", start).unwrap();
        let Step::Remove(removal) = agreed else { panic!() };
        let told = (removal.by.as_str(), removal.approved_by.as_str(), removal.reason.as_str());
        assert_eq!(told, ("anna", "ben", "moved away"));
        // After the hour it is a request of his own.
        let late = removals.step(key(1), Some("later"), "ben", Wall(start.0 + WAIT_US)).unwrap();
        assert!(matches!(late, Step::Wait(_)));
        let other = removals.step(key(2), None, "ben", start);
        assert!(matches!(other, Err(CommandError::Field { field: "reason", .. })));
    }

    #[test]
    fn requests_have_a_limit() {
        let mut removals = Removals::default();
        for n in 0..WAITING_MAX as u128 {
            removals.step(NumberRef(n.to_be_bytes()), Some("r"), "anna", Wall(0)).unwrap();
        }
        let full = removals.step(NumberRef([255; 16]), Some("r"), "anna", Wall(0));
        assert!(matches!(full, Err(CommandError::Unavailable(_))));
    }
}
