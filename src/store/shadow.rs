//! Where rules that are tried out would have decided otherwise: a row beside each such decision.

use super::engine::{Batch, KEY_END, Order, Table};
use super::months::Months;
use super::rows::{RowHead, RowKind, Rows, decision_day};
use super::search::id_prefix;
use super::{Store, StoreError};
use trunkline_core::model::{Entity, Event, ShadowDiff, Wall, uuid_instant};
use trunkline_core::vault::Month;

/// Rows read at once.
const PAGE: usize = 256;

pub(super) fn put(
    batch: &mut Batch,
    rows: &Rows<'_>,
    one: &ShadowDiff,
    event: &Event,
) -> Result<(), StoreError> {
    let id = one.decision;
    let head = RowHead { ts: uuid_instant(id.0), ..RowHead::default() };
    let key = id.0.as_bytes();
    batch.put(
        Table::Shadow,
        *key,
        rows.seal(RowKind::Shadow, key, &head, decision_day(id), event)?,
    );
    Ok(())
}

impl Store {
    /// Differences whose decisions were made from `from` until before `to`, oldest first. They
    /// bear no personal data.
    ///
    /// # Errors
    /// If a file cannot be read or a row does not open.
    pub fn shadow_differences(
        &self,
        (from, to): (Wall, Wall),
        each: &mut dyn FnMut(ShadowDiff),
    ) -> Result<(), StoreError> {
        let store = &self.inner;
        store.settle();
        let mut months = store.months.down(Month::of(from), Month::of(to));
        months.reverse();
        let upper = if to.0 >= 1 << 58 { KEY_END.to_vec() } else { id_prefix(to) };
        for month in months {
            let Some(file) = store.months.find(month)? else { continue };
            let name = Months::name(month);
            let mut lower = id_prefix(from);
            loop {
                let rows = file.scan(Table::Shadow, &lower, &upper, Order::Up, PAGE)?;
                let Some((last, _)) = rows.last() else { break };
                lower.clone_from(last);
                lower.push(0); // the smallest key after it
                for (key, row) in &rows {
                    match store.rows().open(RowKind::Shadow, &name, key, row)?.entity {
                        Entity::Shadow(one) => each(*one),
                        _ => return Err(StoreError::row(&name, "no difference")),
                    }
                }
            }
        }
        Ok(())
    }
}
