//! The checkpoint: what lives and has changed since the one before, and what it rests on.

use super::StoreError;
use super::engine::{Batch, Table, TableFile};
use super::live::{LiveKey, has_faded};
use super::mark::Mark;
use super::meta;
use super::project::Projector;
use super::rows::{RowHead, RowKind};
use super::store::Inner;
use trunkline_core::model::Wall;
use trunkline_core::vault::Day;

impl Projector {
    /// Makes records durable and writes what lives and has changed. The mark comes last: a crash
    /// before it folds again.
    pub(super) fn checkpoint(&mut self, now: Wall) -> Result<(), StoreError> {
        for month in &self.unsynced {
            let mut batch = Batch::default();
            batch.put(Table::State, meta::PROGRESS, self.done.to_bytes());
            self.store.months.open(*month)?.commit(&batch)?;
        }
        self.unsynced.clear();
        let faded = self.live.extract_if(|_, live| has_faded(&live.entity, now));
        let gone: Vec<LiveKey> = faded.filter(|(_, l)| l.stored).map(|(key, _)| key).collect();
        self.gone.extend(gone);
        let rows_max = self.store.engine.group_rows_max();
        for group in self.gone.chunks(rows_max) {
            let mut batch = Batch::default();
            group.iter().for_each(|id| batch.delete(Table::Live, id.to_bytes()));
            self.store.meta.commit_soon(&batch)?;
        }
        self.gone.clear();
        let mut changed: Vec<LiveKey> =
            self.live.iter().filter(|(_, live)| live.changed).map(|(id, _)| id.clone()).collect();
        changed.sort_unstable();
        for group in changed.chunks(rows_max) {
            let mut batch = Batch::default();
            for id in group {
                let Some(live) = self.live.get_mut(id) else { continue };
                let key = id.to_bytes();
                let event = live.event();
                let head = RowHead { ts: id.since(&event), ..RowHead::default() };
                let day = Day::of(now);
                let row = self.store.rows().seal(RowKind::Live, &key, &head, day, &event)?;
                batch.put(Table::Live, key, row);
                // A row that a failed commit leaves out is written by the next checkpoint.
                live.stored = true;
            }
            self.store.meta.commit_soon(&batch)?;
            for id in group {
                self.live.entry(id.clone()).and_modify(|live| live.changed = false);
            }
        }
        let mut batch = Batch::default();
        batch.put(Table::State, meta::CHECKPOINT, self.folded.to_bytes());
        self.store.meta.commit(&batch)?;
        self.events_since = 0;
        self.checkpoint_at = now;
        Ok(())
    }
}

/// The oldest point at which a file of records stands behind what was written to it. A damaged log
/// can take a file back to an older state that looks whole; its rows are then made again.
pub(super) fn oldest_month(store: &Inner) -> Result<Mark, StoreError> {
    let mut oldest = Mark { seq: u64::MAX, epoch_no: u32::MAX, pos: u64::MAX };
    for (month, written) in meta::months(&store.meta)? {
        let found = match store.months.find(month)? {
            Some(file) => mark_of(file.as_ref())?,
            None => Mark::default(),
        };
        if found < written {
            oldest = oldest.min(found);
        }
    }
    Ok(oldest)
}

fn mark_of(file: &dyn TableFile) -> Result<Mark, StoreError> {
    match file.get(Table::State, meta::PROGRESS)? {
        None => Ok(Mark::default()),
        Some(bytes) => Mark::from_bytes(&bytes).ok_or(StoreError::row("calls", "watermark")),
    }
}
