//! From what was dialled to what is gated.

use super::{DialPlan, numtext};
use crate::model::E164;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

/// What a dialled string means. `Emergency` and `Internal` can be made by [`Normalizer`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialed {
    /// An emergency number: never gated.
    Emergency(Ungated),
    /// Stays inside the site: never gated.
    Internal(Ungated),
    /// An external number.
    Number(E164),
    /// A national short code (10086, 95519, 12345): external and gated, without an E.164 form.
    Short(String),
    /// Cannot be dialled, so it is denied.
    Invalid(InvalidNumber),
}

/// Proof that the dial plan was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ungated(());

/// Why a string is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidNumber {
    /// Nothing was dialled.
    #[error("empty")]
    Empty,
    /// Letters or other signs that are no part of a number.
    #[error("has signs that are not dialable")]
    NotDialable,
    /// Holds `*` or `#` and the dial plan does not list it as internal.
    #[error("feature code outside the dial plan")]
    FeatureCode,
    /// A local number, but the dial plan has no `home_area`.
    #[error("local number without an area code")]
    NoAreaCode,
    /// More signs than any number has.
    #[error("too long")]
    TooLong,
    /// No number of the region's numbering plan.
    #[error("not in the numbering plan")]
    Unassigned,
}

/// A dial plan that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dial plan: {key} = {value:?}: {allowed}")]
pub struct DialPlanError {
    /// Field.
    pub key: &'static str,
    /// What stood there.
    pub value: String,
    /// What may stand there.
    pub allowed: &'static str,
}

/// Reads dialled strings by one dial plan.
#[derive(Clone, Debug)]
pub struct Normalizer {
    outside_prefix: Option<String>,
    home_area: Option<String>,
    internal: Vec<InternalRange>,
    emergency: Vec<String>,
}

/// Longest dialled string looked at, in bytes: a URI with parameters fits.
const DIALED_BYTES_MAX: usize = 256;
/// Most digits of a number with its prefixes: 15 of E.164, and access and carrier codes.
const DIGITS_MAX: usize = 32;

impl Normalizer {
    /// Checks the plan.
    pub fn new(plan: DialPlan) -> Result<Self, DialPlanError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let fail = |key, value: &str, allowed| DialPlanError { key, value: value.into(), allowed };
        if plan.home_region != "CN" {
            return Err(fail("home_region", &plan.home_region, "only CN is known"));
        }
        if let Some(prefix) = plan.outside_prefix.as_deref()
            && !(digits(prefix) && prefix.len() <= 4)
        {
            return Err(fail("outside_prefix", prefix, "one to four digits"));
        }
        if let Some(area) = plan.home_area.as_deref()
            && !is_area(area)
        {
            return Err(fail("home_area", area, "an area code without its 0: 10, 21, 755"));
        }
        if let Some(number) = plan.emergency.iter().find(|n| !(digits(n) && n.len() <= 6)) {
            return Err(fail("emergency", number, "one to six digits each"));
        }
        let internal: Result<Vec<InternalRange>, DialPlanError> = plan
            .internal
            .iter()
            .map(|text| {
                let allowed = "8000-8999 (both ends as long), 6XXX (X is any digit), or *97";
                InternalRange::parse(&text.to_ascii_uppercase())
                    .ok_or_else(|| fail("internal", text, allowed))
            })
            .collect();
        Ok(Self {
            outside_prefix: plan.outside_prefix,
            home_area: plan.home_area,
            internal: internal?,
            emergency: plan.emergency,
        })
    }

    /// Reads a user part, number, `tel:` or `sip:` URI.
    pub fn read(&self, dialed: &str) -> Dialed {
        if dialed.len() > DIALED_BYTES_MAX {
            return Dialed::Invalid(InvalidNumber::TooLong);
        }
        match numtext::clean(dialed) {
            Ok(clean) if clean.digits.len() > DIGITS_MAX => Dialed::Invalid(InvalidNumber::TooLong),
            Ok(clean) => self.classify(&clean),
            Err(why) => Dialed::Invalid(why),
        }
    }

    /// The order matters: emergency first, then what the plan keeps inside, then the outside
    /// line's prefix, and only then the numbering plan. Length alone never decides.
    fn classify(&self, clean: &numtext::Clean) -> Dialed {
        let digits = clean.digits.as_str();
        if self.is_emergency(digits) {
            // Nobody has an extension there: such a string is a disguise.
            return match clean.extension {
                true => Dialed::Invalid(InvalidNumber::NotDialable),
                false => Dialed::Emergency(Ungated(())),
            };
        }
        if !clean.extension && self.internal.iter().any(|range| range.holds(digits)) {
            return Dialed::Internal(Ungated(()));
        }
        if digits.contains(['*', '#']) {
            return Dialed::Invalid(InvalidNumber::FeatureCode);
        }
        let outside = |digits| match &self.outside_prefix {
            Some(prefix) => str::strip_prefix(digits, prefix.as_str()).unwrap_or(digits),
            None => digits,
        };
        let whole = match self.external(outside(digits)) {
            Dialed::Emergency(_) if clean.extension => Dialed::Invalid(InvalidNumber::NotDialable),
            whole => whole,
        };
        match (&whole, clean.head.as_deref()) {
            // `010-62345678-8001`: the last group is an extension if the rest is a number.
            (Dialed::Invalid(_), Some(head)) => match self.external(outside(head)) {
                number @ Dialed::Number(_) => number,
                _ => whole,
            },
            _ => whole,
        }
    }

    fn external(&self, digits: &str) -> Dialed {
        if digits.is_empty() {
            return Dialed::Invalid(InvalidNumber::Empty);
        }
        if self.is_emergency(digits) {
            return Dialed::Emergency(Ungated(()));
        }
        if let Some(number) = mobile(digits) {
            return Dialed::Number(number);
        }
        if is_short_code(digits) {
            return Dialed::Short(digits.to_owned());
        }
        if let Some(number) = parse(digits) {
            return Dialed::Number(number);
        }
        match &self.home_area {
            _ if !is_local(digits) => Dialed::Invalid(InvalidNumber::Unassigned),
            None => Dialed::Invalid(InvalidNumber::NoAreaCode),
            Some(area) => parse(&format!("0{area}{digits}"))
                .map_or(Dialed::Invalid(InvalidNumber::Unassigned), Dialed::Number),
        }
    }

    /// Bare, as `+86110`, or behind an area code (`010110` reaches the control room in Beijing).
    fn is_emergency(&self, digits: &str) -> bool {
        let exact = |digits: &str| self.emergency.iter().any(|known| known == digits);
        let behind_area = |long: &str| {
            (2..=3).any(|n| {
                let parts = long.split_at_checked(n);
                parts.is_some_and(|(area, rest)| is_area(area) && exact(rest))
            })
        };
        exact(digits)
            || digits.strip_prefix("+86").is_some_and(exact)
            || digits.strip_prefix('0').is_some_and(behind_area)
    }
}

/// Extensions of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
enum InternalRange {
    /// Both ends inclusive, of equal length.
    Between(String, String),
    /// `X` stands for any digit.
    Pattern(String),
}

impl InternalRange {
    fn parse(text: &str) -> Option<Self> {
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

    fn holds(&self, digits: &str) -> bool {
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

/// A mainland mobile number, `1[3-9]` and nine digits, in its usual forms. By the plan of the
/// ministry, not by metadata: a series opened last month is gated like any other.
fn mobile(digits: &str) -> Option<E164> {
    let national = ["+86", "0086", "0"]
        .iter()
        .find_map(|prefix| digits.strip_prefix(prefix))
        .unwrap_or(digits);
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

/// `X` stands for any digit.
fn fits(pattern: &str, digits: &str) -> bool {
    let sign = |(p, d): (u8, u8)| p == d || (p == b'X' && d.is_ascii_digit());
    pattern.len() == digits.len() && pattern.bytes().zip(digits.bytes()).all(sign)
}

/// A mainland area code without its 0.
fn is_area(text: &str) -> bool {
    match text.as_bytes() {
        [b'1', b'0'] => true,
        [b'2', second] => second.is_ascii_digit(),
        [b'3'..=b'9', rest @ ..] => rest.len() == 2 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A fixed number without its area code.
fn is_local(digits: &str) -> bool {
    matches!(digits.as_bytes().first(), Some(b'2'..=b'8'))
        && matches!(digits.len(), 7 | 8)
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// By the numbering plans: at home the number must be assigned; abroad, where no shipped rule set
/// applies, possible is enough, so that the verdict speaks of the region and not of the number.
fn parse(digits: &str) -> Option<E164> {
    let util = &*PHONE_NUMBER_UTIL;
    let number = util.parse(digits, Some(Region::CN)).ok()?;
    let assigned = match number.country_code {
        86 => util.is_valid_number(&number),
        _ => util.is_possible_number(&number),
    };
    if !assigned {
        return None;
    }
    E164::parse(&number.format_as(PhoneNumberFormat::E164))
}

impl Dialed {
    /// What a blind index is made from: the E.164 form, else the short code; `None` for the rest.
    pub fn list_key(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number.as_str()),
            Self::Short(code) => Some(code),
            Self::Emergency(_) | Self::Internal(_) | Self::Invalid(_) => None,
        }
    }
}
