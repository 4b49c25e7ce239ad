//! Claims as they are kept: one sealed row each. One that is withdrawn stays as a row that says so.

use super::audit::Draft;
use super::dnc::{KEY_DAY, without_digits};
use super::engine::{Batch, Order, Table};
use super::rows::{RowHead, RowKind};
use super::store::Inner;
use super::{Store, StoreError, meta};
use trunkline_core::gate::ClaimBook;
use trunkline_core::model::{
    ClaimEntry, ClaimId, Detail, Entity, Event, EventKind, Named as _, NumberRef, Pos, Wall,
};

/// Claims of one number or customer that are shown.
const SHOWN_MAX: usize = 1000;
/// Rows that are read at once.
const PAGE: usize = 4096;
/// First byte of a key: a claim, by its reference and id; a reference, by the claim's id.
const BY_REF: u8 = 0;
const BY_ID: u8 = 1;

/// Rows that these events change.
pub(super) fn rows<'a>(
    batch: &mut Batch,
    store: &Inner,
    events: impl Iterator<Item = &'a Event>,
) -> Result<(), StoreError> {
    for event in events {
        let Entity::Claims(entries) = &event.entity else { continue };
        for entry in entries {
            let key = row_key(entry.key(), entry.id);
            let head = RowHead { ts: entry.given_at, ..RowHead::default() };
            let row =
                store.rows().seal(RowKind::Claim, &key, &head, KEY_DAY, &wrap(entry.clone()))?;
            batch.put(Table::Claim, key, row);
            batch.put(Table::Claim, id_key(entry.id), entry.key().0);
        }
    }
    Ok(())
}

/// The claims as the gate needs them. A row that does not open does not count, and the first fault
/// is told.
pub(super) fn load(store: &Inner) -> Result<(ClaimBook, Option<String>), StoreError> {
    let mut book = ClaimBook::default();
    let (mut lost, mut first) = (0_u64, None);
    each_row(store, |key, row| {
        match open(store, key, row) {
            Ok(entry) => book.take(&entry),
            Err(error) => {
                lost += 1;
                first.get_or_insert(error.to_string());
            }
        }
        Ok(())
    })?;
    Ok((book, first.map(|first| format!("{lost} claims do not open, the first: {first}"))))
}

fn each_row(
    store: &Inner,
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut from = vec![BY_REF];
    loop {
        let rows = store.meta.scan(Table::Claim, &from, &[BY_ID], Order::Up, PAGE)?;
        for (key, row) in &rows {
            take(key, row)?;
        }
        match rows.last() {
            Some((last, _)) if rows.len() == PAGE => {
                from.clone_from(last);
                from.push(0); // the smallest key after it
            }
            _ => return Ok(()),
        }
    }
}

fn row_key(key: NumberRef, id: ClaimId) -> Vec<u8> {
    [&[BY_REF], &key.0[..], id.0.as_bytes()].concat()
}

fn id_key(id: ClaimId) -> Vec<u8> {
    [&[BY_ID], &id.0.as_bytes()[..]].concat()
}

fn open(store: &Inner, key: &[u8], row: &[u8]) -> Result<ClaimEntry, StoreError> {
    let event = store.rows().open(RowKind::Claim, meta::FILE, key, row)?;
    match event.entity {
        Entity::Claims(mut entries) => entries.pop(),
        _ => None,
    }
    .ok_or(StoreError::row(meta::FILE, "claim"))
}

fn wrap(entry: ClaimEntry) -> Event {
    let withdrawn = entry.withdrawn.is_some();
    Event {
        pos: Pos(0),
        ts: entry.given_at,
        kind: if withdrawn { EventKind::ClaimWithdrawn } else { EventKind::ClaimRecorded },
        entity: Entity::Claims(vec![entry]),
        detail: Detail::default(),
    }
}

/// What the audit log says of a change: who, what, and whose by reference; of a withdrawal why.
pub(super) fn draft(event: &Event, entries: &[ClaimEntry], source: (u64, u64)) -> Draft {
    let first = entries.first();
    let ended = first.and_then(|entry| entry.withdrawn.as_ref());
    let who = match ended {
        Some(end) => end.by.as_str(),
        None => first.map_or("", |entry| entry.added_by.as_str()),
    };
    let mut object = format!("claims={}", entries.len());
    if let Some(first) = first {
        object += &format!(" source={}", first.source);
    }
    if let [one] = entries {
        object += &format!(" id={} claim={} ref={}", one.id, one.claim.name(), one.key());
        if let Some(call) = one.call {
            object += &format!(" call={call}");
        }
    }
    if let Some(end) = ended {
        object += &format!(" reason={:?}", without_digits(&end.reason));
    }
    let mut draft = Draft::new(event.ts, who, event.kind.name(), object);
    draft.source = source;
    draft
}

impl Store {
    /// Claims of a number or customer, withdrawn ones included, oldest first; the look is audited.
    ///
    /// # Errors
    /// If it cannot be audited, or a row does not open.
    pub fn claims_show(
        &self,
        key: NumberRef,
        who: &str,
        now: Wall,
    ) -> Result<Vec<ClaimEntry>, StoreError> {
        self.audit(who, "claim.show", &format!("ref={key}"), now)?;
        self.claims_of(key)
    }

    /// The same for the program itself.
    ///
    /// # Errors
    /// If a row does not open.
    pub fn claims_of(&self, key: NumberRef) -> Result<Vec<ClaimEntry>, StoreError> {
        let store = &self.inner;
        store.settle();
        let lower = [&[BY_REF], &key.0[..]].concat();
        let upper = [&lower[..], &[0xff; 17]].concat();
        let rows = store.meta.scan(Table::Claim, &lower, &upper, Order::Up, SHOWN_MAX)?;
        rows.iter().map(|(key, row)| open(store, key, row)).collect()
    }

    /// One claim.
    ///
    /// # Errors
    /// If its row does not open.
    pub fn claim(&self, id: ClaimId) -> Result<Option<ClaimEntry>, StoreError> {
        let store = &self.inner;
        store.settle();
        let Some(key) = store.meta.get(Table::Claim, &id_key(id))? else { return Ok(None) };
        let key: [u8; 16] =
            key.try_into().map_err(|_| StoreError::row(meta::FILE, "reference of a claim"))?;
        let key = row_key(NumberRef(key), id);
        let row = store.meta.get(Table::Claim, &key)?;
        row.map(|row| open(store, &key, &row)).transpose()
    }

    /// Every claim, withdrawn ones included.
    ///
    /// # Errors
    /// If a row does not open.
    pub fn past_claims(&self) -> Result<Vec<ClaimEntry>, StoreError> {
        self.inner.settle();
        let mut entries = Vec::new();
        each_row(&self.inner, |key, row| {
            entries.push(open(&self.inner, key, row)?);
            Ok(())
        })?;
        Ok(entries)
    }
}
