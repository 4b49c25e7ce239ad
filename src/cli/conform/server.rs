//! The other side: does a server keep the contract?

use super::args::ConformArgs;
use super::case::{Case, Judged, failed, must};
use super::report::Report;
use super::server_socket::{ANSWER, Heard, SUB, Target, text};
use crate::cli::demo::stop::Stop;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Error;

/// Heartbeats come a tenth late at most; and what a busy machine takes.
const SLACK: Duration = Duration::from_secs(3);

/// Plays the cases; `true` if the server keeps the contract.
pub(super) async fn run(
    url: &str,
    args: &ConformArgs,
    cases: &[&'static Case],
) -> std::io::Result<bool> {
    let mut stop = Stop::listen()?;
    let token = match &args.token_file {
        Some(file) => std::fs::read_to_string(file)?.trim().to_owned(),
        None => String::new(),
    };
    let target = Target { url: url.to_owned(), token, topic: args.topic.clone() };
    let mut report = Report::new(args.json);
    let play = async {
        for case in cases {
            let began = Instant::now();
            let judged = play(case, &target).await;
            report.add(case, &judged, began.elapsed());
        }
    };
    tokio::select! {
        () = play => {}
        () = stop.asked() => {}
    }
    report.totals();
    Ok(report.is_good(cases.len(), args.strict))
}

async fn play(case: &Case, target: &Target) -> Judged {
    match case.name {
        "subprotocol" => subprotocol(target).await,
        "first" => first(target, &json!({"t": "hb", "pos": "0", "n": 0}), 1002).await,
        "long-hello" => {
            let mut hello = target.hello("long");
            hello["client"]["name"] = Value::String("x".repeat(5_000));
            first(target, &hello, 1009).await
        }
        "bad-token" => {
            let mut hello = target.hello("bad");
            hello["auth"]["token"] = json!("no.such.token");
            first(target, &hello, 4500).await
        }
        "order" => order(target).await,
        "beat" => beat(target).await,
        "tolerance" => tolerance(target).await,
        "resumed" => resumed(target).await,
        "other-epoch" => {
            let epoch = "00000000-0000-0000-0000-000000000000";
            refused(target, "epoch", |resume| resume["epoch"] = json!(epoch)).await
        }
        "ahead" => {
            let far = |resume: &mut Value| resume["pos"] = json!("9000000000000000000");
            refused(target, "ahead", far).await
        }
        "other-scope" => {
            refused(target, "scope", |resume| resume["scope"] = json!("another")).await
        }
        "subscribe" => subscribe(target).await,
        "second-hello" => {
            let (mut socket, ..) = target.live("twice").await?;
            socket.say(&target.hello("twice")).await?;
            socket.closes(1002, ANSWER).await
        }
        "replaced" => {
            let (mut first, ..) = target.live("one").await?;
            let (_second, ..) = target.live("one").await?;
            first.closes(4509, ANSWER).await
        }
        "bad-command" => bad_command(target).await,
        "no-answer" => {
            let (mut socket, welcome, _) = target.live("mute").await?;
            socket.closes(4001, beats(&welcome) + Duration::from_secs(5) + SLACK).await
        }
        other => failed(format!("{other} is not played")),
    }
}

/// Longest time to the next heartbeat.
fn beats(welcome: &Value) -> Duration {
    Duration::from_millis(welcome["hb_ms"].as_u64().unwrap_or(10_000) * 11 / 10)
}

async fn subprotocol(target: &Target) -> Judged {
    match target.dial(None).await {
        Err(Error::Http(answer)) => must(answer.status() == 400, || {
            format!("the answer is {}, not 400", answer.status().as_u16())
        }),
        Err(error) => failed(format!("no HTTP answer: {error}")),
        Ok(_) => failed("it is let in without a subprotocol"),
    }
}

async fn first(target: &Target, frame: &Value, code: u16) -> Judged {
    let mut socket = target.connect().await?;
    socket.say(frame).await?;
    socket.closes(code, ANSWER).await
}

async fn order(target: &Target) -> Judged {
    let mut hello = target.hello("order");
    let subs = [SUB, "none"].map(|id| {
        let topic = if id == SUB { target.topic.as_str() } else { "conform:no-such-topic" };
        json!({ "id": id, "topic": topic })
    });
    hello["subs"] = json!(subs);
    let (mut socket, welcome) = target.welcomed(&hello).await?;
    for member in ["conn", "epoch", "pos", "why", "scope", "time", "health"] {
        text(&welcome, member)?;
    }
    must(welcome["resumed"] == false && welcome["why"] == "none", || {
        "welcome: resumed must be false and why none for who asks for nothing".to_owned()
    })?;
    must(welcome["hb_ms"].is_u64() && welcome["limits"].is_object(), || {
        "welcome has no hb_ms or limits".to_owned()
    })?;
    let number = |pos: &str| !pos.is_empty() && pos.bytes().all(|b| b.is_ascii_digit());
    must(number(&text(&welcome, "pos")?), || "welcome.pos is no decimal text".to_owned())?;
    let mut answered = Vec::new();
    loop {
        match socket.hear(ANSWER).await {
            Heard::Frame(frame) => match frame["t"].as_str().unwrap_or_default() {
                "sub.ok" if frame["id"] == SUB => answered.push(SUB),
                "err" if frame["ref"] == "none" => answered.push("none"),
                "snap" => {
                    must(answered.contains(&SUB), || "snap comes before sub.ok".to_owned())?;
                    must(frame["pos"] == welcome["pos"], || {
                        "snap.pos is not welcome.pos".to_owned()
                    })?;
                    if frame["last"] == true && frame["gap"] != true {
                        break;
                    }
                }
                "ev" => return failed("an event comes before the state"),
                _ => {}
            },
            other => return failed(format!("{} in place of the state", other.name())),
        }
    }
    must(answered.len() == 2, || "a topic that does not exist is not answered by err".to_owned())
}

async fn beat(target: &Target) -> Judged {
    let (mut socket, welcome, _) = target.live("beat").await?;
    let until = Instant::now() + beats(&welcome) + SLACK;
    loop {
        match socket.hear(until.saturating_duration_since(Instant::now())).await {
            Heard::Frame(frame) if frame["t"] == "hb" => return socket.answer(&frame).await,
            Heard::Frame(_) => {}
            other => return failed(format!("{} in place of hb", other.name())),
        }
    }
}

async fn tolerance(target: &Target) -> Judged {
    let mut hello = target.hello("tolerance");
    hello["unheard_of"] = json!([1]);
    hello["client"]["unheard_of"] = json!({});
    let (mut socket, welcome) = target.welcomed(&hello).await?;
    socket.say(&json!({"t": "conform.unheard_of", "x": {"y": null}})).await?;
    socket.say(&json!({"t": "unsub", "id": "no-such", "unheard_of": 1})).await?;
    socket.until("err for the subscription that is not there", |f| f["ref"] == "no-such").await?;
    must(welcome["resumed"] == false, || "resumed without being asked".to_owned())
}

async fn resumed(target: &Target) -> Judged {
    let (socket, welcome, pos) = target.live("resumed").await?;
    drop(socket);
    let mut hello = target.hello("resumed");
    hello["resume"] = json!({"epoch": welcome["epoch"], "pos": pos, "scope": welcome["scope"]});
    let (mut socket, again) = target.welcomed(&hello).await?;
    must(again["resumed"] == true && again["why"] == "ok", || {
        format!("it does not resume: why is {}", again["why"])
    })?;
    let replayed = socket.until("replayed", |frame| frame["t"] == "replayed").await?;
    let n = socket.n;
    must(replayed["count"].as_u64().unwrap_or(0) == n && replayed["from"] == pos.as_str(), || {
        format!(
            "replayed says {} from {}; {n} came from {pos}",
            replayed["count"], replayed["from"]
        )
    })
}

/// A `resume` that cannot be: the state comes instead, and why.
async fn refused(target: &Target, why: &str, change: impl FnOnce(&mut Value)) -> Judged {
    let (socket, welcome, pos) = target.live("refused").await?;
    drop(socket);
    let mut hello = target.hello("refused");
    let mut resume = json!({"epoch": welcome["epoch"], "pos": pos, "scope": welcome["scope"]});
    change(&mut resume);
    hello["resume"] = resume;
    let (mut socket, again) = target.welcomed(&hello).await?;
    must(again["resumed"] == false && again["why"] == why, || {
        format!("resumed is {} and why {}, not {why}", again["resumed"], again["why"])
    })?;
    let whole = |f: &Value| f["t"] == "snap" && f["last"] == true && f["gap"] != true;
    socket.until("the state", whole).await.map(|_| ())
}

async fn subscribe(target: &Target) -> Judged {
    let (mut socket, ..) = target.live("subscribe").await?;
    socket.say(&json!({"t": "sub", "id": "more", "topic": target.topic})).await?;
    socket.until("sub.ok", |f| f["t"] == "sub.ok" && f["id"] == "more").await?;
    let scope = socket.until("scope", |f| f["t"] == "scope").await?;
    text(&scope, "scope")?;
    socket.say(&json!({"t": "sub", "id": "more", "topic": target.topic})).await?;
    socket.until("err for an id that is in use", |f| f["ref"] == "more").await?;
    socket.say(&json!({"t": "unsub", "id": "more"})).await?;
    socket.until("sub.ok", |f| f["t"] == "sub.ok" && f["id"] == "more").await.map(|_| ())
}

async fn bad_command(target: &Target) -> Judged {
    let (mut socket, ..) = target.live("command").await?;
    let id = "0198c0de-0000-7000-8000-0000000c0f0e";
    socket.say(&json!({"t": "cmd", "id": id, "op": "conform.no_such_op"})).await?;
    let err = socket.until("err", |f| f["t"] == "err" && f["ref"] == id).await?;
    text(&err, "code")?;
    socket.say(&json!({"t": "unsub", "id": "no-such"})).await?;
    socket.until("an answer after that", |f| f["ref"] == "no-such").await.map(|_| ())
}
