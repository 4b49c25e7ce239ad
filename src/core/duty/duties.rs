//! Duties that run: started, met in time, or breached at their instant.
//!
//! Deadlines are moments of the wall clock, because people and rules name them so and because they
//! outlive the process. A clock that is set back gives no extra time within one run: the monotonic
//! deadline made at the start ends the duty too.

use crate::model::{Duty, DutyId, DutyKind, DutyState, Mono, Now, Wall};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Duties running at once; beyond, no further one is started.
const RUNNING_MAX: usize = 10_000;

/// Duties that are neither met nor breached.
#[derive(Clone, Debug, Default)]
pub struct Duties {
    running: BTreeMap<DutyId, (Duty, Mono)>,
}

impl Duties {
    /// No duty runs.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Does one of that kind run for that subject?
    pub fn runs(&self, kind: DutyKind, subject: &str) -> bool {
        self.runs_for(kind, subject, "")
    }

    /// Does one of that kind run for that subject and agent?
    pub fn runs_for(&self, kind: DutyKind, subject: &str, agent: &str) -> bool {
        self.find(kind, subject, agent).is_some()
    }

    fn find(&self, kind: DutyKind, subject: &str, agent: &str) -> Option<DutyId> {
        let same = |d: &&Duty| d.kind == kind && d.subject == subject && &*d.agent == agent;
        self.iter().find(same).map(|d| d.id)
    }

    /// Running duties, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Duty> {
        self.running.values().map(|(duty, _)| duty)
    }

    /// Starts one; `None` if one of that kind runs for that subject already, or too many run.
    pub fn start(
        &mut self,
        now: Now,
        id: DutyId,
        kind: DutyKind,
        subject: &str,
        within: Duration,
        reason: String,
    ) -> Option<Duty> {
        self.start_for(now, id, kind, subject, Arc::default(), within, reason)
    }

    /// Starts one of an agent, likewise.
    #[allow(clippy::too_many_arguments)] // the parts of one duty
    pub fn start_for(
        &mut self,
        now: Now,
        id: DutyId,
        kind: DutyKind,
        subject: &str,
        agent: Arc<str>,
        within: Duration,
        reason: String,
    ) -> Option<Duty> {
        if self.runs_for(kind, subject, &agent) || self.running.len() >= RUNNING_MAX {
            return None;
        }
        let duty = Duty {
            id,
            rev: 1,
            kind,
            subject: subject.to_owned(),
            agent,
            started: now.wall,
            due_at: now.wall.after(within),
            state: DutyState::Running,
            met_at: None,
            reason,
        };
        self.running.insert(id, (duty.clone(), now.mono.after(within)));
        Some(duty)
    }

    /// Takes over one that ran when an earlier run ended; its instant stays what it was.
    pub fn restore(&mut self, now: Now, duty: Duty) {
        if duty.state == DutyState::Running {
            let left = Duration::from_millis(duty.due_at.ms_since(now.wall));
            self.running.insert(duty.id, (duty, now.mono.after(left)));
        }
    }

    /// It was done; `None` if none of that kind runs for that subject.
    pub fn meet(
        &mut self,
        now: Now,
        kind: DutyKind,
        subject: &str,
        reason: String,
    ) -> Option<Duty> {
        self.meet_for(now, kind, subject, "", reason)
    }

    /// It was done by the agent; `None` if none of that kind runs for that subject and agent.
    pub fn meet_for(
        &mut self,
        now: Now,
        kind: DutyKind,
        subject: &str,
        agent: &str,
        reason: String,
    ) -> Option<Duty> {
        let found = self.find(kind, subject, agent);
        let (mut duty, _) = self.running.remove(&found?)?;
        duty.rev += 1;
        duty.state = DutyState::Met;
        duty.met_at = Some(now.wall);
        duty.reason = reason;
        Some(duty)
    }

    /// The next one whose instant has come, breached; call it until there is none.
    pub fn take_breached(&mut self, now: Now) -> Option<Duty> {
        let over = |(duty, deadline): &(Duty, Mono)| is_over(duty.due_at, *deadline, now);
        let id = self.running.iter().find(|(_, entry)| over(entry)).map(|(id, _)| *id)?;
        let (mut duty, _) = self.running.remove(&id)?;
        duty.rev += 1;
        duty.state = DutyState::Breached;
        Some(duty)
    }

    /// When the next one ends unmet.
    pub fn next_deadline(&self) -> Option<Mono> {
        self.running.values().map(|(_, deadline)| *deadline).min()
    }
}

fn is_over(due_at: Wall, deadline: Mono, now: Now) -> bool {
    due_at <= now.wall || deadline <= now.mono
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::IdSource;

    const HALF_HOUR: Duration = Duration::from_secs(1800);

    fn at(seconds: u64) -> Now {
        let micros = 1_700_000_000_000_000 + i64::try_from(seconds).unwrap() * 1_000_000;
        Now { mono: Mono(seconds * 1_000_000_000), wall: Wall(micros) }
    }

    fn started(duties: &mut Duties, ids: &mut IdSource, subject: &str) -> Option<Duty> {
        let id = ids.duty(at(0));
        duties.start(at(0), id, DutyKind::BackupLine, subject, HALF_HOUR, "down".into())
    }

    #[test]
    fn a_duty_is_met_before_its_instant_and_breached_at_it() {
        let (mut duties, mut ids) = (Duties::default(), IdSource::new(1));
        started(&mut duties, &mut ids, "main").unwrap();
        started(&mut duties, &mut ids, "other").unwrap();
        assert!(duties.take_breached(at(1799)).is_none());
        let met = duties.meet(at(1799), DutyKind::BackupLine, "main", "backup".into()).unwrap();
        assert_eq!((met.state, met.met_at), (DutyState::Met, Some(at(1799).wall)));
        let breached = duties.take_breached(at(1800)).unwrap();
        assert_eq!((breached.subject.as_str(), breached.state), ("other", DutyState::Breached));
        assert!(duties.is_empty() && duties.take_breached(at(9999)).is_none());
    }

    #[test]
    fn a_subject_has_one_duty_of_a_kind_at_a_time() {
        let (mut duties, mut ids) = (Duties::default(), IdSource::new(1));
        assert!(started(&mut duties, &mut ids, "main").is_some());
        assert!(started(&mut duties, &mut ids, "main").is_none());
    }

    #[test]
    fn a_restart_gives_no_extra_time() {
        let (mut duties, mut ids) = (Duties::default(), IdSource::new(1));
        let duty = started(&mut duties, &mut ids, "main").unwrap();
        // A new run: its monotonic clock starts anywhere.
        let later = Now { mono: Mono(5), wall: at(1700).wall };
        let mut again = Duties::default();
        again.restore(later, duty);
        let due = again.next_deadline().unwrap();
        assert_eq!(due.since(later.mono), Duration::from_secs(100));
        let end = Now { mono: due, wall: at(1800).wall };
        assert_eq!(again.take_breached(end).unwrap().state, DutyState::Breached);
    }
}
