//! Which region a number belongs to, and which zones its callee may be in.

use super::GateFileError;
use super::zone::Zone;
use std::collections::HashMap;

/// Prefix, region and zones, one a line: see the head of the file.
const TABLE: &str = include_str!("data/numbering.txt");
/// Digits of the longest prefix: `+1` and an area code.
const PREFIX_DIGITS_MAX: usize = 4;

/// Zone of mainland China, Xinjiang included.
const MAINLAND_ZONE: &str = "Asia/Shanghai";
/// Region of the mainland's numbers.
const MAINLAND: &str = "CN-mainland";
/// Region of numbers of which nobody knows where they are.
pub(super) const UNKNOWN: &str = "unknown";

/// The table, with its zones looked up.
#[derive(Debug)]
pub(super) struct Numbering {
    /// By the digits of the prefix as a number: no prefix begins with 0.
    places: HashMap<u16, Place>,
    mainland: Place,
}

/// Where a callee may be.
#[derive(Debug)]
pub(super) struct Place {
    /// `FR`, `US-TX`, `CN-mainland`.
    pub(super) region: &'static str,
    /// All that it may be; the same offset everywhere is still one zone each.
    pub(super) zones: Vec<Zone>,
}

impl Numbering {
    pub(super) fn load() -> Result<Self, GateFileError> {
        let mut places = HashMap::new();
        for (prefix, region, zones) in lines() {
            let zones: Option<Vec<Zone>> = zones.split(',').map(Zone::find).collect();
            let digits = prefix.strip_prefix('+').and_then(|digits| digits.parse::<u16>().ok());
            let (Some(digits), Some(zones)) = (digits, zones) else {
                let message = format!("{prefix}: no prefix, or a zone that the tz database lacks");
                return Err(GateFileError::new("numbering.txt", message));
            };
            places.insert(digits, Place { region, zones });
        }
        let zone = Zone::find(MAINLAND_ZONE).ok_or_else(|| {
            GateFileError::new("tz database", format!("{MAINLAND_ZONE} is missing"))
        })?;
        Ok(Self { places, mainland: Place { region: MAINLAND, zones: vec![zone] } })
    }

    /// Region of every number; some come more than once.
    pub(super) fn regions(&self) -> impl Iterator<Item = &'static str> {
        self.places.values().map(|place| place.region).chain([MAINLAND, UNKNOWN])
    }

    pub(super) fn mainland(&self) -> &Place {
        &self.mainland
    }

    /// `None`: nobody knows where that is.
    pub(super) fn place(&self, e164: &str) -> Option<&Place> {
        let digits = e164.strip_prefix('+')?;
        if digits.starts_with("86") {
            return Some(&self.mainland);
        }
        (1..=PREFIX_DIGITS_MAX).rev().find_map(|n| {
            let prefix = digits.get(..n)?.parse().ok()?;
            self.places.get(&prefix)
        })
    }
}

/// Whether some number is of that region: `US`, `US-TX`, `CN-mainland`.
pub(super) fn is_region(code: &str) -> bool {
    code == MAINLAND || lines().any(|(_, region, _)| within(region, code))
}

/// Whether `region` is `code` or a part of it.
pub(super) fn within(region: &str, code: &str) -> bool {
    let rest = region.strip_prefix(code);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut parts = line.split(' ');
        Some((parts.next()?, parts.next()?, parts.next()?))
    })
}
