//! Sets of parts of a day: sorted, disjoint, not touching.

use super::values::{Clock, DaySpan};

/// The union of `spans`.
pub(super) fn union(spans: impl IntoIterator<Item = DaySpan>) -> Vec<DaySpan> {
    let mut sorted: Vec<DaySpan> = spans.into_iter().collect();
    sorted.sort_unstable();
    let mut out: Vec<DaySpan> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match out.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}

/// What is in both sets.
pub(super) fn intersection(a: &[DaySpan], b: &[DaySpan]) -> Vec<DaySpan> {
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
    union(pairs.filter_map(|(x, y)| {
        let (start, end) = (x.start.max(y.start), x.end.min(y.end));
        (start < end).then_some(DaySpan { start, end })
    }))
}

/// What is in `a` and not in `b`; both are unions.
pub(super) fn difference(a: &[DaySpan], b: &[DaySpan]) -> Vec<DaySpan> {
    let mut rest = Vec::new();
    for span in a {
        let mut start = span.start;
        for hole in b.iter().filter(|hole| hole.start < span.end && hole.end > span.start) {
            if start < hole.start {
                rest.push(DaySpan { start, end: hole.start });
            }
            start = start.max(hole.end);
        }
        if start < span.end {
            rest.push(DaySpan { start, end: span.end });
        }
    }
    rest
}

/// The spans without their last `seconds`.
pub(super) fn end_earlier(spans: &[DaySpan], seconds: u32) -> Vec<DaySpan> {
    let cut = |span: &DaySpan| {
        let end = Clock(span.end.0.saturating_sub(seconds));
        (span.start < end).then_some(DaySpan { start: span.start, end })
    };
    spans.iter().filter_map(cut).collect()
}

/// `08:30-12:00, 13:00-17:30`, or `none`.
pub(super) fn text(spans: &[DaySpan]) -> String {
    if spans.is_empty() {
        return "none".to_owned();
    }
    let mut text = String::with_capacity(13 * spans.len());
    for (n, span) in spans.iter().enumerate() {
        if n > 0 {
            text.push_str(", ");
        }
        clock(&mut text, span.start);
        text.push('-');
        clock(&mut text, span.end);
    }
    text
}

/// As `Display` writes it, without the general formatter: every verdict shows its hours.
fn clock(text: &mut String, Clock(second): Clock) {
    two_digits(text, second / 3600);
    text.push(':');
    two_digits(text, second / 60 % 60);
    if second % 60 != 0 {
        text.push(':');
        two_digits(text, second % 60);
    }
}

/// The last two digits of a number.
pub(super) fn two_digits(text: &mut String, number: u32) {
    for digit in [number / 10 % 10, number % 10] {
        text.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hours_are_written_as_they_are_displayed() {
        let clocks = [0, 60, 30_600, 30_601, 61_200, 86_340, 86_399, 86_400].map(Clock);
        for start in clocks {
            for end in clocks.into_iter().filter(|end| start < *end) {
                let span = DaySpan { start, end };
                assert_eq!(text(&[span]), span.to_string());
                assert_eq!(text(&[span, span]), format!("{span}, {span}"));
            }
        }
        assert_eq!(text(&[]), "none");
    }
}
