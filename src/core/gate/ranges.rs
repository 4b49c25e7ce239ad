//! Patterns of digits: `X` stands for any.

/// Extensions of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InternalRange {
    /// Both ends inclusive, of equal length.
    Between(String, String),
    /// `X` stands for any digit.
    Pattern(String),
}

impl InternalRange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 32 {
            return None;
        }
        if let Some((from, to)) = text.split_once('-') {
            let digits = from.bytes().chain(to.bytes()).all(|b| b.is_ascii_digit());
            let fits = digits && !from.is_empty() && from.len() == to.len() && from <= to;
            return fits.then(|| Self::Between(from.to_owned(), to.to_owned()));
        }
        let sign = |b: u8| matches!(b, b'0'..=b'9' | b'X' | b'*' | b'#');
        text.bytes().all(sign).then(|| Self::Pattern(text.to_owned()))
    }

    pub(super) fn holds(&self, digits: &str) -> bool {
        match self {
            Self::Between(from, to) => {
                digits.len() == from.len()
                    && digits.bytes().all(|b| b.is_ascii_digit())
                    && (from.as_str()..=to.as_str()).contains(&digits)
            }
            Self::Pattern(pattern) => fits(pattern, digits),
        }
    }
}

/// `X` stands for any digit.
pub(super) fn fits(pattern: &str, digits: &str) -> bool {
    let sign = |(p, d): (u8, u8)| p == d || (p == b'X' && d.is_ascii_digit());
    pattern.len() == digits.len() && pattern.bytes().zip(digits.bytes()).all(sign)
}
