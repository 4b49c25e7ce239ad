//! `meta`: wrapped keys, epochs, watermarks, do-not-call list, checkpoint of live calls.

use super::StoreError;
use super::engine::{Batch, Order, Table, TableFile};
use super::mark::{Cut, Mark};
use std::sync::Arc;
use trunkline_core::model::{Epoch, Pos};
use trunkline_core::vault::Month;

pub(super) const FILE: &str = "meta";
pub(super) const TABLES: [Table; 5] =
    [Table::State, Table::Key, Table::Dnc, Table::Live, Table::Claim];

/// Records, list and audit log are made up to this mark.
pub(super) const PROGRESS: &[u8] = b"progress";
/// Live calls are checkpointed up to this mark.
pub(super) const CHECKPOINT: &[u8] = b"checkpoint";
/// Tip of the audit log at that time.
pub(super) const AUDIT_TIP: &[u8] = b"audit-tip";
/// Public key that signs the audit log; absent: the first.
pub(super) const AUDIT_KEY: &[u8] = b"audit-key";
/// 1 after a clean stop, 0 while in use.
pub(super) const CLEAN: &[u8] = b"clean";
/// Prefix of an epoch's row: number -> uuid.
const EPOCH: &[u8] = b"epoch/";
const EPOCH_END: &[u8] = b"epoch0";

/// Prefix of a month's row: month -> newest mark written to its file of records.
const MONTH: &[u8] = b"month/";
const MONTH_END: &[u8] = b"month0";

type Meta = Arc<dyn TableFile>;

/// Prefix of a follower's row: name -> epoch and position up to which it has the log.
const FOLLOWER: &[u8] = b"follower/";

/// Where a follower of the log stands.
pub(super) fn follower(meta: &Meta, name: &str) -> Result<Option<(Epoch, Pos)>, StoreError> {
    let key = [FOLLOWER, name.as_bytes()].concat();
    let Some(bytes) = meta.get(Table::State, &key)? else { return Ok(None) };
    let mut cut = Cut(&bytes);
    match (cut.array::<16>(), cut.u64(), cut.0.is_empty()) {
        (Some(epoch), Some(pos), true) => {
            Ok(Some((Epoch(uuid::Uuid::from_bytes(epoch)), Pos(pos))))
        }
        _ => Err(StoreError::row(FILE, "follower")),
    }
}

/// A follower has the log up to here; durable with the next commit.
pub(super) fn follows(meta: &Meta, name: &str, epoch: Epoch, pos: Pos) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    let value = [epoch.0.as_bytes().as_slice(), &pos.0.to_be_bytes()].concat();
    batch.put(Table::State, [FOLLOWER, name.as_bytes()].concat(), value);
    meta.commit_soon(&batch)
}

/// Prefix of a PBX's row: name -> newest day that was reconciled.
const RECONCILED: &[u8] = b"reconciled/";

/// The newest day whose records of a PBX were reconciled.
pub(super) fn reconciled(meta: &Meta, pbx: &str) -> Result<Option<String>, StoreError> {
    let found = meta.get(Table::State, &[RECONCILED, pbx.as_bytes()].concat())?;
    let day = found.map(String::from_utf8).transpose();
    day.map_err(|_| StoreError::row(FILE, "reconciled"))
}

/// Keeps it; durable on return.
pub(super) fn set_reconciled(meta: &Meta, pbx: &str, day: &str) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(Table::State, [RECONCILED, pbx.as_bytes()].concat(), day.as_bytes());
    meta.commit(&batch)
}

/// A watermark; the start of the log if there is none.
pub(super) fn mark(meta: &Meta, key: &[u8]) -> Result<Mark, StoreError> {
    match meta.get(Table::State, key)? {
        None => Ok(Mark::default()),
        Some(bytes) => Mark::from_bytes(&bytes).ok_or(StoreError::row(FILE, "watermark")),
    }
}

/// The epoch in force.
pub(super) fn epoch(meta: &Meta) -> Result<Option<(u32, Epoch)>, StoreError> {
    let Some((key, value)) = meta.scan(Table::State, EPOCH, EPOCH_END, Order::Down, 1)?.pop()
    else {
        return Ok(None);
    };
    let bad = StoreError::row(FILE, "epoch");
    let mut cut = Cut(key.get(EPOCH.len()..).unwrap_or_default());
    match (cut.u32(), uuid::Uuid::from_slice(&value)) {
        (Some(number), Ok(epoch)) => Ok(Some((number, Epoch(epoch)))),
        _ => Err(bad),
    }
}

/// Puts an epoch in force; durable on return.
pub(super) fn set_epoch(meta: &Meta, number: u32, epoch: Epoch) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(Table::State, [EPOCH, &number.to_be_bytes()].concat(), *epoch.0.as_bytes());
    meta.commit(&batch)
}

/// Takes the clean flag away and says whether it was there.
pub(super) fn take_clean(meta: &Meta) -> Result<bool, StoreError> {
    let clean = meta.get(Table::State, CLEAN)?.as_deref() == Some(&[1]);
    if clean {
        let mut batch = Batch::default();
        batch.put(Table::State, CLEAN, [0]);
        meta.commit(&batch)?;
    }
    Ok(clean)
}

/// Key of a month's row.
pub(super) fn month_key(month: Month) -> Vec<u8> {
    [MONTH, &month.0.to_be_bytes()].concat()
}

/// Months with records and the newest mark written to each.
pub(super) fn months(meta: &Meta) -> Result<Vec<(Month, Mark)>, StoreError> {
    let rows = meta.scan(Table::State, MONTH, MONTH_END, Order::Up, usize::MAX)?;
    let parse = |(key, value): super::engine::Row| {
        let month = Cut(key.get(MONTH.len()..)?).u32()?;
        Some((Month(month), Mark::from_bytes(&value)?))
    };
    rows.into_iter().map(|row| parse(row).ok_or(StoreError::row(FILE, "month"))).collect()
}
