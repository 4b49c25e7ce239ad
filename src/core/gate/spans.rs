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
