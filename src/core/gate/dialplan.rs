//! How a site dials.

/// Dial plan of one PBX or trunk.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialPlan {
    /// Region whose national forms are dialled. Only `CN` is supported. Default `CN`.
    pub home_region: String,
    /// Digits that the PBX leaves in front of external numbers, e.g. `0` or `9`. Default none.
    pub outside_prefix: Option<String>,
    /// Area code of the trunk without its `0`, e.g. `10`; makes bare local numbers dialable.
    /// Default none: a bare local number is invalid.
    pub home_area: Option<String>,
    /// Extensions that stay inside: `8000-8999`, `6XXX` (X is any digit) or a literal as `*97`.
    pub internal: Vec<String>,
    /// Numbers that are never gated. Default 110, 119, 120, 122, 112.
    pub emergency: Vec<String>,
}

impl Default for DialPlan {
    fn default() -> Self {
        Self {
            home_region: "CN".to_owned(),
            outside_prefix: None,
            home_area: None,
            internal: Vec::new(),
            emergency: ["110", "119", "120", "122", "112"].map(str::to_owned).to_vec(),
        }
    }
}
