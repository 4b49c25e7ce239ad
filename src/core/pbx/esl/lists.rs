//! When the session takes a snapshot, and what it does with its commands.

use super::jobs::Purpose;
use super::session::{EslSession, Role};
use super::snapshot::{Gather, Step};
use crate::model::Now;
use crate::pbx::{LinkOutputs, LinkReport, News, OrderResult};
use std::time::Duration;

/// A list has its result within this time.
const LIST_MAX: Duration = Duration::from_secs(30);

impl EslSession {
    /// Begins a snapshot, or another one when this is done.
    pub(super) fn gather(&mut self, now: Now, out: &mut LinkOutputs) {
        if self.role != Role::Dialing || !self.up {
            return;
        }
        if self.gather.is_some() {
            self.gather_again = true;
            return;
        }
        let (gather, commands) = Gather::begin(&mut self.model);
        self.gather = Some(gather);
        for (command, purpose) in commands {
            self.send(now, &command, purpose, LIST_MAX, out);
        }
    }

    /// Takes the result of a list.
    pub(super) fn listed(&mut self, now: Now, purpose: Purpose, body: &str, out: &mut LinkOutputs) {
        let Some(gather) = self.gather.as_mut() else { return };
        match gather.result(&mut self.model, purpose, body) {
            Step::Commands(commands) => {
                for (command, purpose) in commands {
                    self.send(now, &command, purpose, LIST_MAX, out);
                }
            }
            Step::Done(facts) => {
                self.gather = None;
                self.tell(facts, out);
                for id in std::mem::take(&mut self.gather_for) {
                    self.done(id, OrderResult::Done, out);
                }
                if std::mem::take(&mut self.gather_again) {
                    self.gather(now, out);
                }
            }
            Step::Failed(why) => {
                self.warn(why, "", out);
                self.abandon(out);
            }
        }
    }

    /// No snapshot comes of what was begun.
    pub(super) fn abandon(&mut self, out: &mut LinkOutputs) {
        self.gather = None;
        self.gather_again = false;
        self.jobs.forget_lists();
        self.model.ended = None;
        for id in std::mem::take(&mut self.gather_for) {
            self.done(id, OrderResult::Rejected("the calls could not be listed".into()), out);
        }
    }

    /// Says that events were lost, and lists what is left.
    pub(super) fn lost(&mut self, now: Now, events: u64, why: String, out: &mut LinkOutputs) {
        out.reports.push(LinkReport::News(News::Lost(events, why)));
        self.gather(now, out);
    }
}
