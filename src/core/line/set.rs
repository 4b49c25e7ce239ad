//! The lines of a site, and the order in which a call tries them.
//!
//! A call out goes to the lines of its group in configured order: first those in service (or not
//! known yet), then the degraded. Lines out of service are left out while any other can take the
//! call; when none can, all of them are tried, in order: a probe may be wrong, and a call that is
//! not tried is lost for certain. Lines that drain or are in maintenance, and full ones, never
//! take a new call.

use super::load::Way;
use super::machine::{LineFact, LineMachine};
use crate::model::{LineState, Mono, Now};

/// A line's place in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineIx(pub usize);

/// Why no line takes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLine {
    /// Those that could are full.
    Full,
    /// All are out, by order of an operator.
    Ordered,
}

/// The lines of a site.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    lines: Vec<LineMachine>,
    group: Vec<LineIx>,
    first: Option<LineIx>,
}

impl Lines {
    /// `group`: the lines that calls out take, in order; names that are no lines are left out.
    pub fn new(lines: Vec<LineMachine>, group: &[String]) -> Self {
        let place = |name: &String| lines.iter().position(|l| l.name() == name).map(LineIx);
        let group: Vec<LineIx> = group.iter().filter_map(place).collect();
        let mut set = Self { lines, group, first: None };
        set.first = set.choose_first();
        set
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All lines with their places.
    pub fn iter(&self) -> impl Iterator<Item = (LineIx, &LineMachine)> {
        self.lines.iter().enumerate().map(|(at, line)| (LineIx(at), line))
    }

    /// A line.
    pub fn get(&self, ix: LineIx) -> Option<&LineMachine> {
        self.lines.get(ix.0)
    }

    /// A line.
    pub fn get_mut(&mut self, ix: LineIx) -> Option<&mut LineMachine> {
        self.lines.get_mut(ix.0)
    }

    /// A line by its name.
    pub fn named(&self, name: &str) -> Option<LineIx> {
        self.lines.iter().position(|l| l.name() == name).map(LineIx)
    }

    /// The lines that calls out take, in configured order.
    pub fn group(&self) -> &[LineIx] {
        &self.group
    }

    /// When a line's `tick` has something to do.
    pub fn next_deadline(&self, now: Mono) -> Option<Mono> {
        self.lines.iter().filter_map(|l| l.next_deadline(now)).min()
    }

    /// The lines for one call out, best first; facts are about lines that were full.
    ///
    /// # Errors
    /// If there is none.
    pub fn plan(
        &mut self,
        now: Now,
        facts: &mut Vec<(LineIx, LineFact)>,
    ) -> Result<Vec<LineIx>, NoLine> {
        let mut full = false;
        let mut found: Vec<(u8, LineIx)> = Vec::with_capacity(self.group.len());
        for ix in &self.group {
            let Some(line) = self.lines.get_mut(ix.0) else { continue };
            let Some(rank) = rank(line, now) else { continue };
            let mut told = Vec::new();
            if line.has_room(Way::Out, &mut told) {
                found.push((rank, *ix));
            } else {
                full = true;
            }
            facts.extend(told.into_iter().map(|fact| (*ix, fact)));
        }
        let usable = found.iter().any(|(rank, _)| *rank < LAST);
        found.retain(|(rank, _)| !usable || *rank < LAST);
        found.sort_by_key(|(rank, _)| *rank); // stable: the configured order within a rank
        match found.is_empty() {
            false => Ok(found.into_iter().map(|(_, ix)| ix).collect()),
            true if full => Err(NoLine::Full),
            true => Err(NoLine::Ordered),
        }
    }

    /// Every line of the group for a call that must get through (an emergency number), best first:
    /// neither a limit nor an order nor a failure keeps it from being tried.
    pub fn plan_urgent(&self, now: Now) -> Vec<LineIx> {
        let mut plan = self.group.clone();
        let place = |ix: &LineIx| {
            let line = self.lines.get(ix.0);
            line.map_or(u8::MAX, |l| rank(l, now).unwrap_or(LAST + 1))
        };
        plan.sort_by_key(place);
        plan
    }

    /// The line that new calls take first, if that has changed: before and after.
    pub fn take_shift(&mut self) -> Option<(Option<LineIx>, Option<LineIx>)> {
        let first = self.choose_first();
        let before = std::mem::replace(&mut self.first, first);
        (before != first).then_some((before, first))
    }

    fn choose_first(&self) -> Option<LineIx> {
        let ranked = self.group.iter().filter_map(|ix| {
            let rank = standing_rank(self.lines.get(ix.0)?.state())?;
            Some((rank, *ix))
        });
        // Stable minimum: the first of the best rank.
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, ix)| ix)
    }

    /// Is `a` before `b` in the group?
    pub fn is_before(&self, a: LineIx, b: LineIx) -> bool {
        let place = |ix| self.group.iter().position(|g| *g == ix);
        place(a) < place(b)
    }
}

/// Lines out of service.
const LAST: u8 = 2;

fn standing_rank(state: LineState) -> Option<u8> {
    match state {
        LineState::InService | LineState::Unknown => Some(0),
        LineState::Degraded => Some(1),
        LineState::OutOfService => Some(LAST),
        LineState::Draining | LineState::Maintenance => None,
    }
}

fn rank(line: &LineMachine, now: Now) -> Option<u8> {
    if line.offers_trial(now) { Some(0) } else { standing_rank(line.state()) }
}
