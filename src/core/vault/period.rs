//! Days and months in UTC: the life spans of keys and files.

use crate::model::Wall;

/// A day in UTC as the number `YYYYMMDD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

/// A month in UTC as the number `YYYYMM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub u32);

impl Day {
    /// The day of an instant; years outside 1..=9999 count as the nearest of them.
    pub fn of(at: Wall) -> Self {
        let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or(if at.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let year = u32::try_from(date.year()).unwrap_or(1).max(1);
        let month = u32::try_from(date.month()).unwrap_or(1);
        let day = u32::try_from(date.day()).unwrap_or(1);
        Self(year * 10_000 + month * 100 + day)
    }

    /// Its month.
    pub fn month(self) -> Month {
        Month(self.0 / 100)
    }
}

impl Month {
    /// The month of an instant.
    pub fn of(at: Wall) -> Self {
        Day::of(at).month()
    }

    /// The month before.
    pub fn previous(self) -> Self {
        if self.0 % 100 <= 1 { Self(self.0 - 101 + 12) } else { Self(self.0 - 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_of_instants() {
        for (micros, day, previous) in [
            (0, 19_700_101, 196_912),
            (86_399_999_999, 19_700_101, 196_912),
            (86_400_000_000, 19_700_102, 196_912),
            (1_767_225_599_999_999, 20_251_231, 202_511),
            (1_767_225_600_000_000, 20_260_101, 202_512),
        ] {
            let found = Day::of(Wall(micros));
            assert_eq!(found, Day(day));
            assert_eq!(found.month().previous(), Month(previous));
        }
    }
}
