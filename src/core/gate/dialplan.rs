//! How a site dials.

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

/// Dial plan of one PBX or trunk.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialPlan {
    /// Country whose national forms are dialled, ISO 3166. Default `CN`.
    pub home_region: String,
    /// Digits that the PBX leaves in front of external numbers: `"0"`, or `["0", "9"]`. Default
    /// none.
    #[serde(deserialize_with = "outside_prefixes")]
    pub outside_prefix: Vec<String>,
    /// Area code of the trunk without its `0`, e.g. `10`; makes bare local numbers dialable.
    /// Default none: a bare local number is invalid.
    pub home_area: Option<String>,
    /// Extensions that stay inside: `8000-8999`, `6XXX` (X is any digit) or a literal as `*97`.
    pub internal: Vec<String>,
    /// Numbers that are never gated, beside the emergency numbers of the country. Default none.
    pub emergency: Vec<String>,
}

impl Default for DialPlan {
    fn default() -> Self {
        Self {
            home_region: "CN".to_owned(),
            outside_prefix: Vec::new(),
            home_area: None,
            internal: Vec::new(),
            emergency: Vec::new(),
        }
    }
}

/// What one PBX or trunk dials otherwise than the rest; `None`: as the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialPlanChange {
    /// See [`DialPlan::home_region`].
    pub home_region: Option<String>,
    /// See [`DialPlan::outside_prefix`]; `[]`: none.
    #[serde(default, deserialize_with = "some_prefixes")]
    pub outside_prefix: Option<Vec<String>>,
    /// See [`DialPlan::home_area`].
    pub home_area: Option<String>,
    /// See [`DialPlan::internal`]; `[]`: none.
    pub internal: Option<Vec<String>>,
}

impl DialPlan {
    /// The same with what a PBX or trunk has otherwise. An area code belongs to its country: with
    /// another `home_region` none is taken over.
    #[must_use]
    pub fn changed(&self, by: &DialPlanChange) -> Self {
        let abroad = by.home_region.as_ref().is_some_and(|region| *region != self.home_region);
        let home_area = self.home_area.clone().filter(|_| !abroad);
        Self {
            home_region: by.home_region.clone().unwrap_or_else(|| self.home_region.clone()),
            outside_prefix: by
                .outside_prefix
                .clone()
                .unwrap_or_else(|| self.outside_prefix.clone()),
            home_area: by.home_area.clone().or(home_area),
            internal: by.internal.clone().unwrap_or_else(|| self.internal.clone()),
            emergency: self.emergency.clone(),
        }
    }
}

/// `"0"` or `["0", "9"]`.
///
/// # Errors
/// If it is neither a text nor an array of texts.
pub fn outside_prefixes<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    struct Prefixes;
    impl<'de> Visitor<'de> for Prefixes {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("digits in quotes, as \"0\", or an array of them, as [\"0\", \"9\"]")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(text) = input.next_element()? {
                all.push(text);
            }
            Ok(all)
        }
    }
    input.deserialize_any(Prefixes)
}

fn some_prefixes<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<String>>, D::Error> {
    outside_prefixes(input).map(Some)
}
