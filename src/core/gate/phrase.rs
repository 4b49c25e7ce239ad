//! Parts of a verdict's texts, written without the general formatter, which would take a third of
//! the time of a verdict: there are a dozen texts in each.

use super::values::{Clock, DaySpan};
use super::zone::Local;
use jiff::civil::Date;
use std::fmt::Write as _;

/// `00` to `99`.
const PAIRS: &str = "0001020304050607080910111213141516171819\
                     2021222324252627282930313233343536373839\
                     4041424344454647484950515253545556575859\
                     6061626364656667686970717273747576777879\
                     8081828384858687888990919293949596979899";

/// The last two digits of a number.
pub(super) fn two_digits(text: &mut String, number: u32) {
    let at = 2 * (number % 100) as usize;
    text.push_str(PAIRS.get(at..at + 2).unwrap_or_default());
}

/// A whole number.
pub(super) fn number(text: &mut String, number: u32) {
    match number {
        0..10 => text.push(char::from_digit(number, 10).unwrap_or_default()),
        10..100 => two_digits(text, number),
        _ => {
            let _ = write!(text, "{number}"); // a String takes all
        }
    }
}

/// `2026-11-22`.
pub(super) fn date(text: &mut String, date: Date) {
    let part = |part: i8| u32::from(part.unsigned_abs());
    match u32::try_from(date.year()) {
        Ok(year) => {
            two_digits(text, year / 100);
            two_digits(text, year);
            for number in [date.month(), date.day()] {
                text.push('-');
                two_digits(text, part(number));
            }
        }
        Err(_) => {
            let _ = write!(text, "{date}"); // a String takes all
        }
    }
}

/// A number in 32 hexadecimal digits.
pub(super) fn hex(text: &mut String, number: u128) {
    for byte in number.to_be_bytes() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(nibble.into(), 16).unwrap_or_default());
        }
    }
}

/// Time of day: `09:30:05`.
pub(super) fn local_time(text: &mut String, local: &Local) {
    let second = local.second;
    two_digits(text, second / 3600);
    text.push(':');
    two_digits(text, second / 60 % 60);
    text.push(':');
    two_digits(text, second % 60);
}

/// `08:30-12:00, 13:00-17:30`, or `none`.
pub(super) fn spans(text: &mut String, spans: &[DaySpan]) {
    if spans.is_empty() {
        text.push_str("none");
    }
    for (n, span) in spans.iter().enumerate() {
        if n > 0 {
            text.push_str(", ");
        }
        clock(text, span.start);
        text.push('-');
        clock(text, span.end);
    }
}

/// As `Display` writes it.
fn clock(text: &mut String, Clock(second): Clock) {
    two_digits(text, second / 3600);
    text.push(':');
    two_digits(text, second / 60 % 60);
    if second % 60 != 0 {
        text.push(':');
        two_digits(text, second % 60);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(write: impl Fn(&mut String)) -> String {
        let mut text = String::new();
        write(&mut text);
        text
    }

    #[test]
    fn hours_are_written_as_they_are_displayed() {
        let clocks = [0, 60, 30_600, 30_601, 61_200, 86_340, 86_399, 86_400].map(Clock);
        for start in clocks {
            for end in clocks.into_iter().filter(|end| start < *end) {
                let span = DaySpan { start, end };
                assert_eq!(text(|t| spans(t, &[span])), span.to_string());
                assert_eq!(text(|t| spans(t, &[span, span])), format!("{span}, {span}"));
            }
        }
        assert_eq!(text(|t| spans(t, &[])), "none");
    }

    #[test]
    fn numbers_and_days_are_written_as_they_are_displayed() {
        for n in (0..=1001).chain([65_535, u32::MAX]) {
            assert_eq!(text(|t| number(t, n)), n.to_string());
        }
        for n in [0, 1, 0xabcd_ef01_2345_6789, u128::MAX, u128::MAX / 3] {
            assert_eq!(text(|t| hex(t, n)), format!("{n:032x}"));
        }
        for (year, month, day) in [(2026, 1, 9), (1, 12, 31), (9999, 10, 10), (-44, 3, 15)] {
            let day = Date::new(year, month, day).unwrap();
            assert_eq!(text(|t| date(t, day)), day.to_string());
        }
    }
}
