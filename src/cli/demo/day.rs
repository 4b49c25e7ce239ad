//! The days the demo plays, and time as people of the site read it.

use trunkline_core::model::Wall;

/// Zone of the site and of everybody it calls.
pub(super) const ZONE: &str = "Asia/Shanghai";

/// A moment of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub month: i8,
    pub day: i8,
    pub hour: i8,
    pub minute: i8,
}

/// All moments lie in this year: the newest whose holidays are published.
const YEAR: i16 = 2026;

impl Civil {
    /// The instant; `None` if there is no such date.
    pub fn wall(self) -> Option<Wall> {
        let date =
            jiff::civil::DateTime::new(YEAR, self.month, self.day, self.hour, self.minute, 0, 0);
        let zoned = date.ok()?.in_tz(ZONE).ok()?;
        Some(Wall(zoned.timestamp().as_microsecond()))
    }
}

/// `Wednesday 2026-09-30 10:00:00 Asia/Shanghai`.
pub(super) fn long(wall: Wall) -> String {
    zoned(wall)
        .map_or_else(|| wall.rfc3339(), |z| z.strftime("%A %Y-%m-%d %H:%M:%S %Q").to_string())
}

/// `10:00:03.1`.
pub(super) fn clock(rfc3339: &str) -> String {
    let Ok(timestamp) = rfc3339.parse::<jiff::Timestamp>() else { return rfc3339.to_owned() };
    match timestamp.in_tz(ZONE) {
        Ok(zoned) => {
            let tenth = zoned.millisecond() / 100;
            format!("{}.{tenth}", zoned.strftime("%H:%M:%S"))
        }
        Err(_) => rfc3339.to_owned(),
    }
}

/// `Thu 2026-10-08 08:30`.
pub(super) fn until(rfc3339: &str) -> String {
    match rfc3339.parse::<jiff::Timestamp>().and_then(|t| t.in_tz(ZONE)) {
        Ok(zoned) => zoned.strftime("%a %Y-%m-%d %H:%M").to_string(),
        Err(_) => rfc3339.to_owned(),
    }
}

/// `-52 days 12 h`: how far the demo's clock is from the machine's.
pub(super) fn offset(us: i64) -> String {
    let hours = us / 3_600_000_000;
    let sign = if us < 0 { "-" } else { "+" };
    let (days, hours) = (hours.abs() / 24, hours.abs() % 24);
    format!("{sign}{days} days {hours} h")
}

fn zoned(wall: Wall) -> Option<jiff::Zoned> {
    jiff::Timestamp::from_microsecond(wall.0).ok()?.in_tz(ZONE).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn time_reads_as_at_the_site() {
        let wall = Civil { month: 9, day: 30, hour: 10, minute: 0 }.wall().unwrap();
        assert_eq!(wall.rfc3339(), "2026-09-30T02:00:00.000000Z");
        assert_eq!(long(wall), "Wednesday 2026-09-30 10:00:00 Asia/Shanghai");
        assert_eq!(clock("2026-09-30T02:00:03.150000Z"), "10:00:03.1");
        assert_eq!(until("2026-10-08T08:30:00+08:00"), "Thu 2026-10-08 08:30");
        assert_eq!(offset(-(52 * 24 + 12) * 3_600_000_000), "-52 days 12 h");
        assert_eq!(Civil { month: 2, day: 30, hour: 0, minute: 0 }.wall(), None);
    }
}
