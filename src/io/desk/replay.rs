//! From a subscription to the live stream: welcome, snapshot or replay.

use super::close::Close;
use super::counters::count;
use super::frames;
use super::hello::Hello;
use super::pages::Pages;
use super::request::Request;
use super::session::{DeskDeps, Socket};
use super::token::Verified;
use super::writer::End;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use trunkline_core::hub::{
    Advance, AdvanceState, Cut, Frame, Interest, Kept, SlotId, Start, SubSnap, Subscribed, Why,
};
use trunkline_core::model::{Event, Pos};
use trunkline_core::wire::{DeskFrame, pb};

/// Unsubscribes when the session ends, however it ends.
pub(super) struct SlotGuard<'a> {
    deps: &'a DeskDeps,
    pub(super) slot: SlotId,
    /// What it sees at the start.
    pub(super) interest: Arc<Interest>,
}

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        self.deps.hub.unsubscribe(self.slot);
    }
}

/// How the stream goes on after `welcome`.
enum Plan {
    Replay { from: Pos, first: First },
    Snapshot(Cut),
}

enum First {
    Ring(Advance),
    Journal(Vec<Event>),
}

/// Brings a desk to the live stream. What it returns keeps the subscription alive.
pub(super) async fn start<'a, S>(
    socket: &mut Socket<S>,
    deps: &'a DeskDeps,
    verified: &Verified,
    hello: Hello,
    commands: Vec<pb::CommandResult>,
) -> Result<SlotGuard<'a>, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Hello { subs, resume, batch, .. } = hello;
    let (who, queue, point) = (verified.who.clone(), socket.queue.clone(), resume.clone());
    let form = (socket.codec, batch);
    let subscribed = deps
        .hub
        .ask(|reply| Request::Subscribe { who, subs, resume: point, form, queue, reply })
        .await
        .ok_or(End::Close(Close::Fault))?;
    let Subscribed { slot, grants, refusals, interest, epoch, head, start } = subscribed;
    let guard = SlotGuard { deps, slot, interest: interest.clone() };
    let plan = match start {
        Start::Replay(first) => {
            let from = resume.as_ref().map_or(head, |r| r.pos);
            Plan::Replay { from, first: First::Ring(first) }
        }
        Start::Snapshot(cut) => Plan::Snapshot(cut),
        Start::Journal { from } => match journal_page(deps, from, head).await {
            Some(events) => Plan::Replay { from, first: First::Journal(events) },
            None => {
                let ask = |reply| Request::Restart { slot, why: Why::TooOld, resume, reply };
                let cut = deps.hub.ask(ask).await.flatten();
                Plan::Snapshot(cut.ok_or(End::Close(Close::Resync))?)
            }
        },
    };
    let (pos, why) = match &plan {
        Plan::Replay { from, .. } => (*from, Why::Ok),
        Plan::Snapshot(cut) => (cut.pos, cut.why),
    };
    let welcome = socket.welcome(deps, verified, epoch, pos, why, &interest, commands);
    let mut greeting = vec![welcome];
    greeting.extend(grants.iter().map(|grant| frames::sub_ok(grant, pos)));
    let refused = refusals
        .iter()
        .map(|r| frames::err(&r.id, trunkline_core::model::Named::name(r.code), r.msg));
    greeting.extend(refused);
    socket.send(greeting.into_iter()).await?;
    count(&deps.hub.counters().welcomed);
    let mut catching = CatchUp::new(socket, deps, slot, &interest);
    match plan {
        Plan::Replay { from, first } => catching.replay(from, first).await?,
        Plan::Snapshot(cut) => catching.snapshot(cut).await?,
    }
    Ok(guard)
}

/// A first page, if the journal holds the position and the way is not too long.
async fn journal_page(deps: &DeskDeps, from: Pos, head: Pos) -> Option<Vec<Event>> {
    if head.0 - from.0 > deps.config.replay_events_max {
        return None;
    }
    match deps.hub.read_journal(from).await {
        Ok(events) => Some(events).filter(|events| !events.is_empty()),
        Err(error) => {
            tracing::warn!(error, "the journal cannot be read for a resume");
            None
        }
    }
}

/// Brings a desk that is not registered to where it is.
pub(super) struct CatchUp<'a, S> {
    socket: &'a mut Socket<S>,
    deps: &'a DeskDeps,
    slot: SlotId,
    interest: &'a Interest,
    /// Some of the way was read from the journal, which does not know what left the desk's sight.
    journal: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> CatchUp<'a, S> {
    pub(super) fn new(
        socket: &'a mut Socket<S>,
        deps: &'a DeskDeps,
        slot: SlotId,
        interest: &'a Interest,
    ) -> Self {
        Self { socket, deps, slot, interest, journal: false }
    }

    async fn replay(&mut self, from: Pos, first: First) -> Result<(), End> {
        count(&self.deps.hub.counters().resumed);
        let before = self.socket.sent;
        let (to, keep) = match first {
            First::Ring(step) => self.follow(step).await?,
            First::Journal(events) => {
                self.journal = true;
                let next = self.send_events(&events).await?;
                self.advance(next).await?
            }
        };
        let count = self.socket.sent.wrapping_sub(before);
        self.socket.say(frames::replayed(from, to, count, keep)).await?;
        let slot = self.slot;
        let figures = self.deps.hub.ask(|reply| Request::Figures { slot, reply }).await;
        self.pages(figures.unwrap_or_default(), to).await
    }

    async fn snapshot(&mut self, cut: Cut) -> Result<(), End> {
        self.pages(cut.subs, cut.pos).await?;
        if !cut.live {
            self.go_on(cut.pos).await?;
        }
        Ok(())
    }

    pub(super) async fn say(&mut self, frames: impl Iterator<Item = DeskFrame>) -> Result<(), End> {
        self.socket.send(frames).await
    }

    /// The state of subscriptions at `pos`.
    pub(super) async fn pages(&mut self, subs: Vec<SubSnap>, pos: Pos) -> Result<(), End> {
        for sub in subs {
            let bytes_max = self.deps.config.page_bytes_max;
            for page in Pages::new(sub, pos, bytes_max, self.socket.codec) {
                self.socket.send_written(std::iter::once(page)).await?;
            }
        }
        Ok(())
    }

    /// From a snapshot at `from` to where the log is.
    pub(super) async fn go_on(&mut self, from: Pos) -> Result<(), End> {
        let before = self.socket.sent;
        let (to, keep) = self.advance(from).await?;
        if keep.is_some() {
            let count = self.socket.sent.wrapping_sub(before);
            self.socket.say(frames::replayed(from, to, count, keep)).await?;
        }
        Ok(())
    }

    async fn advance(&mut self, from: Pos) -> Result<(Pos, Option<Vec<Kept>>), End> {
        let step = self.step(from).await?;
        self.follow(step).await
    }

    async fn step(&mut self, from: Pos) -> Result<Advance, End> {
        let (slot, list) = (self.slot, self.journal);
        let ask = |reply| Request::Advance { slot, from, list, reply };
        let step = self.deps.hub.ask(ask).await;
        step.flatten().ok_or(End::Close(Close::Resync)) // a new incarnation has begun meanwhile
    }

    /// Goes on until the desk is registered; gives the position it has then.
    async fn follow(&mut self, mut step: Advance) -> Result<(Pos, Option<Vec<Kept>>), End> {
        loop {
            self.send_frames(&step.frames).await?;
            let next = match step.state {
                AdvanceState::Live => return Ok((step.to, step.keep)),
                AdvanceState::More => step.to,
                AdvanceState::Behind => {
                    // The ring moved on while we wrote: the journal has what it dropped.
                    self.journal = true;
                    let page = self.deps.hub.read_journal(step.to).await.unwrap_or_default();
                    if page.is_empty() {
                        return Err(End::Close(Close::Reconnect));
                    }
                    self.send_events(&page).await?
                }
            };
            step = self.step(next).await?;
        }
    }

    async fn send_events(&mut self, events: &[Event]) -> Result<Pos, End> {
        let codec = self.socket.codec;
        let frame = |event| Some(Frame::encode(event, self.interest.view_of(event)?, codec));
        let visible: Vec<_> = events.iter().filter_map(frame).collect();
        self.send_frames(&visible).await?;
        Ok(events.last().map_or(Pos(0), |e| e.pos))
    }

    /// In pieces, so that the time limit is one of stalling, not of a long way to go.
    async fn send_frames(&mut self, frames: &[Frame]) -> Result<(), End> {
        for piece in frames.chunks(16) {
            self.socket.send_ev(piece, tokio::time::Instant::now()).await?;
            self.deps.hub.counters().sent(piece.len());
        }
        Ok(())
    }
}
