//! The do-not-call list as it is kept: one sealed row for each number or customer and purpose. A
//! block is never shortened; one that is removed stays as a row that says so.

use super::audit::Draft;
use super::engine::{Batch, KEY_END, Order, Row, Table};
use super::rows::{RowHead, RowKind, dnc_of};
use super::store::Inner;
use super::{StoreError, meta};
use crossbeam_channel::Sender;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use trunkline_core::gate::DncList;
use trunkline_core::model::{
    Detail, DncEntry, Entity, Event, EventKind, Named as _, NumberRef, Pos,
};
use trunkline_core::vault::Day;

/// The key of the list is long-lived: it belongs to no day.
pub(super) const KEY_DAY: Day = Day(0);
/// Rows that are read at once.
const PAGE: usize = 4096;
/// Threads that open rows at the start. One reads and one inserts as fast as so many open.
const OPENERS_MAX: usize = 8;

type Changes = BTreeMap<Vec<u8>, DncEntry>;

/// Rows that these events change.
pub(super) fn rows<'a>(
    store: &Inner,
    events: impl Iterator<Item = &'a Event>,
) -> Result<Batch, StoreError> {
    let mut list = Changes::new();
    for event in events {
        let Entity::Dnc(entries) = &event.entity else { continue };
        for entry in entries {
            if entry.removed.is_some() {
                remove(store, &mut list, entry)?;
                continue;
            }
            let key = row_key(entry);
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

/// All rows of that number or customer, whatever their purpose, hold no more.
fn remove(store: &Inner, list: &mut Changes, gone: &DncEntry) -> Result<(), StoreError> {
    let stored = entries_of(store, gone.key())?;
    let stored = stored.into_iter().map(|entry| (row_key(&entry), entry));
    let pending = list.iter().filter(|(_, entry)| entry.key() == gone.key());
    let pending = pending.map(|(key, entry)| (key.clone(), entry.clone()));
    // What this group changes is newer than what is stored.
    let all: Changes = stored.chain(pending.collect::<Vec<_>>()).collect();
    for (key, mut entry) in all {
        if entry.removed.is_none() {
            entry.removed.clone_from(&gone.removed);
        }
        list.insert(key, entry);
    }
    Ok(())
}

/// The list as the gate needs it. A row that does not open is counted, and the first fault told:
/// what it said is not known, and the others still hold.
pub(super) fn load(store: &Inner) -> Result<(DncList, Option<String>), StoreError> {
    let mut list = DncList::default();
    let (mut lost, mut first) = (0_u64, None);
    let pages = Pages::new(store);
    let openers = std::thread::available_parallelism().map_or(1, NonZero::get).min(OPENERS_MAX);
    std::thread::scope(|scope| {
        let (tell, told) = crossbeam_channel::bounded(openers);
        for _ in 0..openers {
            let (pages, tell) = (&pages, tell.clone());
            scope.spawn(move || pages.open(&tell));
        }
        drop(tell);
        for page in told {
            for opened in page? {
                match opened {
                    Ok(entry) if entry.removed.is_none() => list.insert_or_close(&entry),
                    Ok(_) => {}
                    Err(error) => {
                        lost += 1;
                        first.get_or_insert(error.to_string());
                    }
                }
            }
        }
        Ok::<_, StoreError>(())
    })?;
    Ok((list, first.map(|first| format!("{lost} entries do not open, the first: {first}"))))
}

/// Every entry, removed ones included, in the order of their references.
pub(super) fn each(store: &Inner, mut take: impl FnMut(DncEntry)) -> Result<(), StoreError> {
    let pages = Pages::new(store);
    while let Some(rows) = pages.next()? {
        for (key, row) in &rows {
            take(open(store, key, row)?);
        }
    }
    Ok(())
}

/// Entries of one number or customer, removed ones included.
pub(super) fn entries_of(store: &Inner, key: NumberRef) -> Result<Vec<DncEntry>, StoreError> {
    let upper = [&key.0[..], KEY_END].concat();
    let rows = store.meta.scan(Table::Dnc, &key.0, &upper, Order::Up, PAGE)?;
    rows.iter().map(|(key, row)| open(store, key, row)).collect()
}

/// All rows, page by page, each page to one of those who ask.
struct Pages<'a> {
    store: &'a Inner,
    /// Where the next page begins; `None`: there is none.
    from: Mutex<Option<Vec<u8>>>,
}

/// A page of rows, opened; a row may not open.
type Opened = Result<Vec<Result<DncEntry, StoreError>>, StoreError>;

impl<'a> Pages<'a> {
    fn new(store: &'a Inner) -> Self {
        Self { store, from: Mutex::new(Some(Vec::new())) }
    }

    fn next(&self) -> Result<Option<Vec<Row>>, StoreError> {
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(start) = from.take() else { return Ok(None) };
        let rows = self.store.meta.scan(Table::Dnc, &start, KEY_END, Order::Up, PAGE)?;
        *from =
            rows.last().filter(|_| rows.len() == PAGE).map(|(last, _)| [last, &[0][..]].concat());
        Ok(Some(rows))
    }

    /// Opens pages until there are no more, or nobody hears of them.
    fn open(&self, tell: &Sender<Opened>) {
        while let Some(page) = self.next().transpose() {
            let opened =
                page.map(|rows| rows.iter().map(|(key, row)| open(self.store, key, row)).collect());
            if tell.send(opened).is_err() {
                return;
            }
        }
    }
}

/// The reference, and behind it the purpose where the entry is of one.
fn row_key(entry: &DncEntry) -> Vec<u8> {
    let purpose = entry.purpose.as_deref().unwrap_or_default();
    [&entry.key().0[..], purpose.as_bytes()].concat()
}

fn find(store: &Inner, key: &[u8]) -> Result<Option<DncEntry>, StoreError> {
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
        Some(known) if known.removed.is_some() => new.clone(),
        Some(known) if known.until.is_none() => known,
        Some(known) if new.until.is_some() && known.until >= new.until => known,
        _ => new.clone(),
    }
}

/// What the audit log says of a change: who, how many, and of a removal which and why. Digits of
/// reasons stay out of it: they may be a customer's.
pub(super) fn draft(event: &Event, entries: &[DncEntry], source: (u64, u64)) -> Draft {
    let who = entries.first().map_or("", |entry| &entry.added_by);
    let count = entries.len();
    let mut draft = match entries.first().and_then(|entry| entry.removed.as_ref()) {
        None => {
            let from = entries.first().map_or("", |entry| &entry.source);
            let refs: Vec<String> = match count {
                1 => entries.iter().map(|entry| format!(" ref={}", entry.key())).collect(),
                _ => Vec::new(),
            };
            let object = format!("entries={count} source={from}{}", refs.concat());
            Draft::new(event.ts, who, event.kind.name(), object)
        }
        Some(gone) => {
            let refs: Vec<String> = entries.iter().map(|entry| entry.key().to_string()).collect();
            let object = format!(
                "refs={} approved_by={} reason={:?}",
                refs.join(","),
                gone.approved_by,
                without_digits(&gone.reason)
            );
            Draft::new(event.ts, &gone.by, event.kind.name(), object)
        }
    };
    draft.source = source;
    draft
}

pub(super) fn without_digits(text: &str) -> String {
    text.chars().map(|c| if c.is_numeric() { '#' } else { c }).collect()
}

fn wrap(entry: DncEntry) -> Event {
    let removed = entry.removed.is_some();
    Event {
        pos: Pos(0),
        ts: entry.asked_at,
        kind: if removed { EventKind::DncRemoved } else { EventKind::DncAdded },
        entity: Entity::Dnc(vec![entry]),
        detail: Detail::default(),
    }
}
