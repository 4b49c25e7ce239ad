//! The cases themselves.

mod closes;
mod commands;
mod connect;
mod resume;

use super::case::{Case, Judged, failed};
use super::stage::Stage;

/// Plays one.
pub(super) async fn play(case: &Case, stage: &mut Stage) -> Judged {
    match case.name {
        "hello" => connect::hello(stage).await,
        "heartbeat" => connect::heartbeat(stage).await,
        "unknown" => connect::unknown(stage).await,
        "silence" => connect::silence(stage).await,
        "cut" => resume::after_a_cut(stage).await,
        "resume-empty" => resume::before_a_snapshot(stage).await,
        "resume-heartbeat" => resume::from_a_heartbeat(stage).await,
        "gap" => resume::gap(stage).await,
        "replay-cut" => resume::replay_cut(stage).await,
        "too-old" => resume::too_old(stage).await,
        "epoch" => resume::epoch(stage).await,
        "scope" => resume::scope(stage).await,
        "4008" => closes::comes_back(stage, 4008).await,
        "4009" => closes::starts_over(stage).await,
        "1011" => closes::comes_back(stage, 1011).await,
        "goaway" => closes::goaway(stage).await,
        "backoff" => closes::backoff(stage).await,
        "token" => closes::token(stage).await,
        "unseen" => commands::unseen(stage).await,
        "accepted" => commands::accepted(stage).await,
        "answered" => commands::answered(stage).await,
        "wrap-up" => commands::wrap_up(stage).await,
        "1002" => closes::stops(stage, 1002).await,
        "4500" => closes::stops(stage, 4500).await,
        "4503" => closes::stops(stage, 4503).await,
        "4509" => closes::stops(stage, 4509).await,
        "4529" => closes::stops(stage, 4529).await,
        other => failed(format!("{other} is not played")),
    }
}
