//! Closes, waits, tokens.

use crate::cli::conform::case::{Judged, failed, must};
use crate::cli::conform::desk::Heard;
use crate::cli::conform::stage::{BACK, Stage};
use serde_json::json;
use std::time::{Duration, Instant};

/// After a close that is final nobody may come for so long; the first wait is 0.5 s at most.
const QUIET: Duration = Duration::from_secs(2);
/// What a busy machine may take beyond a wait.
const SLACK: Duration = Duration::from_secs(2);
/// Connections that are judged, the last of which is let in; the longest wait before the first.
const TRIES: u32 = 5;
const FIRST: Duration = Duration::from_millis(500);

pub(super) async fn comes_back(stage: &mut Stage, code: u16) -> Judged {
    let desk = stage.live().await?;
    let pos = desk.pos.clone();
    desk.close(code).await;
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 1).await
}

pub(super) async fn starts_over(stage: &mut Stage) -> Judged {
    let desk = stage.live().await?;
    desk.close(4009).await;
    let desk = stage.back().await?;
    must(desk.hello["resume"].is_null(), || {
        "hello has resume after 4009: its positions mean nothing any more".to_owned()
    })
}

pub(super) async fn goaway(stage: &mut Stage) -> Judged {
    let (after, spread) = (Duration::from_millis(2_000), Duration::from_millis(1_000));
    let mut desk = stage.live().await?;
    let pos = desk.pos.clone();
    let frame = json!({"t": "goaway", "why": "drain", "after_ms": 2000, "spread_ms": 1000});
    desk.say(frame).await?;
    desk.event(&mut stage.site).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await?;
    let pos = if desk.pos.is_empty() { pos } else { desk.pos.clone() };
    let closed = Instant::now();
    desk.close(1001).await;
    let Some((stream, at)) = stage.door.knock(after + spread + BACK).await else {
        return failed("it did not come back after goaway and 1001");
    };
    let waited = at.duration_since(closed);
    drop(stream);
    // The client's clock may have begun with its own sight of the close.
    must(waited + Duration::from_millis(100) >= after, || {
        format!("it came back after {waited:.1?}; goaway said 2 s at least")
    })?;
    must(waited <= after + spread + SLACK, || {
        format!("it came back after {waited:.1?}; goaway said 3 s at most")
    })?;
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 0).await
}

/// Nobody answers: each connection but the last is closed before its handshake.
pub(super) async fn backoff(stage: &mut Stage) -> Judged {
    let desk = stage.live().await?;
    let pos = desk.pos.clone();
    let mut lost = Instant::now();
    desk.cut();
    let mut waits = Vec::new();
    for tries in 0..TRIES {
        let most = FIRST * 2_u32.pow(tries);
        let Some((stream, at)) = stage.door.knock(most + BACK).await else {
            return failed(format!("it gave up after {tries} refused connections"));
        };
        let waited = at.duration_since(lost);
        must(waited <= most + SLACK, || {
            format!("wait {} was {waited:.1?}; it may be {most:?} at most", tries + 1)
        })?;
        waits.push(waited);
        lost = at;
        if tries + 1 == TRIES {
            judge_waits(&waits)?;
            let mut desk = stage.greet(stream).await?;
            stage.resumes(&desk, &pos)?;
            stage.replay(&mut desk, &pos, 0).await?;
        }
    }
    Ok(())
}

/// Random between nothing and a bound that doubles. A client that keeps the rule is judged wrongly
/// once in some two thousand times.
fn judge_waits(waits: &[Duration]) -> Judged {
    let told = || {
        let ms: Vec<String> = waits.iter().map(|wait| wait.as_millis().to_string()).collect();
        format!("waits of {} ms", ms.join(", "))
    };
    let bounds: Vec<f64> =
        (0..waits.len()).map(|n| FIRST.as_secs_f64() * f64::from(1 << n)).collect();
    let share = waits.iter().map(Duration::as_secs_f64).sum::<f64>() / bounds.iter().sum::<f64>();
    must(share > 0.04, || format!("{}: it does not wait longer each time", told()))?;
    // Parts of their bounds, which a machine measures to 80 ms or so.
    let parts: Vec<(f64, f64)> =
        waits.iter().zip(&bounds).map(|(w, b)| (w.as_secs_f64() / b, 0.02 + 0.08 / b)).collect();
    let same = |pair: &[(f64, f64)]| (pair[0].0 - pair[1].0).abs() < pair[0].1;
    must(!parts.windows(2).all(same), || {
        format!("{}: always the same part of the bound, so all desks come at once", told())
    })?;
    let equal = |pair: &[Duration]| pair[0].abs_diff(pair[1]) < Duration::from_millis(40);
    must(!waits.windows(2).all(equal), || format!("{}: always the same wait", told()))
}

/// The token ends: it is refreshed, or the next connection has another.
pub(super) async fn token(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    let pos = desk.pos.clone();
    desk.say(json!({"t": "auth.expiring", "in_ms": 2000})).await?;
    let until = tokio::time::Instant::now() + Duration::from_secs(2);
    loop {
        match desk.hear(until, &mut stage.commands).await? {
            Heard::Frame(frame) if frame["t"] == "auth.refresh" => {
                must(frame["token"].is_string(), || "auth.refresh without a token".to_owned())?;
                let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
                desk.say(json!({"t": "auth.ok", "auth_exp": later.to_string()})).await?;
                return desk.beat(&mut stage.site, &mut stage.commands).await;
            }
            Heard::Frame(_) => {}
            Heard::Gone => return failed("it closed the socket when its token was about to end"),
            Heard::Nothing => break,
        }
    }
    desk.close(4100).await;
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 0).await
}

pub(super) async fn stops(stage: &mut Stage, code: u16) -> Judged {
    let mut desk = stage.live().await?;
    let err = json!({"t": "err", "ref": "", "code": "UNAUTHENTICATED", "retryable": false,
        "msg": "the check closes this socket for good"});
    desk.say(err).await?;
    desk.close(code).await;
    stage.nobody(QUIET).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ms: &[u64]) -> bool {
        let waits: Vec<Duration> = ms.iter().map(|ms| Duration::from_millis(*ms)).collect();
        judge_waits(&waits).is_ok()
    }

    #[test]
    fn waits_are_random_and_grow() {
        assert!(judged(&[120, 900, 300, 3100, 5000]));
        assert!(judged(&[490, 10, 1900, 50, 7000]));
        assert!(!judged(&[1, 2, 1, 3, 2]), "at once, over and over");
        assert!(!judged(&[500, 1000, 2000, 4000, 8000]), "no jitter");
        assert!(!judged(&[250, 500, 1010, 2000, 4005]), "no jitter, half of it");
        assert!(!judged(&[480, 490, 500, 495, 505]), "no growth");
    }
}
