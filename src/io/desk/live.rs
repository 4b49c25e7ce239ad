//! The live phase of a desk: events, heartbeats, health, and the ways it ends.

use super::close::Close;
use super::command::{self, DeskOrder, Presence};
use super::frames;
use super::hello::{BadMessage, Incoming, read};
use super::hub_task::Health;
use super::queue::DeskQueue;
use super::registry::Ticket;
use super::replay::SlotGuard;
use super::session::{DeskDeps, Never, Socket};
use super::token::{EXPIRING, GRACE, Verified};
use super::writer::End;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use trunkline_core::hub::{Frame, Interest, SlotId};
use trunkline_core::model::Pos;
use trunkline_core::wire::pb;

/// Most frames are small: this much is taken from the queue for one write.
const WRITE_BYTES_MAX: usize = 32 << 10;

/// Why a desk's task woke.
enum Due {
    Wake,
    Health,
    Drain,
}

enum Said {
    /// `None`: a ping or pong.
    Message(Option<Message>),
    Due(Due),
}

/// The live phase.
pub(super) struct Live<'a, 'p, S> {
    pub(super) socket: &'a mut Socket<S>,
    pub(super) deps: &'a DeskDeps,
    drain: watch::Receiver<bool>,
    next_beat: Instant,
    /// A heartbeat went out at the first, and is to be answered by the second.
    asked: Option<(Instant, Instant)>,
    drain_at: Option<Instant>,
    pub(super) verified: Verified,
    /// The client was told that its token ends.
    told_expiring: bool,
    pub(super) slot: SlotId,
    pub(super) ticket: &'a Ticket,
    pub(super) presence: &'a mut Presence<'p>,
    batch: Vec<Frame>,
    /// The agent's desktop is to confirm that it has applied everything up to here.
    confirm: Option<Pos>,
    queue: Arc<DeskQueue>,
    health: watch::Receiver<Health>,
}

impl<'a, 'p, S: AsyncRead + AsyncWrite + Unpin> Live<'a, 'p, S> {
    pub(super) fn new(
        socket: &'a mut Socket<S>,
        deps: &'a DeskDeps,
        verified: Verified,
        slot: &SlotGuard<'_>,
        ticket: &'a Ticket,
        presence: &'a mut Presence<'p>,
    ) -> Self {
        let mut live = Self {
            drain: deps.drain.clone(),
            next_beat: Instant::now(),
            asked: None,
            drain_at: None,
            verified,
            told_expiring: false,
            slot: slot.slot,
            ticket,
            presence,
            batch: Vec::new(),
            confirm: None,
            queue: socket.queue.clone(),
            health: socket.health.clone(),
            socket,
            deps,
        };
        live.plan_beat();
        live.confirm_all(&slot.interest);
        live
    }

    /// What was sent so far shows the agent's calls: the desktop is to confirm it at once, so that
    /// a transfer can count on it.
    pub(super) fn confirm_all(&mut self, interest: &Interest) {
        let who = &self.verified.who;
        if !who.agent.is_empty() && interest.shows_calls_of(&who.devices) {
            self.ask_to_confirm(self.deps.hub.head());
        }
    }

    /// A heartbeat goes out behind it: the client answers when it has come so far.
    fn ask_to_confirm(&mut self, pos: Pos) {
        self.confirm = self.confirm.max(Some(pos));
        self.next_beat = Instant::now();
    }

    /// Something was sent that the client is to confirm, and no heartbeat is behind it yet.
    fn is_to_confirm(&self) -> bool {
        self.confirm.is_some() && self.next_beat <= Instant::now()
    }

    /// The client has applied everything up to `pos`.
    fn applied(&mut self, pos: Option<Pos>) {
        let Some(wanted) = self.confirm.filter(|wanted| pos >= Some(*wanted)) else { return };
        let agent = self.verified.who.agent.clone();
        let order = DeskOrder::Applied { agent, pos: wanted };
        if (self.deps.give)(order) {
            self.confirm = None; // else the next answer says it again
        }
    }

    /// 90 to 110 % of the period, so that desks that came together do not beat together.
    fn plan_beat(&mut self) {
        let permille = 900 + self.socket.permille() / 5;
        let micros = self.deps.config.heartbeat_ms.saturating_mul(permille);
        self.next_beat = Instant::now() + Duration::from_micros(micros);
    }

    pub(super) async fn run(mut self) -> Result<Never, End> {
        if *self.drain.borrow_and_update() {
            Box::pin(self.goaway()).await?;
        }
        loop {
            let queue = self.queue.clone();
            let mut control = pin!(Self::control(
                self.wake_at(),
                self.health.clone(),
                self.drain.clone(),
                self.drain_at.is_none()
            ));
            // Most of what happens is an event: it leaves the timer and the watches as they are.
            let said = loop {
                tokio::select! {
                    biased;
                    message = self.socket.next_message() => break Said::Message(message?),
                    due = control.as_mut() => break Said::Due(due),
                    () = queue.ready() => {
                        self.flush_queue().await?;
                        if self.is_to_confirm() {
                            break Said::Due(Due::Wake);
                        }
                    }
                }
            };
            match said {
                Said::Message(None) => {}
                Said::Message(Some(message)) => Box::pin(self.message(&message)).await?,
                Said::Due(Due::Wake) => Box::pin(self.tick()).await?,
                Said::Due(Due::Health) => Box::pin(self.beat()).await?,
                Said::Due(Due::Drain) => Box::pin(self.goaway()).await?,
            }
        }
    }

    /// What comes to a desk beside events and its own messages.
    async fn control(
        wake: Instant,
        mut health: watch::Receiver<Health>,
        mut drain: watch::Receiver<bool>,
        drains: bool,
    ) -> Due {
        let drained = async {
            // A sender that is gone drains as well.
            let _ = drain.wait_for(|drains| *drains).await;
        };
        tokio::select! {
            () = tokio::time::sleep_until(wake) => Due::Wake,
            Ok(()) = health.changed() => Due::Health,
            () = drained, if drains => Due::Drain,
        }
    }

    fn wake_at(&self) -> Instant {
        let reply = self.asked.map(|(_, until)| until);
        let next = match self.told_expiring {
            false => self.verified.expires.before(EXPIRING),
            true => self.verified.expires.after(GRACE),
        };
        let left_ms = next.ms_since(self.deps.hub.now());
        let token = Instant::now() + Duration::from_millis(left_ms + 1);
        [reply, self.drain_at, Some(token)].into_iter().flatten().fold(self.next_beat, Instant::min)
    }

    async fn tick(&mut self) -> Result<(), End> {
        let now = Instant::now();
        self.expiring().await?;
        if self.deps.hub.now() > self.verified.expires.after(GRACE) {
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

    /// A minute before the token ends the client is asked for another one, once.
    async fn expiring(&mut self) -> Result<(), End> {
        let (now, end) = (self.deps.hub.now(), self.verified.expires);
        if self.told_expiring || now <= end.before(EXPIRING) {
            return Ok(());
        }
        self.told_expiring = true;
        let left = Duration::from_millis(end.ms_since(now));
        self.socket.say(frames::auth_expiring(left)).await
    }

    /// Another token is in force.
    pub(super) fn renew(&mut self, verified: Verified) {
        self.ticket.renew(&verified);
        self.presence.become_of(&verified.who.agent);
        self.verified = verified;
        self.told_expiring = false;
    }

    /// Everything up to the position it names has been written before it.
    async fn beat(&mut self) -> Result<(), End> {
        let head = self.deps.hub.head();
        self.flush_queue().await?;
        let health = self.health.borrow_and_update().name();
        let hb = frames::hb(head, self.socket.sent, health);
        self.socket.say(hb).await?;
        let now = Instant::now();
        if self.asked.is_none_or(|(at, _)| self.socket.heard > at) {
            let wait = Duration::from_millis(self.deps.config.heartbeat_reply_ms);
            self.asked = Some((now, now + wait));
        }
        self.plan_beat();
        Ok(())
    }

    async fn flush_queue(&mut self) -> Result<(), End> {
        self.flush_through(Pos(u64::MAX)).await
    }

    /// Writes what is queued, but nothing of what happened after `pos`.
    pub(super) async fn flush_through(&mut self, pos: Pos) -> Result<(), End> {
        loop {
            self.batch.clear();
            let queue = &self.socket.queue;
            let taken = queue.take_through(pos, WRITE_BYTES_MAX, &mut self.batch);
            let since = taken.map_err(End::Close)?;
            if self.batch.is_empty() {
                self.batch = Vec::new(); // an idle desk holds no buffer
                return Ok(());
            }
            let agent = self.verified.who.agent.as_str();
            let mine = |f: &&Frame| f.confirm_by.iter().any(|by| **by == *agent);
            let confirm = self.batch.iter().filter(mine).map(|f| f.pos).max();
            self.socket.send_ev(&self.batch, since).await?;
            if let Some(pos) = confirm {
                self.ask_to_confirm(pos);
            }
            self.deps.hub.counters().sent(self.batch.len());
        }
    }

    async fn goaway(&mut self) -> Result<(), End> {
        let (after, spread) = (self.deps.config.drain_after_ms, self.deps.config.drain_spread_ms);
        let slice = u64::from(spread).saturating_mul(self.socket.permille());
        self.drain_at = Some(Instant::now() + Duration::from_micros(slice));
        self.flush_queue().await?;
        self.socket.say(frames::goaway("drain", after, spread)).await
    }

    async fn message(&mut self, message: &Message) -> Result<(), End> {
        match read(message) {
            // Commands have a limit of their own, by user, that closes no socket.
            Ok(Incoming::Command(cmd)) => return self.command(&cmd).await,
            read => {
                self.socket.spend_credit(&self.deps.config)?;
                self.other_message(read).await
            }
        }
    }

    async fn command(&mut self, cmd: &pb::Cmd) -> Result<(), End> {
        let said = command::give(self.deps, &self.verified.who, cmd).await;
        if said.limited {
            // Who does not stop at being told uses up what a socket may say.
            self.socket.spend_credit(&self.deps.config)?;
        }
        self.socket.send(said.frames.into_iter()).await
    }

    async fn other_message(&mut self, read: Result<Incoming, BadMessage>) -> Result<(), End> {
        match read {
            Ok(Incoming::Command(_)) => Ok(()), // served before
            Ok(Incoming::Heartbeat(pos)) => {
                self.applied(pos);
                Ok(())
            }
            Ok(Incoming::Unknown) => Ok(()),
            Ok(Incoming::Sub(request)) => self.sub(request).await,
            Ok(Incoming::Unsub(id)) => self.unsub(id).await,
            Ok(Incoming::Refresh(token)) => self.refresh(&token).await,
            Ok(Incoming::Hello(_)) => {
                let again = "hello comes once";
                Err(self.socket.refuse("BAD_REQUEST", again, Close::Protocol))
            }
            Err(BadMessage(why)) => Err(self.socket.refuse("BAD_REQUEST", &why, Close::Protocol)),
        }
    }
}
