//! The do-not-call list: own entries, and the editions of external registers beside them.

use super::register::Register;
use super::values::{PurposePattern, parse_day};
use super::{Ask, phrase};
use crate::model::{DncEntry, DncScope, NumberRef};
use jiff::civil::Date;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Last blocked local day as `yyyymmdd`, which sorts like the day; `FOREVER` sorts last.
type Until = u32;
const FOREVER: Until = u32::MAX;

type ByRef<T> = HashMap<NumberRef, T, BuildHasherDefault<RefHasher>>;

/// Numbers and customers that must not be called, by blind index, each to a last local day or for
/// ever, for all purposes or for one.
///
/// A block grows, and goes only by [`DncList::remove`]; expired entries stay. 1,000,000 entries
/// take 44 MB, those of one purpose three times as much.
#[derive(Clone, Debug, Default)]
pub struct DncList {
    blocked: ByRef<Until>,
    by_purpose: ByRef<Vec<(Arc<str>, Until)>>,
    /// There was an entry, of a number or of a customer, here or in the list this is a part of.
    keyed: bool,
    has_customers: bool,
    /// Sum of the entries' digests, so it does not depend on their order.
    digest: u128,
    registers: BTreeMap<String, Arc<Register>>,
    /// Names of the editions, for [`DncList::version`].
    editions: String,
    unavailable: Option<Unavailable>,
}

/// The list, or a part of it, could not be read: what is not on it may still be blocked.
#[derive(Clone, Debug, Default)]
pub struct Unavailable {
    /// Why, for a person.
    pub why: String,
    /// Purposes whose calls are made all the same.
    pub open_for: OpenFor,
}

/// Purposes that may be called while the list cannot be read; empty: none.
#[derive(Clone, Debug, Default)]
pub struct OpenFor(Vec<PurposePattern>);

impl OpenFor {
    /// Reads patterns as `service`, `callback.*`.
    ///
    /// # Errors
    /// The one that is no purpose, or that lets sales or surveys through.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let read = |word: &String| {
            let pattern = PurposePattern::try_from(word.clone())?;
            let never = ["sales", "sales.x", "survey", "survey.x"];
            match never.iter().any(|purpose| pattern.matches(purpose)) {
                true => Err(format!("{word:?}: sales and surveys never go without the list")),
                false => Ok(pattern),
            }
        };
        words.iter().map(read).collect::<Result<_, String>>().map(Self)
    }

    fn has(&self, purpose: Option<&str>) -> bool {
        purpose.is_some_and(|purpose| self.0.iter().any(|pattern| pattern.matches(purpose)))
    }
}

/// What an insertion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was not listed.
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

/// What the list says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Nothing.
    Not,
    /// The list has no entry.
    Empty,
    /// Nobody can say: the key is missing, or the list.
    Unknown(&'static str),
    /// Nobody can say, and calls of this purpose are made all the same.
    Waived,
    /// Blocked.
    Blocked {
        /// Last day; `None`: for ever.
        until: Option<Date>,
        scope: DncScope,
        /// Only calls of this purpose and its family are.
        purpose: Option<Arc<str>>,
    },
}

impl DncList {
    /// Blocks `key` through the local day `until` (`YYYY-MM-DD`), or for ever. Never shortens.
    pub fn insert(&mut self, key: NumberRef, until: Option<&str>) -> Result<Inserted, BadDay> {
        Ok(self.block(key, None, read_until(until)?))
    }

    /// Adds an entry of the model, or takes away what it says is removed.
    pub fn insert_entry(&mut self, entry: &DncEntry) -> Result<Inserted, BadDay> {
        if entry.removed.is_some() {
            self.remove(entry.key());
            return Ok(Inserted::Kept);
        }
        self.has_customers |= entry.scope == DncScope::Customer;
        let until = read_until(entry.until.as_deref())?;
        Ok(self.block(entry.key(), entry.purpose.as_deref(), until))
    }

    /// The same, and a day that cannot be read blocks for ever: damage must not open the gate.
    pub fn insert_or_close(&mut self, entry: &DncEntry) {
        if self.insert_entry(entry).is_err() {
            self.block(entry.key(), entry.purpose.as_deref(), FOREVER);
        }
    }

    /// Takes all blocks of `key` away; `false`: there was none.
    pub fn remove(&mut self, key: NumberRef) -> bool {
        let general = self.blocked.remove(&key).map(|until| entry_digest(key, None, until));
        let special = self.by_purpose.remove(&key).into_iter().flatten();
        let special = special.map(|(purpose, until)| entry_digest(key, Some(&purpose), until));
        let gone: Vec<u128> = general.into_iter().chain(special).collect();
        for digest in &gone {
            self.digest = self.digest.wrapping_sub(*digest);
        }
        !gone.is_empty()
    }

    /// Own entries by key, expired ones included; a key with entries of single purposes counts
    /// once more for all of them.
    pub fn len(&self) -> usize {
        self.blocked.len() + self.by_purpose.len()
    }

    /// No own entries.
    pub fn is_empty(&self) -> bool {
        self.blocked.is_empty() && self.by_purpose.is_empty()
    }

    /// Puts an edition of a register in the place of the one before.
    pub fn set_register(&mut self, register: Arc<Register>) {
        self.registers.insert(register.name().to_owned(), register);
        self.editions.clear();
        for register in self.registers.values() {
            let _ = write!(self.editions, "+{}", register.version()); // a String takes all
        }
    }

    /// Editions in force, by name.
    pub fn registers(&self) -> impl Iterator<Item = &Arc<Register>> {
        self.registers.values()
    }

    pub(super) fn register(&self, name: &str) -> Option<&Register> {
        self.registers.get(name).map(Arc::as_ref)
    }

    /// Says that the list cannot be read whole (`Some`), or that it can.
    pub fn set_unavailable(&mut self, unavailable: Option<Unavailable>) {
        self.unavailable = unavailable;
    }

    /// Why the list cannot be read whole.
    pub fn unavailable(&self) -> Option<&str> {
        self.unavailable.as_ref().map(|gone| gone.why.as_str())
    }

    /// The list as far as one call sees it: what a search on another thread needs.
    pub fn only(&self, keys: [Option<NumberRef>; 2]) -> Self {
        let mut only = Self {
            registers: self.registers.clone(),
            editions: self.editions.clone(),
            unavailable: self.unavailable.clone(),
            keyed: self.keyed,
            has_customers: self.has_customers,
            ..Self::default()
        };
        for key in keys.into_iter().flatten() {
            if let Some(until) = self.blocked.get(&key) {
                only.block(key, None, *until);
            }
            for (purpose, until) in self.by_purpose.get(&key).into_iter().flatten() {
                only.block(key, Some(purpose), *until);
            }
        }
        only
    }

    /// Names the content: equal lists have equal versions, whatever the order of insertion.
    pub fn version(&self) -> String {
        let gone = if self.unavailable.is_some() { "+unavailable" } else { "" };
        let mut version = String::with_capacity(48 + self.editions.len() + gone.len());
        let _ = write!(version, "{}-", self.len()); // a String takes all
        phrase::hex(&mut version, self.digest);
        version.push_str(&self.editions);
        version.push_str(gone);
        version
    }

    /// How the own entries of `key` stand: purpose (`None`: all) and last day (`None`: for ever).
    pub fn entries_of(&self, key: NumberRef) -> Vec<(Option<Arc<str>>, Option<Date>)> {
        let general = self.blocked.get(&key).map(|until| (None, decode(*until)));
        let special = self.by_purpose.get(&key).into_iter().flatten();
        let special = special.map(|(purpose, until)| (Some(purpose.clone()), decode(*until)));
        general.into_iter().chain(special).collect()
    }

    /// What it says of a call on the local day `on`.
    pub(super) fn says(&self, ask: &Ask<'_>, on: Date) -> Listed {
        let keys =
            [(ask.number_ref, DncScope::Number), (ask.given.customer_ref, DncScope::Customer)];
        let found = keys.into_iter().filter_map(|(key, scope)| {
            let (until, purpose) = self.blocks(key?, ask.purpose, on)?;
            Some((until, scope, purpose))
        });
        if let Some((until, scope, purpose)) = found.max_by_key(|(until, ..)| *until) {
            return Listed::Blocked { until: decode(until), scope, purpose };
        }
        if let Some(gone) = &self.unavailable {
            return match gone.open_for.has(ask.purpose) {
                true => Listed::Waived,
                false => Listed::Unknown("the list cannot be read"),
            };
        }
        let unnamed = ask.given.customer.is_some() && ask.given.customer_ref.is_none();
        match ask.number_ref {
            _ if !self.keyed => Listed::Empty,
            None => Listed::Unknown("no list key"),
            Some(_) if unnamed && self.has_customers => Listed::Unknown("no key of the customer"),
            Some(_) => Listed::Not,
        }
    }

    /// The longest block of `key` for calls with `purpose`; of all purposes where it is not known.
    fn blocks(
        &self,
        key: NumberRef,
        purpose: Option<&str>,
        on: Date,
    ) -> Option<(Until, Option<Arc<str>>)> {
        let general = self.blocked.get(&key).map(|until| (*until, None));
        let special = match self.by_purpose.is_empty() {
            true => None, // most sites: one look less
            false => self.by_purpose.get(&key),
        };
        let special = special.into_iter().flatten().filter(|(of, _)| is_of(purpose, of));
        let special = special.map(|(of, until)| (*until, Some(of.clone())));
        let longest = general.into_iter().chain(special).max_by_key(|(until, _)| *until);
        longest.filter(|(until, _)| *until >= encode(on))
    }

    fn block(&mut self, key: NumberRef, purpose: Option<&str>, until: Until) -> Inserted {
        self.keyed = true;
        let place = match purpose {
            None => match self.blocked.entry(key) {
                Entry::Vacant(slot) => {
                    slot.insert(until);
                    None
                }
                Entry::Occupied(slot) => Some(slot.into_mut()),
            },
            Some(purpose) => {
                let all = self.by_purpose.entry(key).or_default();
                match all.iter().position(|(of, _)| **of == *purpose) {
                    Some(at) => all.get_mut(at).map(|(_, until)| until),
                    None => {
                        all.push((purpose.into(), until));
                        None
                    }
                }
            }
        };
        let added = entry_digest(key, purpose, until);
        match place {
            None => {
                self.digest = self.digest.wrapping_add(added);
                Inserted::New
            }
            Some(known) if *known < until => {
                let old = entry_digest(key, purpose, std::mem::replace(known, until));
                self.digest = self.digest.wrapping_sub(old).wrapping_add(added);
                Inserted::Extended
            }
            Some(_) => Inserted::Kept,
        }
    }
}

/// `sales.life` is of the family `sales`; an unknown purpose is of every one.
pub(super) fn is_of(purpose: Option<&str>, family: &str) -> bool {
    let Some(purpose) = purpose else { return true };
    let rest = purpose.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn read_until(until: Option<&str>) -> Result<Until, BadDay> {
    match until {
        None => Ok(FOREVER),
        Some(text) => parse_day(text).map(encode).ok_or_else(|| BadDay(text.to_owned())),
    }
}

/// Years before 1 cannot be written as `YYYY-MM-DD`; they sort first.
fn encode(day: Date) -> Until {
    let part = |value: i16| u32::try_from(value).unwrap_or(0);
    part(day.year()) * 10_000 + part(day.month().into()) * 100 + part(day.day().into())
}

/// `None`: for ever.
fn decode(until: Until) -> Option<Date> {
    let part = |value: u32| i8::try_from(value % 100).ok();
    let year = i16::try_from(until / 10_000).ok()?;
    Date::new(year, part(until / 100)?, part(until)?).ok()
}

fn entry_digest(key: NumberRef, purpose: Option<&str>, until: Until) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(0x7472_756e_6b6c_696e, 0x646e_632d_6c69_7374);
    hasher.write(&key.0);
    hasher.write_u32(until);
    if let Some(purpose) = purpose {
        hasher.write(purpose.as_bytes());
    }
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
