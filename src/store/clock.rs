//! Where the wall clock stood when it was last believed: a row in `meta`, so that a clock that was
//! set while nobody looked is seen at the next start.

use super::StoreError;
use super::engine::{Batch, Table};
use super::mark::Cut;
use super::meta;
use super::store::Store;
use trunkline_core::model::Wall;

const CLOCK: &[u8] = b"clock";
const VERSION: u8 = 1;
/// Longest name of a run of the machine, bytes.
const BOOT_BYTES_MAX: usize = 64;

/// How the clock stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockRow {
    /// Names the run of the machine; empty: not known, and so no other is the same.
    pub boot: String,
    /// Wall clock minus the clock since the machine's start, in microseconds, when it was believed.
    pub ahead_us: Option<i64>,
    /// An instant that has been, while the clock is behind it.
    pub newest: Option<Wall>,
    /// It was not believed.
    pub doubted: bool,
}

impl ClockRow {
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION, u8::from(self.doubted)];
        for value in [self.ahead_us, self.newest.map(|newest| newest.0)] {
            out.push(u8::from(value.is_some()));
            out.extend_from_slice(&value.unwrap_or_default().to_be_bytes());
        }
        out.extend_from_slice(self.boot.as_bytes());
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut cut = Cut(bytes);
        if cut.u8()? != VERSION {
            return None;
        }
        let doubted = cut.u8()? != 0;
        let mut value = || {
            let there = cut.u8()? != 0;
            let value = i64::from_be_bytes(cut.array()?);
            Some(there.then_some(value))
        };
        let (ahead_us, newest) = (value()?, value()?.map(Wall));
        let boot = std::str::from_utf8(cut.0).ok().filter(|boot| boot.len() <= BOOT_BYTES_MAX)?;
        Some(Self { boot: boot.to_owned(), ahead_us, newest, doubted })
    }
}

impl Store {
    /// How the clock stood when somebody wrote it down last.
    ///
    /// # Errors
    /// If the row cannot be read.
    pub fn clock(&self) -> Result<Option<ClockRow>, StoreError> {
        let row = self.inner.meta.get(Table::State, CLOCK)?;
        let read = |bytes: Vec<u8>| {
            ClockRow::from_bytes(&bytes).ok_or(StoreError::row(meta::FILE, "clock"))
        };
        row.map(read).transpose()
    }

    /// Writes down how the clock stands; durable on return.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_clock(&self, row: &ClockRow) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(Table::State, CLOCK, row.to_bytes());
        self.inner.meta.commit(&batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written_and_nothing_else_is() {
        let full = ClockRow {
            boot: "6f1c2f0e-0000-4000-8000-000000000001".to_owned(),
            ahead_us: Some(-7),
            newest: Some(Wall(1_700_000_000_000_000)),
            doubted: true,
        };
        for row in [ClockRow::default(), full.clone()] {
            assert_eq!(ClockRow::from_bytes(&row.to_bytes()), Some(row));
        }
        let bytes = full.to_bytes();
        for end in 0..20 {
            assert_eq!(ClockRow::from_bytes(&bytes[..end]), None, "{end} bytes");
        }
        assert_eq!(ClockRow::from_bytes(&[&[2], &bytes[1..]].concat()), None, "another version");
    }
}
