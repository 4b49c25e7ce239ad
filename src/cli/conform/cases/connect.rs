//! Hello, heartbeats, and what nobody knows.

use crate::cli::conform::case::{Judged, must};
use crate::cli::conform::site::Welcome;
use crate::cli::conform::stage::Stage;
use serde_json::json;
use std::time::Duration;

pub(super) async fn hello(stage: &mut Stage) -> Judged {
    let mut desk = stage.begin().await?;
    must(desk.hello["client"]["inst"].as_str().is_some_and(|inst| !inst.is_empty()), || {
        "hello.client.inst is missing: it names one running desktop".to_owned()
    })?;
    must(desk.hello["pending"].as_array().is_none_or(Vec::is_empty), || {
        "hello.pending names commands, but none was sent".to_owned()
    })?;
    desk.welcome(&mut stage.site, &Welcome::anew("none")).await?;
    desk.snapshot(&stage.site).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await
}

pub(super) async fn heartbeat(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    for events in [0, 3, 1] {
        for _ in 0..events {
            desk.event(&mut stage.site).await?;
        }
        desk.beat(&mut stage.site, &mut stage.commands).await?;
    }
    Ok(())
}

pub(super) async fn unknown(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    desk.say(json!({"t": "conform.unheard_of", "pos": "99999999", "n": 7, "x": [1]})).await?;
    let pos = stage.site.advance();
    let mut call = stage.site.call(&pos);
    call["unheard_of"] = json!({"a": [null]});
    call["o"]["unheard_of"] = json!("\u{1f4de} \u{0}");
    call["o"]["state"] = json!("unheard_of");
    desk.say(call).await?;
    let pos = stage.site.advance();
    let kind = json!({"t": "ev", "pos": pos, "ts": "2026-01-05T02:30:07.120000Z",
        "k": "conform.unheard_of", "o": {"id": "x"}});
    desk.say(kind).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await?;
    desk.event(&mut stage.site).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await
}

/// Nothing comes any more, and the socket stays open.
pub(super) async fn silence(stage: &mut Stage) -> Judged {
    let desk = stage.live().await?;
    let pos = desk.pos.clone();
    let again = stage.come(Duration::from_secs(12)).await?;
    must(again.is_some(), || {
        "it still waits after 12 s of silence, where a heartbeat was due each second".to_owned()
    })?;
    let Some(mut again) = again else { return Ok(()) };
    stage.resumes(&again, &pos)?;
    stage.replay(&mut again, &pos, 0).await
}
