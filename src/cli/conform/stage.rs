//! What all cases share: the port, the site, the client, and the commands that were seen.

use super::args::ConformArgs;
use super::case::{Ended, Judged, failed, must};
use super::client::Client;
use super::desk::Desk;
use super::door::Door;
use super::site::{Site, Welcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The client is back within this after a cut: 0.5 s and what a busy machine takes.
pub(super) const BACK: Duration = Duration::from_secs(8);

/// Commands of the client by id.
#[derive(Debug, Default)]
pub(super) struct Commands {
    seen: BTreeMap<String, Value>,
    /// It may send this one again.
    pub again: Option<String>,
}

impl Commands {
    /// A command comes: no id twice, unless it was asked for, and then with the same body.
    pub fn take(&mut self, frame: &Value) -> Judged {
        let id = frame["id"].as_str().unwrap_or_default().to_owned();
        let v7 = id.len() == 36 && id.as_bytes()[14] == b'7';
        must(v7, || format!("the id of a command is {id:?}, not a UUIDv7"))?;
        let mut body = frame.clone();
        body["not_after"] = Value::Null; // no part of the body
        let before = self.seen.insert(id.clone(), body.clone());
        match before {
            None => Ok(()),
            Some(before) if self.again.as_deref() == Some(&id) => {
                self.again = None;
                must(before == body, || format!("command {id} comes again with another body"))
            }
            Some(_) => failed(format!("command {id} is sent twice")),
        }
    }
}

/// Everything that runs.
pub(super) struct Stage {
    pub door: Door,
    pub site: Site,
    pub commands: Commands,
    pub args: ConformArgs,
    token: String,
    client: Option<Client>,
}

impl Stage {
    pub fn new(door: Door, args: ConformArgs, token: String) -> Self {
        let (site, commands) = (Site::new(), Commands::default());
        Self { door, site, commands, args, token, client: None }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/v1/events", self.door.at)
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// A case begins: another client, or the one that is there begins anew.
    pub async fn begin(&mut self) -> Judged<Desk> {
        self.commands.again = None;
        if let Some(command) = &self.args.client {
            self.client = None;
            self.door.clear().await;
            let started = Client::start(command, &self.url(), &self.token);
            self.client = Some(started.map_err(|e| Ended::Failed(format!("--client: {e}")))?);
        }
        let wait = self.args.wait;
        loop {
            let Some(desk) = self.come(wait).await? else {
                let ended = self.client.as_mut().and_then(Client::ended);
                let how =
                    ended.map_or_else(String::new, |how| format!(" (the client ended: {how})"));
                return failed(format!("nobody connected within {wait:?}{how}"));
            };
            if desk.hello["resume"].is_null() {
                return Ok(desk);
            }
            // The client of the case before still knows where it was.
            desk.close(4009).await;
        }
    }

    /// The next socket, up to its `hello`, judged by what holds for each.
    pub async fn come(&mut self, within: Duration) -> Judged<Option<Desk>> {
        match self.door.knock(within).await {
            Some((stream, _)) => self.greet(stream).await.map(Some),
            None => Ok(None),
        }
    }

    /// Handshake and `hello`.
    pub async fn greet(&self, stream: TcpStream) -> Judged<Desk> {
        let socket = self.door.shake_hands(stream).await?;
        let desk = Desk::greet(socket).await?;
        let hello = &desk.hello;
        must(hello["auth"]["token"] == self.token.as_str(), || {
            "hello.auth.token is not the token that was printed".to_owned()
        })?;
        let (subs, mut ids) = (hello["subs"].as_array().map_or(0, Vec::len), desk.subs());
        ids.sort();
        ids.dedup();
        must(subs > 0 && ids.len() == subs, || {
            "hello.subs: at least one subscription, each with an id of its own".to_owned()
        })?;
        must(subs <= 16, || format!("hello.subs: {subs}; 16 are taken"))?;
        Ok(desk)
    }

    /// The client comes back after a lost connection.
    pub async fn back(&mut self) -> Judged<Desk> {
        match self.come(BACK).await? {
            Some(desk) => Ok(desk),
            None => failed(format!("it did not come back within {BACK:?}")),
        }
    }

    /// A client that is live: snapshot, an event, a heartbeat.
    pub async fn live(&mut self) -> Judged<Desk> {
        let mut desk = self.begin().await?;
        desk.welcome(&mut self.site, &Welcome::anew("none")).await?;
        desk.snapshot(&self.site).await?;
        desk.event(&mut self.site).await?;
        desk.beat(&mut self.site, &mut self.commands).await?;
        Ok(desk)
    }

    /// It came back, and from there.
    pub async fn back_from(&mut self, pos: &str) -> Judged<Desk> {
        let desk = self.back().await?;
        self.resumes(&desk, pos)?;
        Ok(desk)
    }

    /// `hello.resume` names this position of this log.
    pub fn resumes(&self, desk: &Desk, pos: &str) -> Judged {
        let resume = &desk.hello["resume"];
        must(resume.is_object(), || "hello has no resume: what it missed is lost".to_owned())?;
        let wanted = json!({"epoch": self.site.epoch(), "pos": pos, "scope": self.site.scope()});
        for member in ["epoch", "pos", "scope"] {
            must(resume[member] == wanted[member], || {
                format!(
                    "hello.resume.{member} is {}; it should be {}",
                    resume[member], wanted[member]
                )
            })?;
        }
        Ok(())
    }

    /// What it missed, and that it is live again.
    pub async fn replay(&mut self, desk: &mut Desk, from: &str, events: u64) -> Judged {
        desk.welcome(&mut self.site, &Welcome::resumed()).await?;
        for _ in 0..events {
            desk.event(&mut self.site).await?;
        }
        let to = self.site.advance();
        desk.say(json!({"t": "replayed", "from": from, "to": to, "count": events})).await?;
        desk.pos.clone_from(&to);
        desk.beat(&mut self.site, &mut self.commands).await
    }

    /// Nobody comes for so long.
    pub async fn nobody(&mut self, time: Duration) -> Judged {
        let began = Instant::now();
        match self.door.knock(time).await {
            None => Ok(()),
            Some((_, at)) => {
                let ms = at.duration_since(began).as_millis();
                failed(format!("it connected again after {ms} ms"))
            }
        }
    }
}
