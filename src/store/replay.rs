//! Calls of the past in their order, for rules that are tried out over them.

use super::engine::{KEY_END, Order, Table};
use super::months::Months;
use super::rows::{RowKind, call_of, decision_day, decision_of};
use super::search::id_prefix;
use super::{Store, StoreError, dnc};
use trunkline_core::model::{Call, Decision, DecisionId, Direction, DncEntry, Event, Wall};
use trunkline_core::vault::Month;

/// Rows read at once.
const PAGE: usize = 256;

impl Store {
    /// Calls out that started from `from` until before `to`, oldest first, each with the decision
    /// behind it. That they are read is in the audit log before the first of them is shown.
    ///
    /// # Errors
    /// If a row does not open, or the reading cannot be audited.
    pub fn replay(
        &self,
        (from, to): (Wall, Wall),
        (who, what): (&str, &str),
        now: Wall,
        each: &mut dyn FnMut(Call, Option<Decision>),
    ) -> Result<(), StoreError> {
        let object = format!("from={} to={} rules={what}", from.rfc3339(), to.rfc3339());
        self.audit(who, "records.replay", &object, now)?;
        self.past_calls((from, to), &mut |call, decision| {
            if call.direction == Direction::Outbound {
                each(call, decision);
            }
        })
    }

    /// Calls that started from `from` until before `to`, oldest first, each with the decision behind
    /// it. Whoever asks has to audit it before.
    ///
    /// # Errors
    /// If a row does not open.
    pub fn past_calls(
        &self,
        (from, to): (Wall, Wall),
        each: &mut dyn FnMut(Call, Option<Decision>),
    ) -> Result<(), StoreError> {
        self.past(RowKind::Rec, (from, to), &mut |name, event| {
            let call = call_of(event).ok_or(StoreError::row(name, "no call"))?;
            let decision = call.decision_id.map(|id| self.decision(id)).transpose()?.flatten();
            each(call, decision);
            Ok(())
        })
    }

    /// Decisions of that time, likewise.
    ///
    /// # Errors
    /// If a row does not open.
    pub fn past_decisions(
        &self,
        (from, to): (Wall, Wall),
        each: &mut dyn FnMut(Decision),
    ) -> Result<(), StoreError> {
        self.past(RowKind::Decision, (from, to), &mut |name, event| {
            each(decision_of(event).ok_or(StoreError::row(name, "no decision"))?);
            Ok(())
        })
    }

    /// Rows of that time, oldest first: both tables go by the instant in the id.
    pub(super) fn past(
        &self,
        kind: RowKind,
        (from, to): (Wall, Wall),
        each: &mut dyn FnMut(&str, Event) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.inner.settle();
        let table = match kind {
            RowKind::Decision => Table::Decision,
            RowKind::Shadow => Table::Shadow,
            _ => Table::Rec,
        };
        let mut months = self.inner.months.down(Month::of(from), Month::of(to));
        months.reverse();
        for month in months {
            let Some(file) = self.inner.months.find(month)? else { continue };
            let name = Months::name(month);
            let mut lower = id_prefix(from);
            let upper = if to.0 >= 1 << 58 { KEY_END.to_vec() } else { id_prefix(to) };
            loop {
                let rows = file.scan(table, &lower, &upper, Order::Up, PAGE)?;
                let Some((last, _)) = rows.last() else { break };
                lower.clone_from(last);
                lower.push(0); // the smallest key after it
                for (key, row) in &rows {
                    each(&name, self.inner.rows().open(kind, &name, key, row)?)?;
                }
            }
        }
        Ok(())
    }

    fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        let month = decision_day(id).month();
        let Some(file) = self.inner.months.find(month)? else { return Ok(None) };
        let key = id.0.as_bytes();
        let Some(row) = file.get(Table::Decision, key)? else { return Ok(None) };
        let event = self.inner.rows().open(RowKind::Decision, &Months::name(month), key, &row)?;
        Ok(decision_of(event))
    }

    /// The do-not-call list with the keys of [`Store::list_refs`].
    ///
    /// # Errors
    /// If a row does not open.
    pub fn past_list(&self) -> Result<Vec<DncEntry>, StoreError> {
        self.inner.settle();
        let mut entries = Vec::new();
        dnc::each(&self.inner, |entry| entries.push(entry))?;
        entries.retain(|entry| entry.removed.is_none());
        Ok(entries)
    }
}
