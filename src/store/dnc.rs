//! The do-not-call list as it is kept: one sealed row a number, never shortened.

use super::engine::{Batch, Table};
use super::rows::{RowHead, RowKind, dnc_of};
use super::store::Inner;
use super::{StoreError, meta};
use std::collections::BTreeMap;
use trunkline_core::model::{Detail, DncEntry, Entity, Event, EventKind, Pos};
use trunkline_core::vault::Day;

/// The key of the list is long-lived: it belongs to no day.
const KEY_DAY: Day = Day(0);

/// Rows that these events change.
pub(super) fn rows<'a>(
    store: &Inner,
    events: impl Iterator<Item = &'a Event>,
) -> Result<Batch, StoreError> {
    let mut list: BTreeMap<[u8; 16], DncEntry> = BTreeMap::new();
    for event in events {
        let Entity::Dnc(entries) = &event.entity else { continue };
        for entry in entries {
            let key = entry.key().0;
            let known = match list.remove(&key) {
                Some(known) => Some(known),
                None => find(store, &key)?,
            };
            list.insert(key, longest(known, entry));
        }
    }
    let mut batch = Batch::default();
    for (key, entry) in list {
        let (head, event) = (RowHead { ts: entry.asked_at, ..RowHead::default() }, wrap(entry));
        let row = store.rows().seal(RowKind::Dnc, &key, &head, KEY_DAY, &event)?;
        batch.put(Table::Dnc, key, row);
    }
    Ok(batch)
}

/// The whole list.
pub(super) fn entries(store: &Inner) -> Result<Vec<DncEntry>, StoreError> {
    let rows = meta::all(&store.meta, Table::Dnc)?;
    rows.iter().map(|(key, row)| open(store, key, row)).collect()
}

fn find(store: &Inner, key: &[u8; 16]) -> Result<Option<DncEntry>, StoreError> {
    let row = store.meta.get(Table::Dnc, key)?;
    row.map(|row| open(store, key, &row)).transpose()
}

fn open(store: &Inner, key: &[u8], row: &[u8]) -> Result<DncEntry, StoreError> {
    let event = store.rows().open(RowKind::Dnc, meta::FILE, key, row)?;
    dnc_of(event).ok_or(StoreError::row(meta::FILE, "do-not-call entry"))
}

/// The block asked for is kept, whatever comes later; `None` blocks for ever.
fn longest(known: Option<DncEntry>, new: &DncEntry) -> DncEntry {
    match known {
        Some(known) if known.until.is_none() => known,
        Some(known) if new.until.is_some() && known.until >= new.until => known,
        _ => new.clone(),
    }
}

fn wrap(entry: DncEntry) -> Event {
    Event {
        pos: Pos(0),
        ts: entry.asked_at,
        kind: EventKind::DncAdded,
        entity: Entity::Dnc(vec![entry]),
        detail: Detail::default(),
    }
}
