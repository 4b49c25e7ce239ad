//! The signs of a dialled string: URIs, full-width forms, separators, extensions.

use super::InvalidNumber;
use std::borrow::Cow;

/// A string reduced to what is dialled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clean {
    /// Digits, `*` and `#`, with a leading `+` if there was one.
    pub(super) digits: String,
    /// The same without the last of several groups joined by `-`, if that could be an extension.
    pub(super) head: Option<String>,
    /// An extension was cut off.
    pub(super) extension: bool,
}

/// Marks of an extension, lower case. A comma or semicolon is a pause on most phones.
const EXTENSION_MARKS: [&str; 7] = ["转", "轉", "分机", "ext", "x", ",", ";"];

pub(super) fn clean(dialed: &str) -> Result<Clean, InvalidNumber> {
    // Once more after the URI: what is not seen may be percent-encoded there.
    let target = user_part(visible(dialed).trim()).ok_or(InvalidNumber::NotDialable)?;
    let text: String = visible(&target).chars().map(half_width).collect();
    let lower = text.to_ascii_lowercase();
    let mark =
        EXTENSION_MARKS.iter().filter_map(|mark| lower.find(mark).map(|at| (at, mark.len()))).min();
    let (number, extension) = match mark {
        None => (text.as_str(), false),
        Some((at, length)) => {
            let tail = text.get(at + length..).unwrap_or_default();
            if !is_extension(tail) {
                return Err(InvalidNumber::NotDialable);
            }
            (text.get(..at).unwrap_or_default(), true)
        }
    };
    let digits = digits(number)?;
    if digits.trim_start_matches('+').is_empty() {
        return Err(InvalidNumber::Empty);
    }
    let head = number.rsplit_once('-').filter(|(_, last)| {
        let last = last.trim();
        (1..=6).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_digit())
    });
    let head = head.and_then(|(head, _)| self::digits(head).ok()).filter(|head| !head.is_empty());
    Ok(Clean { digits, head, extension })
}

/// What is dialled in a URI or a bare user part. `None`: a URI without a number.
fn user_part(text: &str) -> Option<String> {
    let scheme = |name: &str| {
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some(rest)
    };
    if let Some(rest) = scheme("tel:") {
        return Some(telephone_subscriber(rest));
    }
    if let Some(rest) = scheme("sips:").or_else(|| scheme("sip:")) {
        let (user, _host) = rest.split_once('@')?;
        return Some(telephone_subscriber(&percent_decoded(without_password(user))?));
    }
    match text.split_once('@') {
        Some((user, _host)) => {
            Some(telephone_subscriber(&percent_decoded(without_password(user))?))
        }
        None => Some(telephone_subscriber(text)),
    }
}

/// `number *(";" parameter)` (RFC 3966 §3). A global `phone-context` completes a local number
/// (§5.1.5); the other parameters stay, so that an extension is seen.
fn telephone_subscriber(text: &str) -> String {
    let mut parts = text.split(';');
    let number = parts.next().unwrap_or_default();
    let mut context = "";
    let mut out = String::new();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "phone-context" if value.starts_with('+') => context = value,
            "ext" => out = format!(";ext={value}"),
            // Routing and ISDN parameters; bare digits after a semicolon are a pause and more.
            _ if part.contains('=') || part.starts_with(|c: char| c.is_ascii_alphabetic()) => {}
            _ => out = format!(";{part}"),
        }
    }
    if number.trim_start().starts_with('+') {
        context = "";
    }
    format!("{context}{number}{out}")
}

fn without_password(user: &str) -> &str {
    user.split_once(':').map_or(user, |(user, _)| user)
}

/// `None` where `%` is not followed by two hex digits or the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let pair = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// Without signs that nobody sees and that come along when a number is copied: soft hyphen, joiners,
/// marks of writing direction, word joiner, byte order mark (all of Unicode's category Cf).
fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |sign: char| {
        matches!(
            sign,
            '\u{ad}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
    };
    match text.contains(hidden) {
        true => text.replace(hidden, "").into(),
        false => text.into(),
    }
}

/// Full-width forms (U+FF01 to U+FF5E) and the many dashes and spaces become ASCII.
fn half_width(sign: char) -> char {
    match sign {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xfee0).unwrap_or(sign),
        '\u{3000}' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\t' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    }
}

fn digits(text: &str) -> Result<String, InvalidNumber> {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '0'..='9' | '*' | '#' => out.push(sign),
            '+' if out.is_empty() => out.push(sign),
            ' ' | '-' | '.' | '(' | ')' | '/' => {}
            _ => return Err(InvalidNumber::NotDialable),
        }
    }
    Ok(out)
}

/// Digits and pauses after a mark; nothing at all is a slip and cuts nothing off.
fn is_extension(tail: &str) -> bool {
    tail.chars()
        .all(|sign| matches!(sign, '0'..='9' | ' ' | '.' | ':' | '=' | ',' | '-' | '#' | '*'))
        || tail.to_ascii_lowercase().strip_prefix("ext").is_some_and(is_extension)
}
