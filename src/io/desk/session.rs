//! One desk's task: hello, then the live stream until somebody ends it.

use super::close::Close;
use super::config::DeskConfig;
use super::counters::count;
use super::frames;
use super::hello::{BadMessage, Hello, Incoming, parse};
use super::hub_task::{DeskHub, Health};
use super::queue::DeskQueue;
use super::registry::Ticket;
use super::replay;
use super::token::{LEEWAY, TokenKey, Verified};
use super::writer::{End, finish, send_all, ws_config};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use trunkline_core::hub::{Frame, Interest, Why};
use trunkline_core::model::{Epoch, Pos};

/// Most frames are small: this much is taken from the queue for one write.
const WRITE_BYTES_MAX: usize = 32 << 10;

/// What every session shares.
pub(crate) struct DeskDeps {
    pub(crate) hub: DeskHub,
    pub(crate) tokens: Arc<TokenKey>,
    pub(crate) config: DeskConfig,
    pub(crate) drain: watch::Receiver<bool>,
}

/// A desk's socket and what has been said on it.
pub(super) struct Socket<S> {
    ws: WebSocketStream<S>,
    pub(super) queue: Arc<DeskQueue>,
    conn: uuid::Uuid,
    stall_max: Duration,
    health: watch::Receiver<Health>,
    /// `ev` frames since welcome; wraps, as the client's count does.
    pub(super) sent: u32,
    /// Said before the close frame.
    last_words: Option<Message>,
    jitter: u64,
    heard: Instant,
    message_credit: f64,
    credit_at: Instant,
}

/// Runs a socket from the upgrade to its end.
pub(crate) async fn run_session<S>(
    stream: S,
    read: Vec<u8>,
    mut ticket: Ticket,
    deps: Arc<DeskDeps>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let counters = deps.hub.counters();
    count(&counters.opened);
    let config = ws_config(deps.config.message_bytes_max);
    let ws = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await;
    let mut socket = Socket::new(ws, &deps);
    let end = match converse(&mut socket, &mut ticket, &deps).await {
        Err(end) => end,
        Ok(never) => match never {},
    };
    if let End::Close(close) = end {
        match close {
            Close::SlowConsumer => count(&counters.slow),
            Close::HeartbeatLost => count(&counters.heartbeat_lost),
            Close::AuthFailed => count(&counters.auth_failed),
            _ => {}
        }
        let Socket { ws, last_words, conn, .. } = socket;
        tracing::debug!(%conn, code = close.code(), "desk closed");
        drop(ticket);
        finish(ws, last_words, close, deps.config.close_time_max()).await;
    }
    count(&counters.closed);
}

enum Never {}

async fn converse<S>(
    socket: &mut Socket<S>,
    ticket: &mut Ticket,
    deps: &DeskDeps,
) -> Result<Never, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let wait = Duration::from_millis(deps.config.hello_ms);
    let hello = match timeout(wait, socket.hello(deps.config.hello_bytes_max)).await {
        Ok(hello) => hello?,
        Err(_) => return Err(socket.refuse("TIMEOUT", "no hello in time", Close::Reconnect)),
    };
    let verified = deps
        .tokens
        .verify(&hello.token, deps.hub.now())
        .map_err(|e| socket.refuse("UNAUTHENTICATED", &e.to_string(), Close::AuthFailed))?;
    let joined = ticket.join(&verified.who.user, &hello.inst, &socket.queue);
    joined.map_err(|c| socket.refuse("LIMIT_EXCEEDED", "too many sockets of this user", c))?;
    tracing::debug!(conn = %socket.conn, role = ?verified.who.role, client = hello.client, "desk");
    let _slot = replay::start(socket, deps, &verified, hello).await?;
    Live::new(socket, deps, &verified).run().await
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    fn new(ws: WebSocketStream<S>, deps: &DeskDeps) -> Self {
        let mut random = [0; 16];
        // Ids and jitter need to be distinct, not secret: without entropy they are only duller.
        let _ = getrandom::fill(&mut random);
        let conn = uuid::Builder::from_random_bytes(random).into_uuid();
        let now = Instant::now();
        Self {
            ws,
            queue: Arc::new(DeskQueue::new(&deps.config)),
            conn,
            stall_max: deps.config.queue_age_max(),
            health: deps.hub.health(),
            sent: 0,
            last_words: None,
            jitter: conn.as_u64_pair().0 | 1,
            heard: now,
            message_credit: f64::from(deps.config.messages_burst),
            credit_at: now,
        }
    }

    /// 0 to 999.
    fn permille(&mut self) -> u64 {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        self.jitter % 1000
    }

    /// An `err` frame to go out before the close.
    fn refuse(&mut self, code: &str, msg: &str, close: Close) -> End {
        self.last_words = Some(frames::err("", code, msg));
        End::Close(close)
    }

    async fn hello(&mut self, bytes_max: usize) -> Result<Hello, End> {
        loop {
            let Some(text) = self.next_text().await? else { continue };
            if text.len() > bytes_max {
                return Err(End::Close(Close::TooBig));
            }
            let bad = match parse(&text) {
                Ok(Incoming::Hello(hello)) => return Ok(*hello),
                Ok(_) => BadMessage("the first message is hello".to_owned()),
                Err(bad) => bad,
            };
            return Err(self.refuse("BAD_REQUEST", &bad.0, Close::Protocol));
        }
    }

    /// The next text; `None`: a ping or pong. Safe to drop while it waits.
    async fn next_text(&mut self) -> Result<Option<String>, End> {
        let message = self.ws.next().await;
        self.heard = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Ok(Message::Binary(_))) => {
                Err(self.refuse("UNSUPPORTED", "messages are text", Close::NotText))
            }
            Some(Ok(Message::Close(_))) => Err(self.answer_close().await),
            Some(Err(WsError::Capacity(_))) => {
                Err(self.refuse("LIMIT_EXCEEDED", "the message is too big", Close::TooBig))
            }
            Some(Err(WsError::Utf8(_))) => Err(End::Close(Close::BadUtf8)),
            Some(Err(WsError::Io(_))) | None => Err(End::Gone),
            Some(Err(WsError::Protocol(p))) => Err(protocol_end(&p)),
            Some(Err(_)) => Err(End::Close(Close::Protocol)),
        }
    }

    /// The library has the answer to the peer's close ready; it goes out with a flush.
    async fn answer_close(&mut self) -> End {
        use futures_util::SinkExt as _;
        let _ = timeout(Duration::from_secs(1), self.ws.flush()).await;
        End::Gone
    }

    pub(super) async fn send(
        &mut self,
        messages: impl Iterator<Item = Message>,
    ) -> Result<(), End> {
        let deadline = Instant::now() + self.stall_max;
        send_all(&mut self.ws, messages, deadline, &self.queue).await
    }

    /// Sends frames that have been waiting since `since`.
    pub(super) async fn send_ev(&mut self, frames: &[Frame], since: Instant) -> Result<(), End> {
        if frames.is_empty() {
            return Ok(());
        }
        let deadline = since + self.stall_max;
        let messages = frames.iter().filter_map(frames::ev);
        send_all(&mut self.ws, messages, deadline, &self.queue).await?;
        let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        self.sent = self.sent.wrapping_add(count);
        Ok(())
    }

    pub(super) fn welcome(
        &mut self,
        deps: &DeskDeps,
        verified: &Verified,
        epoch: Epoch,
        pos: Pos,
        why: Why,
        interest: &Interest,
    ) -> Message {
        frames::welcome(&frames::Welcome {
            conn: self.conn.to_string(),
            epoch: epoch.to_string(),
            pos: pos.to_string(),
            resumed: why == Why::Ok,
            why: frames::why_name(why),
            scope: interest.scope(),
            hb_ms: deps.config.heartbeat_ms,
            limits: frames::Limits {
                message_bytes_max: deps.config.message_bytes_max,
                subs_max: trunkline_core::hub::HubLimits::default().subs_max,
                queue_bytes_max: deps.config.queue_bytes_max,
            },
            auth_exp: verified.expires.rfc3339(),
            time: deps.hub.now().rfc3339(),
            health: self.health.borrow_and_update().name(),
        })
    }

    /// Takes one from the allowance of messages.
    fn spend_credit(&mut self, config: &DeskConfig) -> Result<(), End> {
        let now = Instant::now();
        let gained = (now - self.credit_at).as_secs_f64() * f64::from(config.messages_per_s);
        self.credit_at = now;
        let full = f64::from(config.messages_burst);
        self.message_credit = (self.message_credit + gained).min(full) - 1.0;
        if self.message_credit < 0.0 {
            return Err(self.refuse("RATE_LIMITED", "too many messages", Close::TooMany));
        }
        Ok(())
    }
}

fn protocol_end(error: &tokio_tungstenite::tungstenite::error::ProtocolError) -> End {
    use tokio_tungstenite::tungstenite::error::ProtocolError as P;
    match error {
        P::ResetWithoutClosingHandshake => End::Gone,
        _ => End::Close(Close::Protocol),
    }
}

/// The live phase.
struct Live<'a, S> {
    socket: &'a mut Socket<S>,
    deps: &'a DeskDeps,
    drain: watch::Receiver<bool>,
    next_beat: Instant,
    /// A heartbeat went out at the first, and is to be answered by the second.
    asked: Option<(Instant, Instant)>,
    drain_at: Option<Instant>,
    token_ends: trunkline_core::model::Wall,
    batch: Vec<Frame>,
    queue: Arc<DeskQueue>,
    health: watch::Receiver<Health>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Live<'a, S> {
    fn new(socket: &'a mut Socket<S>, deps: &'a DeskDeps, verified: &Verified) -> Self {
        let mut live = Self {
            drain: deps.drain.clone(),
            next_beat: Instant::now(),
            asked: None,
            drain_at: None,
            token_ends: verified.expires.after(LEEWAY),
            batch: Vec::new(),
            queue: socket.queue.clone(),
            health: socket.health.clone(),
            socket,
            deps,
        };
        live.plan_beat();
        live
    }

    /// 90 to 110 % of the period, so that desks that came together do not beat together.
    fn plan_beat(&mut self) {
        let permille = 900 + self.socket.permille() / 5;
        let micros = self.deps.config.heartbeat_ms.saturating_mul(permille);
        self.next_beat = Instant::now() + Duration::from_micros(micros);
    }

    async fn run(mut self) -> Result<Never, End> {
        if *self.drain.borrow_and_update() {
            self.goaway().await?;
        }
        loop {
            let wake = self.wake_at();
            tokio::select! {
                text = self.socket.next_text() => {
                    if let Some(text) = text? {
                        self.message(&text).await?;
                    }
                }
                () = self.queue.ready() => self.flush_queue().await?,
                () = tokio::time::sleep_until(wake) => self.tick().await?,
                Ok(()) = self.health.changed() => self.beat().await?,
                drained = self.drain.changed(), if self.drain_at.is_none() => {
                    if drained.is_err() || *self.drain.borrow() {
                        self.goaway().await?;
                    }
                }
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let reply = self.asked.map(|(_, until)| until);
        let left_ms = self.token_ends.ms_since(self.deps.hub.now());
        let token = Instant::now() + Duration::from_millis(left_ms + 1);
        [reply, self.drain_at, Some(token)].into_iter().flatten().fold(self.next_beat, Instant::min)
    }

    async fn tick(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if self.deps.hub.now() > self.token_ends {
            let ended = "the token has expired";
            return Err(self.socket.refuse("UNAUTHENTICATED", ended, Close::AuthExpired));
        }
        if self.drain_at.is_some_and(|at| now >= at) {
            return Err(End::Close(Close::Draining));
        }
        if let Some((at, until)) = self.asked {
            if self.socket.heard > at {
                self.asked = None;
            } else if now >= until {
                return Err(End::Close(Close::HeartbeatLost));
            }
        }
        if now >= self.next_beat {
            self.beat().await?;
        }
        Ok(())
    }

    /// Everything up to the position it names has been written before it.
    async fn beat(&mut self) -> Result<(), End> {
        let head = self.deps.hub.head();
        self.flush_queue().await?;
        let health = self.health.borrow_and_update().name();
        let hb = frames::hb(head, self.socket.sent, health);
        self.socket.send(std::iter::once(hb)).await?;
        let now = Instant::now();
        if self.asked.is_none_or(|(at, _)| self.socket.heard > at) {
            let wait = Duration::from_millis(self.deps.config.heartbeat_reply_ms);
            self.asked = Some((now, now + wait));
        }
        self.plan_beat();
        Ok(())
    }

    async fn flush_queue(&mut self) -> Result<(), End> {
        loop {
            self.batch.clear();
            let taken = self.socket.queue.take(WRITE_BYTES_MAX, &mut self.batch);
            let since = taken.map_err(End::Close)?;
            if self.batch.is_empty() {
                self.batch = Vec::new(); // an idle desk holds no buffer
                return Ok(());
            }
            self.socket.send_ev(&self.batch, since).await?;
            let count = self.batch.len() as u64;
            self.deps.hub.counters().frames.fetch_add(count, Relaxed);
        }
    }

    async fn goaway(&mut self) -> Result<(), End> {
        let (after, spread) = (self.deps.config.drain_after_ms, self.deps.config.drain_spread_ms);
        let slice = u64::from(spread).saturating_mul(self.socket.permille());
        self.drain_at = Some(Instant::now() + Duration::from_micros(slice));
        self.flush_queue().await?;
        self.socket.send(std::iter::once(frames::goaway("drain", after, spread))).await
    }

    async fn message(&mut self, text: &str) -> Result<(), End> {
        self.socket.spend_credit(&self.deps.config)?;
        match parse(text) {
            Ok(Incoming::Heartbeat | Incoming::Unknown) => Ok(()),
            Ok(Incoming::Unserved { t, id }) => {
                let msg = format!("this server does not serve {t}");
                self.socket.send(std::iter::once(frames::err(&id, "UNSUPPORTED", &msg))).await
            }
            Ok(Incoming::Hello(_)) => {
                let again = "hello comes once";
                Err(self.socket.refuse("BAD_REQUEST", again, Close::Protocol))
            }
            Err(BadMessage(why)) => Err(self.socket.refuse("BAD_REQUEST", &why, Close::Protocol)),
        }
    }
}
