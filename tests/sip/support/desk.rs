//! A desk on the real WebSocket: every frame it gets, in order.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// A connected desk.
pub struct Desk {
    frames: Receiver<Value>,
    say: tokio::sync::mpsc::UnboundedSender<Value>,
    seen: Vec<Value>,
}

impl Desk {
    /// Connects and subscribes to all calls, the health and the lines of the site.
    pub fn supervisor(server: SocketAddr, token: &str) -> Self {
        let subs = json!([
            {"id": "c", "topic": "site:calls"},
            {"id": "h", "topic": "site:health"},
            {"id": "l", "topic": "site:lines"},
        ]);
        Self::connect(server, token, subs, json!([]), true)
    }

    /// An agent's desk: own calls, own state. `pending` are commands it does not know the result of.
    pub fn agent(server: SocketAddr, token: &str, pending: Value) -> Self {
        Self::agents(server, token, pending, true)
    }

    /// The same of one that answers no heartbeat: it is connected, and shows nothing any more.
    #[allow(dead_code)] // the tests with a real Asterisk have some
    pub fn frozen(server: SocketAddr, token: &str) -> Self {
        Self::agents(server, token, json!([]), false)
    }

    fn agents(server: SocketAddr, token: &str, pending: Value, answers: bool) -> Self {
        let subs = json!([
            {"id": "c", "topic": "calls:own"},
            {"id": "a", "topic": "agent:self"},
        ]);
        Self::connect(server, token, subs, pending, answers)
    }

    fn connect(
        server: SocketAddr,
        token: &str,
        subs: Value,
        pending: Value,
        answers: bool,
    ) -> Self {
        let hello = json!({
            "t": "hello", "auth": {"token": token},
            "client": {"name": "test", "ver": "1", "inst": "1"},
            "subs": subs, "pending": pending,
        });
        let (say, mut said) = tokio::sync::mpsc::unbounded_channel::<Value>();
        let (tell, frames) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut request = format!("ws://{server}/v1/events").into_client_request().unwrap();
                let protocol = "trunkline.v1.json".parse().unwrap();
                request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
                let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
                socket.send(Message::text(hello.to_string())).await.unwrap();
                loop {
                    let message = tokio::select! {
                        Some(frame) = said.recv() => {
                            let _ = socket.send(Message::text(frame.to_string())).await;
                            continue;
                        }
                        message = socket.next() => message,
                    };
                    let Some(Ok(message)) = message else { return };
                    // The server's own codes are shown as a frame; a drain is no news.
                    if let Message::Close(Some(close)) = &message
                        && u16::from(close.code) >= 4000
                    {
                        let _ = tell.send(json!({"t": "close", "code": u16::from(close.code)}));
                    }
                    let Message::Text(text) = message else { continue };
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["t"] == "hb" && answers {
                        let _ = socket.send(Message::text(text)).await; // the server judges it
                    }
                    if tell.send(frame).is_err() {
                        return;
                    }
                }
            });
        });
        Self { frames, say, seen: Vec::new() }
    }

    /// Sends a frame.
    pub fn say(&self, frame: Value) {
        self.say.send(frame).unwrap();
    }

    /// Waits for a frame like this.
    pub fn expect(&mut self, what: &str, within: Duration, like: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.frames.recv_timeout(left) {
                Ok(frame) => {
                    self.seen.push(frame.clone());
                    if like(&frame) {
                        return frame;
                    }
                }
                Err(_) => panic!("no {what} in {within:?}; frames: {:#?}", self.seen),
            }
        }
    }

    /// Every frame so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Everything that comes until nothing came for so long.
    pub fn drain(&mut self, quiet: Duration) -> Vec<Value> {
        let mut got = Vec::new();
        while let Ok(frame) = self.frames.recv_timeout(quiet) {
            got.push(frame);
        }
        self.seen.extend(got.iter().cloned());
        got
    }
}
