//! The do-not-call list.

use super::values::parse_day;
use crate::model::{DncEntry, NumberRef};
use jiff::civil::Date;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

/// Last blocked local day as `yyyymmdd`, which sorts like the day; `FOREVER` sorts last.
type Until = u32;
const FOREVER: Until = u32::MAX;

/// Numbers that must not be called, by blind index, each to a last local day or for ever.
///
/// A block can grow and never shrinks, so expired entries stay; 1,000,000 entries take 44 MB.
#[derive(Clone, Debug, Default)]
pub struct DncList {
    blocked: HashMap<NumberRef, Until, BuildHasherDefault<RefHasher>>,
    /// Sum of the entries' digests, so it does not depend on their order.
    digest: u128,
}

/// What an insertion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The number was not listed.
    New,
    /// The block lasts longer than before.
    Extended,
    /// The block that stood lasts at least as long, so it stays.
    Kept,
}

/// A day that is not `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("until = {0:?}: a day is written YYYY-MM-DD")]
pub struct BadDay(pub String);

impl DncList {
    /// Blocks `key` through the local day `until` (`YYYY-MM-DD`), or for ever. Never shortens.
    pub fn insert(&mut self, key: NumberRef, until: Option<&str>) -> Result<Inserted, BadDay> {
        let until = match until {
            None => FOREVER,
            Some(text) => parse_day(text).map(encode).ok_or_else(|| BadDay(text.to_owned()))?,
        };
        Ok(self.block(key, until))
    }

    /// Adds an entry of the model.
    pub fn insert_entry(&mut self, entry: &DncEntry) -> Result<Inserted, BadDay> {
        self.insert(entry.key(), entry.until.as_deref())
    }

    /// Entries, expired ones included.
    pub fn len(&self) -> usize {
        self.blocked.len()
    }

    /// No entries.
    pub fn is_empty(&self) -> bool {
        self.blocked.is_empty()
    }

    /// The list as far as one number sees it: what a search on another thread needs.
    pub fn only(&self, key: Option<NumberRef>) -> Self {
        let mut only = Self::default();
        if let Some((key, until)) = key.and_then(|k| self.blocked.get_key_value(&k)) {
            only.block(*key, *until);
        }
        only
    }

    /// Names the content: equal lists have equal versions, whatever the order of insertion.
    pub fn version(&self) -> String {
        format!("{}-{:032x}", self.blocked.len(), self.digest)
    }

    /// How `key` is blocked on the local day `on`: `Some(None)` for ever, `Some(Some(last day))`.
    pub(super) fn blocks(&self, key: NumberRef, on: Date) -> Option<Option<String>> {
        let until = *self.blocked.get(&key)?;
        if until < encode(on) {
            return None;
        }
        Some(
            (until != FOREVER).then(|| {
                format!("{:04}-{:02}-{:02}", until / 10_000, until / 100 % 100, until % 100)
            }),
        )
    }

    fn block(&mut self, key: NumberRef, until: Until) -> Inserted {
        let added = entry_digest(key, until);
        match self.blocked.entry(key) {
            Entry::Vacant(slot) => {
                slot.insert(until);
                self.digest = self.digest.wrapping_add(added);
                Inserted::New
            }
            Entry::Occupied(mut slot) if *slot.get() < until => {
                let old = slot.insert(until);
                self.digest = self.digest.wrapping_sub(entry_digest(key, old)).wrapping_add(added);
                Inserted::Extended
            }
            Entry::Occupied(_) => Inserted::Kept,
        }
    }
}

/// Years before 1 cannot be written as `YYYY-MM-DD`; they sort first.
fn encode(day: Date) -> Until {
    let part = |value: i16| u32::try_from(value).unwrap_or(0);
    part(day.year()) * 10_000 + part(day.month().into()) * 100 + part(day.day().into())
}

fn entry_digest(key: NumberRef, until: Until) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(0x7472_756e_6b6c_696e, 0x646e_632d_6c69_7374);
    hasher.write(&key.0);
    hasher.write_u32(until);
    hasher.finish128().as_u128()
}

/// Takes eight bytes of the key as they are: a blind index is uniform already, and whoever does
/// not know its key cannot aim at one bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RefHasher(u64);

impl Hasher for RefHasher {
    fn write(&mut self, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            self.0 ^= u64::from(*byte) << (8 * (i % 8));
        }
    }

    fn write_usize(&mut self, _length: usize) {
        // The length of an array is no part of its identity.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
