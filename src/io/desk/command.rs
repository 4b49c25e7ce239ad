//! Commands of a desk: read, given to the engine, answered.

use super::frames;
use super::session::DeskDeps;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use trunkline_core::engine::{CommandAnswer, CommandArgs, CommandRequest, CommandTarget, Current};
use trunkline_core::hub::Principal;
use trunkline_core::model::{
    Command, CommandCode as Code, CommandError, CommandId, CommandOp, DeskPresence, LegId,
    Named as _, Pii, Pos, Wall, WorkMode,
};
use trunkline_core::vault::digest;
use trunkline_core::wire::{DeskFrame, pb, result_to_pb, topic_from_pb};

/// Longest wait for the engine itself; the journal and the PBX answer by events.
pub(super) const ENGINE_WAIT: Duration = Duration::from_secs(2);

/// What desks order of the application.
#[derive(Debug)]
pub enum DeskOrder {
    /// Do something.
    Command {
        /// What.
        request: Box<CommandRequest>,
        /// Who waits.
        done: oneshot::Sender<CommandAnswer>,
    },
    /// How do these commands stand?
    Standing {
        /// Whose.
        user: String,
        /// Which.
        ids: Vec<CommandId>,
        /// Who waits.
        done: oneshot::Sender<CommandAnswer>,
    },
    /// A desktop of an agent has applied everything up to a position.
    Applied {
        /// Agent.
        agent: String,
        /// Position.
        pos: Pos,
    },
    /// Desktops of an agent came or went.
    Presence {
        /// Agent.
        agent: String,
        /// How they stand.
        presence: DeskPresence,
    },
}

/// Takes an order; `false`: it cannot be taken now. Must not block.
pub type GiveOrder = Arc<dyn Fn(DeskOrder) -> bool + Send + Sync>;

/// What the desk is told at once.
pub(super) struct Said {
    pub(super) frames: Vec<DeskFrame>,
    /// The user gives too many.
    pub(super) limited: bool,
}

/// Gives a command to the engine.
pub(super) async fn give(deps: &DeskDeps, who: &Principal, cmd: &pb::Cmd) -> Said {
    let reference: String = cmd.id.chars().take(64).collect();
    let refuse = |error: &CommandError, current: &Current| Said {
        frames: vec![frames::err_cmd(&reference, error, current)],
        limited: error.code == Code::RateLimited,
    };
    let request = match read(who, cmd) {
        Ok(request) => request,
        Err(msg) => {
            let said = refuse(&CommandError::plain(Code::BadRequest, msg), &Current::None);
            return Said { limited: true, ..said };
        }
    };
    match ask(deps, request).await {
        Some(CommandAnswer::Accepted) => Said { frames: Vec::new(), limited: false },
        Some(CommandAnswer::Known(command, pos)) => {
            Said { frames: frames::known(&command, pos), limited: false }
        }
        Some(CommandAnswer::Refused(error, current)) => refuse(&error, &current),
        // Whether it was taken is not known: the same id asks again without harm.
        Some(CommandAnswer::Standing(_)) | None => {
            let msg = "the server did not answer: send the same command again";
            refuse(&CommandError::plain(Code::Internal, msg), &Current::None)
        }
    }
}

/// `None`: the engine did not answer.
pub(super) async fn ask(deps: &DeskDeps, request: CommandRequest) -> Option<CommandAnswer> {
    let (request, (done, answer)) = (Box::new(request), oneshot::channel());
    if !(deps.give)(DeskOrder::Command { request, done }) {
        return None;
    }
    timeout(ENGINE_WAIT, answer).await.ok().and_then(Result::ok)
}

/// How the commands stand that a desk asks about when it comes back.
pub(super) async fn standing(
    deps: &DeskDeps,
    user: &str,
    ids: &[CommandId],
) -> Vec<pb::CommandResult> {
    if ids.is_empty() {
        return Vec::new();
    }
    let (done, answer) = oneshot::channel();
    let order = DeskOrder::Standing { user: user.to_owned(), ids: ids.to_vec(), done };
    if !(deps.give)(order) {
        return Vec::new(); // unanswered: the desk asks again with its next hello
    }
    match timeout(ENGINE_WAIT, answer).await {
        Ok(Ok(CommandAnswer::Standing(all))) => all.iter().map(stand).collect(),
        _ => Vec::new(),
    }
}

fn stand((id, command): &(CommandId, Option<Command>)) -> pb::CommandResult {
    match command {
        Some(command) => result_to_pb(command, ""),
        None => pb::CommandResult {
            id: id.to_string(),
            status: "unseen".to_owned(),
            ..pb::CommandResult::default()
        },
    }
}

/// Reads a command. The message is for the client's developer.
pub(super) fn read(who: &Principal, cmd: &pb::Cmd) -> Result<CommandRequest, &'static str> {
    let id = cmd.id.parse().map_err(|_| "id is a UUID")?;
    let op = CommandOp::parse_name(&cmd.op).ok_or("op is none of this server's")?;
    let target = cmd.target.clone().unwrap_or_default();
    let args = cmd.args.clone().unwrap_or_default();
    let call = match target.call.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| "target.call is the id of a call")?),
    };
    let leg = match target.leg.as_str() {
        "" => None,
        id => Some(LegId(id.parse().map_err(|_| "target.leg is the id of a leg")?)),
    };
    let work_mode = match args.work_mode.as_str() {
        "" => None,
        "auto_in" => Some(WorkMode::AutoIn),
        "manual_in" => Some(WorkMode::ManualIn),
        _ => return Err("args.work_mode is auto_in or manual_in"),
    };
    // A command that is sent again may name a later end: it is the same command.
    let body = pb::Cmd { not_after: None, ..cmd.clone() };
    Ok(CommandRequest {
        who: who.clone(),
        id,
        op,
        target: CommandTarget { call, leg, agent: target.agent, device: target.device },
        args: CommandArgs {
            to: Pii::new(args.to),
            purpose: args.purpose,
            topic: args.facts.map(topic_from_pb).unwrap_or_default(),
            digits: args.digits,
            key: args.key,
            value: Pii::new(args.value),
            state: args.state,
            reason: args.reason,
            work_mode,
            extend_s: args.extend_s,
            r#override: args.r#override,
            factor: args.factor,
            label: args.label,
            override_id: args.override_id,
        },
        if_rev: cmd.r#if.and_then(|c| c.rev).map(u64::from),
        not_after: cmd.not_after.map(Wall::from),
        // Written anew, so that spaces and the order of members make no difference.
        digest: digest(&serde_json::to_vec(&body).unwrap_or_default()),
    })
}

/// Says that a desktop of the agent is there, until it is dropped.
pub(super) struct Presence<'a> {
    deps: &'a DeskDeps,
    agent: String,
    /// How the agent stands when this was the last desktop.
    after: DeskPresence,
}

impl<'a> Presence<'a> {
    pub(super) fn begin(deps: &'a DeskDeps, agent: &str) -> Self {
        let agent = agent.to_owned();
        deps.desks.came(&deps.give, &agent);
        Self { deps, agent, after: DeskPresence::Offline }
    }

    /// The desktop is of another agent from here on.
    pub(super) fn become_of(&mut self, agent: &str) {
        if self.agent != agent {
            self.deps.desks.came(&self.deps.give, agent);
            let before = std::mem::replace(&mut self.agent, agent.to_owned());
            self.deps.desks.went(&self.deps.give, &before, DeskPresence::Offline);
        }
    }

    /// It has not left, it has stopped to answer.
    pub(super) fn fell_silent(&mut self) {
        self.after = DeskPresence::Unresponsive;
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.deps.desks.went(&self.deps.give, &self.agent, self.after);
    }
}

/// How many desktops each agent has.
#[derive(Default)]
pub(crate) struct Desks(std::sync::Mutex<std::collections::HashMap<String, usize>>);

impl Desks {
    fn count(
        &self,
        give: &GiveOrder,
        agent: &str,
        gone: DeskPresence,
        change: impl FnOnce(usize) -> usize,
    ) {
        if agent.is_empty() {
            return;
        }
        let mut desks = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = desks.get(agent).copied().unwrap_or(0);
        let after = change(before);
        match after {
            0 => desks.remove(agent),
            n => desks.insert(agent.to_owned(), n),
        };
        let presence = match (before, after) {
            (0, 1..) => DeskPresence::Online,
            (1.., 0) => gone,
            _ => return,
        };
        // Given under the lock: two changes of one agent come in their order.
        give(DeskOrder::Presence { agent: agent.to_owned(), presence });
    }

    fn came(&self, give: &GiveOrder, agent: &str) {
        self.count(give, agent, DeskPresence::Offline, |n| n + 1);
    }

    fn went(&self, give: &GiveOrder, agent: &str, gone: DeskPresence) {
        self.count(give, agent, gone, |n| n.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trunkline_core::hub::Role;

    fn who() -> Principal {
        Principal {
            user: "u".into(),
            role: Role::Agent,
            devices: vec!["1001".into()],
            agent: "alice".into(),
            teams: Vec::new(),
        }
    }

    fn cmd(text: &str) -> Result<CommandRequest, &'static str> {
        read(&who(), &serde_json::from_str(text).unwrap())
    }

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    #[test]
    fn a_command_is_the_same_with_another_end_and_another_with_another_body() {
        let body = |to: &str, more: &str| {
            let text = format!(r#"{{"id":"{ID}","op":"call.dial","args":{{"to":"{to}"}}{more}}}"#);
            cmd(&text).unwrap()
        };
        let first = body("0100", "");
        let later = body("0100", r#","not_after":"2026-11-23T02:00:05Z""#);
        assert_eq!(first.digest, later.digest);
        assert_eq!(later.not_after, Some(Wall(1_795_399_205_000_000)));
        assert_ne!(first.digest, body("0101", "").digest);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, expected) in [
            (r#"{"id":"7","op":"call.hold"}"#.to_owned(), "id is a UUID"),
            (format!(r#"{{"id":"{ID}","op":"call.fax"}}"#), "op is none of this server's"),
            (
                format!(r#"{{"id":"{ID}","op":"call.hold","target":{{"call":"x"}}}}"#),
                "target.call is the id of a call",
            ),
            (
                format!(r#"{{"id":"{ID}","op":"agent.login","args":{{"work_mode":"acw"}}}}"#),
                "args.work_mode is auto_in or manual_in",
            ),
        ] {
            assert_eq!(cmd(&text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn an_agent_is_online_from_the_first_desktop_to_the_last() {
        let (sender, told) = std::sync::mpsc::channel();
        let give: GiveOrder = Arc::new(move |order| sender.send(order).is_ok());
        let desks = Desks::default();
        for came in [true, true, false, false, true] {
            match came {
                true => desks.came(&give, "alice"),
                false => desks.went(&give, "alice", DeskPresence::Unresponsive),
            }
        }
        desks.came(&give, "");
        let told: Vec<DeskPresence> = told
            .try_iter()
            .map(|order| match order {
                DeskOrder::Presence { agent, presence } if agent == "alice" => presence,
                other => panic!("{other:?}"),
            })
            .collect();
        use DeskPresence::{Online, Unresponsive};
        assert_eq!(told, [Online, Unresponsive, Online]);
    }
}
