//! For who asks once, without a socket: a look at the hub, a command with its answer.

use super::command::{self, ENGINE_WAIT};
use super::hub_task::DeskHub;
use super::queue::DeskQueue;
use super::request::Request;
use super::session::DeskDeps;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use trunkline_core::engine::{CommandAnswer, Current};
use trunkline_core::hub::{Hub, Principal, SlotId};
use trunkline_core::model::{CommandCode as Code, CommandError, CommandId};
use trunkline_core::wire::{Codec, pb, result_to_pb};

/// Bytes of frames that are looked at in one go.
const TAKE_BYTES_MAX: usize = 32 << 10;

impl DeskHub {
    /// Reads the hub at one position. What `look` does holds up every desk: it takes clones of
    /// `Arc`s, and encodes nothing. `None`: the hub's task is gone.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Hub) -> T + Send + 'static,
    ) -> Option<T> {
        self.ask(|reply| {
            Request::Look(Box::new(move |hub| {
                let _ = reply.send(look(hub)); // whoever asked may be gone
            }))
        })
        .await
    }
}

/// What is known of a command in the end.
pub(crate) enum Given {
    /// Durable: how it stands.
    Stands(pb::CommandResult),
    /// Not accepted.
    Refused(CommandError, Current),
}

/// Hears of the commands of one user, until it is dropped.
struct Ear<'a> {
    deps: &'a DeskDeps,
    slot: SlotId,
    queue: Arc<DeskQueue>,
}

impl Drop for Ear<'_> {
    fn drop(&mut self) {
        self.deps.hub.unsubscribe(self.slot);
    }
}

impl<'a> Ear<'a> {
    async fn open(deps: &'a DeskDeps, who: &Principal) -> Option<Self> {
        let queue = Arc::new(DeskQueue::new(&deps.config));
        let (who, heard) = (who.clone(), queue.clone());
        let ask = |reply| Request::Subscribe {
            who,
            subs: Vec::new(),
            resume: None,
            form: (Codec::Json, false),
            queue: heard,
            reply,
        };
        let slot = deps.hub.ask(ask).await?.slot;
        Some(Self { deps, slot, queue })
    }

    /// The next that is said of this command: durable, or done.
    async fn next(&self, id: &str) -> Option<pb::CommandResult> {
        loop {
            self.queue.ready().await;
            let mut frames = Vec::new();
            self.queue.take(TAKE_BYTES_MAX, &mut frames).ok()?;
            let mut said = frames.iter().filter_map(|f| read(&f.bytes, id));
            // The newest that came together.
            if let Some(result) = said.next_back() {
                return Some(result);
            }
        }
    }
}

/// An `ack` or `result` of this command.
fn read(frame: &[u8], id: &str) -> Option<pb::CommandResult> {
    let value: serde_json::Value = serde_json::from_slice(frame).ok()?;
    let is_ack = value["t"] == "ack";
    if value["id"] != id || !(is_ack || value["t"] == "result") {
        return None;
    }
    let mut result: pb::CommandResult = serde_json::from_value(value).ok()?;
    if is_ack {
        result.status = "accepted".to_owned();
    }
    Some(result)
}

/// Gives a command, waits until it is durable, and then at most so long for its result.
pub(crate) async fn order(
    deps: &DeskDeps,
    who: &Principal,
    cmd: &pb::Cmd,
    wait: Duration,
) -> Given {
    let silent = || {
        let msg = "the server did not answer: send the same command again";
        Given::Refused(CommandError::plain(Code::Internal, msg), Current::None)
    };
    let request = match command::read(who, cmd) {
        Ok(request) => request,
        Err(msg) => {
            return Given::Refused(CommandError::plain(Code::BadRequest, msg), Current::None);
        }
    };
    let id = request.id.to_string();
    // Before the command, so that nothing of it can be missed.
    let Some(ear) = Ear::open(deps, who).await else { return silent() };
    let begun = Instant::now();
    let mut stands = match command::ask(deps, request).await {
        Some(CommandAnswer::Accepted) => None,
        Some(CommandAnswer::Known(command, pos)) => {
            let pos = pos.map(|p| p.to_string()).unwrap_or_default();
            Some(result_to_pb(&command, &pos))
        }
        Some(CommandAnswer::Refused(error, current)) => return Given::Refused(error, current),
        Some(CommandAnswer::Standing(_)) | None => return silent(),
    };
    loop {
        let until = match &stands {
            None => begun + ENGINE_WAIT.max(wait), // the journal comes first
            Some(result) if result.status == "accepted" => begun + wait,
            Some(_) => break,
        };
        match timeout_at(until, ear.next(&id)).await {
            Ok(Some(result)) => stands = Some(result),
            Ok(None) | Err(_) => break,
        }
    }
    stands.map_or_else(silent, Given::Stands)
}

/// How a command of this user stands; its status is `unseen` if it was never accepted.
/// `None`: it could not be looked up.
pub(crate) async fn standing(
    deps: &DeskDeps,
    user: &str,
    id: CommandId,
) -> Option<pb::CommandResult> {
    command::standing(deps, user, &[id]).await.into_iter().next()
}
