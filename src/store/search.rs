//! Looking records up. Nothing is returned before the audit log says durably who looked at what.

use super::engine::{KEY_END, Order, Table, TableFile};
use super::months::Months;
use super::rows::{RowKind, call_day, call_of, decision_day, decision_of, index_key};
use super::{Store, StoreError, dnc};
use trunkline_core::model::{
    Call, CallId, Cause, Decision, DecisionId, Direction, DncEntry, NumberRef, Party, Wall,
};
use trunkline_core::vault::Month;

/// Records one search returns at most.
pub const SEARCH_ROWS_MAX: usize = 10_000;

/// Which records.
#[derive(Clone)]
pub struct RecordQuery {
    /// Caller's or callee's number: E.164, or the raw form where it is none.
    pub number: Option<String>,
    /// Inside device.
    pub device: Option<String>,
    /// Started at or after.
    pub from: Wall,
    /// Started before.
    pub to: Wall,
    /// At most so many, newest first; never more than [`SEARCH_ROWS_MAX`].
    pub limit: usize,
}

/// One record in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Call.
    pub id: CallId,
    /// Which way.
    pub direction: Direction,
    /// Caller.
    pub from: Party,
    /// Callee.
    pub to: Party,
    /// Inside device.
    pub device: String,
    /// Carrier line.
    pub trunk: String,
    /// INVITE received.
    pub started: Wall,
    /// Answered.
    pub answered: Option<Wall>,
    /// Over.
    pub ended: Option<Wall>,
    /// Ring to answer or end.
    pub ring_ms: Option<u32>,
    /// Answer to end.
    pub talk_ms: Option<u32>,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// Gate decision.
    pub decision_id: Option<DecisionId>,
}

impl From<Call> for RecordRow {
    fn from(call: Call) -> Self {
        Self {
            id: call.id,
            direction: call.direction,
            from: Party::clone(&call.from),
            to: Party::clone(&call.to),
            device: call.device.to_string(),
            trunk: call.trunk.to_string(),
            started: call.started.pbx_time,
            answered: call.answered.map(|m| m.pbx_time),
            ended: call.ended.map(|m| m.pbx_time),
            ring_ms: call.ring_ms,
            talk_ms: call.talk_ms,
            cause: call.cause,
            decision_id: call.decision_id,
        }
    }
}

impl Store {
    /// Records that fit, newest first, by the instant in their call id.
    ///
    /// # Errors
    /// If a row does not open, or the look-up cannot be audited.
    pub fn search(
        &self,
        query: &RecordQuery,
        who: &str,
        now: Wall,
    ) -> Result<Vec<RecordRow>, StoreError> {
        self.inner.settle();
        let limit = query.limit.min(SEARCH_ROWS_MAX);
        let mut out: Vec<RecordRow> = Vec::new();
        for month in self.inner.months.down(Month::of(query.from), Month::of(query.to)) {
            if out.len() < limit {
                self.search_month(month, query, limit, &mut out)?;
            }
        }
        let ids: Vec<String> = out.iter().map(|row| row.id.to_string()).collect();
        let number = query.number.as_ref().map(|n| self.inner.desk_refs.number_ref(n).to_string());
        let object = format!(
            "number={} device={} from={} to={} records={}",
            number.unwrap_or_default(),
            query.device.as_deref().unwrap_or_default(),
            query.from.rfc3339(),
            query.to.rfc3339(),
            ids.join(",")
        );
        self.audit(who, "records.search", &object, now)?;
        Ok(out)
    }

    fn search_month(
        &self,
        month: Month,
        query: &RecordQuery,
        limit: usize,
        out: &mut Vec<RecordRow>,
    ) -> Result<(), StoreError> {
        let Some(file) = self.inner.months.find(month)? else { return Ok(()) };
        let name = Months::name(month);
        let index = self.inner.keys.record_index(month)?;
        let (table, reference) = match (&query.number, &query.device) {
            (Some(number), _) => (Table::Phone, index.number_ref(number).0.to_vec()),
            (None, Some(device)) => (Table::Device, index.device_ref(device).to_vec()),
            (None, None) => (Table::Rec, Vec::new()),
        };
        let mut upper = range_end(table, &reference, query.to);
        let lower = range_start(table, &reference, query.from);
        while out.len() < limit {
            let keys = file.scan(table, &lower, &upper, Order::Down, limit.clamp(1, 256))?;
            let Some((last, _)) = keys.last() else { break };
            upper.clone_from(last);
            for (key, _) in &keys {
                let id = key.get(key.len().saturating_sub(16)..).unwrap_or_default();
                let call = self.record(file.as_ref(), &name, id)?;
                let call = call.ok_or(StoreError::row(&name, "indexed record is missing"))?;
                let fits = query.device.as_ref().is_none_or(|device| **device == *call.device);
                if fits && out.len() < limit {
                    out.push(call.into());
                }
            }
        }
        Ok(())
    }

    fn record(
        &self,
        file: &dyn TableFile,
        name: &str,
        id: &[u8],
    ) -> Result<Option<Call>, StoreError> {
        let Some(row) = file.get(Table::Rec, id)? else { return Ok(None) };
        let event = self.inner.rows().open(RowKind::Rec, name, id, &row)?;
        Ok(call_of(event))
    }

    /// One record.
    ///
    /// # Errors
    /// If the row does not open, or the look-up cannot be audited.
    pub fn show(&self, id: CallId, who: &str, now: Wall) -> Result<Option<Call>, StoreError> {
        self.inner.settle();
        let month = call_day(id).month();
        let call = match self.inner.months.find(month)? {
            Some(file) => self.record(file.as_ref(), &Months::name(month), id.0.as_bytes())?,
            None => None,
        };
        self.audit(who, "records.show", &format!("call={id} found={}", call.is_some()), now)?;
        Ok(call)
    }

    /// One gate decision.
    ///
    /// # Errors
    /// If the row does not open, or the look-up cannot be audited.
    pub fn show_decision(
        &self,
        id: DecisionId,
        who: &str,
        now: Wall,
    ) -> Result<Option<Decision>, StoreError> {
        self.inner.settle();
        let month = decision_day(id).month();
        let key = id.0.as_bytes();
        let row = match self.inner.months.find(month)? {
            Some(file) => file.get(Table::Decision, key)?,
            None => None,
        };
        let rows = self.inner.rows();
        let event =
            row.map(|r| rows.open(RowKind::Decision, &Months::name(month), key, &r)).transpose()?;
        let decision = event.and_then(decision_of);
        let object = format!("decision={id} found={}", decision.is_some());
        self.audit(who, "decisions.show", &object, now)?;
        Ok(decision)
    }

    /// The do-not-call list, removed entries included; each goes to `take`. Returns their number.
    /// `action` names the look-up in the audit log.
    ///
    /// # Errors
    /// If a row does not open, or the look-up cannot be audited.
    pub fn dnc_list(
        &self,
        action: &str,
        who: &str,
        now: Wall,
        mut take: impl FnMut(DncEntry),
    ) -> Result<u64, StoreError> {
        self.inner.settle();
        self.audit(who, action, "list=own", now)?;
        let mut entries = 0;
        dnc::each(&self.inner, |entry| {
            entries += 1;
            take(entry);
        })?;
        Ok(entries)
    }

    /// Entries of one number or customer, by its reference in the list; removed ones included.
    ///
    /// # Errors
    /// If a row does not open, or the look-up cannot be audited.
    pub fn dnc_show(
        &self,
        key: NumberRef,
        who: &str,
        now: Wall,
    ) -> Result<Vec<DncEntry>, StoreError> {
        self.inner.settle();
        let entries = dnc::entries_of(&self.inner, key)?;
        let object = format!("ref={key} entries={}", entries.len());
        self.audit(who, "dnc.show", &object, now)?;
        Ok(entries)
    }
}

/// Record keys are UUIDv7: the instant to the millisecond comes first, as in the index.
pub(super) fn id_prefix(at: Wall) -> Vec<u8> {
    let ms = u64::try_from(at.0.max(0) / 1000).unwrap_or(0);
    ms.to_be_bytes()[2..].to_vec()
}

fn range_start(table: Table, reference: &[u8], at: Wall) -> Vec<u8> {
    if table == Table::Rec { id_prefix(at) } else { index_key(reference, at, &[]) }
}

fn range_end(table: Table, reference: &[u8], at: Wall) -> Vec<u8> {
    match table {
        Table::Rec if at.0 >= 1 << 58 => KEY_END.to_vec(),
        Table::Rec => id_prefix(at),
        _ => index_key(reference, at, &[]),
    }
}
