//! Filters of subscriptions: labels only, so that an event is judged by look-ups. All lists must
//! match; a list matches if the entity has one of its values.

use super::access::{RefusalCode, Staff};
use super::seen::{Label, Seen};
use std::collections::{BTreeMap, BTreeSet};

/// Values of all lists of one filter.
pub const FILTER_IDS_MAX: usize = 256;
/// Length of one value, bytes.
pub const FILTER_ID_BYTES_MAX: usize = 128;

/// Names of the lists of a filter on the wire.
pub const FILTER_LABELS: [&str; 9] =
    ["kind", "team", "queue", "line", "trunk", "state", "direction", "device", "agent"];

/// A filter in force. Without a list it lets everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter(Vec<(Label, BTreeSet<String>)>);

/// Why a filter cannot be used.
type Bad = (RefusalCode, &'static str);

impl Filter {
    /// Reads the lists of a subscription. Teams are replaced by their members.
    pub(super) fn read(lists: &BTreeMap<String, Vec<String>>, staff: &Staff) -> Result<Self, Bad> {
        let bad = |msg| Err((RefusalCode::BadRequest, msg));
        let ids: usize = lists.values().map(Vec::len).sum();
        if ids > FILTER_IDS_MAX {
            return Err((RefusalCode::LimitExceeded, "a filter has 256 values at most"));
        }
        let mut filter = Vec::new();
        for (name, values) in lists {
            if values.is_empty() || values.iter().any(|v| v.len() > FILTER_ID_BYTES_MAX) {
                return bad("a list of a filter has values of 128 bytes at most, and one at least");
            }
            let mut values: BTreeSet<String> = values.iter().cloned().collect();
            let label = match name.as_str() {
                "kind" => Label::Kind,
                "queue" => Label::Queue,
                "line" | "trunk" => Label::Line,
                "state" => Label::State,
                "direction" => Label::Direction,
                "device" => Label::Device,
                "agent" => Label::Agent,
                "team" => {
                    values = values.iter().flat_map(|team| staff.members(team)).collect();
                    Label::Agent
                }
                _ => return bad("a filter has no list of that name"),
            };
            filter.push((label, values));
        }
        filter.sort();
        Ok(Self(filter))
    }

    pub(super) fn passes(&self, seen: Seen<'_>) -> bool {
        self.0.iter().all(|(label, values)| seen.has(*label, |value| values.contains(value)))
    }

    /// For fingerprints: equal texts, equal filters.
    pub(super) fn text(&self) -> String {
        format!("{:?}", self.0)
    }
}
