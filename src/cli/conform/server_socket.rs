//! A socket to the server that is checked.

use super::case::{Ended, Judged, failed, must};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// An answer of the server.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// Name of the subscription of the check.
pub(super) const SUB: &str = "conform";

/// Where the server is, and as whom the check comes.
pub(super) struct Target {
    pub url: String,
    pub token: String,
    pub topic: String,
}

/// What a socket brings.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(Value),
    Closed(Option<u16>),
    Nothing,
}

/// A WebSocket.
pub(super) struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// `ev` frames since `welcome`.
    pub n: u64,
}

impl Target {
    /// The first frame of a desktop of this name.
    pub fn hello(&self, inst: &str) -> Value {
        json!({
            "t": "hello", "auth": { "token": self.token },
            "client": { "name": "trunkline-conform", "ver": env!("CARGO_PKG_VERSION"), "inst": inst },
            "subs": [{ "id": SUB, "topic": self.topic }],
        })
    }

    pub async fn connect(&self) -> Judged<Socket> {
        match self.dial(Some("trunkline.v1.json")).await {
            Ok(socket) => Ok(socket),
            Err(error) => failed(format!("cannot connect: {error}")),
        }
    }

    pub async fn dial(&self, protocol: Option<&str>) -> Result<Socket, Error> {
        let uri = self
            .url
            .parse()
            .map_err(|_| Error::Url(tokio_tungstenite::tungstenite::error::UrlError::NoHostName))?;
        let mut request = ClientRequestBuilder::new(uri);
        if let Some(protocol) = protocol {
            request = request.with_sub_protocol(protocol);
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Socket { socket, n: 0 })
    }

    /// Says this hello and takes `welcome`.
    pub async fn welcomed(&self, hello: &Value) -> Judged<(Socket, Value)> {
        let mut socket = self.connect().await?;
        socket.say(hello).await?;
        match socket.hear(ANSWER).await {
            Heard::Frame(frame) if frame["t"] == "welcome" => Ok((socket, frame)),
            other => failed(format!("{} in place of welcome", other.name())),
        }
    }

    /// A socket that has its state, `welcome`, and its position.
    pub async fn live(&self, inst: &str) -> Judged<(Socket, Value, String)> {
        let (mut socket, welcome) = self.welcomed(&self.hello(inst)).await?;
        let snap = socket.until("the last page of snap", |f| f["t"] == "snap" && f["last"] == true);
        let pos = text(&snap.await?, "pos")?;
        Ok((socket, welcome, pos))
    }
}

impl Heard {
    pub fn name(&self) -> String {
        match self {
            Self::Frame(frame) => format!("{} came", frame["t"]),
            Self::Closed(Some(code)) => format!("close {code} came"),
            Self::Closed(None) => "the connection was lost".to_owned(),
            Self::Nothing => "nothing came".to_owned(),
        }
    }
}

impl Socket {
    pub async fn say(&mut self, frame: &Value) -> Judged {
        match self.socket.send(Message::text(frame.to_string())).await {
            Ok(()) => Ok(()),
            Err(error) => failed(format!("the server took no {}: {error}", frame["t"])),
        }
    }

    pub async fn hear(&mut self, within: Duration) -> Heard {
        let until = Instant::now() + within;
        loop {
            let text = match timeout_at(until, self.socket.next()).await {
                Err(_) => return Heard::Nothing,
                Ok(None | Some(Err(_))) => return Heard::Closed(None),
                Ok(Some(Ok(Message::Close(frame)))) => {
                    return Heard::Closed(frame.map(|frame| frame.code.into()));
                }
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(_))) => continue,
            };
            let frame: Value = serde_json::from_str(&text).unwrap_or_default();
            self.n += u64::from(frame["t"] == "ev");
            return Heard::Frame(frame);
        }
    }

    /// The next frame like this; heartbeats are answered on the way.
    pub async fn until(&mut self, what: &str, like: impl Fn(&Value) -> bool) -> Judged<Value> {
        let deadline = Instant::now() + ANSWER;
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now())).await {
                Heard::Frame(frame) if like(&frame) => return Ok(frame),
                Heard::Frame(frame) if frame["t"] == "hb" => self.answer(&frame).await?,
                Heard::Frame(_) => {}
                other => return failed(format!("{} in place of {what}", other.name())),
            }
        }
    }

    pub async fn answer(&mut self, beat: &Value) -> Judged {
        let n = self.n;
        must(beat["n"].as_u64().unwrap_or(0) == n, || {
            format!("hb.n is {}, but {n} events came", beat["n"])
        })?;
        self.say(&json!({ "t": "hb", "pos": beat["pos"], "n": n })).await
    }

    /// It is closed with this code; frames may come before.
    pub async fn closes(&mut self, code: u16, within: Duration) -> Judged {
        let deadline = Instant::now() + within;
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now())).await {
                Heard::Frame(_) => {}
                Heard::Closed(Some(closed)) if closed == code => return Ok(()),
                other => return failed(format!("{} in place of close {code}", other.name())),
            }
        }
    }
}

/// A member that is a text.
pub(super) fn text(frame: &Value, member: &str) -> Judged<String> {
    let found = frame[member].as_str().map(str::to_owned);
    found.ok_or_else(|| Ended::Failed(format!("{}.{member} is no text", frame["t"])))
}
