//! What does not work here, for agents who have to say why a customer waited.

use super::writer::Engine;
use crate::model::{Detail, Entity, LineState, LinkState, Named as _, SystemState};
use std::collections::BTreeSet;

/// Faults that are open.
#[derive(Default)]
pub(super) struct Incidents {
    site: bool,
    /// What is told says nothing of what customers wait for.
    pub(super) unconcerned: bool,
    lines: BTreeSet<String>,
    links: BTreeSet<String>,
}

impl Incidents {
    pub(super) fn is_open(&self) -> bool {
        self.site || !self.lines.is_empty() || !self.links.is_empty()
    }
}

impl Engine {
    /// What an event says of the site: phones that ring while something fails are remembered.
    pub(super) fn watch_incidents(&mut self, entity: &Entity, detail: &Detail) {
        if self.incidents.unconcerned {
            return;
        }
        let open = self.incidents.is_open();
        match entity {
            Entity::System(status) => match status.state {
                SystemState::PartiallyDisabled | SystemState::OverloadReached => {
                    self.incidents.site = true;
                }
                SystemState::Enabled | SystemState::Normal | SystemState::OverloadRelieved => {
                    self.incidents.site = false;
                }
                SystemState::Initializing
                | SystemState::MessagesLost
                | SystemState::Disabled
                | SystemState::OverloadImminent => {}
            },
            Entity::Line(line) => match line.state {
                LineState::OutOfService => drop(self.incidents.lines.insert(line.id.clone())),
                _ => drop(self.incidents.lines.remove(&line.id)), // it serves, or was taken out
            },
            Entity::Link(link) => {
                let was_up = detail.shift.as_ref().is_some_and(|s| s.from == LinkState::Up.name());
                match link.state {
                    LinkState::Up => drop(self.incidents.links.remove(&link.id)),
                    // One that was never up is no fault of today.
                    _ if was_up => drop(self.incidents.links.insert(link.id.clone())),
                    _ => {}
                }
            }
            _ => {} // says nothing of what works
        }
        if !open && self.incidents.is_open() {
            self.table.machines_mut().for_each(|machine| machine.note_fault());
        }
    }
}
