//! Read model of lines, of the duties that run, and of control links.

use crate::model::{Duty, DutyId, DutyState, Line, Link};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Newest state of each line and link, and duties that are neither met nor breached.
#[derive(Default)]
pub(super) struct LineBook {
    lines: BTreeMap<String, Arc<Line>>,
    duties: BTreeMap<DutyId, Arc<Duty>>,
    links: BTreeMap<String, Arc<Link>>,
}

impl LineBook {
    pub(super) fn new(lines: Vec<Line>, duties: Vec<Duty>) -> Self {
        let mut book = Self::default();
        lines.iter().for_each(|line| drop(book.apply_line(line)));
        duties.iter().for_each(|duty| drop(book.apply_duty(duty)));
        book
    }

    /// Takes a line as an event has it; gives it as it was before.
    pub(super) fn apply_line(&mut self, line: &Line) -> Option<Arc<Line>> {
        self.lines.insert(line.id.clone(), Arc::new(line.clone()))
    }

    /// The same for a duty.
    pub(super) fn apply_duty(&mut self, duty: &Duty) -> Option<Arc<Duty>> {
        match duty.state {
            DutyState::Running => self.duties.insert(duty.id, Arc::new(duty.clone())),
            DutyState::Met | DutyState::Breached => self.duties.remove(&duty.id),
        }
    }

    /// The same for a link.
    pub(super) fn apply_link(&mut self, link: &Link) -> Option<Arc<Link>> {
        self.links.insert(link.id.clone(), Arc::new(link.clone()))
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.values()
    }

    pub(super) fn duties(&self) -> impl Iterator<Item = &Arc<Duty>> {
        self.duties.values()
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.links.values()
    }
}
