//! The numbering plan of mainland China, as far as it is not that of a library.

use super::ranges::fits;
use crate::model::E164;

/// A mainland mobile number, `1[3-9]` and nine digits, in its usual forms. By the plan of the
/// ministry, not by metadata: a series opened last month is gated like any other.
pub(super) fn mobile(digits: &str) -> Option<E164> {
    let national = at_home(digits).or_else(|| digits.strip_prefix('0')).unwrap_or(digits);
    let second = national.as_bytes().get(1)?;
    let fits = national.len() == 11
        && national.starts_with('1')
        && (b'3'..=b'9').contains(second)
        && national.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| E164::parse(&format!("+86{national}"))).flatten()
}

/// Service codes of the mainland's numbering plan: 1XX, 10XXX, 1010XXXX, 116XXX, 118XXX, 12XXX,
/// and 95XXX(X), 96XXX(X).
fn is_short_code(digits: &str) -> bool {
    const CODES: [&str; 12] = [
        "11X", "12X", "100XX", "101XX", "1010XXXX", "116XXX", "118XXX", "12XXX", "95XXX", "95XXXX",
        "96XXX", "96XXXX",
    ];
    CODES.iter().any(|code| fits(code, digits))
}

/// A mainland area code without its 0.
pub(super) fn is_area(text: &str) -> bool {
    match text.as_bytes() {
        [b'1', b'0'] => true,
        [b'2', second] => second.is_ascii_digit(),
        [b'3'..=b'9', rest @ ..] => rest.len() == 2 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A fixed number without its area code.
pub(super) fn is_local(digits: &str) -> bool {
    matches!(digits.as_bytes().first(), Some(b'2'..=b'8'))
        && matches!(digits.len(), 7 | 8)
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A short code, bare or with the country's code.
pub(super) fn short_code(digits: &str) -> Option<&str> {
    let code = at_home(digits).unwrap_or(digits);
    is_short_code(code).then_some(code)
}

/// A short code behind an area code: that city's office (`01012345`). As it is dialled at home.
pub(super) fn city_code(digits: &str) -> Option<String> {
    let long = at_home(digits).or_else(|| digits.strip_prefix('0'))?;
    behind_area(long, is_short_code).then(|| format!("0{long}"))
}

/// What follows the country's code.
fn at_home(digits: &str) -> Option<&str> {
    ["+86", "0086"].iter().find_map(|prefix| digits.strip_prefix(prefix))
}

/// An area code without its 0, and what `is` says of the rest.
pub(super) fn behind_area(long: &str, is: impl Fn(&str) -> bool) -> bool {
    (2..=3).any(|n| {
        let parts = long.split_at_checked(n);
        parts.is_some_and(|(area, rest)| is_area(area) && is(rest))
    })
}
