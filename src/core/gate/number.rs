//! From what was dialled to what is gated.

use super::ranges::{InternalRange, fits};
use super::{DialPlan, Reading, china, emergency, numtext};
use crate::model::E164;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};
use std::sync::Arc;

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
    name: Arc<str>,
    home: Home,
    /// None begins with another.
    outside_prefix: Vec<Arc<str>>,
    home_area: Option<String>,
    internal: Vec<InternalRange>,
    emergency: Vec<String>,
}

/// The country that is dialled from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Home {
    region: Region,
    calling: i32,
    /// The calling code with its `+`.
    code: String,
}

/// Calling code of mainland China.
const CHINA: i32 = 86;
/// Longest dialled string looked at, in bytes: a URI with parameters fits.
const DIALED_BYTES_MAX: usize = 256;
/// Most digits of a number with its prefixes: 15 of E.164, and access and carrier codes.
const DIGITS_MAX: usize = 32;

impl Normalizer {
    /// Checks the plan.
    ///
    /// # Errors
    /// The first key that cannot be used, and what may stand there.
    pub fn new(plan: DialPlan) -> Result<Self, DialPlanError> {
        let fail = |key, value: &str, allowed| DialPlanError { key, value: value.into(), allowed };
        let numbers = emergency::of_region(&plan.home_region);
        let (Some(home), Some(numbers)) = (Home::find(&plan.home_region), numbers) else {
            let allowed = "a country by its ISO 3166 code, e.g. CN, DE, US";
            return Err(fail("home_region", &plan.home_region, allowed));
        };
        if let Some((prefix, allowed)) = bad_prefix(&plan.outside_prefix) {
            return Err(fail("outside_prefix", prefix, allowed));
        }
        if let Some(area) = plan.home_area.as_deref()
            && !home.has_area(area)
        {
            return Err(fail("home_area", area, "an area code without its 0: 10, 21, 755"));
        }
        if let Some(number) = plan.emergency.iter().find(|n| !(is_digits(n) && n.len() <= 6)) {
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
            name: Arc::default(),
            home,
            outside_prefix: plan.outside_prefix.iter().map(|p| p.as_str().into()).collect(),
            home_area: plan.home_area,
            internal: internal?,
            emergency: numbers.map(str::to_owned).chain(plan.emergency).collect(),
        })
    }

    /// Whose plan it is: a PBX, or one of its trunks; empty: the site's.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// For what was not dialled here.
    pub(super) fn without_prefix(&self) -> Self {
        Self { outside_prefix: Vec::new(), ..self.clone() }
    }

    /// Reads a user part, number, `tel:` or `sip:` URI.
    pub fn read(&self, dialed: &str) -> Dialed {
        self.look(dialed).dialed
    }

    /// The same, and what it took to get there.
    pub fn look(&self, dialed: &str) -> Reading {
        self.looked(dialed, &self.internal)
    }

    /// The same for a call that is on its way out by a trunk, as the switch itself reports: nothing
    /// is internal there, whatever its digits.
    pub fn look_outside(&self, dialed: &str) -> Reading {
        self.looked(dialed, &[])
    }

    fn looked(&self, dialed: &str, internal: &[InternalRange]) -> Reading {
        let invalid = |why| Reading::plain(Dialed::Invalid(why));
        if dialed.len() > DIALED_BYTES_MAX {
            return invalid(InvalidNumber::TooLong);
        }
        let read = match numtext::clean(dialed) {
            Ok(clean) if clean.digits.len() > DIGITS_MAX => invalid(InvalidNumber::TooLong),
            Ok(clean) => self.classify(&clean, internal),
            Err(why) => invalid(why),
        };
        Reading { plan: self.name.clone(), ..read }
    }

    /// The order matters: emergency first, then what the plan keeps inside, then the outside
    /// line's prefix, and only then the numbering plan. Length alone never decides.
    fn classify(&self, clean: &numtext::Clean, internal: &[InternalRange]) -> Reading {
        let digits = clean.digits.as_str();
        if self.is_emergency(digits) {
            // Nobody has an extension there: such a string is a disguise.
            return Reading::plain(match clean.extension {
                true => Dialed::Invalid(InvalidNumber::NotDialable),
                false => Dialed::Emergency(Ungated(())),
            });
        }
        if !clean.extension && internal.iter().any(|range| range.holds(digits)) {
            return Reading::plain(Dialed::Internal(Ungated(())));
        }
        if digits.contains(['*', '#']) {
            return Reading::plain(Dialed::Invalid(InvalidNumber::FeatureCode));
        }
        let whole = match self.behind_prefix(digits) {
            whole if clean.extension && matches!(whole.dialed, Dialed::Emergency(_)) => {
                Reading::plain(Dialed::Invalid(InvalidNumber::NotDialable))
            }
            whole => Reading { extension: clean.extension, ..whole },
        };
        match (&whole.dialed, clean.head.as_deref()) {
            // `010-62345678-8001`: the last group is an extension if the rest is a number.
            (Dialed::Invalid(_), Some(head)) => match self.behind_prefix(head) {
                read if matches!(read.dialed, Dialed::Number(_)) => {
                    Reading { extension: true, ..read }
                }
                _ => whole,
            },
            _ => whole,
        }
    }

    fn behind_prefix(&self, digits: &str) -> Reading {
        let mut all = self.outside_prefix.iter();
        let found = all.find_map(|prefix| Some((prefix, digits.strip_prefix(&**prefix)?)));
        let (prefix, rest) = found.map_or((None, digits), |(p, rest)| (Some(p.clone()), rest));
        Reading { prefix, ..self.external(rest) }
    }

    fn external(&self, digits: &str) -> Reading {
        if digits.is_empty() {
            return Reading::plain(Dialed::Invalid(InvalidNumber::Empty));
        }
        if self.is_emergency(digits) {
            return Reading::plain(Dialed::Emergency(Ungated(())));
        }
        let at_home = self.home.is_china();
        if let Some(number) = china::mobile(digits).filter(|_| at_home) {
            return Reading::plain(Dialed::Number(number));
        }
        if let Some(code) = china::short_code(digits).filter(|_| at_home) {
            return Reading::plain(Dialed::Short(code.to_owned()));
        }
        if let Some(number) = self.home.parse(digits) {
            return Reading::plain(Dialed::Number(number));
        }
        if let Some(code) = china::city_code(digits).filter(|_| at_home) {
            return Reading::plain(Dialed::Short(code));
        }
        let Some(area) = self.home_area.as_deref() else {
            let why = match self.home.is_local(digits) {
                true => InvalidNumber::NoAreaCode,
                false => InvalidNumber::Unassigned,
            };
            return Reading::plain(Dialed::Invalid(why));
        };
        let local = self.home.is_local(digits);
        let full = local.then(|| self.home.parse(&format!("{}{area}{digits}", self.home.code)));
        match full.flatten() {
            None => Reading::plain(Dialed::Invalid(InvalidNumber::Unassigned)),
            Some(number) => {
                Reading { area: Some(area.into()), ..Reading::plain(Dialed::Number(number)) }
            }
        }
    }

    /// Bare, as `+86110`, or in China behind an area code (`010110` reaches the control room in
    /// Beijing).
    fn is_emergency(&self, digits: &str) -> bool {
        let exact = |digits: &str| self.emergency.iter().any(|known| fits(known, digits));
        exact(digits)
            || digits.strip_prefix(&self.home.code).is_some_and(exact)
            || (self.home.is_china()
                && digits.strip_prefix('0').is_some_and(|long| china::behind_area(long, exact)))
    }
}

impl Home {
    fn find(code: &str) -> Option<Self> {
        let region: Region = code.parse().ok()?;
        let calling = PHONE_NUMBER_UTIL.get_country_code_for_region(region)?;
        Some(Self { region, calling, code: format!("+{calling}") })
    }

    fn is_china(&self) -> bool {
        self.calling == CHINA
    }

    fn has_area(&self, text: &str) -> bool {
        match self.is_china() {
            true => china::is_area(text),
            false => is_digits(text) && text.len() <= 5 && !text.starts_with('0'),
        }
    }

    /// A fixed number without its area code.
    fn is_local(&self, digits: &str) -> bool {
        match self.is_china() {
            true => china::is_local(digits),
            false => {
                is_digits(digits) && (4..=8).contains(&digits.len()) && !digits.starts_with('0')
            }
        }
    }

    /// By the numbering plans: at home, and in China, the number must be assigned; elsewhere
    /// possible is enough, so that the verdict speaks of the region and not of the number.
    fn parse(&self, digits: &str) -> Option<E164> {
        let util = &*PHONE_NUMBER_UTIL;
        let number = util.parse(digits, Some(self.region)).ok()?;
        let assigned = match number.country_code {
            code if code == self.calling || code == CHINA => util.is_valid_number(&number),
            _ => util.is_possible_number(&number),
        };
        if !assigned {
            return None;
        }
        E164::parse(&number.format_as(PhoneNumberFormat::E164))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The first outside prefix that cannot be used, and what can.
fn bad_prefix(all: &[String]) -> Option<(&str, &'static str)> {
    let fits = |prefix: &&String| is_digits(prefix) && prefix.len() <= 4;
    if let Some(prefix) = all.iter().find(|prefix| !fits(prefix)) {
        return Some((prefix, "one to four digits"));
    }
    let mut sorted: Vec<&String> = all.iter().collect();
    sorted.sort_unstable();
    let twice = sorted.windows(2).find(|two| two[1].starts_with(two[0].as_str()));
    twice.map(|two| (two[1].as_str(), "prefixes none of which begins with another one"))
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
