//! Instants as PBXs write them.

use crate::model::Wall;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// An instant: local time of `zone` (`2026-11-22 10:00:00`), RFC 3339 with an offset, or seconds,
/// milliseconds or microseconds since 1970. `None`: none of them.
///
/// A local time that was there twice is the one closer to `hint`, else the first; one that was
/// skipped lies as far behind the jump as it is written (RFC 5545 §3.3.5).
pub(super) fn instant(text: &str, zone: &TimeZone, hint: Option<Wall>) -> Option<Wall> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return since_1970(text);
    }
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Some(Wall(exact.as_microsecond()));
    }
    let local: DateTime = text.replacen(' ', "T", 1).parse().ok()?;
    let both = zone.to_ambiguous_timestamp(local);
    let (first, second) = (both.earlier().ok()?, both.later().ok()?);
    let first = Wall(first.as_microsecond());
    let second = Wall(second.as_microsecond());
    let skipped = both.is_ambiguous() && !is_fold(zone, local);
    match hint {
        _ if skipped => Some(second),
        Some(hint) if second.0.abs_diff(hint.0) < first.0.abs_diff(hint.0) => Some(second),
        _ => Some(first),
    }
}

/// The local time comes twice, and is not one that never comes.
fn is_fold(zone: &TimeZone, local: DateTime) -> bool {
    let around = [local.checked_sub(1.day()), local.checked_add(1.day())];
    let [Ok(before), Ok(after)] = around else { return false };
    let offset = |at: DateTime| zone.to_timestamp(at).map(|at| zone.to_offset(at).seconds());
    matches!((offset(before), offset(after)), (Ok(before), Ok(after)) if after < before)
}

fn since_1970(text: &str) -> Option<Wall> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let number: i64 = whole.parse().ok()?;
    let micros = match whole.len() {
        ..=11 => {
            let part: String = part.chars().chain("000000".chars()).take(6).collect();
            number.checked_mul(1_000_000)?.checked_add(part.parse().ok()?)?
        }
        12..=14 => number.checked_mul(1000)?,
        _ => number,
    };
    (micros > 0 && Timestamp::from_microsecond(micros).is_ok()).then_some(Wall(micros))
}

/// `1763780000.17`, as Asterisk names a channel: the second in which it was made.
pub(super) fn made_at(unique_id: &str) -> Option<Wall> {
    // A system name may stand before it: `pbx1-1763780000.17`.
    let own = unique_id.rsplit('-').next()?;
    let (seconds, counter) = own.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(counter) && digits(seconds) && seconds.len() <= 11)
        .then(|| since_1970(seconds))
        .flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn instants_are_read_in_the_zone_of_the_records() {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        let new_york = TimeZone::get("America/New_York").unwrap();
        let utc = |text: &str| Wall(text.parse::<Timestamp>().unwrap().as_microsecond());
        let hint = Some(utc("2026-11-01T06:30:00Z"));
        for (text, zone, hint, wanted) in [
            ("2026-11-22 10:00:00", &shanghai, None, "2026-11-22T02:00:00Z"),
            ("2026-11-22 10:00:00.250", &shanghai, None, "2026-11-22T02:00:00.25Z"),
            ("2026-11-22T10:00:00+08:00", &new_york, None, "2026-11-22T02:00:00Z"),
            ("1763780000", &new_york, None, "2025-11-22T02:53:20Z"),
            ("1763780000.5", &new_york, None, "2025-11-22T02:53:20.5Z"),
            ("1763780000000", &new_york, None, "2025-11-22T02:53:20Z"),
            ("1763780000000001", &new_york, None, "2025-11-22T02:53:20.000001Z"),
            // The hour that comes twice, and the one that does not come.
            ("2026-11-01 01:30:00", &new_york, None, "2026-11-01T05:30:00Z"),
            ("2026-11-01 01:30:00", &new_york, hint, "2026-11-01T06:30:00Z"),
            ("2026-03-08 02:30:00", &new_york, None, "2026-03-08T07:30:00Z"),
        ] {
            assert_eq!(instant(text, zone, hint), Some(utc(wanted)), "{text}");
        }
        for text in ["", "0", "yesterday", "2026-13-01 00:00:00", "99999999999999999999", "."] {
            assert_eq!(instant(text, &shanghai, None), None, "{text:?}");
        }
        assert_eq!(made_at("1763780000.17"), Some(utc("2025-11-22T02:53:20Z")));
        assert_eq!(made_at("pbx-1-1763780000.17"), Some(utc("2025-11-22T02:53:20Z")));
        assert_eq!(made_at("4c1f1c3e-0000-4000-8000-000000000000"), None);
    }
}
