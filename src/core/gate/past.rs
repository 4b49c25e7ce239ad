//! What happened to a callee before, and until when it forbids another call.

use super::Ask;
use super::schema::{Cap, Cooldown, CooldownScope, Requires};
use super::terms::{CapPer, Claims, Counted, HoldFor, KeyWord};
use super::values::Period;
use super::zone::Zone;
use crate::model::Wall;
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use std::time::Duration;

/// What a label of a call is called as a trigger.
const LABEL: &str = "label:";

/// Trigger of a label: `label:refused` for 拒绝, `label:valid` for 有效, `label:invalid` for 无效;
/// a label of the site by its own name.
pub fn label_trigger(label: &str) -> String {
    let name = match label {
        "拒绝" => "refused",
        "有效" => "valid",
        "无效" => "invalid",
        other => other,
    };
    format!("{LABEL}{name}")
}

/// One thing that happened to a callee. What is not known of it counts against the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// When. An instant after that of the question counts, too: somebody set the clock back.
    pub at: Wall,
    /// What.
    pub kind: PastKind,
    /// By which tie to the callee.
    pub via: Via,
    /// Purpose of that call.
    pub purpose: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// For whom it was made.
    pub seller: Option<String>,
    /// Its campaign.
    pub campaign: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastKind {
    /// A dial that was not answered, or of which that is not known.
    Attempt,
    /// A dial that was answered.
    Answered,
    /// What a cool-down may wait for: `action:do_not_disturb`, `label:refused`.
    Action(String),
}

/// Tie to the callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The number itself.
    Number,
    /// Another number of the same person.
    Customer,
}

impl Past {
    /// A dial of that number, with nothing else known of it.
    pub fn attempt(at: Wall) -> Self {
        Self::new(at, PastKind::Attempt)
    }

    /// Something at that number, with nothing else known of it.
    pub fn new(at: Wall, kind: PastKind) -> Self {
        let (purpose, subject, seller, campaign) = (None, None, None, None);
        Self { at, kind, via: Via::Number, purpose, subject, seller, campaign }
    }

    /// Whether it shares those words with the call asked about.
    fn shares(&self, keys: &[KeyWord], ask: &Ask<'_>) -> bool {
        let same = |a: Option<&str>, b: Option<&str>| a.is_none() || b.is_none() || a == b;
        keys.iter().all(|key| match key {
            KeyWord::Callee => self.via == Via::Number,
            KeyWord::Customer => true,
            KeyWord::Purpose => same(self.purpose.as_deref(), ask.purpose),
            KeyWord::Subject => same(self.subject.as_deref(), ask.given.subject),
            KeyWord::Seller => same(self.seller.as_deref(), ask.given.seller),
            KeyWord::Campaign => same(self.campaign.as_deref(), ask.given.campaign),
        })
    }
}

impl Cap {
    /// Instants at which the calls that count stop counting, in any order.
    pub(super) fn ends(&self, ask: &Ask<'_>, zone: &Zone) -> impl Iterator<Item = Timestamp> {
        let counted = ask.given.past.iter().filter(|past| {
            let kind = match (&past.kind, self.count) {
                (PastKind::Answered, _) | (PastKind::Attempt, Counted::Attempt) => true,
                (PastKind::Attempt, Counted::Answered) | (PastKind::Action(_), _) => false,
            };
            kind && past.shares(&self.key, ask)
        });
        counted.map(|past| release(past.at, self.per, zone).unwrap_or(Timestamp::MAX))
    }

    /// The same, the last one first.
    pub(super) fn releases(&self, ask: &Ask<'_>, zone: &Zone) -> Vec<Timestamp> {
        let mut out: Vec<Timestamp> = self.ends(ask, zone).collect();
        out.sort_unstable_by(|a, b| b.cmp(a));
        out
    }

    /// When there is room for one more; `None`: there was room all the time.
    pub(super) fn frees(&self, releases: &[Timestamp]) -> Option<Timestamp> {
        releases.get(usize::from(self.max) - 1).copied()
    }

    /// From when on everything that it counts is known; `None`: it is known.
    pub(super) fn known_from(&self, ask: &Ask<'_>) -> Option<Timestamp> {
        known_from(ask, self.per.longest())
    }
}

/// When what is not known can no longer count for a rule that looks back so long.
fn known_from(ask: &Ask<'_>, longest: Duration) -> Option<Timestamp> {
    let since = Timestamp::from_microsecond(ask.given.known_since?.0).ok()?;
    let longest = jiff::SignedDuration::try_from(longest).unwrap_or(jiff::SignedDuration::MAX);
    Some(since.checked_add(longest).unwrap_or(Timestamp::MAX))
}

/// When a call at `at` stops counting. `None`: beyond the calendar, so never.
fn release(at: Wall, per: CapPer, zone: &Zone) -> Option<Timestamp> {
    let at = Timestamp::from_microsecond(at.0).ok()?;
    let midnight = |day: Date, later: i64| {
        zone.midnight(day.checked_add(jiff::Span::new().try_days(later).ok()?).ok()?)
    };
    match per {
        CapPer::RollingHours(n) => at.checked_add(jiff::SignedDuration::from_hours(n.into())).ok(),
        CapPer::RollingDays(n) => midnight(zone.date(at), n.into()),
        CapPer::Day => midnight(zone.date(at), 1),
        CapPer::Week => {
            let day = zone.date(at);
            midnight(day, 7 - i64::from(day.weekday().since(Weekday::Monday)))
        }
    }
}

impl Cooldown {
    /// From when on everything that triggers it is known; `None`: it is known. Requests on the
    /// do-not-call list are not forgotten.
    pub(super) fn known_from(&self, ask: &Ask<'_>) -> Option<Timestamp> {
        match self.by_label() {
            true => known_from(ask, self.longest()),
            false => None,
        }
    }

    /// It waits for a label of a call.
    pub(super) fn by_label(&self) -> bool {
        self.trigger.starts_with(LABEL)
    }

    /// It cannot last longer than that.
    pub(super) fn longest(&self) -> Duration {
        let HoldFor::Period(period) = self.period else { return Duration::MAX };
        let all = self.floor_by_purpose.values().copied().chain([period]);
        all.map(Period::longest).max().unwrap_or_default()
    }

    /// When it is over; `None`: nothing triggered it.
    pub(super) fn over(&self, ask: &Ask<'_>, zone: &Zone) -> Option<Timestamp> {
        let triggered = ask.given.past.iter().filter(|past| {
            let tie = match past.via {
                Via::Number => CooldownScope::Number,
                Via::Customer => CooldownScope::Customer,
            };
            matches!(&past.kind, PastKind::Action(name) if *name == self.trigger)
                && self.scope.contains(&tie)
                && past.shares(&self.key, ask)
        });
        let over = |day: Date| {
            let last = self.last_day(ask.purpose, day)??;
            zone.midnight(last.tomorrow().ok()?)
        };
        let each = triggered.map(|past| zone.local(past.at).and_then(|local| over(local.date)));
        each.map(|over| over.unwrap_or(Timestamp::MAX)).max()
    }

    /// Last blocked day of a request on `day`, which is day 0: the longest of the period and the
    /// floors for the purpose; all floors where it is not known. `Some(None)`: for ever. `None`:
    /// beyond the calendar.
    pub(super) fn last_day(&self, purpose: Option<&str>, day: Date) -> Option<Option<Date>> {
        let floors = self
            .floor_by_purpose
            .iter()
            .filter(|(pattern, _)| purpose.is_none_or(|purpose| pattern.matches(purpose)));
        let HoldFor::Period(period) = self.period else { return Some(None) };
        let periods = floors.map(|(_, period)| *period).chain([period]);
        let days: Option<Vec<Date>> = periods.map(|period| period.last_day(day)).collect();
        Some(days?.into_iter().max())
    }
}

impl Requires {
    pub(super) fn met(&self, claims: Claims) -> bool {
        self.any.iter().any(|claim| claims.has(*claim))
    }
}
