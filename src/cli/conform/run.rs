//! From the URL to the totals.

use super::args::ConformArgs;
use super::case::Case;
use super::cases;
use super::door::Door;
use super::report::Report;
use super::stage::Stage;
use crate::cli::demo::{out::say, stop::Stop};
use serde_json::json;
use std::time::Instant;

/// The client is no real one's: good here alone.
fn token() -> std::io::Result<String> {
    let random = getrandom::u64().map_err(std::io::Error::other)?;
    Ok(format!("conform-{random:016x}"))
}

/// Plays the cases; `true` if the client may be used.
pub(super) async fn run(args: ConformArgs, cases: &[&'static Case]) -> std::io::Result<bool> {
    let mut stop = Stop::listen()?;
    let door = Door::open(args.listen).await?;
    let mut stage = Stage::new(door, args, token()?);
    introduce(&stage);
    let mut report = Report::new(stage.args.json);
    let play = async {
        for case in cases {
            let began = Instant::now();
            let judged = cases::play(case, &mut stage).await;
            report.add(case, &judged, began.elapsed());
            if case.stops && stage.args.client.is_none() && !stage.args.json {
                say!("      (start the client again)");
            }
        }
    };
    tokio::select! {
        () = play => {}
        () = stop.asked() => {}
    }
    report.totals();
    Ok(report.is_good(cases.len(), stage.args.strict))
}

fn introduce(stage: &Stage) {
    let (url, token) = (stage.url(), stage.token());
    if stage.args.json {
        return say!("{}", json!({ "url": url, "token": token }));
    }
    say!("export TRUNKLINE_URL={url}\nexport TRUNKLINE_TOKEN={token}\n");
    if stage.args.client.is_none() {
        say!("Connect your client there. Cases about commands need one that it sends: log in.\n");
    }
}
