//! Legs of the records and calls that we know, each with one of the other.

use super::legs::OutLeg;
use crate::model::{Named, Wall};
use std::collections::HashMap;
use std::time::Duration;

/// A call may have been dialled so long after its row began: a menu, a queue, an agent who was
/// called first.
const DIALLED_WITHIN_S: u32 = 120;

/// A call that we know.
#[derive(Clone, Debug)]
pub struct Known {
    /// Ids that a row may carry: of channels, SIP Call-IDs.
    pub ids: Vec<String>,
    /// Its number as it is compared.
    pub key: Option<String>,
    /// When it began.
    pub at: Wall,
    /// Legs that it may be: one for each decision.
    pub room: usize,
}

/// How a leg was found among the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// They share an id.
    Id,
    /// The number is the same and the time fits; nothing better was there.
    NumberAndTime,
    /// The time fits; the row has no number.
    Time,
}

impl Named for Match {
    const TABLE: &'static [(Self, &'static str)] =
        &[(Self::Id, "id"), (Self::NumberAndTime, "number_and_time"), (Self::Time, "time")];
}

/// Which belong together.
#[derive(Debug)]
pub struct Pairing {
    /// By place of the leg: place of its call, and how it was found.
    pub legs: Vec<Option<(usize, Match)>>,
    /// By place of the call: legs that it has.
    pub taken: Vec<usize>,
}

/// Pairs legs with calls. Ids come first; then number and time, the closest in time first. A call
/// takes no more legs than it has room for: two dials and one decision leave one leg over.
pub fn pair(legs: &[OutLeg], known: &[Known], tolerance: Duration) -> Pairing {
    let mut pairing = Pairing { legs: vec![None; legs.len()], taken: vec![0; known.len()] };
    pairing.assign(by_id(legs, known), known, Match::Id);
    pairing.assign(by_number(legs, known, tolerance), known, Match::NumberAndTime);
    pairing
}

/// Distance in time, leg, call; sorted, the closest are the first.
type Pairs = Vec<(u64, usize, usize)>;

impl Pairing {
    fn assign(&mut self, mut pairs: Pairs, known: &[Known], how: Match) {
        pairs.sort_unstable();
        for (_, leg, call) in pairs {
            let room = known.get(call).map_or(0, |known| known.room);
            let (Some(mine), Some(taken)) = (self.legs.get_mut(leg), self.taken.get_mut(call))
            else {
                continue;
            };
            if mine.is_none() && *taken < room {
                *mine = Some((call, how));
                *taken += 1;
            }
        }
    }
}

fn by_id(legs: &[OutLeg], known: &[Known]) -> Pairs {
    let mut calls: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, call) in known.iter().enumerate() {
        for id in &call.ids {
            calls.entry(id).or_default().push(at);
        }
    }
    let mut pairs = Pairs::new();
    for (place, leg) in legs.iter().enumerate() {
        for call in leg.row.ids.iter().filter_map(|id| calls.get(id.as_str())).flatten() {
            let Some(other) = known.get(*call) else { continue };
            // One channel of a PBX may dial many numbers in its life.
            let differ = leg.key.as_ref().zip(other.key.as_ref()).is_some_and(|(a, b)| a != b);
            if !differ {
                pairs.push((leg.row.at.0.abs_diff(other.at.0), place, *call));
            }
        }
    }
    pairs
}

fn by_number(legs: &[OutLeg], known: &[Known], tolerance: Duration) -> Pairs {
    let mut calls: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, call) in known.iter().enumerate() {
        if let Some(key) = &call.key {
            calls.entry(key).or_default().push(at);
        }
    }
    let mut pairs = Pairs::new();
    for (place, leg) in legs.iter().enumerate() {
        let open = Duration::from_secs(u64::from(leg.row.length_s.min(DIALLED_WITHIN_S)));
        let first = leg.row.at.before(tolerance);
        // A row has whole seconds: the call may have come at the end of its second.
        let last = leg.row.at.after(open + tolerance + Duration::from_secs(1));
        let Some(calls) = leg.key.as_ref().and_then(|key| calls.get(key.as_str())) else {
            continue;
        };
        for call in calls {
            let Some(other) = known.get(*call) else { continue };
            if (first..=last).contains(&other.at) {
                pairs.push((leg.row.at.0.abs_diff(other.at.0), place, *call));
            }
        }
    }
    pairs
}
