//! Each day the server reconciles the day before, for each PBX whose call records it knows.

use super::ask::Request;
use super::report::Report;
use super::work::{Place, reconcile};
use crate::app::orders::{Order, Orders};
use crate::app::rules::Rules;
use crate::config::{Config, Reconcile};
use crate::io::clock::Clock;
use crate::store::Store;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use trunkline_core::engine::Reconciling;
use trunkline_core::model::Wall;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A reconciliation that failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(60);
/// Days that are caught up after a time in which no server ran.
const BACK_DAYS: i64 = 31;
/// As the audit log names it.
const WHO: &str = "daily";

/// What it needs.
pub(in crate::app) struct Daily {
    pub(in crate::app) store: Store,
    pub(in crate::app) rules: Arc<Rules>,
    pub(in crate::app) orders: Orders,
    pub(in crate::app) clock: Clock,
    pub(in crate::app) figures: Arc<Figures>,
}

/// What was found last, for `/metrics`.
#[derive(Default)]
pub(in crate::app) struct Figures(Mutex<BTreeMap<String, Figure>>);

#[derive(Default)]
struct Figure {
    failed: u64,
    newest: Option<(Wall, Report)>,
}

/// A day that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    day: Date,
    /// When it has to be done.
    until: Timestamp,
}

/// The oldest day that is not done, once its time has come. `last`: the newest that is done.
fn due(now: Timestamp, zone: &TimeZone, at: Time, within: Duration, last: Date) -> Option<Due> {
    let here = now.to_zoned(zone.clone());
    let back = if here.time() >= at { 1 } else { 2 };
    let newest = here.date().checked_sub(back.days()).ok()?;
    let oldest = newest.checked_sub((BACK_DAYS - 1).days()).ok()?;
    let day = last.tomorrow().ok()?.max(oldest);
    if day > newest {
        return None;
    }
    let begin = day.tomorrow().ok()?.to_datetime(at).to_zoned(zone.clone()).ok()?.timestamp();
    let until = begin.checked_add(jiff::SignedDuration::try_from(within).ok()?).ok()?;
    Some(Due { day, until })
}

impl Daily {
    /// For ever, for one PBX.
    pub(in crate::app) async fn watch(self: Arc<Self>, pbx: String) {
        let own = self.rules.config().reconcile.get(&pbx).cloned();
        let Some((own, at)) = own.and_then(|own| own.daily().map(|at| (own, at))) else { return };
        let mut told = None;
        loop {
            let Some(due) = self.due(&pbx, &own, at) else {
                tokio::time::sleep(LOOK).await;
                continue;
            };
            let day = due.day.to_string();
            if told != Some(due.day) {
                told = Some(due.day);
                self.tell_due(&pbx, &day, due.until);
            }
            let (this, name) = (self.clone(), pbx.clone());
            let work = move || this.day(&name, &day, due.until);
            if !tokio::task::spawn_blocking(work).await.unwrap_or_default() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    fn due(&self, pbx: &str, own: &Reconcile, at: Time) -> Option<Due> {
        let now = Timestamp::from_microsecond(self.clock.wall().0).ok()?;
        let last = match self.store.reconciled(pbx) {
            Ok(Some(day)) => day.parse().ok()?,
            // A site that begins with it today owes nothing of yesterday.
            Ok(None) => {
                let yesterday = now.to_zoned(own.zone()).date().yesterday().ok()?;
                self.keep(pbx, &yesterday.to_string());
                return None;
            }
            Err(error) => {
                tracing::error!(%error, "the newest day that was reconciled is not known");
                return None;
            }
        };
        let within = Duration::from_secs(u64::from(own.within_min) * 60);
        due(now, &own.zone(), at, within, last)
    }

    fn tell_due(&self, pbx: &str, day: &str, until: Timestamp) {
        let left = Wall(until.as_microsecond()).ms_since(self.clock.wall()).max(1000);
        let subject = subject(pbx, day);
        let within = Duration::from_millis(left);
        self.orders.give(Order::Reconciling(Reconciling::Due { subject, within }));
    }

    fn keep(&self, pbx: &str, day: &str) {
        if let Err(error) = self.store.set_reconciled(pbx, day) {
            tracing::error!(%error, pbx, day, "what was reconciled is not kept");
        }
    }

    /// `true`: it is done, or its time is over and it is given up.
    fn day(&self, pbx: &str, day: &str, until: Timestamp) -> bool {
        let config: &Config = self.rules.config();
        let now = self.clock.wall();
        let (book, plans) = (self.rules.book(), self.rules.plans());
        let place = Place {
            config,
            store: &self.store,
            plans: &plans,
            book: &book,
            ruleset: self.rules.ruleset.as_deref(),
        };
        let done = Request::of_day(config, pbx, day)
            .and_then(|request| reconcile(&place, &request, WHO, now))
            .and_then(|report| {
                self.store.set_reconciled(pbx, day)?;
                Ok(report)
            });
        let report = match done {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(pbx, day, %error, "call records are not reconciled");
                self.figures.of(pbx, |figure| figure.failed += 1);
                let over = Wall(until.as_microsecond()) <= now;
                if over {
                    // The next day does not wait for it; somebody has to do it by hand.
                    let object = format!("pbx={pbx} day={day}");
                    let _ = self.store.audit(WHO, "gate.not_reconciled", &object, now);
                    self.keep(pbx, day);
                }
                return over;
            }
        };
        let (summary, unaccounted) = (report.summary(), report.unaccounted);
        if unaccounted > 0 {
            tracing::warn!(pbx, day, %summary, "calls are not accounted for");
        } else {
            tracing::info!(pbx, day, %summary, "call records are reconciled");
        }
        self.figures.of(pbx, |figure| figure.newest = Some((now, report)));
        let (subject, reason) = (subject(pbx, day), summary);
        self.orders.give(Order::Reconciling(Reconciling::Done { subject, reason }))
    }
}

/// Of the duty.
fn subject(pbx: &str, day: &str) -> String {
    format!("{pbx} {day}")
}

impl Figures {
    fn of(&self, pbx: &str, change: impl FnOnce(&mut Figure)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(pbx.to_owned()).or_default());
    }

    /// Appends the rows of `/metrics`.
    pub(in crate::app) fn write(&self, out: &mut String) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return;
        }
        let head = |out: &mut String, name: &str, help: &str, kind: &str| {
            let name = format!("trunkline_reconcile_{name}");
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        head(out, "failed_total", "Reconciliations that failed.", "counter");
        for (pbx, figure) in all.iter() {
            let failed = figure.failed;
            let _ = writeln!(out, "trunkline_reconcile_failed_total{{pbx=\"{pbx}\"}} {failed}");
        }
        head(out, "done_timestamp_seconds", "When one was done last.", "gauge");
        let done = || all.iter().filter_map(|(pbx, f)| Some((pbx, f.newest.as_ref()?)));
        for (pbx, (at, _)) in done() {
            let name = "trunkline_reconcile_done_timestamp_seconds";
            let _ = writeln!(out, "{name}{{pbx=\"{pbx}\"}} {}", at.0 / 1_000_000);
        }
        head(out, "legs", "Legs of the newest day, by what became of them.", "gauge");
        for (pbx, (_, report)) in done() {
            for (kind, count) in report.kinds() {
                let name = "trunkline_reconcile_legs";
                let _ = writeln!(out, "{name}{{pbx=\"{pbx}\",kind=\"{kind}\"}} {count}");
            }
        }
        head(out, "unaccounted", "Of the newest day: what is not accounted for.", "gauge");
        for (pbx, (_, report)) in done() {
            let name = "trunkline_reconcile_unaccounted";
            let _ = writeln!(out, "{name}{{pbx=\"{pbx}\"}} {}", report.unaccounted);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn a_day_is_due_when_its_time_has_come_and_once() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let hour = Duration::from_secs(3600);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let ask = |now: &str, last: Date| {
            let due = due(at(now), &zone, time(6, 30, 0, 0), hour, last);
            due.map(|due| (due.day, due.until))
        };
        let day = |day| date(2026, 11, day);
        for (now, last, wanted) in [
            ("2026-11-24T06:29:59+08:00", day(22), None),
            ("2026-11-24T06:30:00+08:00", day(22), Some((day(23), "2026-11-24T07:30:00+08:00"))),
            ("2026-11-24T23:00:00+08:00", day(23), None),
            // Nobody was there for some days: one after the other, and late.
            ("2026-11-24T12:00:00+08:00", day(20), Some((day(21), "2026-11-22T07:30:00+08:00"))),
            // Of a longer time only the last month.
            (
                "2026-11-24T12:00:00+08:00",
                date(2025, 1, 1),
                Some((date(2026, 10, 24), "2026-10-25T07:30:00+08:00")),
            ),
            // A clock that was set back.
            ("2026-11-20T12:00:00+08:00", day(23), None),
        ] {
            let wanted = wanted.map(|(day, until)| (day, at(until)));
            assert_eq!(ask(now, last), wanted, "{now} {last:?}");
        }
    }
}
