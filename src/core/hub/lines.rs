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
        lines.iter().for_each(|line| book.apply_line(line));
        duties.iter().for_each(|duty| book.apply_duty(duty));
        book
    }

    pub(super) fn apply_line(&mut self, line: &Line) {
        self.lines.insert(line.id.clone(), Arc::new(line.clone()));
    }

    pub(super) fn apply_duty(&mut self, duty: &Duty) {
        match duty.state {
            DutyState::Running => self.duties.insert(duty.id, Arc::new(duty.clone())),
            DutyState::Met | DutyState::Breached => self.duties.remove(&duty.id),
        };
    }

    pub(super) fn apply_link(&mut self, link: &Link) {
        self.links.insert(link.id.clone(), Arc::new(link.clone()));
    }

    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        self.links.values().cloned().collect()
    }

    pub(super) fn snapshot(&self) -> (Vec<Arc<Line>>, Vec<Arc<Duty>>) {
        (self.lines.values().cloned().collect(), self.duties.values().cloned().collect())
    }
}
