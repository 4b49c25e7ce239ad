//! Files of records, one a month: `calls-YYYYMM`.

use super::StoreError;
use super::engine::{Engine, Table, TableFile};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use trunkline_core::vault::Month;

const PREFIX: &str = "calls-";
const TABLES: [Table; 7] = [
    Table::State,
    Table::Rec,
    Table::Decision,
    Table::Phone,
    Table::Device,
    Table::Attempt,
    Table::Shadow,
];
/// Files kept open; searching further back closes the oldest.
const OPEN_MAX: usize = 12;

pub(super) struct Months {
    engine: Arc<dyn Engine>,
    inner: Mutex<Inner>,
}

struct Inner {
    there: BTreeSet<Month>,
    open: BTreeMap<Month, Arc<dyn TableFile>>,
}

impl Months {
    pub(super) fn new(engine: Arc<dyn Engine>) -> Result<Self, StoreError> {
        let files = engine.list()?;
        let month = |name: &String| Some(Month(name.strip_prefix(PREFIX)?.parse().ok()?));
        let inner =
            Inner { there: files.iter().filter_map(month).collect(), open: BTreeMap::new() };
        Ok(Self { engine, inner: Mutex::new(inner) })
    }

    pub(super) fn name(month: Month) -> String {
        format!("{PREFIX}{:06}", month.0)
    }

    /// The file of a month if there is one.
    pub(super) fn find(&self, month: Month) -> Result<Option<Arc<dyn TableFile>>, StoreError> {
        let there = self.lock().there.contains(&month);
        if there { self.open(month).map(Some) } else { Ok(None) }
    }

    /// Months that have a file.
    pub(super) fn newest_first(&self) -> Vec<Month> {
        self.lock().there.iter().rev().copied().collect()
    }

    /// The file of a month, made if needed.
    pub(super) fn open(&self, month: Month) -> Result<Arc<dyn TableFile>, StoreError> {
        let mut inner = self.lock();
        if let Some(file) = inner.open.get(&month) {
            return Ok(file.clone());
        }
        let file = self.engine.open(&Self::name(month), &TABLES)?;
        inner.there.insert(month);
        if inner.open.len() >= OPEN_MAX {
            inner.open.pop_first();
        }
        inner.open.insert(month, file.clone());
        Ok(file)
    }

    /// Months with a file within bounds, newest first.
    pub(super) fn down(&self, from: Month, to: Month) -> Vec<Month> {
        if from > to {
            return Vec::new();
        }
        self.lock().there.range(from..=to).rev().copied().collect()
    }

    pub(super) fn maintain(&self) -> Result<(), StoreError> {
        let open: Vec<_> = self.lock().open.values().cloned().collect();
        open.iter().try_for_each(|file| file.maintain())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
