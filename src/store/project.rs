//! Projections: records, decisions, do-not-call list, live calls. Made from committed frames only
//! and safe to make again, because one commit spans one file: rows carry revisions, the list never
//! shortens, and the audit log knows which events it repeats.

use super::audit::Draft;
use super::checkpoint::oldest_month;
use super::engine::{Batch, KEY_END, Order, Table, TableFile};
use super::frames::Frame;
use super::known::known_rows;
use super::live::{Live, LiveKey, is_over, rev_of};
use super::mark::Mark;
use super::rows::{
    RowKind, agent_of, call_day, call_head, call_of, command_of, decision_day, decision_head,
    duty_of, index_key, line_of, link_of, row_head,
};
use super::statement::{self, Statement};
use super::store::Inner;
use super::{StoreError, attempts, claims, dnc, meta, shadow};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use trunkline_core::model::{
    Agent, Call, CallId, Command, Decision, Duty, Entity, Event, EventKind, Line, Link, Named,
    Override, Wall,
};
use trunkline_core::vault::{Day, Month};

/// Frames read from the journal at once when catching up.
const FRAMES_PER_READ: usize = 64;
/// The checkpoint of live calls is written after so many events or so much time.
const CHECKPOINT_EVENTS: u64 = 50_000;
const CHECKPOINT_MICROS: i64 = 60_000_000;

/// Events that one file of records is made of.
#[derive(Default)]
struct OfMonth<'a> {
    records: Vec<&'a Event>,
    /// They say something of calls that count for caps.
    counted: Vec<&'a Event>,
}

/// The reader of the journal that writes everything else.
pub(super) struct Projector {
    pub(super) store: Arc<Inner>,
    /// Records, decisions and the list are made up to here.
    pub(super) done: Mark,
    /// Decisions up to this commit and position are in the audit log.
    audited: (u64, u64),
    /// Boxed: a table that grows moves pointers, and its free places cost little.
    pub(super) live: HashMap<LiveKey, Box<Live>>,
    /// What is over whose rows are still in the checkpoint.
    pub(super) gone: Vec<LiveKey>,
    /// Files of records with commits that only the next checkpoint makes durable.
    pub(super) unsynced: BTreeSet<Month>,
    /// What lives is folded up to here.
    pub(super) folded: Mark,
    pub(super) events_since: u64,
    pub(super) checkpoint_at: Wall,
    signed_commit: u64,
}

impl Projector {
    /// Reads the checkpoint and catches up with the journal.
    pub(super) fn open(
        store: Arc<Inner>,
        audited: (u64, u64),
        now: Wall,
    ) -> Result<Self, StoreError> {
        let progress = meta::mark(&store.meta, meta::PROGRESS)?;
        let done = progress.min(oldest_month(&store)?);
        let folded = meta::mark(&store.meta, meta::CHECKPOINT)?;
        let mut live = HashMap::new();
        for (key, row) in store.meta.scan(Table::Live, &[], KEY_END, Order::Up, usize::MAX)? {
            let event = store.rows().open(RowKind::Live, meta::FILE, &key, &row)?;
            let key = LiveKey::of(&event).ok_or(StoreError::row(meta::FILE, "live entity"))?;
            live.insert(key, Box::new(Live::stored(event)));
        }
        let mut projector = Self {
            store,
            done,
            audited: audited.max((progress.seq, u64::MAX)),
            live,
            gone: Vec::new(),
            unsynced: BTreeSet::new(),
            folded,
            events_since: 0,
            checkpoint_at: now,
            signed_commit: 0,
        };
        projector.catch_up()?;
        if done < progress {
            let object = format!("from={} to={}", done.seq, progress.seq);
            let draft = Draft::new(now, "store", "store.records_made_again", object);
            projector.store.audit().append(vec![draft], progress.seq)?;
        }
        Ok(projector)
    }

    /// Calls that are not over.
    pub(super) fn live_calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> =
            self.live.values().filter_map(|live| call_of(live.event())).collect();
        calls.sort_by_key(|call| call.id);
        calls
    }

    /// Lines as they stand.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> =
            self.live.values().filter_map(|live| line_of(live.event())).collect();
        lines.sort_by(|a, b| a.id.cmp(&b.id));
        lines
    }

    /// Control links as they stood.
    pub(super) fn links(&self) -> Vec<Link> {
        self.live.values().filter_map(|live| link_of(live.event())).collect()
    }

    /// Duties that are neither met nor breached.
    pub(super) fn duties(&self) -> Vec<Duty> {
        let mut duties: Vec<Duty> =
            self.live.values().filter_map(|live| duty_of(live.event())).collect();
        duties.sort_by_key(|duty| duty.id);
        duties
    }

    /// Agents as they stand.
    pub(super) fn agents(&self) -> Vec<Agent> {
        let mut agents: Vec<Agent> =
            self.live.values().filter_map(|live| agent_of(live.event())).collect();
        agents.sort_by(|a, b| a.who.id.cmp(&b.who.id));
        agents
    }

    /// Commands of the last day, oldest first.
    pub(super) fn commands(&self) -> Vec<Command> {
        let mut commands: Vec<Command> =
            self.live.values().filter_map(|live| command_of(live.event())).collect();
        commands.sort_by_key(|command| (command.accepted_at, command.id));
        commands
    }

    /// Overrides that are open.
    pub(super) fn overrides(&self) -> Vec<Override> {
        let of = |live: &Live| match &live.entity {
            Entity::Override(one) => Some((**one).clone()),
            _ => None,
        };
        self.live.values().filter_map(|live| of(live)).collect()
    }

    /// Newest commit that everything was made of.
    pub(super) fn done(&self) -> Mark {
        self.done
    }

    /// Takes in whatever the journal holds and the projections do not.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            let from = self.done.min(self.folded);
            let frames = self.store.frames.after(from.epoch_no, from.pos, FRAMES_PER_READ)?;
            let more = frames.len() == FRAMES_PER_READ;
            if let Some(first) = frames.first().filter(|f| f.mark.seq != from.seq + 1) {
                return Err(StoreError::Behind { found: from.seq, journal: first.mark.seq });
            }
            self.take(&frames)?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Takes in frames that follow each other. After an error, call `catch_up`.
    pub(super) fn take(&mut self, frames: &[Frame]) -> Result<(), StoreError> {
        for frame in frames {
            if frame.mark <= self.folded {
                continue;
            }
            frame.events.iter().for_each(|event| self.fold(event));
            self.events_since += u64::try_from(frame.events.len()).unwrap_or(0);
            self.folded = frame.mark;
        }
        let fresh: Vec<&Frame> = frames.iter().filter(|f| f.mark > self.done).collect();
        let Some(last) = fresh.last().map(|f| f.mark) else { return Ok(()) };
        let months = self.write_records(&fresh, last)?;
        self.write_audit(&fresh)?;
        self.write_meta(&fresh, last, &months)?;
        self.done = last;
        Ok(())
    }

    fn fold(&mut self, event: &Event) {
        let Some(key) = LiveKey::of(event) else { return };
        match self.live.entry(key) {
            Entry::Occupied(mut found) => {
                if rev_of(&found.get().entity) > rev_of(&event.entity) {
                    return;
                }
                if is_over(&event.entity) {
                    let (key, live) = found.remove_entry();
                    if live.stored {
                        self.gone.push(key);
                    }
                    return;
                }
                found.get_mut().change(event);
            }
            Entry::Vacant(place) => {
                if !is_over(&event.entity) {
                    place.insert(Box::new(Live::begun(event)));
                }
            }
        }
    }

    fn write_records(&mut self, frames: &[&Frame], last: Mark) -> Result<Vec<Month>, StoreError> {
        let mut months: BTreeMap<Month, OfMonth<'_>> = BTreeMap::new();
        for event in frames.iter().flat_map(|f| f.events.iter()) {
            if let Some(month) = attempts::month_of(event) {
                months.entry(month).or_default().counted.push(event);
            }
            let month = match (&event.entity, event.kind) {
                (Entity::Call(call), EventKind::CallCleared) => call_day(call.id).month(),
                // A label that comes after the end.
                (Entity::Call(call), EventKind::CallLabelled) if call.is_over() => {
                    call_day(call.id).month()
                }
                (Entity::Decision(d), _) if is_verdict(event.kind) => decision_day(d.id).month(),
                (Entity::Shadow(one), _) => decision_day(one.decision).month(),
                _ => continue,
            };
            months.entry(month).or_default().records.push(event);
        }
        let rows_max = self.store.engine.group_rows_max();
        for (month, OfMonth { records, counted }) in &months {
            let file = self.store.months.open(*month)?;
            let mut batch = Batch::default();
            let commit_full = |batch: &mut Batch| match batch.0.len() >= rows_max {
                true => file.commit_soon(&std::mem::take(batch)),
                false => Ok(()),
            };
            for event in counted {
                attempts::rows(&mut batch, &self.store.rows(), event)?;
                commit_full(&mut batch)?;
            }
            for group in records.chunks(rows_max) {
                batch.0.append(&mut self.month_rows(*month, file.as_ref(), group)?.0);
                commit_full(&mut batch)?;
            }
            // The watermark comes with the last of them.
            batch.put(Table::State, meta::PROGRESS, last.to_bytes());
            file.commit_soon(&batch)?;
        }
        self.unsynced.extend(months.keys());
        Ok(months.into_keys().collect())
    }

    fn month_rows(
        &self,
        month: Month,
        file: &dyn TableFile,
        events: &[&Event],
    ) -> Result<Batch, StoreError> {
        let index = self.store.keys.record_index(month)?;
        let rows = self.store.rows();
        let (mut batch, mut phones, mut devices) =
            (Batch::default(), Batch::default(), Batch::default());
        let known = known_rows(file, events)?;
        for (event, known) in events.iter().zip(known) {
            match &event.entity {
                Entity::Call(call) => {
                    let id = call.id.0.as_bytes();
                    let head = call_head(call, &index);
                    let known = known.as_deref().and_then(row_head);
                    if known.is_some_and(|(known, _)| known.rev >= head.rev) {
                        continue;
                    }
                    let row = rows.seal(RowKind::Rec, id, &head, call_day(call.id), event)?;
                    for phone in head.phones.chunks(16) {
                        phones.put(Table::Phone, index_key(phone, head.ts, id), []);
                    }
                    devices.put(Table::Device, index_key(&head.device, head.ts, id), []);
                    batch.put(Table::Rec, *id, row);
                }
                Entity::Decision(decision) => {
                    let id = decision.id.0.as_bytes();
                    if known.is_some() {
                        continue;
                    }
                    let head = decision_head(decision, &index);
                    let day = decision_day(decision.id);
                    let row = rows.seal(RowKind::Decision, id, &head, day, event)?;
                    batch.put(Table::Decision, *id, row);
                }
                Entity::Shadow(one) => shadow::put(&mut batch, &rows, one, event)?,
                Entity::Dnc(_)
                | Entity::Claims(_)
                | Entity::System(_)
                | Entity::Line(_)
                | Entity::Duty(_)
                | Entity::Link(_)
                | Entity::Agent(_)
                | Entity::Command(_)
                | Entity::Override(_) => {}
            }
        }
        // Changes of one table beside each other.
        batch.0.append(&mut phones.0);
        batch.0.append(&mut devices.0);
        Ok(batch)
    }

    fn write_audit(&mut self, frames: &[&Frame]) -> Result<(), StoreError> {
        let mut drafts = Vec::new();
        let mut audited = self.audited;
        for frame in frames {
            for event in frame.events.iter() {
                let source = (frame.mark.seq, event.pos.0);
                if source <= self.audited {
                    continue;
                }
                let draft = match &event.entity {
                    Entity::Decision(decision) if is_verdict(event.kind) => {
                        self.decision_draft(event, decision, source)?
                    }
                    Entity::Override(one) => override_entry(event, one, source),
                    Entity::Dnc(entries) => dnc::draft(event, entries, source),
                    Entity::Claims(entries) => claims::draft(event, entries, source),
                    Entity::Call(call) => match override_draft(event, call.id, source) {
                        Some(draft) => draft,
                        None => continue,
                    },
                    _ => continue, // nobody decided anything
                };
                drafts.push(draft);
                audited = source;
            }
        }
        let Some(last) = frames.last().filter(|_| !drafts.is_empty()) else { return Ok(()) };
        self.store.audit().append(drafts, last.mark.seq)?;
        self.audited = audited;
        Ok(())
    }

    fn decision_draft(
        &self,
        event: &Event,
        decision: &Decision,
        source: (u64, u64),
    ) -> Result<Draft, StoreError> {
        let index = self.store.keys.record_index(decision_day(decision.id).month())?;
        let object = format!(
            "statement={} decision={} call={}",
            statement::FORM,
            decision.id,
            decision.call_id.map(|c| c.to_string()).unwrap_or_default(),
        );
        let mut draft = Draft::new(event.ts, "gate", event.kind.name(), object);
        draft.digest = Statement::new(decision, event.ts, &index).digest;
        draft.source = source;
        Ok(draft)
    }

    fn write_meta(
        &self,
        frames: &[&Frame],
        last: Mark,
        months: &[Month],
    ) -> Result<(), StoreError> {
        let events = frames.iter().flat_map(|f| f.events.iter());
        let mut batch = dnc::rows(&self.store, events.clone())?;
        claims::rows(&mut batch, &self.store, events)?;
        for month in months {
            batch.put(Table::State, meta::month_key(*month), last.to_bytes());
        }
        let tip = self.store.audit().tip();
        batch.put(Table::State, meta::PROGRESS, last.to_bytes());
        batch.put(Table::State, meta::AUDIT_TIP, tip.to_bytes());
        self.store.meta.commit_soon(&batch)
    }

    /// Work that is due by time or amount: checkpoint, signed head, old files.
    pub(super) fn housekeeping(&mut self, now: Wall) -> Result<(), StoreError> {
        let waited = now.0.saturating_sub(self.checkpoint_at.0);
        let due = !(0..CHECKPOINT_MICROS).contains(&waited);
        if self.events_since >= CHECKPOINT_EVENTS || (due && self.events_since > 0) {
            self.checkpoint(now)?;
            self.store.frames.remove_before(self.oldest_kept(now), self.done.min(self.folded))?;
        }
        let mut audit = self.store.audit();
        let stale = due && self.signed_commit != self.done.seq;
        if stale || audit.unsigned() >= super::audit::HEAD_ENTRIES_MAX {
            audit.sign_head(self.done.seq, now)?;
            self.signed_commit = self.done.seq;
        }
        drop(audit);
        if due {
            self.checkpoint_at = now;
        }
        self.store.meta.maintain()?;
        self.store.months.maintain()?;
        self.store.frames.maintain()
    }

    fn oldest_kept(&self, now: Wall) -> Day {
        Day::of(now.before(self.store.journal_keep))
    }

    /// The last work of a clean stop.
    pub(super) fn finish(&mut self, now: Wall) -> Result<(), StoreError> {
        self.catch_up()?;
        self.checkpoint(now)?;
        self.store.frames.remove_before(self.oldest_kept(now), self.done.min(self.folded))?;
        let mut audit = self.store.audit();
        audit.sign_head(self.done.seq, now)?;
        let mut batch = Batch::default();
        batch.put(Table::State, meta::AUDIT_TIP, audit.tip().to_bytes());
        batch.put(Table::State, meta::CLEAN, [1]);
        self.store.meta.commit(&batch)
    }
}

/// Somebody has taken it upon himself to hand a call over. Digits of the reason stay out of the log:
/// they may be a customer's.
fn override_draft(event: &Event, call: CallId, source: (u64, u64)) -> Option<Draft> {
    let waiver = event.detail.waiver.as_ref().filter(|waiver| !waiver.by.is_empty())?;
    let shown = |c: char| if c.is_numeric() { '#' } else { c };
    let reason: String = waiver.reason.chars().map(shown).collect();
    let leg = event.detail.leg.map(|leg| leg.to_string()).unwrap_or_default();
    let object = format!("call={call} leg={leg} reason={reason:?}");
    let mut draft = Draft::new(event.ts, &waiver.by, "call.transfer_override", object);
    draft.source = source;
    Some(draft)
}

/// Who let a call out, or asked to. What the reason says stays out of the log.
fn override_entry(event: &Event, one: &Override, source: (u64, u64)) -> Draft {
    let who = event.detail.waiver.as_ref().map_or("gate", |waiver| waiver.by.as_str());
    let object = format!(
        "override={} state={} number={} agent={:?} device={:?} call={} decision={}",
        one.id,
        one.state.name(),
        one.to.number_ref,
        one.agent,
        one.device,
        one.call_id.map(|id| id.to_string()).unwrap_or_default(),
        one.decision_id.map(|id| id.to_string()).unwrap_or_default(),
    );
    let mut draft = Draft::new(event.ts, who, event.kind.name(), object);
    draft.source = source;
    draft
}

fn is_verdict(kind: EventKind) -> bool {
    matches!(kind, EventKind::OutboundAllowed | EventKind::OutboundDenied)
}
