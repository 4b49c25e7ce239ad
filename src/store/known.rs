//! Which rows are there already: a frame that is projected again changes nothing.

use super::StoreError;
use super::engine::{Table, TableFile};
use trunkline_core::model::{Entity, Event};

/// The rows that events of one month have there already, in their order.
pub(super) fn known_rows(
    file: &dyn TableFile,
    events: &[&Event],
) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    let of = |table: Table| -> Result<_, StoreError> {
        let id = |event: &&Event| match (&event.entity, table) {
            (Entity::Call(call), Table::Rec) => Some(call.id.0),
            (Entity::Decision(decision), Table::Decision) => Some(decision.id.0),
            _ => None,
        };
        let ids: Vec<_> = events.iter().filter_map(id).collect();
        let keys: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
        Ok(file.get_to_write(table, &keys)?.into_iter())
    };
    let (mut calls, mut decisions) = (of(Table::Rec)?, of(Table::Decision)?);
    let row = |event: &&Event| match &event.entity {
        Entity::Call(_) => calls.next().flatten(),
        Entity::Decision(_) => decisions.next().flatten(),
        _ => None,
    };
    Ok(events.iter().map(row).collect())
}
