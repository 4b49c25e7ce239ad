//! One socket of the client: frames to and fro, and what must hold in every case.

use super::case::{Ended, Judged, failed, must};
use super::door::Socket;
use super::site::{HB_MS, Site, Welcome};
use super::stage::Commands;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Answer to a heartbeat.
pub(super) const REPLY: Duration = Duration::from_secs(5);
/// A message of the client.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// The first one.
const HELLO_BYTES_MAX: usize = 4 * 1024;

/// What came of waiting.
pub(super) enum Heard {
    Frame(Value),
    /// The client has closed, or the connection is gone.
    Gone,
    Nothing,
}

/// A socket after its `hello`.
pub(super) struct Desk {
    socket: Socket,
    pub hello: Value,
    /// `ev` frames since `welcome`.
    n: u64,
    /// Where the client should be; empty before its first snapshot.
    pub pos: String,
    /// Commands are answered with `ack` and `result` at once.
    pub obliging: bool,
    /// Heartbeats that only kept the socket alive and are not answered yet.
    owed: u32,
}

impl Desk {
    /// Waits for `hello`.
    pub async fn greet(mut socket: Socket) -> Judged<Self> {
        let until = Instant::now() + REPLY;
        let (hello, bytes) = match next(&mut socket, until).await? {
            Said::Text(text) => (read(&text)?, text.len()),
            Said::Gone => return failed("the socket was closed before hello"),
            Said::Nothing => return failed("no hello within 5 s"),
        };
        must(hello["t"] == "hello", || format!("the first frame is {}, not hello", hello["t"]))?;
        must(bytes <= HELLO_BYTES_MAX, || format!("hello has {bytes} bytes; 4096 are taken"))?;
        Ok(Self { socket, hello, n: 0, pos: String::new(), obliging: true, owed: 0 })
    }

    pub async fn say(&mut self, frame: Value) -> Judged {
        if frame["t"] == "ev" {
            self.n += 1;
        }
        match self.socket.send(Message::text(frame.to_string())).await {
            Ok(()) => Ok(()),
            Err(_) => failed(format!("the client has closed the socket before {}", frame["t"])),
        }
    }

    /// `welcome`, and `sub.ok` for each subscription.
    pub async fn welcome(&mut self, site: &mut Site, how: &Welcome) -> Judged {
        let welcome = site.welcome(&self.hello, how);
        self.say(welcome).await?;
        for id in self.subs() {
            self.say(json!({"t": "sub.ok", "id": id, "view": "masked", "pos": site.pos()})).await?;
        }
        Ok(())
    }

    /// Ids of the subscriptions in `hello`.
    pub fn subs(&self) -> Vec<String> {
        let subs = self.hello["subs"].as_array().map_or(&[][..], Vec::as_slice);
        subs.iter().filter_map(|sub| Some(sub["id"].as_str()?.to_owned())).collect()
    }

    /// The state, for each subscription; the client is at the site's position then.
    pub async fn snapshot(&mut self, site: &Site) -> Judged {
        let topics: Vec<Value> = self.hello["subs"].as_array().cloned().unwrap_or_default();
        for sub in topics {
            let mut snap = json!({
                "t": "snap", "sub": sub["id"], "pos": site.pos(), "page": 0, "gap": false,
                "objs": [], "last": true,
            });
            if sub["topic"] == "agent:self" {
                snap["agents"] = json!([site.agent("logged_out", 1)]);
            }
            self.say(snap).await?;
        }
        self.pos = site.pos();
        Ok(())
    }

    /// An event that the client sees.
    pub async fn event(&mut self, site: &mut Site) -> Judged {
        let pos = site.advance();
        let event = site.call(&pos);
        self.say(event).await?;
        self.pos = pos;
        Ok(())
    }

    /// A heartbeat, and the right answer to it within 5 s.
    pub async fn beat(&mut self, site: &mut Site, commands: &mut Commands) -> Judged {
        let (pos, n) = (site.advance(), self.n);
        self.say(json!({"t": "hb", "pos": pos, "n": n, "health": "enabled"})).await?;
        self.pos.clone_from(&pos);
        let until = Instant::now() + REPLY;
        loop {
            match self.hear(until, commands).await? {
                Heard::Gone => return failed("the client closed the socket at a heartbeat"),
                Heard::Nothing => return failed("no answer to hb within 5 s"),
                Heard::Frame(frame) if frame["t"] == "hb" => {
                    let told = (frame["pos"].as_str().unwrap_or(""), frame["n"].as_u64());
                    // Zero may be left out.
                    let told = (told.0, told.1.or((n == 0).then_some(0)));
                    return must(told == (pos.as_str(), Some(n)), || {
                        format!(
                            "hb says pos {} n {:?}; it should be at pos {pos} n {n}",
                            told.0, told.1
                        )
                    });
                }
                Heard::Frame(_) => {}
            }
        }
    }

    /// A heartbeat with this count, without waiting for an answer.
    pub async fn wrong_beat(&mut self, site: &mut Site) -> Judged {
        let (pos, n) = (site.advance(), self.n + 1);
        self.say(json!({"t": "hb", "pos": pos, "n": n, "health": "enabled"})).await
    }

    /// The same with heartbeats meanwhile, so that the client does not take us for lost.
    pub async fn hear_long(&mut self, until: Instant, commands: &mut Commands) -> Judged<Heard> {
        loop {
            let beat = until.min(Instant::now() + Duration::from_millis(HB_MS));
            match self.hear(beat, commands).await? {
                Heard::Nothing if beat < until => {
                    let beat =
                        json!({"t": "hb", "pos": self.pos, "n": self.n, "health": "enabled"});
                    self.say(beat).await?;
                    self.owed += 1;
                }
                heard => return Ok(heard),
            }
        }
    }

    /// The next frame of the client; commands are looked at, and answered if we oblige.
    pub async fn hear(&mut self, until: Instant, commands: &mut Commands) -> Judged<Heard> {
        loop {
            let text = match next(&mut self.socket, until).await? {
                Said::Text(text) => text,
                Said::Gone => return Ok(Heard::Gone),
                Said::Nothing => return Ok(Heard::Nothing),
            };
            let frame = self.look(&text, commands).await?;
            if frame["t"] == "hb" && self.owed > 0 {
                self.owed -= 1;
                continue;
            }
            return Ok(Heard::Frame(frame));
        }
    }

    async fn look(&mut self, text: &str, commands: &mut Commands) -> Judged<Value> {
        must(text.len() <= MESSAGE_BYTES_MAX, || {
            format!("a message of {} bytes; 16384 are taken", text.len())
        })?;
        let frame = read(text)?;
        must(frame["t"] != "hello", || "a second hello on one socket".to_owned())?;
        if frame["t"] == "cmd" {
            commands.take(&frame)?;
            if self.obliging {
                self.carry_out(frame["id"].as_str().unwrap_or_default()).await?;
            }
        }
        Ok(frame)
    }

    pub async fn carry_out(&mut self, id: &str) -> Judged {
        let pos = self.pos.clone();
        self.say(json!({"t": "ack", "id": id, "pos": pos})).await?;
        self.say(json!({"t": "result", "id": id, "status": "ok", "pos": pos, "call_id": ""})).await
    }

    /// The next command, however long other frames come.
    pub async fn command(&mut self, within: Duration, commands: &mut Commands) -> Judged<Value> {
        let until = Instant::now() + within;
        loop {
            match self.hear_long(until, commands).await? {
                Heard::Frame(frame) if frame["t"] == "cmd" => return Ok(frame),
                Heard::Frame(_) => {}
                Heard::Gone => return failed("the client closed the socket"),
                Heard::Nothing => {
                    let why = format!("the client sent no command within {within:?}");
                    return Err(Ended::Skipped(why));
                }
            }
        }
    }

    /// The connection is cut without a word.
    pub fn cut(self) {
        drop(self);
    }

    /// A close with this code, and the client's answer to it.
    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        let _ = self.socket.close(Some(frame)).await;
        let until = Instant::now() + Duration::from_secs(1);
        while let Ok(Said::Text(_)) = next(&mut self.socket, until).await {}
    }
}

enum Said {
    Text(String),
    Gone,
    Nothing,
}

async fn next(socket: &mut Socket, until: Instant) -> Judged<Said> {
    loop {
        match timeout_at(until, socket.next()).await {
            Err(_) => return Ok(Said::Nothing),
            Ok(None | Some(Err(_)) | Some(Ok(Message::Close(_)))) => return Ok(Said::Gone),
            Ok(Some(Ok(Message::Text(text)))) => return Ok(Said::Text(text.to_string())),
            Ok(Some(Ok(Message::Binary(_)))) => return failed("a binary message"),
            Ok(Some(Ok(_))) => {} // ping and pong
        }
    }
}

fn read(text: &str) -> Judged<Value> {
    match serde_json::from_str::<Value>(text) {
        Ok(frame) if frame["t"].is_string() => Ok(frame),
        _ => failed("a message that is no JSON object with t"),
    }
}
