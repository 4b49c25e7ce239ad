//! What watches the wall clock needs beyond the engine: where it stood before, and who looks.

use super::AppError;
use super::admin::{DURABLE_WAIT, Desk, send};
use super::commands::CommandError;
use super::metrics::Shared;
use super::orders::Order;
use super::trunk::{ENGINE_WAIT, give};
use crate::config::Config;
use crate::io::admin::Answer;
use crate::io::clock::{Clock, boot_id};
use crate::store::{ClockRow, Store};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use trunkline_core::engine::{ClockStart, ClockState};
use trunkline_core::model::Wall;

/// Day of the newest notice among the delivered calendars, 00:00 in UTC: no machine that runs this
/// program has an earlier one. Part of the data and not the day of the build, so that builds repeat.
const FLOOR: jiff::civil::Date = jiff::civil::date(2025, 11, 4);
/// A step up to so many seconds settles by itself, unless `[gate] clock_settles_s` says otherwise.
const SETTLES_S: u64 = 60;
/// How often the keeper looks.
const LOOK: Duration = Duration::from_secs(1);
/// A clock that was moved less since it was written down stands as it was written.
const MOVED_US: u64 = 200_000;

fn floor() -> Wall {
    let midnight = FLOOR.to_zoned(jiff::tz::TimeZone::UTC);
    Wall(midnight.map_or(0, |midnight| midnight.timestamp().as_microsecond()))
}

/// With what the engine begins to watch. `None`: the clock is a demo's or a test's.
///
/// # Errors
/// If the store cannot tell how the clock stood.
pub(super) fn start(
    config: &Config,
    clock: &Clock,
    store: &Store,
    newest: Option<Wall>,
) -> Result<Option<ClockStart>, AppError> {
    if clock.is_virtual() {
        return Ok(None);
    }
    let row = store.clock()?.unwrap_or_default();
    let same = boot_id().is_some_and(|boot| boot == row.boot);
    let here = row.ahead_us.filter(|_| same);
    Ok(Some(ClockStart {
        floor: floor(),
        settles: Duration::from_secs(config.gate.clock_settles_s.unwrap_or(SETTLES_S)),
        // Ours counts from our start.
        ahead_us: here.map(|ahead_us| ahead_us - clock.boot_us()),
        newest: newest.max(row.newest),
        doubted: row.doubted,
    }))
}

/// The same as a row.
fn row(state: &ClockState, clock: &Clock, boot: &str) -> ClockRow {
    ClockRow {
        boot: boot.to_owned(),
        ahead_us: state.ahead_us.map(|ahead_us| ahead_us + clock.boot_us()),
        newest: state.newest,
        doubted: state.fault.is_some(),
    }
}

fn says_the_same(kept: &ClockRow, row: &ClockRow) -> bool {
    let near = match (kept.ahead_us, row.ahead_us) {
        (Some(one), Some(other)) => one.abs_diff(other) <= MOVED_US,
        (one, other) => one == other,
    };
    near && ClockRow { ahead_us: None, ..kept.clone() }
        == ClockRow { ahead_us: None, ..row.clone() }
}

/// Writes down how the clock stands, now and whenever that has changed: what comes back does that.
///
/// # Errors
/// If it cannot be written at the start: a crash before the next look would forget where it stood.
pub(super) fn keeper(
    store: Store,
    clock: Clock,
    begun: &ClockState,
    shared: Arc<Shared>,
) -> Result<impl Future<Output = ()> + Send + use<>, AppError> {
    let boot = boot_id().unwrap_or_default();
    let mut kept = row(begun, &clock, &boot);
    if begun.watched {
        store.keep_clock(&kept)?;
    }
    Ok(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let state = shared.clock();
            let row = row(&state, &clock, &boot);
            if !state.watched || says_the_same(&kept, &row) {
                continue;
            }
            let (store, writing) = (store.clone(), row.clone());
            match tokio::task::spawn_blocking(move || store.keep_clock(&writing)).await {
                Ok(Ok(())) => kept = row,
                Ok(Err(error)) => tracing::warn!(%error, "how the clock stands is not written"),
                Err(_) => return, // we are stopping
            }
        }
    })
}

/// `clock.show`
pub(super) async fn show(desk: &Arc<Desk>, answer: &Answer) -> Result<(), CommandError> {
    send(answer, described(&state(desk).await?, desk.clock.wall())).await?;
    send(answer, json!({"done": true})).await
}

async fn state(desk: &Desk) -> Result<ClockState, CommandError> {
    let (done, told) = oneshot::channel();
    give(desk, Order::Clock { done }, told, ENGINE_WAIT).await
}

fn described(state: &ClockState, now: Wall) -> serde_json::Value {
    json!({
        "watched": state.watched,
        "believed": state.fault.is_none(),
        "fault": state.fault.map(|fault| fault.to_string()),
        "steps": state.steps,
        "now": now.rfc3339(),
    })
}

/// `clock.confirm`: kept in the audit log first, then in force.
pub(super) async fn confirm(
    desk: &Arc<Desk>,
    who: &str,
    answer: &Answer,
) -> Result<(), CommandError> {
    let (state, now) = (state(desk).await?, desk.clock.wall());
    let Some(fault) = state.fault else {
        return Err(CommandError::Conflict("the clock is believed: nothing to confirm".to_owned()));
    };
    if now < floor() {
        let message = format!("{fault}: set it, it cannot be confirmed");
        return Err(CommandError::Conflict(message));
    }
    let (store, name) = (desk.store.clone(), who.to_owned());
    let object = format!("now={}", now.rfc3339());
    let audit = move || store.audit(&name, "clock.confirm", &object, now);
    let stopped = |_| CommandError::Unavailable("the command was ended".to_owned());
    tokio::task::spawn_blocking(audit).await.map_err(stopped)??;
    let (done, durable) = oneshot::channel();
    let order = Order::ConfirmClock { who: who.to_owned(), done };
    let pos = give(desk, order, durable, DURABLE_WAIT).await?;
    send(answer, json!({"done": true, "now": now.rfc3339(), "pos": pos.to_string()})).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trunkline_core::gate::shipped_calendars;

    #[test]
    fn the_floor_is_the_day_of_the_newest_delivered_notice() {
        let day = |line: &str| {
            let value = line.strip_prefix("date = \"")?;
            value.split('"').next()?.parse::<jiff::civil::Date>().ok()
        };
        let calendars = shipped_calendars();
        let texts = calendars.iter().filter(|one| one.name.starts_with("calendar-cn-2"));
        let newest = texts.flat_map(|one| one.text.lines()).filter_map(day).max();
        assert_eq!(newest, Some(FLOOR));
    }

    #[test]
    fn a_row_is_written_when_the_clock_has_moved_or_the_doubt_has_changed() {
        let kept = ClockRow { boot: "b".into(), ahead_us: Some(5), ..ClockRow::default() };
        let with = |ahead_us, doubted| ClockRow { ahead_us, doubted, ..kept.clone() };
        assert!(says_the_same(&kept, &with(Some(200_005), false)));
        assert!(!says_the_same(&kept, &with(Some(200_006), false)));
        assert!(!says_the_same(&kept, &with(None, false)));
        assert!(!says_the_same(&kept, &with(Some(5), true)));
    }
}
