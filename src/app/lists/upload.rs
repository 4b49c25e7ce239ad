//! Editions of registers: their numbers come in many requests and count when the last has come.

use super::Lists;
use crate::app::commands::{CommandError, text};
use crate::app::orders::Order;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use trunkline_core::gate::Register;
use trunkline_core::vault::digest;

/// Uploads at once. Beyond, the one that was silent longest is forgotten.
const UPLOADS_MAX: usize = 2;
/// An upload without a request for so long is forgotten.
const SILENT_MAX: Duration = Duration::from_secs(600);
/// Numbers of an edition; 8 bytes each.
const NUMBERS_MAX: usize = 50_000_000;
/// An edition with less than so many percent of the one before is taken for a broken file.
const SMALLER_PERCENT: usize = 90;

/// Editions that are coming in; a restart forgets them.
#[derive(Default)]
pub(in crate::app) struct Uploads(HashMap<String, Upload>);

struct Upload {
    keys: Vec<u64>,
    heard: Instant,
}

fn bad(field: &'static str, message: impl Into<String>) -> CommandError {
    CommandError::Field { field, message: message.into() }
}

impl Uploads {
    fn take_in(&mut self, id: &str, keys: &[u64], now: Instant) -> Result<usize, CommandError> {
        self.0.retain(|_, upload| now.duration_since(upload.heard) < SILENT_MAX);
        if !self.0.contains_key(id) && self.0.len() >= UPLOADS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, upload)| upload.heard);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                self.0.remove(&oldest);
            }
        }
        let fresh = || Upload { keys: Vec::new(), heard: now };
        let upload = self.0.entry(id.to_owned()).or_insert_with(fresh);
        upload.heard = now;
        if upload.keys.len() + keys.len() > NUMBERS_MAX {
            self.0.remove(id);
            return Err(bad("numbers", format!("an edition has {NUMBERS_MAX} numbers at most")));
        }
        upload.keys.extend_from_slice(keys);
        Ok(upload.keys.len())
    }
}

/// A number of a national file as E.164: `020 7946 0123` with 44 is `+442079460123`. In Italy the
/// 0 belongs to the number.
fn international<'a>(number: &'a str, calling_code: Option<&str>) -> Cow<'a, str> {
    let number = number.trim();
    match calling_code {
        Some(code) if !number.starts_with('+') && !number.starts_with("00") => {
            let trunk = if code == "39" { None } else { number.strip_prefix('0') };
            Cow::Owned(format!("+{code}{}", trunk.unwrap_or(number)))
        }
        _ => Cow::Borrowed(number),
    }
}

impl Lists {
    /// Takes some numbers of an edition in: `upload`, `numbers`, `line` of the first, and
    /// `calling_code` of numbers without one.
    pub(in crate::app) async fn stage(
        self: &Arc<Self>,
        request: Value,
    ) -> Result<Value, CommandError> {
        self.aside(move |lists| {
            let id = text(&request, "upload").ok_or_else(|| bad("upload", "is missing"))?;
            let code = text(&request, "calling_code");
            let fits = |code: &str| {
                (1..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
            };
            if code.is_some_and(|code| !fits(code)) {
                return Err(bad("calling_code", "one to three digits, as 44"));
            }
            let rows = request.get("rows").and_then(Value::as_array);
            let rows = rows.ok_or_else(|| bad("rows", "an array of rows is needed"))?;
            let parties = lists.parties();
            let (mut keys, mut refused) = (Vec::with_capacity(rows.len()), Vec::new());
            for row in rows {
                let number = text(row, "number").unwrap_or_default();
                let dialed = parties.read(&international(number, code));
                match dialed.list_key() {
                    Some(key) => keys.push(Register::key(lists.store.list_refs().number_ref(key))),
                    None => {
                        let error = "number: no outside number: write E.164, or give the calling \
                                     code";
                        refused.push(json!({"line": row.get("line"), "error": error}));
                    }
                }
            }
            let taken = keys.len();
            let mut uploads = lists.uploads.lock().unwrap_or_else(PoisonError::into_inner);
            uploads.take_in(id, &keys, Instant::now())?;
            Ok(json!({"done": true, "taken": taken, "bad": refused}))
        })
        .await
    }

    /// Puts an upload in force: `upload`, `name`, `issued`, `source`, `accept_smaller`.
    pub(in crate::app) async fn commit(
        self: &Arc<Self>,
        request: Value,
        who: String,
    ) -> Result<Value, CommandError> {
        let register = self.aside(move |lists| lists.put(&request, &who)).await?;
        let (version, numbers) = (register.version(), register.len());
        let pos = self.wait(|done| Order::Register { register, done }).await?;
        Ok(json!({
            "done": true, "version": version, "numbers": numbers, "pos": pos.to_string(),
        }))
    }

    fn put(&self, request: &Value, who: &str) -> Result<Arc<Register>, CommandError> {
        let id = text(request, "upload").unwrap_or_default();
        let name = text(request, "name").unwrap_or_default();
        let sign = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(sign) {
            return Err(bad("name", "lower-case letters, digits and - only, 64 at most"));
        }
        let now = self.clock.wall();
        let today = jiff::Timestamp::from_microsecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        // A day ahead: the register's country may have tomorrow already.
        let tomorrow = today.to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow();
        let issued = text(request, "issued").unwrap_or_default().parse::<jiff::civil::Date>();
        let issued = issued.map_err(|_| bad("issued", "a day is written YYYY-MM-DD"))?;
        if tomorrow.is_ok_and(|tomorrow| issued > tomorrow) {
            return Err(bad("issued", "lies in the future"));
        }
        let upload = self.uploads.lock().unwrap_or_else(PoisonError::into_inner).0.remove(id);
        let keys = upload.map(|upload| upload.keys).unwrap_or_default();
        let content = content_id(issued, keys);
        let register = Register::new(name.to_owned(), issued, content.0, content.1);
        let before = self.store.register(name);
        if let Some(before) = &before {
            if before.version() == register.version() {
                return Ok(before.clone()); // imported twice: nothing changes
            }
            if register.issued() < before.issued() {
                let message =
                    format!("the edition of {} is in force, a newer one", before.issued());
                return Err(CommandError::Conflict(message));
            }
        }
        let accept = request.get("accept_smaller").and_then(Value::as_bool).unwrap_or_default();
        let least = before.map_or(1, |before| before.len() * SMALLER_PERCENT / 100);
        if register.len() < least && !accept {
            let message = format!(
                "{} numbers, and {least} at least were expected: is the file whole?",
                register.len()
            );
            return Err(CommandError::Conflict(message));
        }
        let register = Arc::new(register);
        let source = text(request, "source").unwrap_or_default();
        self.store.put_register(&register, source, who, now)?;
        Ok(register)
    }
}

/// Names the content: the same numbers of the same day have the same name.
fn content_id(issued: jiff::civil::Date, mut keys: Vec<u64>) -> (String, Vec<u64>) {
    keys.sort_unstable();
    keys.dedup();
    let mut bytes = issued.to_string().into_bytes();
    bytes.extend(keys.iter().flat_map(|key| key.to_be_bytes()));
    let id = digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    (id, keys)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn national_numbers_get_their_calling_code() {
        for (number, code, expected) in [
            ("02079460123", Some("44"), "+442079460123"),
            (" 2079460123 ", Some("44"), "+442079460123"),
            ("+33123456789", Some("44"), "+33123456789"),
            ("0033123456789", Some("44"), "0033123456789"),
            ("0612345678", Some("39"), "+390612345678"),
            ("2125550123", Some("1"), "+12125550123"),
            ("13800138000", None, "13800138000"),
        ] {
            assert_eq!(international(number, code), expected, "{number}");
        }
    }

    #[test]
    fn uploads_are_few_and_forgotten() {
        let mut uploads = Uploads::default();
        let start = Instant::now();
        let later = |s| start + Duration::from_secs(s);
        assert_eq!(uploads.take_in("a", &[1, 2], start).unwrap(), 2);
        assert_eq!(uploads.take_in("a", &[3], later(1)).unwrap(), 3);
        uploads.take_in("b", &[1], later(2)).unwrap();
        uploads.take_in("c", &[1], later(3)).unwrap();
        assert_eq!(uploads.0.len(), UPLOADS_MAX);
        assert!(!uploads.0.contains_key("a"), "the one that was silent longest");
        uploads.take_in("d", &[1], later(700)).unwrap();
        assert_eq!(uploads.0.keys().collect::<Vec<_>>(), ["d"]);
    }

    #[test]
    fn equal_editions_have_equal_names() {
        let day = jiff::civil::date(2026, 11, 1);
        let (id, keys) = content_id(day, vec![3, 1, 2, 3]);
        assert_eq!(keys, [1, 2, 3]);
        assert_eq!(id, content_id(day, vec![2, 3, 1]).0);
        assert_ne!(id, content_id(day, vec![2, 3]).0);
        assert_ne!(id, content_id(jiff::civil::date(2026, 11, 2), vec![1, 2, 3]).0);
    }
}
