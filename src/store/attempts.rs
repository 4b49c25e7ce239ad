//! Calls out that count for caps, beside the records: a sealed row when one takes its place, and a
//! further row for what becomes of it. Rows are only added and say the same when made again.

use super::StoreError;
use super::engine::{Batch, Order, Table, TableFile};
use super::months::Months;
use super::rows::{RowHead, RowKind, Rows, decision_day};
use super::store::{Inner, Store};
use std::collections::HashSet;
use trunkline_core::model::{Attempt, AttemptNote, CallId, DecisionId, Event, Wall, uuid_instant};
use trunkline_core::vault::Month;
use trunkline_core::wire::{attempt_from_bytes, attempt_to_bytes};

/// Rows read at once.
const PAGE_ROWS: usize = 10_000;

/// What a row says; the last byte of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Part {
    Taken = 0,
    Answered = 1,
    Label = 2,
    GivenBack = 3,
}

impl Part {
    fn of(byte: u8) -> Option<Self> {
        [Self::Taken, Self::Answered, Self::Label, Self::GivenBack]
            .into_iter()
            .find(|part| *part as u8 == byte)
    }
}

/// Calls that rules look back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Oldest first.
    pub list: Vec<Attempt>,
    /// There were more than asked for: of calls before it nothing is known.
    pub known_since: Option<Wall>,
}

/// How far back calls are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptQuery {
    /// Calls from here on.
    pub calls_since: Wall,
    /// Calls with a label from here on.
    pub labels_since: Wall,
    /// At most so many: the newest.
    pub limit: usize,
}

/// The month whose file says something of this event, if one does.
pub(super) fn month_of(event: &Event) -> Option<Month> {
    AttemptNote::of(event).next().map(|(id, _)| decision_day(id).month())
}

/// Adds the rows that an event leads to.
pub(super) fn rows(batch: &mut Batch, rows: &Rows<'_>, event: &Event) -> Result<(), StoreError> {
    for (id, note) in AttemptNote::of(event) {
        let (part, plain) = match &note {
            AttemptNote::Taken(attempt) => (Part::Taken, attempt_to_bytes(attempt)),
            AttemptNote::Answered => (Part::Answered, Vec::new()),
            AttemptNote::Label(name) => (Part::Label, name.as_bytes().to_vec()),
            AttemptNote::GivenBack => (Part::GivenBack, Vec::new()),
        };
        let plain = zeroize::Zeroizing::new(plain);
        let key = [id.0.as_bytes().as_slice(), &[part as u8]].concat();
        let head = RowHead { ts: uuid_instant(id.0), ..RowHead::default() };
        let row = rows.seal_bytes(RowKind::Attempt, &key, &head, decision_day(id), &plain)?;
        batch.put(Table::Attempt, key, row);
    }
    Ok(())
}

impl Store {
    /// Calls that rules look back to.
    ///
    /// # Errors
    /// If a file cannot be read or a row does not open.
    pub fn attempts(&self, query: AttemptQuery) -> Result<Attempts, StoreError> {
        let store = &self.inner;
        store.settle();
        let mut reader = Reader { store, query, seen: HashSet::new(), out: Attempts::default() };
        let oldest = Month::of(query.calls_since.min(query.labels_since));
        for month in store.months.newest_first().into_iter().take_while(|m| *m >= oldest) {
            let Some(file) = store.months.find(month)? else { continue };
            if reader.read(month, file.as_ref())? {
                break;
            }
        }
        let mut out = reader.out;
        out.list.sort_by_key(|attempt| attempt.at);
        Ok(out)
    }
}

struct Reader<'a> {
    store: &'a Inner,
    query: AttemptQuery,
    /// A call that was asked for again has one place: that of its last decision.
    seen: HashSet<CallId>,
    out: Attempts,
}

/// Rows of one decision.
#[derive(Default)]
struct Found {
    answered: bool,
    given_back: bool,
    label: Option<(Vec<u8>, Vec<u8>)>,
}

impl Reader<'_> {
    /// Newest first. `true`: there is no room for more.
    fn read(&mut self, month: Month, file: &dyn TableFile) -> Result<bool, StoreError> {
        let name = Months::name(month);
        let mut to = super::engine::KEY_END.to_vec();
        let (mut of, mut found) = (None, Found::default());
        loop {
            let rows = file.scan(Table::Attempt, &[], &to, Order::Down, PAGE_ROWS)?;
            let more = rows.len() == PAGE_ROWS;
            if let Some((key, _)) = rows.last() {
                to.clone_from(key);
            }
            for (key, row) in rows {
                let bad = || StoreError::row(&name, "attempt");
                let (id, part) = key.split_at_checked(16).ok_or_else(bad)?;
                let id = DecisionId(uuid::Uuid::from_slice(id).map_err(|_| bad())?);
                if of != Some(id) {
                    (of, found) = (Some(id), Found::default()); // a denial has no place to free
                }
                match part.first().copied().and_then(Part::of).ok_or_else(bad)? {
                    Part::GivenBack => found.given_back = true,
                    Part::Answered => found.answered = true,
                    Part::Label => found.label = Some((key, row)),
                    Part::Taken => {
                        let found = std::mem::take(&mut found);
                        if self.take(&name, id, (&key, &row), found)? {
                            return Ok(true);
                        }
                    }
                }
            }
            if !more {
                return Ok(false);
            }
        }
    }

    fn take(
        &mut self,
        file: &str,
        id: DecisionId,
        (key, row): (&[u8], &[u8]),
        found: Found,
    ) -> Result<bool, StoreError> {
        let at = uuid_instant(id.0);
        let labelled = found.label.is_some() && at >= self.query.labels_since;
        if at < self.query.calls_since && !labelled {
            return Ok(false);
        }
        if self.out.list.len() >= self.query.limit {
            self.out.known_since = self.out.list.iter().map(|attempt| attempt.at).min();
            return Ok(true);
        }
        let rows = self.store.rows();
        let open = |key: &[u8], row: &[u8]| rows.open_bytes(RowKind::Attempt, file, key, row);
        let plain = open(key, row)?;
        let decode = |source| StoreError::Decode { file: file.to_owned(), source };
        let mut attempt = attempt_from_bytes(id, &plain).map_err(decode)?;
        if let Some((key, row)) = &found.label {
            let name = open(key, row)?;
            attempt.label = Some(String::from_utf8_lossy(&name).as_ref().into());
        }
        attempt.answered = found.answered;
        let first = attempt.call.is_none_or(|call| self.seen.insert(call));
        if first && !found.given_back {
            self.out.list.push(attempt);
        }
        Ok(false)
    }
}
