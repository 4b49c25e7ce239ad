//! Positions, cuts, gaps, snapshots.

use crate::cli::conform::case::{Judged, must};
use crate::cli::conform::desk::{Heard, REPLY};
use crate::cli::conform::site::Welcome;
use crate::cli::conform::stage::Stage;
use serde_json::json;
use tokio::time::Instant;

pub(super) async fn after_a_cut(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    desk.event(&mut stage.site).await?;
    let (pos, before) = (desk.pos.clone(), desk.hello.clone());
    settle().await;
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    for member in ["subs", "client"] {
        must(desk.hello[member] == before[member], || {
            format!("hello.{member} is another than before the cut")
        })?;
    }
    stage.replay(&mut desk, &pos, 2).await?;
    desk.event(&mut stage.site).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await
}

pub(super) async fn before_a_snapshot(stage: &mut Stage) -> Judged {
    let mut desk = stage.begin().await?;
    desk.welcome(&mut stage.site, &Welcome::anew("none")).await?;
    settle().await;
    desk.cut();
    let mut desk = stage.back().await?;
    must(desk.hello["resume"].is_null(), || {
        "hello has resume, though no snapshot was ever complete".to_owned()
    })?;
    desk.welcome(&mut stage.site, &Welcome::anew("none")).await?;
    desk.snapshot(&stage.site).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await
}

pub(super) async fn from_a_heartbeat(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    desk.beat(&mut stage.site, &mut stage.commands).await?;
    let pos = desk.pos.clone();
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 0).await
}

/// The server counts an event that never came.
pub(super) async fn gap(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    desk.event(&mut stage.site).await?;
    let pos = desk.pos.clone();
    desk.wrong_beat(&mut stage.site).await?;
    let until = Instant::now() + REPLY;
    loop {
        match desk.hear(until, &mut stage.commands).await? {
            Heard::Gone => break,
            Heard::Nothing => {
                return must(false, || "a gap (hb.n is another) goes unnoticed".to_owned());
            }
            Heard::Frame(_) => {}
        }
    }
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 1).await
}

pub(super) async fn replay_cut(stage: &mut Stage) -> Judged {
    let desk = stage.live().await?;
    let pos = desk.pos.clone();
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    desk.welcome(&mut stage.site, &Welcome::resumed()).await?;
    desk.event(&mut stage.site).await?;
    let pos = desk.pos.clone();
    settle().await;
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 1).await
}

pub(super) async fn too_old(stage: &mut Stage) -> Judged {
    let desk = stage.live().await?;
    let pos = desk.pos.clone();
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    stage.site.advance();
    desk.welcome(&mut stage.site, &Welcome::anew("too_old")).await?;
    let missed = stage.site.call("0")["o"].clone();
    for (page, last) in [(0, false), (1, true)] {
        let sub = desk.subs().first().cloned().unwrap_or_default();
        let gap = json!({"t": "snap", "sub": sub, "pos": stage.site.pos(), "page": page,
            "gap": true, "objs": [missed], "last": last});
        desk.say(gap).await?;
    }
    // The gap's pages have a `last` of their own: it is no place to go on from.
    settle().await;
    desk.cut();
    let mut desk = stage.back().await?;
    must(desk.hello["resume"].is_null(), || {
        "it has a position after the pages with gap: true alone; the snapshot was not complete"
            .to_owned()
    })?;
    desk.welcome(&mut stage.site, &Welcome::anew("none")).await?;
    desk.snapshot(&stage.site).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await
}

pub(super) async fn epoch(stage: &mut Stage) -> Judged {
    let desk = stage.live().await?;
    let pos = desk.pos.clone();
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    stage.site.new_epoch();
    desk.welcome(&mut stage.site, &Welcome::anew("epoch")).await?;
    desk.snapshot(&stage.site).await?;
    desk.event(&mut stage.site).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await?;
    let pos = desk.pos.clone();
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 1).await
}

pub(super) async fn scope(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    let pos = stage.site.advance();
    stage.site.new_scope();
    let gone = json!({"t": "gone", "pos": pos, "kind": "call", "id": "none", "why": "scope"});
    desk.say(gone).await?;
    desk.say(json!({"t": "scope", "pos": pos, "scope": stage.site.scope()})).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await?;
    let pos = desk.pos.clone();
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    stage.replay(&mut desk, &pos, 0).await
}

/// What was sent before a cut is to be read before it: the cut is a close of ours, after which
/// the kernel still delivers, but a client may look at the end first.
async fn settle() {
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
}
