//! The open store: what all threads share, and the calls that read it.

use super::audit::{AuditLog, Draft};
use super::bell::Bell;
use super::engine::{Engine, TableFile};
use super::frames::{Frame, Frames};
use super::journal::{JournalHandle, Shared};
use super::keyring::Keyring;
use super::mark::Mark;
use super::months::Months;
use super::project::Projector;
use super::rows::Rows;
use super::witness::Witness;
use super::writer::{Clock, Writer, follow};
use super::{StoreError, meta};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use trunkline_core::gate::Register;
use trunkline_core::model::{Committed, Epoch, Event, Pos, Wall};
use trunkline_core::vault::{BlindIndex, KeySpan};

/// Frames between writer and projections; beyond, projections read the journal. A frame of an import
/// holds some 500 entries: what waits must not fill the memory.
const FRAMES_WAITING_MAX: usize = 128;
/// Priority of the projections.
const PROJECTIONS_NICE: i32 = 5;
/// Frames of a `read` that are opened at once.
const FRAMES_PER_READ: usize = 32;

/// An open data directory; clones share it.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<Inner>,
    pub(super) start: Arc<Mutex<Option<Start>>>,
}

/// What the threads share. Nothing here waits for the writer.
pub(super) struct Inner {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) meta: Arc<dyn TableFile>,
    pub(super) keys: Arc<Keyring>,
    pub(super) frames: Frames,
    pub(super) journal_head: Witness,
    pub(super) months: Months,
    pub(super) audit: Mutex<AuditLog>,
    pub(super) durable: Durable,
    /// What the projections have taken in.
    pub(super) projected: Durable,
    /// Somebody waits for the projections.
    pub(super) hurry: Bell,
    pub(super) dir: std::path::PathBuf,
    pub(super) tenant: String,
    pub(super) journal_keep: Duration,
    pub(super) desk_refs: BlindIndex,
    pub(super) list_refs: BlindIndex,
    /// Editions of registers in force.
    pub(super) registers: Mutex<BTreeMap<String, Arc<Register>>>,
    pub(super) _lock: std::fs::File,
}

/// What the first start of the journal takes over.
pub(super) struct Start {
    pub(super) projector: Projector,
    pub(super) epoch: Epoch,
}

/// Longest wait of a read for the projections.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// Newest commit that is durable, or projected.
pub(super) struct Durable(Mutex<Mark>);

impl Durable {
    pub(super) fn new(mark: Mark) -> Self {
        Self(Mutex::new(mark))
    }

    pub(super) fn mark(&self) -> Mark {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, mark: Mark) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mark;
    }
}

/// What `audit verify` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Entries checked.
    pub entries: u64,
    /// Entries that the signed head vouches for.
    pub signed: u64,
    /// When that head was signed.
    pub signed_at: Wall,
    /// Signed checkpoints inside the chain.
    pub checkpoints: u64,
    /// Keys that signed, oldest first; the last one is in force.
    pub keys: Vec<KeySpan>,
    /// Decisions whose sealed record still says what the chain says of it.
    pub decisions: u64,
    /// Decisions whose record can no longer be opened: its key was destroyed.
    pub erased: u64,
}

impl Inner {
    /// Waits until the projections have what is durable now, so that a read sees what its caller
    /// was told. Behind for longer than 2 s they are in trouble, and the read shows what there is.
    pub(super) fn settle(&self) {
        let (wanted, started) = (self.durable.mark().seq, Instant::now());
        while self.projected.mark().seq < wanted && started.elapsed() < SETTLE_MAX {
            self.hurry.ring();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(super) fn audit(&self) -> MutexGuard<'_, AuditLog> {
        // An append that panicked left the log marked dirty: the next one cuts it back.
        self.audit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        Rows { keys: &self.keys, tenant: &self.tenant }
    }
}

impl Store {
    /// Starts the writer and the projection thread; once in the life of a store.
    ///
    /// `ring_capacity` bounds the events that wait for the disk. `on_commit` runs on the writer's
    /// thread after each durable commit, in order: it must be quick and must not call `close`.
    ///
    /// # Errors
    /// If a thread cannot be started, or the journal was started before.
    pub fn start_journal(
        &self,
        ring_capacity: usize,
        clock: impl Fn() -> Wall + Send + Sync + 'static,
        on_commit: impl FnMut(Committed) + Send + 'static,
    ) -> Result<JournalHandle, StoreError> {
        let start = self.start.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Start { projector, epoch } = start.ok_or(StoreError::Closed)?;
        let mark = self.inner.durable.mark();
        let shared = Arc::new(Shared::new());
        let clock: Clock = Arc::new(clock);
        let (ring, items) = crossbeam_channel::bounded(ring_capacity);
        let (frames, committed) = crossbeam_channel::bounded::<Frame>(FRAMES_WAITING_MAX);
        let (ended, end) = crossbeam_channel::bounded(1);
        let writer = Writer {
            store: self.inner.clone(),
            ring: items,
            shared: shared.clone(),
            clock: clock.clone(),
            on_commit,
            frames,
            mark,
            epoch,
        };
        let failed = |e| StoreError::io("journal thread", e);
        let (store, state) = (self.inner.clone(), shared.clone());
        std::thread::Builder::new()
            .name("projections".to_owned())
            .spawn(move || {
                // Calls go first, then the journal that they wait for.
                let _ = rustix::process::setpriority_process(None, PROJECTIONS_NICE);
                let stop = follow(projector, &store, &committed, &state, &clock);
                // The lock of the directory must be gone before `close` returns.
                drop(store);
                let _ = ended.send(stop);
            })
            .map_err(failed)?;
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(failed)?;
        let next = if mark.pos == 0 { 0 } else { mark.pos + 1 };
        Ok(JournalHandle::new(ring, shared, end, next))
    }

    /// Durable events of the epoch in force after a position, oldest first.
    ///
    /// The journal is kept for a while only: if the first event does not follow `from_exclusive`,
    /// the reader was away too long.
    ///
    /// # Errors
    /// If the journal cannot be read or a frame does not open.
    pub fn read(&self, from_exclusive: Pos, limit: usize) -> Result<Vec<Event>, StoreError> {
        let durable = self.inner.durable.mark();
        let mut out = Vec::new();
        let mut from = from_exclusive.0;
        while out.len() < limit && from < durable.pos {
            let frames = self.inner.frames.after(durable.epoch_no, from, FRAMES_PER_READ)?;
            let Some(last) = frames.last().map(|f| f.mark.pos) else { break };
            for event in frames.iter().flat_map(|f| f.events.iter()) {
                let wanted = event.pos > from_exclusive && event.pos.0 <= durable.pos;
                if wanted && out.len() < limit {
                    out.push(event.clone());
                }
            }
            from = last;
        }
        Ok(out)
    }

    /// Up to where a follower of the log has it; `None`: it is new.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn follower(&self, name: &str) -> Result<Option<(Epoch, Pos)>, StoreError> {
        meta::follower(&self.inner.meta, name)
    }

    /// Keeps up to where a follower has the log. A power cut may take the newest of it back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn follows(&self, name: &str, epoch: Epoch, pos: Pos) -> Result<(), StoreError> {
        meta::follows(&self.inner.meta, name, epoch, pos)
    }

    /// The newest day of whose calls the records of that PBX were reconciled, `YYYY-MM-DD`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn reconciled(&self, pbx: &str) -> Result<Option<String>, StoreError> {
        meta::reconciled(&self.inner.meta, pbx)
    }

    /// Keeps it; durable on return.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set_reconciled(&self, pbx: &str, day: &str) -> Result<(), StoreError> {
        meta::set_reconciled(&self.inner.meta, pbx, day)
    }

    /// Keys of the do-not-call list.
    pub fn list_refs(&self) -> &BlindIndex {
        &self.inner.list_refs
    }

    /// Writes an act of an operator (export, key work) into the audit log, durable on return.
    ///
    /// `object` must hold no personal data: ids, blind references and counts.
    ///
    /// # Errors
    /// If the entry is not durable: the act must not go on then.
    pub fn audit(
        &self,
        who: &str,
        action: &str,
        object: &str,
        now: Wall,
    ) -> Result<(), StoreError> {
        let draft = Draft::new(now, who, action, object.to_owned());
        let commit = self.inner.durable.mark().seq;
        self.inner.audit().append(vec![draft], commit)
    }

    /// Several such acts at once: action and object of each.
    ///
    /// # Errors
    /// If they are not durable.
    pub fn audit_all(
        &self,
        who: &str,
        acts: Vec<(&str, String)>,
        now: Wall,
    ) -> Result<(), StoreError> {
        let draft = |(action, object)| Draft::new(now, who, action, object);
        let commit = self.inner.durable.mark().seq;
        self.inner.audit().append(acts.into_iter().map(draft).collect(), commit)
    }

    /// Checks the structure of the long-lived file; sealed rows prove themselves when read.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn scrub(&self) -> Result<(), StoreError> {
        self.inner.meta.scrub()
    }
}
