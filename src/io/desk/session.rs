//! One desk's task: hello, then the live stream until somebody ends it.

use super::auth::{DeskAuth, TicketError};
use super::close::Close;
use super::command::{Desks, GiveOrder, Presence, standing};
use super::config::DeskConfig;
use super::counters::count;
use super::frames;
use super::hello::{BadMessage, Hello, Incoming, read};
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
use trunkline_core::model::{Epoch, Named as _, Pos};
use trunkline_core::wire::{Codec, DeskFrame, pb};

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
    /// What the subprotocol says.
    pub(crate) codec: Codec,
    /// `Origin` of the upgrade; empty: no browser.
    pub(crate) origin: String,
    /// Service that the client certificate names.
    pub(crate) service: Option<Verified>,
}

/// A desk's socket and what has been said on it.
pub(super) struct Socket<S> {
    ws: WebSocketStream<S>,
    pub(super) codec: Codec,
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
    let mut socket = Socket::new(ws, peer.codec, &deps);
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
    fn new(ws: WebSocketStream<S>, codec: Codec, deps: &DeskDeps) -> Self {
        let mut random = [0; 16];
        // Ids and jitter need to be distinct, not secret: without entropy they are only duller.
        let _ = getrandom::fill(&mut random);
        let conn = uuid::Builder::from_random_bytes(random).into_uuid();
        let now = Instant::now();
        Self {
            ws,
            codec,
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
        self.last_words = Some(frames::message(&frames::err("", code, msg), self.codec));
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
            let Some(message) = self.next_message().await? else { continue };
            if message.len() > bytes_max {
                return Err(End::Close(Close::TooBig));
            }
            let bad = match read(&message) {
                Ok(Incoming::Hello(hello)) => return Ok(*hello),
                Ok(_) => BadMessage("the first message is hello".to_owned()),
                Err(bad) => bad,
            };
            return Err(self.refuse("BAD_REQUEST", &bad.0, Close::Protocol));
        }
    }

    /// The next message of the codec's kind; `None`: a ping or pong. Safe to drop while it waits.
    pub(super) async fn next_message(&mut self) -> Result<Option<Message>, End> {
        let message = self.ws.next().await;
        self.heard = Instant::now();
        match (message, self.codec) {
            (Some(Ok(message @ Message::Text(_))), Codec::Json)
            | (Some(Ok(message @ Message::Binary(_))), Codec::Protobuf) => Ok(Some(message)),
            (Some(Ok(message)), _) => self.other_message(&message).await,
            (failed, _) => Err(self.failed(failed.and_then(Result::err))),
        }
    }

    async fn other_message(&mut self, message: &Message) -> Result<Option<Message>, End> {
        match message {
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
            Message::Binary(_) => {
                let msg = "messages of trunkline.v1.json are text";
                Err(self.refuse("UNSUPPORTED", msg, Close::WrongKind))
            }
            Message::Text(_) => {
                let msg = "messages of trunkline.v1.pb are binary";
                Err(self.refuse("UNSUPPORTED", msg, Close::WrongKind))
            }
            Message::Close(_) => Err(self.answer_close().await),
        }
    }

    /// How a socket ends that gave no message.
    fn failed(&mut self, error: Option<WsError>) -> End {
        match error {
            Some(WsError::Capacity(_)) => {
                self.refuse("LIMIT_EXCEEDED", "the message is too big", Close::TooBig)
            }
            Some(WsError::Utf8(_)) => End::Close(Close::BadUtf8),
            Some(WsError::Io(_)) | None => End::Gone,
            Some(WsError::Protocol(p)) => protocol_end(&p),
            Some(_) => End::Close(Close::Protocol),
        }
    }

    /// The library has the answer to the peer's close ready; it goes out with a flush.
    async fn answer_close(&mut self) -> End {
        use futures_util::SinkExt as _;
        let _ = timeout(Duration::from_secs(1), self.ws.flush()).await;
        End::Gone
    }

    pub(super) async fn say(&mut self, frame: DeskFrame) -> Result<(), End> {
        self.send(std::iter::once(frame)).await
    }

    pub(super) async fn send(
        &mut self,
        frames: impl Iterator<Item = DeskFrame>,
    ) -> Result<(), End> {
        let codec = self.codec;
        self.send_written(frames.map(|frame| frames::message(&frame, codec))).await
    }

    /// Sends what is in the socket's codec already.
    pub(super) async fn send_written(
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
        let codec = self.codec;
        let messages = frames.iter().map(|frame| frames::ready(frame, codec));
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
    ) -> DeskFrame {
        let narrow = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        DeskFrame::Welcome(pb::Welcome {
            conn: self.conn.to_string(),
            epoch: epoch.to_string(),
            pos: pos.to_string(),
            resumed: why == Why::Ok,
            why: why.name().to_owned(),
            scope: interest.scope(),
            hb_ms: u32::try_from(deps.config.heartbeat_ms).unwrap_or(u32::MAX),
            limits: Some(pb::Limits {
                message_bytes_max: narrow(deps.config.message_bytes_max),
                subs_max: narrow(trunkline_core::hub::HubLimits::default().subs_max),
                queue_bytes_max: narrow(deps.config.queue_bytes_max),
            }),
            auth_exp: Some(verified.expires.into()),
            time: Some(deps.hub.now().into()),
            health: self.health.borrow_and_update().name().to_owned(),
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
