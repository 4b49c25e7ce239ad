//! Recordings of real PBXs, read as a session reads them.

use super::session::AmiSession;
use super::settings::AmiSettings;
use crate::model::{Mono, Now, Wall};
use crate::pbx::{Lane, LinkOutputs, LinkReport, Session};

/// Reads a recording: blocks as the PBX sent them (line ends may be LF), each behind a line
/// `# rx=SECONDS.MICROSECONDS` that says when it came. Reports come with that moment.
pub fn replay(settings: AmiSettings, recording: &str) -> Vec<(Now, LinkReport)> {
    let mut session = AmiSession::observing(settings);
    let (mut reports, mut now) = (Vec::new(), at(0));
    for line in recording.lines() {
        let mut out = LinkOutputs::default();
        if let Some(stamp) = line.strip_prefix("# rx=") {
            now = at(micros(stamp).unwrap_or_default());
            if session.next_deadline().is_some_and(|due| due <= now.mono) {
                session.tick(now, &mut out);
            }
        } else {
            session.received(now, Lane::Events, line.as_bytes(), &mut out);
            session.received(now, Lane::Events, b"\r\n", &mut out);
        }
        reports.extend(out.reports.into_iter().map(|report| (now, report)));
    }
    let mut out = LinkOutputs::default();
    session.received(now, Lane::Events, b"\r\n", &mut out);
    reports.extend(out.reports.into_iter().map(|report| (now, report)));
    reports
}

fn micros(stamp: &str) -> Option<i64> {
    let (seconds, fraction) = stamp.split_once('.').unwrap_or((stamp, "0"));
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)
}

fn at(micros: i64) -> Now {
    let nanos = u64::try_from(micros).unwrap_or_default().saturating_mul(1000);
    Now { mono: Mono(nanos), wall: Wall(micros) }
}
