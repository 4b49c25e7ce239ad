//! Where rules that are tried out would have decided otherwise: a row beside each such decision.

use super::engine::{Batch, Table};
use super::rows::{RowHead, RowKind, Rows, decision_day};
use super::{Store, StoreError};
use trunkline_core::model::{Entity, Event, ShadowDiff, Wall, uuid_instant};

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
        self.past(RowKind::Shadow, (from, to), &mut |name, event| match event.entity {
            Entity::Shadow(one) => {
                each(*one);
                Ok(())
            }
            _ => Err(StoreError::row(name, "no difference")),
        })
    }
}
