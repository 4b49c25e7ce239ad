//! Which rows are legs to the outside; rows of one leg are one.

use super::row::{Row, Way, endpoint, is_telephone};
use std::collections::HashMap;
use std::time::Duration;

/// Names of channels begin anew with the PBX: after so long the same name is another leg.
const SAME_LEG: Duration = Duration::from_secs(12 * 3600);

/// What a dialled number is at this site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// An outside number, in the one form that it is compared in.
    Outside(String),
    /// An emergency number.
    Exempt,
    /// A number of the house.
    Inside,
    /// None.
    Nothing,
}

/// What tells inside from outside.
#[derive(Clone, Copy)]
pub struct Edge<'a> {
    /// Endpoints behind which the outside is; `*` at the end stands for any rest.
    pub trunks: &'a [String],
    /// Contexts in which calls come in.
    pub contexts_in: &'a [String],
    /// Reads a number as this site's dial plan does.
    pub reads: &'a dyn Fn(&str) -> Reads,
}

/// A leg that went out.
#[derive(Clone, Debug)]
pub struct OutLeg {
    /// Place of its file.
    pub file: usize,
    /// The first row that shows it.
    pub row: Row,
    /// Its number as it is compared; `None`: the row has none.
    pub key: Option<String>,
}

/// The legs of some rows.
#[derive(Debug, Default)]
pub struct Legs {
    /// Went out, oldest first.
    pub out: Vec<OutLeg>,
    /// Came in by a trunk, or were dialled there by the PBX itself and then answered by something
    /// inside: the records of Asterisk do not tell these apart.
    pub by_trunk: Vec<OutLeg>,
    /// Went out to an emergency number.
    pub exempt: u64,
    /// Stayed inside, or nothing was dialled.
    pub inside: u64,
    /// Further rows of a leg that another row has shown.
    pub further: u64,
}

enum Class {
    Out(Option<String>),
    ByTrunk,
    Exempt,
    Inside,
}

/// Sorts rows by what they show.
pub fn legs(mut rows: Vec<(usize, Row)>, edge: &Edge<'_>) -> Legs {
    rows.sort_by_key(|(file, row)| (row.at, *file, row.line));
    let mut legs = Legs::default();
    let mut seen: HashMap<String, crate::model::Wall> = HashMap::new();
    for (file, row) in rows {
        let mut is_new = |leg: &str| {
            let known = seen.get(leg).is_some_and(|at| row.at <= at.after(SAME_LEG));
            if !known && !leg.is_empty() {
                seen.insert(leg.to_owned(), row.at);
            }
            !known
        };
        match edge.class(&row) {
            Class::Exempt => legs.exempt += 1,
            Class::Inside => legs.inside += 1,
            Class::Out(key) if is_new(&row.leg) => legs.out.push(OutLeg { file, row, key }),
            Class::ByTrunk if is_new(&row.from_leg) => {
                let key = match (edge.reads)(row.caller.reveal()) {
                    Reads::Outside(key) => Some(key),
                    Reads::Exempt | Reads::Inside | Reads::Nothing => None,
                };
                legs.by_trunk.push(OutLeg { file, row, key });
            }
            Class::Out(_) | Class::ByTrunk => legs.further += 1,
        }
    }
    legs
}

impl Edge<'_> {
    fn on_trunk(&self, channel: &str) -> bool {
        let (name, end) = (channel, endpoint(channel));
        !channel.is_empty()
            && self.trunks.iter().any(|trunk| match trunk.strip_suffix('*') {
                Some(stem) => name.starts_with(stem),
                None => end == trunk,
            })
    }

    fn class(&self, row: &Row) -> Class {
        let from_trunk = self.on_trunk(&row.from_channel);
        if row.way == Way::In {
            return Class::ByTrunk;
        }
        if !row.dials() {
            return if from_trunk { Class::ByTrunk } else { Class::Inside };
        }
        let reads = (self.reads)(row.dialed.reveal());
        if self.on_trunk(&row.to_channel) {
            return match reads {
                Reads::Exempt => Class::Exempt,
                Reads::Outside(key) => Class::Out(Some(key)),
                Reads::Inside | Reads::Nothing => Class::Out(None),
            };
        }
        // Half of a pair that the PBX has within itself: the other half has a row of its own.
        let local = row.to_channel.starts_with("Local/") || row.to_channel.starts_with("loopback/");
        let inside = local || is_telephone(&row.to_channel);
        let came_in = from_trunk || self.contexts_in.contains(&row.context);
        match reads {
            _ if inside && came_in => Class::ByTrunk,
            _ if inside => Class::Inside,
            Reads::Exempt => Class::Exempt,
            // A number of the house that an outside caller dialled, where no channel says more.
            Reads::Outside(_) if came_in && row.to_channel.is_empty() => Class::ByTrunk,
            Reads::Outside(key) => Class::Out(Some(key)),
            Reads::Inside | Reads::Nothing if came_in => Class::ByTrunk,
            Reads::Inside | Reads::Nothing => Class::Inside,
        }
    }
}
