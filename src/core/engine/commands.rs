//! Commands of desks: accepted once, durable before anything is done, remembered for a day.
//!
//! The order to the PBX leaves only when the acceptance is durable: a command of which a crash
//! leaves no trace was not given, and one that left a trace is never given again.

use super::control::Step;
use super::dials::Dials;
use super::input::Outputs;
use super::orders::OrderFor;
use super::request::{CommandAnswer, CommandRequest, Current};
use super::writer::Engine;
use crate::model::{
    COMMAND_KEPT, CallId, Command, CommandCode as Code, CommandError, CommandId, CommandOp,
    CommandStatus, Detail, Entity, EventKind, LegId, Mono, Now, Pos, Wall,
};
use crate::pbx::OrderResult;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// A command that names no end of its time.
const NOT_AFTER: Duration = Duration::from_secs(5);
/// Furthest end of its time.
const NOT_AFTER_MAX: Duration = Duration::from_secs(60);
/// Commands that are remembered. Beyond: LIMIT_EXCEEDED.
const COMMANDS_MAX: usize = 200_000;
/// Commands of one user, a second and at once. Beyond: RATE_LIMITED.
const PER_SECOND: u64 = 20;
const BURST: u64 = 40;
/// Events so long after an order are its doing.
const CAUSE_WAIT: Duration = Duration::from_secs(5);

/// Which command: ids are unique for one user alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CommandKey {
    pub(super) user: Arc<str>,
    pub(super) id: CommandId,
}

struct Entry {
    command: Command,
    /// Position of its newest event; `None`: an earlier run made it.
    pos: Option<Pos>,
    /// Until it is durable.
    request: Option<Box<CommandRequest>>,
    /// Orders without a result.
    parts: u32,
}

struct Bucket {
    credit: u64,
    at: Mono,
}

/// Events of a call, or of one leg, that a command leads to.
struct Cause {
    id: CommandId,
    call: CallId,
    kinds: &'static [EventKind],
    until: Mono,
}

/// Commands of the last day.
#[derive(Default)]
pub(super) struct Commands {
    entries: HashMap<CommandKey, Entry>,
    /// Accepted and not durable yet.
    fresh: BTreeMap<Pos, CommandKey>,
    /// By the moment at which they fade.
    fading: BTreeMap<(Wall, CommandId), CommandKey>,
    buckets: HashMap<Arc<str>, Bucket>,
    causes: Vec<Cause>,
    /// Legs whose state a command without a result is about to change.
    busy: HashMap<(CallId, LegId), CommandKey>,
    durable: Pos,
    pub(super) dials: Dials,
}

impl Commands {
    /// A command may lead to events of calls.
    pub(super) fn is_any(&self) -> bool {
        !self.causes.is_empty() || !self.dials.is_empty()
    }

    /// Another command without a result is about to change this leg.
    pub(super) fn is_busy(&self, call: CallId, leg: LegId, by: &CommandKey) -> bool {
        self.busy.get(&(call, leg)).is_some_and(|other| other != by)
    }

    /// Not to be begun after this.
    pub(super) fn not_after(&self, key: &CommandKey) -> Option<Wall> {
        self.entries.get(key).map(|entry| entry.command.not_after)
    }

    /// Not to be carried out yet.
    fn keep(&mut self, key: &CommandKey, request: Box<CommandRequest>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.request = Some(request);
        }
    }

    /// One command of a user; `false`: too many.
    fn spend(&mut self, now: Now, user: &Arc<str>) -> bool {
        const STEP: u64 = 1_000_000_000 / PER_SECOND;
        let full = BURST * STEP;
        if self.buckets.len() >= COMMANDS_MAX {
            self.buckets.retain(|_, b| b.credit + since(b.at, now) < full);
        }
        let new = Bucket { credit: full, at: now.mono };
        let bucket = self.buckets.entry(user.clone()).or_insert(new);
        bucket.credit = (bucket.credit + since(bucket.at, now)).min(full);
        bucket.at = now.mono;
        let enough = bucket.credit >= STEP;
        bucket.credit -= if enough { STEP } else { 0 };
        enough
    }
}

fn since(at: Mono, now: Now) -> u64 {
    u64::try_from(now.mono.since(at).as_nanos()).unwrap_or(u64::MAX / 4)
}

pub(super) fn refused(code: Code, msg: &str) -> (CommandError, Current) {
    (CommandError::plain(code, msg), Current::None)
}

impl Engine {
    /// Takes a command, or says why not.
    pub(super) fn command(
        &mut self,
        now: Now,
        request: Box<CommandRequest>,
        ticket: u64,
        out: &mut Outputs,
    ) {
        let key = CommandKey { user: request.who.user.as_str().into(), id: request.id };
        let answer = match self.admit(now, &key, &request) {
            Ok(None) => self.accept(now, key, request, out),
            Ok(Some(known)) => known,
            Err((error, current)) => CommandAnswer::Refused(error, current),
        };
        out.commands.push((ticket, answer));
    }

    fn admit(
        &mut self,
        now: Now,
        key: &CommandKey,
        request: &CommandRequest,
    ) -> Result<Option<CommandAnswer>, (CommandError, Current)> {
        if !self.commands.spend(now, &key.user) {
            return Err(refused(Code::RateLimited, "20 commands a second, 40 at once"));
        }
        if let Some(entry) = self.commands.entries.get(key) {
            if entry.command.digest != request.digest {
                let msg = "the id was used for another command";
                return Err(refused(Code::IdempotencyMismatch, msg));
            }
            return Ok(Some(self.known(entry)));
        }
        if self.dialing.is_closed() || self.overflow.is_some() {
            return Err(refused(Code::Internal, "the journal does not write"));
        }
        if self.commands.entries.len() >= COMMANDS_MAX {
            return Err(refused(Code::LimitExceeded, "too many commands are remembered"));
        }
        if request.not_after.is_some_and(|at| at < now.wall) {
            return Err(refused(Code::Expired, "its time was over when it came"));
        }
        self.plan(now, request).map(|_| None)
    }

    /// What is not durable yet is told by its event when it is.
    fn known(&self, entry: &Entry) -> CommandAnswer {
        match entry.pos {
            Some(pos) if pos > self.commands.durable => CommandAnswer::Accepted,
            pos => CommandAnswer::Known(Box::new(entry.command.clone()), pos),
        }
    }

    fn accept(
        &mut self,
        now: Now,
        key: CommandKey,
        request: Box<CommandRequest>,
        out: &mut Outputs,
    ) -> CommandAnswer {
        let latest = now.wall.after(NOT_AFTER_MAX);
        let not_after = request.not_after.unwrap_or(now.wall.after(NOT_AFTER)).min(latest);
        let to = request.args.to.reveal();
        let leg = self.plan(now, &request).ok().and_then(|plan| plan.leg);
        if let (Some(call), Some(leg)) = (request.target.call, leg)
            && super::control::changes_leg(request.op)
        {
            self.commands.busy.insert((call, leg), key.clone());
        }
        let command = Command {
            id: key.id,
            rev: 1,
            user: key.user.to_string(),
            op: request.op,
            call_id: request.target.call,
            leg,
            agent: self.agent_of(&request).unwrap_or_default(),
            to: (!to.is_empty()).then(|| {
                let dialed = self.plan_of_command(&request).read(to);
                self.desk_parties.with(to, "", &dialed)
            }),
            digest: request.digest,
            accepted_at: now.wall,
            not_after,
            status: CommandStatus::Accepted,
            error: None,
            done_at: None,
        };
        let entity = Entity::Command(Box::new(command.clone()));
        let detail = Detail::default();
        self.totals.commands_accepted += 1;
        let pos = self.emit(now, EventKind::CommandAccepted, entity, detail, out);
        let fades = command.accepted_at.after(COMMAND_KEPT);
        self.commands.fading.insert((fades, key.id), key.clone());
        self.commands.fresh.insert(pos, key.clone());
        let entry = Entry { command, pos: Some(pos), request: Some(request), parts: 0 };
        self.commands.entries.insert(key, entry);
        CommandAnswer::Accepted
    }

    /// How commands of a user stand, for a desk that comes back.
    pub(super) fn commands_standing(
        &mut self,
        user: &str,
        ids: &[CommandId],
        ticket: u64,
        out: &mut Outputs,
    ) {
        let user: Arc<str> = user.into();
        let standing = |id: &CommandId| {
            let key = CommandKey { user: user.clone(), id: *id };
            let known = self.commands.entries.get(&key).map(|e| e.command.clone());
            (*id, known)
        };
        let standing = ids.iter().map(standing).collect();
        out.commands.push((ticket, CommandAnswer::Standing(standing)));
    }

    /// Commands whose acceptance is durable are carried out.
    pub(super) fn commands_durable(&mut self, now: Now, through: Pos, out: &mut Outputs) {
        self.commands.durable = through;
        while let Some(first) = self.commands.fresh.first_entry()
            && *first.key() <= through
        {
            let key = first.remove();
            self.carry_out(now, key, out);
        }
        self.dials_durable(now, through, out);
    }

    pub(super) fn carry_out(&mut self, now: Now, key: CommandKey, out: &mut Outputs) {
        if let Some(late) = self.held_too_long(now, &key) {
            return self.command_failed(now, &key, late, out);
        }
        let Some(entry) = self.commands.entries.get_mut(&key) else { return self.release(&key) };
        let Some(request) = entry.request.take() else { return self.release(&key) };
        if entry.command.not_after < now.wall {
            return self.command_done(now, &key, CommandStatus::Expired, None, out);
        }
        // What held when it was accepted may hold no more.
        let step = match self.plan(now, &request) {
            Ok(plan) => plan.step,
            Err((error, _)) => {
                self.release(&key);
                return self.command_failed(now, &key, error, out);
            }
        };
        match step {
            Step::Order { .. } if self.is_held_back(now, &key, &request) => {
                self.commands.keep(&key, request);
            }
            Step::Order { pbx, order, call } => {
                self.release(&key);
                if let Some(error) = self.outward_refused(now, (&key, pbx, call), &order, out) {
                    return self.command_failed(now, &key, error, out);
                }
                self.expect(now, &key, call, request.op);
                self.waive(now, &request, out);
                self.seeks(&request);
                if !self.give_order(now, pbx, order, OrderFor::Command(key.clone()), out) {
                    let error = CommandError::plain(Code::SwitchUnavailable, "no link is up");
                    self.command_failed(now, &key, error, out);
                }
            }
            Step::Agent { at, input } => {
                self.command_waits(&key);
                match self.ask_agent(now, at, input, Some(&key), out) {
                    Ok(()) => self.command_part_done(now, &key, OrderResult::Done, out),
                    Err(why) => {
                        let error = CommandError::plain(Code::Conflict, why.to_string());
                        self.command_failed(now, &key, error, out);
                    }
                }
            }
            Step::Dial(ask) => self.start_dial(now, key, *ask, out),
            Step::Override { act, request } => {
                self.command_waits(&key);
                self.act_on_override(now, &key, act, &request, out);
                self.command_part_done(now, &key, OrderResult::Done, out);
            }
            Step::Note { call, note } => {
                self.command_waits(&key);
                self.expect(now, &key, call, request.op);
                self.note(now, call, note, out);
                self.command_part_done(now, &key, OrderResult::Done, out);
            }
        }
    }

    /// Events of this call may be the command's doing.
    fn expect(&mut self, now: Now, key: &CommandKey, call: CallId, op: CommandOp) {
        let kinds = super::control::leads_to(op);
        let until = now.mono.after(CAUSE_WAIT);
        self.commands.causes.push(Cause { id: key.id, call, kinds, until });
    }

    /// The command that an event of a call comes of.
    pub(super) fn cause_of(&self, now: Now, kind: EventKind, call: CallId) -> Option<CommandId> {
        let fits = |c: &&Cause| c.call == call && c.until >= now.mono && c.kinds.contains(&kind);
        let cause = self.commands.causes.iter().find(fits);
        cause.map(|c| c.id).or_else(|| self.commands.dials.cause_of(call))
    }

    /// One more order has to be done before the command is.
    pub(super) fn command_waits(&mut self, key: &CommandKey) {
        if let Some(entry) = self.commands.entries.get_mut(key) {
            entry.parts += 1;
        }
    }

    /// One of the orders of a command is done.
    pub(super) fn command_part_done(
        &mut self,
        now: Now,
        key: &CommandKey,
        result: OrderResult,
        out: &mut Outputs,
    ) {
        if let Some(error) = error_of(result) {
            return self.command_failed(now, key, error, out);
        }
        let Some(entry) = self.commands.entries.get_mut(key) else { return };
        entry.parts = entry.parts.saturating_sub(1);
        if entry.parts == 0 {
            self.command_done(now, key, CommandStatus::Ok, None, out);
        }
    }

    /// The PBX has taken an order, or not.
    pub(super) fn command_ordered(
        &mut self,
        now: Now,
        key: &CommandKey,
        result: OrderResult,
        out: &mut Outputs,
    ) {
        match error_of(result) {
            Some(error) => self.command_failed(now, key, error, out),
            // A dial is done when somebody outside is called.
            None if self.commands.dials.is_open(key) => {}
            None => self.command_done(now, key, CommandStatus::Ok, None, out),
        }
    }

    pub(super) fn command_failed(
        &mut self,
        now: Now,
        key: &CommandKey,
        error: CommandError,
        out: &mut Outputs,
    ) {
        self.command_done(now, key, CommandStatus::Failed, Some(error), out);
    }

    /// The result, once.
    pub(super) fn command_done(
        &mut self,
        now: Now,
        key: &CommandKey,
        status: CommandStatus,
        error: Option<CommandError>,
        out: &mut Outputs,
    ) {
        if status != CommandStatus::Ok {
            self.commands.causes.retain(|c| c.id != key.id);
            if let Some(unused) = self.commands.dials.forget(key) {
                self.ledger.release(unused);
            }
        }
        let Some(entry) = self.commands.entries.get_mut(key) else { return };
        if entry.command.is_done() {
            return;
        }
        match status {
            CommandStatus::Ok => self.totals.commands_ok += 1,
            _ => self.totals.commands_failed += 1,
        }
        let command = &mut entry.command;
        if let (Some(call), Some(leg)) = (command.call_id, command.leg) {
            let busy = &mut self.commands.busy;
            if busy.get(&(call, leg)) == Some(key) {
                busy.remove(&(call, leg));
            }
        }
        (command.status, command.error, command.done_at) = (status, error, Some(now.wall));
        command.rev += 1;
        let entity = Entity::Command(Box::new(command.clone()));
        let pos = self.emit(now, EventKind::CommandDone, entity, Detail::default(), out);
        if let Some(entry) = self.commands.entries.get_mut(key) {
            entry.pos = Some(pos);
        }
    }

    /// The call that a dial has led to.
    pub(super) fn command_call(&mut self, key: &CommandKey, call: CallId) {
        if let Some(entry) = self.commands.entries.get_mut(key) {
            entry.command.call_id = Some(call);
        }
    }

    /// Commands of an earlier run: none is carried out again, and one without a result never gets
    /// one.
    pub(super) fn restore_commands(&mut self, now: Now, commands: Vec<Command>, out: &mut Outputs) {
        let mut open = Vec::new();
        for command in commands {
            let key = CommandKey { user: command.user.as_str().into(), id: command.id };
            if !command.is_done() {
                open.push(key.clone());
            }
            let fades = command.accepted_at.after(COMMAND_KEPT);
            self.commands.fading.insert((fades, key.id), key.clone());
            let entry = Entry { command, pos: None, request: None, parts: 0 };
            self.commands.entries.insert(key, entry);
        }
        for key in open {
            self.command_done(now, &key, CommandStatus::Unknown, None, out);
        }
    }

    /// The acceptance of these will never be durable: they were not given.
    pub(super) fn refuse_commands(&mut self, now: Now, out: &mut Outputs) {
        for key in std::mem::take(&mut self.commands.fresh).into_values() {
            let error = CommandError::plain(Code::Internal, "the journal lost it");
            self.command_failed(now, &key, error, out);
        }
    }

    pub(super) fn commands_tick(&mut self, now: Now, out: &mut Outputs) {
        self.dials_tick(now, out);
        self.overrides_tick(now, out);
        self.retry_held(now, out);
        self.commands.causes.retain(|c| c.until >= now.mono);
        while let Some(first) = self.commands.fading.first_entry()
            && first.key().0 < now.wall
        {
            let key = first.remove();
            self.commands.entries.remove(&key);
        }
    }
}

/// What a result says of the command; `None`: it was carried out.
fn error_of(result: OrderResult) -> Option<CommandError> {
    let (code, msg) = match result {
        OrderResult::Done => return None,
        OrderResult::Rejected(why) => (Code::SwitchRejected, why),
        OrderResult::Unsupported(why) => (Code::Unsupported, why),
        OrderResult::LinkDown => (Code::SwitchUnavailable, "the link is down".to_owned()),
        OrderResult::TimedOut => {
            (Code::Timeout, "no answer in time: it may have been carried out".to_owned())
        }
    };
    Some(CommandError::plain(code, msg))
}
