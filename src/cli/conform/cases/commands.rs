//! Commands across cuts, and the work after a call.

use crate::cli::conform::case::{Ended, Judged, failed, must};
use crate::cli::conform::desk::{Desk, Heard};
use crate::cli::conform::site::{Welcome, micros};
use crate::cli::conform::stage::Stage;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// A command that was cut off is sent again within this.
const AGAIN: Duration = Duration::from_secs(5);
/// Nothing is sent again after this.
const QUIET: Duration = Duration::from_secs(2);
/// The work after a call may take so long.
const WRAP_UP: Duration = Duration::from_secs(5);
/// What was sent in time may come so much later.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

/// A client that is live and has sent a command that is not answered. A client that sends
/// none by itself needs somebody who does something.
async fn with_command(stage: &mut Stage) -> Judged<(Desk, Value)> {
    let mut desk = stage.begin().await?;
    desk.obliging = false;
    desk.welcome(&mut stage.site, &Welcome::anew("none")).await?;
    desk.snapshot(&stage.site).await?;
    let command = desk.command(stage.args.patience, &mut stage.commands).await?;
    Ok((desk, command))
}

/// Comes back, with this command in `pending`.
async fn restated(stage: &mut Stage, pos: &str, id: &Value) -> Judged<Desk> {
    let desk = stage.back_from(pos).await?;
    let pending = desk.hello["pending"].as_array();
    must(pending.is_some_and(|ids| ids.contains(id)), || {
        format!("command {id} has no result and is not in hello.pending")
    })?;
    Ok(desk)
}

async fn welcome_back(
    stage: &mut Stage,
    desk: &mut Desk,
    from: &str,
    id: &Value,
    status: &str,
) -> Judged {
    let mut how = Welcome::resumed();
    how.commands = vec![json!({"id": id, "status": status})];
    desk.welcome(&mut stage.site, &how).await?;
    let to = stage.site.advance();
    desk.say(json!({"t": "replayed", "from": from, "to": to, "count": 0})).await?;
    desk.pos = to;
    Ok(())
}

pub(super) async fn unseen(stage: &mut Stage) -> Judged {
    let (desk, command) = with_command(stage).await?;
    let (pos, id) = (desk.pos.clone(), command["id"].clone());
    desk.cut();
    let mut desk = restated(stage, &pos, &id).await?;
    desk.obliging = false;
    stage.commands.again = id.as_str().map(str::to_owned);
    welcome_back(stage, &mut desk, &pos, &id, "unseen").await?;
    let again = match desk.command(AGAIN, &mut stage.commands).await {
        Err(Ended::Skipped(_)) => {
            // Its time may be over: then it is never sent again, which is right too.
            let over = command["not_after"].as_str().and_then(|at| at.parse().ok());
            let over = over.is_none_or(|at: jiff::Timestamp| at <= jiff::Timestamp::now());
            return must(over, || format!("command {id} was not seen and is not sent again"));
        }
        other => other?,
    };
    must(again["id"] == id, || {
        format!("command {id} is sent again as {}: under a new id it may run twice", again["id"])
    })?;
    desk.carry_out(id.as_str().unwrap_or_default()).await?;
    desk.no_command_of(&id, QUIET, stage).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await
}

pub(super) async fn accepted(stage: &mut Stage) -> Judged {
    let (mut desk, command) = with_command(stage).await?;
    let (pos, id) = (desk.pos.clone(), command["id"].clone());
    desk.say(json!({"t": "ack", "id": id, "pos": pos})).await?;
    desk.cut();
    let mut desk = restated(stage, &pos, &id).await?;
    desk.obliging = false;
    welcome_back(stage, &mut desk, &pos, &id, "accepted").await?;
    desk.no_command_of(&id, QUIET, stage).await?;
    desk.carry_out(id.as_str().unwrap_or_default()).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await
}

pub(super) async fn answered(stage: &mut Stage) -> Judged {
    let (desk, command) = with_command(stage).await?;
    let (pos, id) = (desk.pos.clone(), command["id"].clone());
    desk.cut();
    let mut desk = restated(stage, &pos, &id).await?;
    desk.obliging = false;
    welcome_back(stage, &mut desk, &pos, &id, "ok").await?;
    // The result comes again, as it does in a replay.
    let result = json!({"t": "result", "id": id, "status": "ok", "pos": desk.pos, "call_id": ""});
    desk.say(result).await?;
    desk.no_command_of(&id, QUIET, stage).await?;
    desk.beat(&mut stage.site, &mut stage.commands).await?;
    let pos = desk.pos.clone();
    desk.cut();
    let mut desk = stage.back_from(&pos).await?;
    let pending = desk.hello["pending"].as_array();
    must(pending.is_none_or(|ids| !ids.contains(&id)), || {
        format!("command {id} has its result and is in hello.pending all the same")
    })?;
    stage.replay(&mut desk, &pos, 0).await
}

pub(super) async fn wrap_up(stage: &mut Stage) -> Judged {
    let mut desk = stage.live().await?;
    let pos = stage.site.advance();
    let call = stage.site.call(&pos);
    let id = call["o"]["id"].as_str().unwrap_or_default().to_owned();
    desk.say(call).await?;
    let pos = stage.site.advance();
    let time = jiff::SignedDuration::try_from(WRAP_UP).unwrap_or_default();
    let deadline = jiff::Timestamp::now() + time;
    let work = stage.site.wrap_up(&pos, &id, deadline);
    desk.say(work).await?;
    desk.pos = pos;
    let in_time = desk.wrap_up_within(WRAP_UP + ON_ITS_WAY, stage).await?;
    if let Some(frame) = &in_time {
        let at = frame["not_after"].as_str().and_then(|at| at.parse().ok()).unwrap_or(deadline);
        must(at <= deadline + jiff::SignedDuration::from_secs(60), || {
            format!("{}: not_after is more than 60 s ahead", frame["op"])
        })?;
        let left = deadline.duration_since(jiff::Timestamp::now());
        let left = Duration::try_from(left).unwrap_or_default();
        while desk.wrap_up_within(left + ON_ITS_WAY, stage).await?.is_some() {}
    }
    // The server ends the work at its deadline; a command for it would come too late.
    let pos = stage.site.advance();
    let ready = json!({"t": "ev", "pos": pos, "ts": micros(deadline), "k": "agent.ready",
        "o": stage.site.agent("ready", 5)});
    desk.say(ready).await?;
    desk.pos = pos;
    if let Some(frame) = desk.wrap_up_within(QUIET, stage).await? {
        return failed(format!("{} comes after the deadline", frame["op"]));
    }
    if in_time.is_none() {
        let why = "no label, note or end of the work came: does somebody sit at the desktop?";
        return Err(Ended::Skipped(why.to_owned()));
    }
    desk.beat(&mut stage.site, &mut stage.commands).await
}

/// A command about the work after a call.
fn is_wrap_up(frame: &Value) -> bool {
    let op = frame["op"].as_str().unwrap_or_default();
    let named = matches!(op, "agent.state" | "call.label" | "call.data");
    frame["t"] == "cmd" && (named || op.starts_with("wrapup."))
}

impl Desk {
    /// The next command about the work after a call.
    async fn wrap_up_within(&mut self, time: Duration, stage: &mut Stage) -> Judged<Option<Value>> {
        let until = Instant::now() + time;
        loop {
            match self.hear_long(until, &mut stage.commands).await? {
                Heard::Frame(frame) if is_wrap_up(&frame) => return Ok(Some(frame)),
                Heard::Frame(_) => {}
                Heard::Gone => return failed("the client closed the socket"),
                Heard::Nothing => return Ok(None),
            }
        }
    }

    /// This command does not come again; others may.
    async fn no_command_of(&mut self, id: &Value, time: Duration, stage: &mut Stage) -> Judged {
        let until = Instant::now() + time;
        loop {
            match self.hear_long(until, &mut stage.commands).await? {
                Heard::Frame(frame) if frame["t"] == "cmd" => {
                    must(frame["id"] != *id, || format!("command {id} is sent again"))?;
                    self.carry_out(frame["id"].as_str().unwrap_or_default()).await?;
                }
                Heard::Frame(_) => {}
                Heard::Gone => return failed("the client closed the socket"),
                Heard::Nothing => return Ok(()),
            }
        }
    }
}
