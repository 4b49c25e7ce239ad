//! The socket of a scripted desk.

use super::{
    messages::{DeskCommand, DeskReport, DeskSub},
    progress::{Progress, Wanted},
};
use crate::sim::lines::{orders, print_line};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{ClientRequestBuilder, Error, Message, error::UrlError},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// First wait after a lost connection; doubles to the largest.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// Largest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// Close codes from here on are terminal.
const TERMINAL: std::ops::Range<u16> = 4500..4600;
/// The server wants a fresh start.
const RESYNC: u16 = 4009;

struct Target {
    url: String,
    token: String,
    subs: Vec<DeskSub>,
}

/// Why a connection is over.
enum Over {
    Quit,
    Lost { code: Option<u16> },
    Cut { away: Duration },
}

/// Plays a desk: orders on the standard input, frames on the standard output. Ends with `quit`,
/// the end of the input, or a terminal close of the server.
pub async fn run() {
    play(orders(), |report| print_line(&report)).await;
}

/// The same with orders and reports of the program that it is part of. `report` says whether
/// anybody listens still.
pub async fn play(
    mut orders: mpsc::Receiver<DeskCommand>,
    mut report: impl FnMut(DeskReport) -> bool,
) {
    let mut progress = Progress::default();
    if let Some(target) = first_target(&mut orders).await {
        follow(&target, &mut orders, &mut progress, &mut report).await;
    }
    report(DeskReport::Bye { events: progress.events, gaps: progress.gaps });
}

async fn first_target(orders: &mut mpsc::Receiver<DeskCommand>) -> Option<Target> {
    loop {
        match orders.recv().await? {
            DeskCommand::Connect { url, token, subs } => return Some(Target { url, token, subs }),
            DeskCommand::Cut { .. } | DeskCommand::Say { .. } => {} // nobody is there yet
            DeskCommand::Quit => return None,
        }
    }
}

async fn follow(
    target: &Target,
    orders: &mut mpsc::Receiver<DeskCommand>,
    progress: &mut Progress,
    report: &mut impl FnMut(DeskReport) -> bool,
) {
    let mut backoff = BACKOFF_FIRST;
    loop {
        let over = match connect(target, progress).await {
            Ok(mut socket) => {
                let before = progress.events;
                let over = converse(&mut socket, orders, progress, report).await;
                if progress.events > before {
                    backoff = BACKOFF_FIRST;
                }
                over
            }
            Err(_) => Over::Lost { code: None },
        };
        let wait = match over {
            Over::Quit => return,
            Over::Cut { away } => away,
            Over::Lost { code } => {
                let again = !code.is_some_and(|code| TERMINAL.contains(&code));
                if !report(DeskReport::Lost { code, again }) || !again {
                    return;
                }
                if code == Some(RESYNC) {
                    progress.start_over();
                }
                let wait = jittered(backoff);
                backoff = backoff.saturating_mul(2).min(BACKOFF_MAX);
                wait
            }
        };
        if away(wait, orders).await {
            return;
        }
    }
}

/// Waits between two connections. `true`: it need not come back.
async fn away(wait: Duration, orders: &mut mpsc::Receiver<DeskCommand>) -> bool {
    let until = tokio::time::Instant::now() + wait;
    loop {
        match tokio::time::timeout_at(until, orders.recv()).await {
            Err(_) => return false,
            Ok(Some(DeskCommand::Quit) | None) => return true,
            Ok(Some(
                DeskCommand::Cut { .. } | DeskCommand::Connect { .. } | DeskCommand::Say { .. },
            )) => {}
        }
    }
}

/// Full jitter: many desks that lost one server must not come back in one moment.
fn jittered(most: Duration) -> Duration {
    let random = getrandom::u64().unwrap_or(u64::MAX);
    most.mul_f64(random as f64 / u64::MAX as f64)
}

async fn connect(target: &Target, progress: &mut Progress) -> Result<Socket, Error> {
    let uri = target.url.parse().map_err(|_| Error::Url(UrlError::NoHostName))?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("trunkline.v1.json");
    let (mut socket, _) = connect_async(request).await?;
    progress.connected(target.subs.iter().map(|sub| sub.id.clone()));
    let mut hello = json!({
        "t": "hello",
        "auth": { "token": target.token },
        "client": { "name": "trunkline-sim", "ver": env!("CARGO_PKG_VERSION"), "inst": "" },
        "subs": target.subs,
    });
    hello["client"]["inst"] = Value::String(format!("pid-{}", std::process::id()));
    if let Some(resume) = progress.resume() {
        hello["resume"] = resume;
    }
    socket.send(Message::text(hello.to_string())).await?;
    Ok(socket)
}

async fn converse(
    socket: &mut Socket,
    orders: &mut mpsc::Receiver<DeskCommand>,
    progress: &mut Progress,
    report: &mut impl FnMut(DeskReport) -> bool,
) -> Over {
    loop {
        let message = tokio::select! {
            order = orders.recv() => match order {
                Some(DeskCommand::Cut { away_ms }) => {
                    return Over::Cut { away: Duration::from_millis(away_ms) };
                }
                Some(DeskCommand::Quit) | None => {
                    let _ = socket.close(None).await;
                    return Over::Quit;
                }
                Some(DeskCommand::Connect { .. }) => continue, // one server for its whole life
                Some(DeskCommand::Say { frame }) => {
                    if socket.send(Message::text(frame.to_string())).await.is_err() {
                        return Over::Lost { code: None };
                    }
                    continue;
                }
            },
            message = socket.next() => message,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                return Over::Lost { code: frame.map(|f| f.code.into()) };
            }
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => return Over::Lost { code: None },
        };
        let Ok(frame) = serde_json::from_str::<Value>(&text) else { continue };
        let wanted = progress.frame(&frame);
        if !report(DeskReport::Frame { frame }) {
            return Over::Quit;
        }
        match wanted {
            Wanted::Nothing => {}
            Wanted::Reply(reply) => {
                if socket.send(Message::text(reply.to_string())).await.is_err() {
                    return Over::Lost { code: None };
                }
            }
            Wanted::Gap { server, here } => {
                report(DeskReport::Gap { server, here });
                return Over::Cut { away: Duration::ZERO };
            }
        }
    }
}
