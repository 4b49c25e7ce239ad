//! A desk: raw frames, and what a correct client makes of them.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

pub const WAIT: Duration = Duration::from_secs(10);

pub struct Desk<S = TcpStream> {
    pub ws: WebSocketStream<S>,
}

pub fn request(addr: SocketAddr) -> tungstenite::handshake::client::Request {
    let mut request = format!("ws://{addr}/v1/events").into_client_request().unwrap();
    let protocol = "trunkline.v1.json".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    request
}

pub fn hello(token: &str, subs: &[(&str, &str, &str)], resume: Option<(&str, u64)>) -> Value {
    let subs: Vec<_> =
        subs.iter().map(|(id, topic, view)| json!({"id":id,"topic":topic,"view":view})).collect();
    let mut hello = json!({
        "t": "hello", "auth": {"token": token},
        "client": {"name": "test", "ver": "1"}, "subs": subs,
    });
    if let Some((epoch, pos)) = resume {
        hello["resume"] = json!({"epoch": epoch, "pos": pos.to_string()});
    }
    hello
}

pub const OWN: &[(&str, &str, &str)] = &[("1", "calls:own", "")];

/// A frame, or the end of the socket.
#[derive(Debug, Clone, PartialEq)]
pub enum Got {
    Frame(Value),
    Close(u16),
    Lost,
}

impl Got {
    pub fn frame(self) -> Value {
        match self {
            Got::Frame(value) => value,
            other => panic!("expected a frame, got {other:?}"),
        }
    }
}

impl Desk<TcpStream> {
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        Self::over(addr, stream).await.unwrap()
    }

    /// Connects, says hello and reads up to the end of the first cut or replay.
    pub async fn open(addr: SocketAddr, hello: &Value) -> (Self, Vec<Value>) {
        let mut desk = Self::connect(addr).await;
        desk.say(hello).await;
        let first = desk.until_live(hello["subs"].as_array().unwrap().len()).await;
        (desk, first)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Desk<S> {
    pub async fn over(addr: SocketAddr, stream: S) -> Result<Self, tungstenite::Error> {
        let (ws, _) = tokio_tungstenite::client_async(request(addr), stream).await?;
        Ok(Self { ws })
    }

    pub async fn say(&mut self, value: &Value) {
        self.ws.send(Message::text(value.to_string())).await.unwrap();
    }

    pub async fn next(&mut self) -> Got {
        loop {
            let message = tokio::time::timeout(WAIT, self.ws.next()).await.expect("silence");
            return match message {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text).unwrap();
                    crate::schema::check(&frame);
                    Got::Frame(frame)
                }
                Some(Ok(Message::Close(frame))) => {
                    Got::Close(frame.map_or(1005, |f| f.code.into()))
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Got::Lost,
            };
        }
    }

    /// The next frame of this kind; heartbeats in between are passed over.
    pub async fn next_of(&mut self, t: &str) -> Value {
        loop {
            let frame = self.next().await.frame();
            if frame["t"] == t {
                return frame;
            }
            assert!(frame["t"] == "hb", "expected {t}, got {frame}");
        }
    }

    pub async fn until_live(&mut self, subs: usize) -> Vec<Value> {
        let (mut seen, mut open) = (Vec::new(), subs);
        loop {
            let frame = self.next().await.frame();
            let replayed = frame["t"] == "replayed";
            let refused = frame["t"] == "err";
            let cut = frame["t"] == "snap" && frame["last"] == true && frame["gap"] == false;
            seen.push(frame);
            if cut || refused {
                open -= 1;
            }
            if replayed || open == 0 {
                return seen;
            }
        }
    }

    /// Reads frames up to the close; gives them and its code.
    pub async fn until_close(&mut self) -> (Vec<Value>, u16) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Got::Frame(frame) => frames.push(frame),
                Got::Close(code) => return (frames, code),
                Got::Lost => return (frames, 1006),
            }
        }
    }
}

pub fn pos(frame: &Value) -> u64 {
    frame["pos"].as_str().unwrap().parse().unwrap()
}

pub fn of<'a>(frames: &'a [Value], t: &str) -> Vec<&'a Value> {
    frames.iter().filter(|f| f["t"] == t).collect()
}
