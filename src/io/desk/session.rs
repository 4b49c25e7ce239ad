//! One desk's task: hello, then the live stream until somebody ends it.

use super::auth::{DeskAuth, TicketError};
use super::close::Close;
use super::command::{Desks, GiveOrder, Presence, standing};
use super::config::DeskConfig;
use super::counters::count;
use super::frames;
use super::hello::{BadMessage, Hello, Incoming, parse};
use super::hub_task::{DeskHub, Health};
use super::live::Live;
use super::queue::DeskQueue;
use super::registry::Ticket;
use super::replay;
use super::token::{TokenError, Verified};
use super::writer::{End, finish, send_all, ws_config};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use trunkline_core::hub::{Frame, Interest, Why};
use trunkline_core::model::{Epoch, Pos};
use trunkline_core::wire::pb;

/// What every session shares.
pub(crate) struct DeskDeps {
    pub(crate) hub: DeskHub,
    pub(crate) tokens: Arc<DeskAuth>,
    pub(crate) give: GiveOrder,
    pub(crate) desks: Desks,
    pub(crate) config: DeskConfig,
    pub(crate) drain: watch::Receiver<bool>,
}

/// What the connection itself says about its peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerFacts {
    /// `Origin` of the upgrade; empty: no browser.
    pub(crate) origin: String,
    /// Service that the client certificate names.
    pub(crate) service: Option<Verified>,
}

/// A desk's socket and what has been said on it.
pub(super) struct Socket<S> {
    ws: WebSocketStream<S>,
    pub(super) queue: Arc<DeskQueue>,
    conn: uuid::Uuid,
    stall_max: Duration,
    pub(super) health: watch::Receiver<Health>,
    /// `ev` frames since welcome; wraps, as the client's count does.
    pub(super) sent: u32,
    /// Said before the close frame.
    last_words: Option<Message>,
    jitter: u64,
    pub(super) heard: Instant,
    message_credit: f64,
    credit_at: Instant,
}

/// Runs a socket from the upgrade to its end. A desk spends its life in [`Live::run`]: what comes
/// before and after, and what is rare within, is boxed, so that it holds no memory in between.
pub(crate) async fn run_session<S>(
    stream: S,
    read: Vec<u8>,
    mut ticket: Ticket,
    peer: PeerFacts,
    deps: Arc<DeskDeps>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let counters = deps.hub.counters();
    count(&counters.opened);
    let config = ws_config(deps.config.message_bytes_max);
    let ws = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await;
    let mut socket = Socket::new(ws, &deps);
    let end = match Box::pin(converse(&mut socket, &mut ticket, peer, &deps)).await {
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
        Box::pin(finish(ws, last_words, close, deps.config.close_time_max())).await;
    }
    count(&counters.closed);
}

/// A conversation ends by an [`End`] alone.
pub(super) enum Never {}

async fn converse<S>(
    socket: &mut Socket<S>,
    ticket: &mut Ticket,
    peer: PeerFacts,
    deps: &DeskDeps,
) -> Result<Never, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let wait = Duration::from_millis(deps.config.hello_ms);
    let hello = timeout(wait, socket.hello(deps.config.hello_bytes_max));
    let hello = match Box::pin(hello).await {
        Ok(hello) => hello?,
        Err(_) => return Err(socket.refuse("TIMEOUT", "no hello in time", Close::Reconnect)),
    };
    let verified = Box::pin(identify(socket, deps, &hello, &peer)).await?;
    let joined = ticket.join(&verified, &hello.inst, &socket.queue);
    joined.map_err(|c| socket.refuse("LIMIT_EXCEEDED", "too many sockets of this user", c))?;
    // What was revoked before the registry knew this socket.
    deps.tokens.check(&verified).map_err(|e| socket.refuse_token(&e))?;
    tracing::debug!(conn = %socket.conn, role = ?verified.who.role, client = hello.client, "desk");
    let mut presence = Presence::begin(deps, &verified.who.agent);
    let commands = Box::pin(standing(deps, &verified.who.user, &hello.pending)).await;
    let slot = Box::pin(replay::start(socket, deps, &verified, hello, commands)).await?;
    let live = Live::new(socket, deps, verified, &slot, ticket, &mut presence);
    let ended = live.run().await;
    if let Err(End::Close(Close::HeartbeatLost)) = &ended {
        presence.fell_silent();
    }
    ended
}

/// Who it is: by its ticket, its token, or the certificate of the connection.
async fn identify<S>(
    socket: &mut Socket<S>,
    deps: &DeskDeps,
    hello: &Hello,
    peer: &PeerFacts,
) -> Result<Verified, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let now = deps.hub.now();
    if !hello.ticket.is_empty() {
        let redeemed = deps.tokens.redeem(&hello.ticket, &peer.origin, now);
        return redeemed.map_err(|error| {
            // Tickets are short-lived and lost with a restart: the client fetches another one.
            let close = match error {
                TicketError::Unknown => Close::AuthExpired,
                TicketError::Origin | TicketError::Full | TicketError::Entropy => Close::AuthFailed,
            };
            socket.refuse("UNAUTHENTICATED", &error.to_string(), close)
        });
    }
    if let (true, Some(service)) = (hello.token.is_empty(), &peer.service) {
        return Ok(service.clone());
    }
    deps.tokens.admit(&hello.token, now).await.map_err(|e| socket.refuse_token(&e))
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
    pub(super) fn permille(&mut self) -> u64 {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        self.jitter % 1000
    }

    /// An `err` frame to go out before the close.
    pub(super) fn refuse(&mut self, code: &str, msg: &str, close: Close) -> End {
        self.last_words = Some(frames::err("", code, msg));
        End::Close(close)
    }

    /// The token is not good.
    pub(super) fn refuse_token(&mut self, error: &TokenError) -> End {
        let close = match error {
            TokenError::Revoked => Close::Revoked,
            _ => Close::AuthFailed,
        };
        self.refuse("UNAUTHENTICATED", &error.to_string(), close)
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
    pub(super) async fn next_text(&mut self) -> Result<Option<String>, End> {
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
        let count = frames.iter().filter(|f| f.is_ev).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.sent = self.sent.wrapping_add(count);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // the parts of one frame
    pub(super) fn welcome(
        &mut self,
        deps: &DeskDeps,
        verified: &Verified,
        epoch: Epoch,
        pos: Pos,
        why: Why,
        interest: &Interest,
        commands: Vec<pb::CommandResult>,
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
            commands,
        })
    }

    /// Takes one from the allowance of messages.
    pub(super) fn spend_credit(&mut self, config: &DeskConfig) -> Result<(), End> {
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
