//! What a live desk changes about what it sees: one more subscription, one less, another token.
//!
//! The hub's task does it at one position. The desk is told all that happened up to there, then
//! the change, then what happened after.

use super::close::Close;
use super::frames;
use super::live::Live;
use super::replay::CatchUp;
use super::request::{Request, Wish};
use super::writer::End;
use tokio::io::{AsyncRead, AsyncWrite};
use trunkline_core::hub::{Change, SubRequest};
use trunkline_core::model::Named as _;
use trunkline_core::wire::DeskFrame;

/// Frames in one write.
const PIECE: usize = 64;

impl<S: AsyncRead + AsyncWrite + Unpin> Live<'_, '_, S> {
    pub(super) async fn sub(&mut self, request: SubRequest) -> Result<(), End> {
        let change = self.ask(Wish::Sub(request)).await?;
        self.tell(change, None, None).await
    }

    pub(super) async fn unsub(&mut self, id: String) -> Result<(), End> {
        let change = self.ask(Wish::Unsub(id.clone())).await?;
        let over = change.refusals.is_empty().then(|| frames::sub_over(&id, change.pos));
        self.tell(change, over, None).await
    }

    /// The same user of the same site, or the socket ends.
    pub(super) async fn refresh(&mut self, token: &str) -> Result<(), End> {
        let admitted = self.deps.tokens.admit(token, self.deps.hub.now()).await;
        let verified = admitted.map_err(|e| self.socket.refuse_token(&e))?;
        if verified.who.user != self.verified.who.user {
            let msg = "the token is of another user";
            return Err(self.socket.refuse("UNAUTHENTICATED", msg, Close::AuthFailed));
        }
        let ok = frames::auth_ok(verified.expires);
        let same = verified.who == self.verified.who;
        self.renew(verified);
        // What was revoked before the registry knew of the token.
        let checked = self.deps.tokens.check(&self.verified);
        checked.map_err(|e| self.socket.refuse_token(&e))?;
        if same {
            return self.socket.say(ok).await;
        }
        let change = self.ask(Wish::Reauthorise(self.verified.who.clone())).await?;
        self.tell(change, None, Some(ok)).await
    }

    async fn ask(&self, wish: Wish) -> Result<Change, End> {
        let slot = self.slot;
        let change = self.deps.hub.ask(|reply| Request::Change { slot, wish, reply }).await;
        // The hub has let go of a desk that is to be closed: its queue says why.
        let mut none = Vec::new();
        let mut why = || self.socket.queue.take(0, &mut none).err().unwrap_or(Close::Resync);
        change.flatten().ok_or_else(|| End::Close(why()))
    }

    /// `over` ends a subscription, `ok` closes the whole.
    async fn tell(
        &mut self,
        change: Change,
        over: Option<DeskFrame>,
        ok: Option<DeskFrame>,
    ) -> Result<(), End> {
        let pos = change.pos;
        self.flush_through(pos).await?;
        let gone = change.gone.iter().map(|gone| gone.frame(pos));
        let refused = change.refusals.iter().map(|r| frames::err(&r.id, r.code.name(), r.msg));
        let granted = change.grants.iter().map(|grant| frames::sub_ok(grant, pos));
        // Written at once: frames of one size for all kinds are larger than their bytes.
        let codec = self.socket.codec;
        let said = gone.chain(refused).chain(over).chain(granted);
        let said: Vec<_> = said.map(|frame| frames::message(&frame, codec)).collect();
        let changed = said.len() > change.refusals.len() || ok.is_some();
        let mut said = said.into_iter().peekable();
        while said.peek().is_some() {
            // In pieces, so that the time limit is one of stalling, not of a long way to go.
            self.socket.send_written(said.by_ref().take(PIECE)).await?;
        }
        let interest = change.interest.clone();
        let mut catching = CatchUp::new(self.socket, self.deps, self.slot, &interest);
        catching.pages(change.subs, pos).await?;
        let scope = changed.then(|| frames::scope(pos, change.interest.scope()));
        catching.say(scope.into_iter().chain(ok)).await?;
        if !change.live {
            catching.go_on(pos).await?;
        }
        self.confirm_all(&interest);
        Ok(())
    }
}
