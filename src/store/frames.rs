//! Journal files, one a day: each row is one group commit, sealed as one frame.

use super::StoreError;
use super::engine::{Batch, Engine, KEY_END, Op, Order, Table, TableFile};
use super::keyring::Keyring;
use super::mark::{Cut, Mark};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use trunkline_core::model::{Entity, Event, Wall};
use trunkline_core::vault::{Day, KeyPurpose, RecordContext};
use trunkline_core::wire::{journal_frame_from_bytes, write_journal_frame};
use zeroize::{Zeroize, Zeroizing};

const PREFIX: &str = "events-";
const VERSION: u8 = 2;
/// A longer buffer is given back.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// One group commit.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The mark of a reader that has taken it in.
    pub(super) mark: Mark,
    pub(super) events: Arc<[Event]>,
}

impl Frame {
    /// What it holds: entries of a list, or one entity an event.
    pub(super) fn weight(&self) -> usize {
        let of = |event: &Event| match &event.entity {
            Entity::Dnc(entries) => entries.len().max(1),
            Entity::Claims(entries) => entries.len().max(1),
            _ => 1,
        };
        self.events.iter().map(of).sum()
    }
}

/// A frame ready to be written, as often as it takes.
pub(super) struct Sealed {
    day: Day,
    batch: Batch,
}

pub(super) struct Frames {
    engine: Arc<dyn Engine>,
    keys: Arc<Keyring>,
    tenant: String,
    days: Mutex<BTreeMap<Day, Option<Arc<dyn TableFile>>>>,
    buffers: Mutex<Buffers>,
}

/// Memory of the last frame; fresh pages for each cost as much as sealing it.
#[derive(Default)]
struct Buffers {
    plain: Zeroizing<Vec<u8>>,
    value: Vec<u8>,
}

impl Frames {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        keys: Arc<Keyring>,
        tenant: &str,
    ) -> Result<Self, StoreError> {
        let files = engine.list()?;
        let day = |name: &String| Some(Day(name.strip_prefix(PREFIX)?.parse().ok()?));
        let days = files.iter().filter_map(day).map(|d| (d, None)).collect();
        Ok(Self {
            engine,
            keys,
            tenant: tenant.to_owned(),
            days: Mutex::new(days),
            buffers: Mutex::default(),
        })
    }

    /// The newest frame, opened to prove that it is ours, and the instant of its newest event.
    pub(super) fn newest(&self) -> Result<Option<(Mark, Option<Wall>)>, StoreError> {
        for day in self.days_down() {
            let file = self.file(day)?;
            if let Some(row) = file.scan(Table::Frame, &[], KEY_END, Order::Down, 1)?.pop() {
                let frame = self.frame(day, &row.0, &row.1)?;
                return Ok(Some((frame.mark, frame.events.last().map(|event| event.ts))));
            }
        }
        Ok(None)
    }

    /// Seals a group whose last event is at `mark`.
    pub(super) fn seal(
        &self,
        mark: Mark,
        at: Wall,
        events: &[Event],
    ) -> Result<Sealed, StoreError> {
        // A clock set back must not put a frame into a file before its predecessors.
        let newest = self.days_down().first().copied().unwrap_or(Day(0));
        let day = Day::of(at).max(newest);
        let first = events.first().map_or(mark.pos, |e| e.pos.0);
        let key = frame_key(mark.epoch_no, mark.pos);
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let Buffers { plain, value } = &mut *buffers;
        plain.zeroize();
        write_journal_frame(events, plain);
        let context = context(&self.tenant, &key, mark.seq, at);
        let mut value = std::mem::take(value);
        value.clear();
        value.push(VERSION);
        value.extend_from_slice(&mark.seq.to_be_bytes());
        value.extend_from_slice(&first.to_be_bytes());
        value.extend_from_slice(&at.0.to_be_bytes());
        self.keys.seal(KeyPurpose::Event, day, &context, plain, &mut value)?;
        let mut batch = Batch::default();
        batch.put(Table::Frame, key, value);
        Ok(Sealed { day, batch })
    }

    /// Durable on return.
    pub(super) fn append(&self, sealed: &Sealed) -> Result<(), StoreError> {
        self.file(sealed.day)?.commit(&sealed.batch)
    }

    /// Takes the memory of a written frame for the next one.
    pub(super) fn recycle(&self, mut sealed: Sealed) {
        if let Some(Op::Put(_, _, value)) = sealed.batch.0.pop()
            && value.capacity() <= BUFFER_BYTES_MAX
        {
            self.buffers.lock().unwrap_or_else(PoisonError::into_inner).value = value;
        }
    }

    /// Frames with events after a place, oldest first.
    pub(super) fn after(
        &self,
        epoch_no: u32,
        pos: u64,
        limit: usize,
    ) -> Result<Vec<Frame>, StoreError> {
        let from = frame_key(epoch_no, pos.saturating_add(1));
        let mut out: Vec<Frame> = Vec::new();
        for day in self.days_down().into_iter().rev() {
            let rest = limit - out.len();
            if rest == 0 {
                break;
            }
            for (key, value) in
                self.file(day)?.scan(Table::Frame, &from, KEY_END, Order::Up, rest)?
            {
                let frame = self.frame(day, &key, &value)?;
                if let Some(last) = out.last()
                    && last.mark.seq + 1 != frame.mark.seq
                {
                    return Err(StoreError::row(name(day), "a journal frame is missing"));
                }
                out.push(frame);
            }
        }
        Ok(out)
    }

    /// Removes whole days before `day` that lie entirely within `through`; never the newest file.
    pub(super) fn remove_before(&self, day: Day, through: Mark) -> Result<Vec<Day>, StoreError> {
        let mut days = self.days_down();
        days.reverse();
        days.pop();
        let mut gone = Vec::new();
        for old in days.into_iter().filter(|d| *d < day) {
            let last = self.file(old)?.scan(Table::Frame, &[], KEY_END, Order::Down, 1)?.pop();
            let end = last.map(|(key, value)| self.frame(old, &key, &value)).transpose()?;
            if end.is_some_and(|frame| frame.mark > through) {
                break;
            }
            self.keys.shred(KeyPurpose::Event, old)?;
            self.lock().remove(&old);
            self.engine.remove(&name(old))?;
            gone.push(old);
        }
        Ok(gone)
    }

    /// Lets the open files do their background work.
    pub(super) fn maintain(&self) -> Result<(), StoreError> {
        let open: Vec<_> = self.lock().values().flatten().cloned().collect();
        open.iter().try_for_each(|file| file.maintain())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Day, Option<Arc<dyn TableFile>>>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn days_down(&self) -> Vec<Day> {
        self.lock().keys().rev().copied().collect()
    }

    fn file(&self, day: Day) -> Result<Arc<dyn TableFile>, StoreError> {
        if let Some(file) = self.lock().get(&day).cloned().flatten() {
            return Ok(file);
        }
        let file = self.engine.open(&name(day), &[Table::State, Table::Frame])?;
        self.lock().insert(day, Some(file.clone()));
        Ok(file)
    }

    fn frame(&self, day: Day, key: &[u8], value: &[u8]) -> Result<Frame, StoreError> {
        let bad = || StoreError::row(name(day), "journal frame");
        let mut cut = Cut(key);
        let (epoch_no, pos) = (cut.u32().ok_or_else(bad)?, cut.u64().ok_or_else(bad)?);
        let mut cut = Cut(value);
        if cut.u8() != Some(VERSION) {
            return Err(bad());
        }
        let seq = cut.u64().ok_or_else(bad)?;
        let first = cut.u64().ok_or_else(bad)?;
        let at = Wall(i64::from_be_bytes(cut.array().ok_or_else(bad)?));
        let context = context(&self.tenant, key, seq, at);
        let plain = self.keys.unseal(&name(day), &context, cut.0)?;
        let events = journal_frame_from_bytes(&plain)
            .map_err(|source| StoreError::Decode { file: name(day), source })?;
        let ends = events.first().zip(events.last()).map(|(a, b)| (a.pos.0, b.pos.0));
        if ends != Some((first, pos)) {
            return Err(bad());
        }
        Ok(Frame { mark: Mark { seq, epoch_no, pos }, events: events.into() })
    }
}

fn name(day: Day) -> String {
    format!("{PREFIX}{:08}", day.0)
}

fn frame_key(epoch_no: u32, last_pos: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&epoch_no.to_be_bytes());
    key[4..].copy_from_slice(&last_pos.to_be_bytes());
    key
}

fn context<'a>(tenant: &'a str, key: &'a [u8], seq: u64, at: Wall) -> RecordContext<'a> {
    RecordContext {
        tenant,
        table: "frame",
        record_id: key,
        rev: seq,
        ts: at,
        agent: &[],
        phone_ix: &[],
    }
}
