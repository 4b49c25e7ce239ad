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
use trunkline_core::hub::FILTER_LABELS;
use trunkline_core::model::Named as _;
use trunkline_core::wire::{Codec, read_frame, write_frame};

#[path = "../support/desk_frame.rs"]
mod desk_frame;

pub const WAIT: Duration = Duration::from_secs(10);

pub struct Desk<S = TcpStream> {
    pub ws: WebSocketStream<S>,
    codec: Codec,
    /// Size of the newest message.
    pub heard_bytes: usize,
}

fn request(addr: SocketAddr, codec: Codec) -> tungstenite::handshake::client::Request {
    let mut request = format!("ws://{addr}/v1/events").into_client_request().unwrap();
    let protocol = codec.name().parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    request
}

/// A frame as a message of the codec.
pub fn message(frame: &Value, codec: Codec) -> Message {
    match codec {
        Codec::Json => Message::text(frame.to_string()),
        Codec::Protobuf => {
            let known = desk_frame::frame_of(frame).map(|f| write_frame(&f, codec).to_vec());
            // A frame without a form yet: member 99 of the envelope.
            let mut bytes = known.unwrap_or_else(|| b"\x9a\x06\x01x".to_vec());
            if has_strange_list(frame) {
                // More of the same message (`sub`): list 99 of its filter.
                bytes.extend(b"\x72\x06\x22\x04\x9a\x06\x01x");
            }
            Message::binary(bytes)
        }
    }
}

fn has_strange_list(sub: &Value) -> bool {
    let lists = sub["filter"].as_object().into_iter().flatten();
    lists.into_iter().any(|(name, _)| !FILTER_LABELS.contains(&name.as_str()))
}

/// The frame in a message, as JSON has it; `None`: something else.
pub fn text_of(message: &Message, codec: Codec) -> Option<String> {
    match (message, codec) {
        (Message::Text(text), Codec::Json) => Some(text.to_string()),
        (Message::Binary(bytes), Codec::Protobuf) => {
            let read = read_frame(bytes).unwrap().unwrap();
            let json = write_frame(&read.frame, Codec::Json);
            Some(String::from_utf8(json.to_vec()).unwrap())
        }
        (Message::Text(_) | Message::Binary(_), _) => panic!("{message:?} is not {codec:?}"),
        _ => None,
    }
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
        Self::connect_as(addr, crate::CODEC).await
    }

    pub async fn connect_as(addr: SocketAddr, codec: Codec) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        Self::over_as(addr, stream, codec).await.unwrap()
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
        Self::over_as(addr, stream, crate::CODEC).await
    }

    async fn over_as(
        addr: SocketAddr,
        stream: S,
        codec: Codec,
    ) -> Result<Self, tungstenite::Error> {
        let request = request(addr, codec);
        let (ws, response) = tokio_tungstenite::client_async(request, stream).await?;
        assert_eq!(response.headers()["sec-websocket-protocol"], codec.name());
        Ok(Self { ws, codec, heard_bytes: 0 })
    }

    pub async fn say(&mut self, value: &Value) {
        self.ws.send(message(value, self.codec)).await.unwrap();
    }

    pub async fn next(&mut self) -> Got {
        loop {
            let message = tokio::time::timeout(WAIT, self.ws.next()).await.expect("silence");
            return match message {
                Some(Ok(Message::Close(frame))) => {
                    Got::Close(frame.map_or(1005, |f| f.code.into()))
                }
                Some(Ok(message)) => {
                    self.heard_bytes = message.len();
                    let Some(text) = text_of(&message, self.codec) else { continue };
                    let frame = serde_json::from_str(&text).unwrap();
                    crate::schema::check(&frame);
                    Got::Frame(frame)
                }
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
