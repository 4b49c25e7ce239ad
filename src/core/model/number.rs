//! Telephone numbers.

use super::{NumberRef, Pii};
use zeroize::Zeroize;

/// An E.164 number: `+` and 3 to 15 digits (ITU-T E.164 §6).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Zeroize)]
pub struct E164(String);

impl E164 {
    /// Accepts `+` and 3 to 15 digits, nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| Self(text.to_owned()))
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for E164 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

/// A party's number as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Normalised number, where it is one.
    pub e164: Option<Pii<E164>>,
    /// User part or number as it stood on the wire.
    pub raw: Pii<String>,
    /// Display name.
    pub display: Option<Pii<String>>,
    /// What every viewer may see: `138****1234`.
    pub masked: String,
    /// Blind index of the E.164 number, else of the raw form.
    pub number_ref: NumberRef,
}

/// Hides the middle of a number: `138****1234`. Short codes and extensions (up to five digits)
/// name no person and stay as they are; a number of six to ten digits shows its outer quarters.
pub fn mask(number: &str) -> String {
    let national = number.strip_prefix("+86").unwrap_or(number);
    let chars: Vec<char> = national.chars().collect();
    let n = chars.len();
    let (head, tail) = match n {
        0..=5 => return national.to_owned(),
        6..=10 => (n / 4, n / 4),
        _ => (3, 4),
    };
    let mut out: String = chars[..head].iter().collect();
    out.extend(std::iter::repeat_n('*', n - head - tail));
    out.extend(&chars[n - tail..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_the_middle_and_keeps_short_codes() {
        for (number, masked) in [
            ("+8613800138000", "138****8000"),
            ("1001", "1001"),
            ("95519", "95519"),
            ("010123", "0****3"),
            ("+493012345678", "+49******5678"),
        ] {
            assert_eq!(mask(number), masked);
        }
    }

    #[test]
    fn e164_takes_plus_and_digits_only() {
        for bad in ["", "+", "13800138000", "+86 138", "+12", "+1234567890123456", "+12a4"] {
            assert_eq!(E164::parse(bad), None, "{bad}");
        }
        assert!(E164::parse("+8613800138000").is_some());
    }
}
