//! The key table in use: makes, opens and destroys keys.

use super::StoreError;
use super::engine::{Batch, KEY_END, Order, Table, TableFile};
use super::entropy::Entropy;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trunkline_core::vault::{
    BlindIndex, Day, Dek, KeyId, KeyMeta, KeyPurpose, KeyRow, Month, RecordContext, Secret,
    VaultError, WrappingKey, dek_id_of,
};
use zeroize::Zeroizing;

const FILE: &str = "meta";
/// Keys kept ready for sealing and for opening; beyond, they are unwrapped again.
const READY_MAX: usize = 64;

/// The keys of one data directory.
///
/// A key for sealing lives as long as the process: after a restart the day gets another one, so
/// the count of its seals needs no disk.
pub(super) struct Keyring {
    meta: Arc<dyn TableFile>,
    tenant: String,
    entropy: Entropy,
    inner: Mutex<Inner>,
}

struct Inner {
    rows: BTreeMap<KeyId, KeyRow>,
    keks: HashMap<KeyId, WrappingKey>,
    sealing: HashMap<(KeyPurpose, Day), Dek>,
    opening: HashMap<KeyId, Arc<Dek>>,
    indexes: HashMap<Month, BlindIndex>,
}

impl Keyring {
    pub(super) fn open(
        meta: Arc<dyn TableFile>,
        tenant: &str,
        master: &Secret,
        entropy: Entropy,
    ) -> Result<Self, StoreError> {
        let mut rows = BTreeMap::new();
        for (_, value) in meta.scan(Table::Key, &[], KEY_END, Order::Up, usize::MAX)? {
            let row = KeyRow::from_bytes(&value).map_err(|e| StoreError::vault(FILE, e))?;
            rows.insert(row.meta.id, row);
        }
        let master = WrappingKey::new(KeyId::MASTER, master).map_err(vault)?;
        let keks = HashMap::from([(KeyId::MASTER, master)]);
        let inner = Inner {
            rows,
            keks,
            sealing: HashMap::new(),
            opening: HashMap::new(),
            indexes: HashMap::new(),
        };
        let keyring = Self { meta, tenant: tenant.to_owned(), entropy, inner: Mutex::new(inner) };
        keyring.check_master()?;
        Ok(keyring)
    }

    /// Unwraps one key, so that a wrong master key is noticed before anything is written.
    fn check_master(&self) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let first = inner.rows.values().find(|r| r.meta.parent == KeyId::MASTER).cloned();
        match first {
            Some(row) => self.unwrap(&mut inner, &row).map(|_| ()),
            None => Ok(()),
        }
    }

    pub(super) fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// Seals a row under this process' key of that day to the end of `out`.
    pub(super) fn seal(
        &self,
        purpose: KeyPurpose,
        day: Day,
        context: &RecordContext<'_>,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let nonce = self.entropy.nonce()?;
        let mut inner = self.lock();
        if !inner.sealing.contains_key(&(purpose, day)) {
            let (id, secret) = self.create(&mut inner, purpose, day)?;
            if inner.sealing.len() >= READY_MAX {
                inner.sealing.clear();
            }
            let dek = Dek::new(id, &secret).map_err(vault)?;
            inner.sealing.insert((purpose, day), dek);
        }
        let dek = inner.sealing.get_mut(&(purpose, day)).ok_or(vault(VaultError::Library))?;
        match dek.seal_into(nonce, context, plain, out) {
            Err(VaultError::Exhausted { .. }) => {
                inner.sealing.remove(&(purpose, day));
                drop(inner);
                self.seal(purpose, day, context, plain, out)
            }
            sealed => sealed.map_err(vault),
        }
    }

    /// Opens a row.
    pub(super) fn unseal(
        &self,
        file: &str,
        context: &RecordContext<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let failed = |e| StoreError::vault(file, e);
        let id = dek_id_of(sealed).map_err(failed)?;
        let dek = {
            let mut inner = self.lock();
            match inner.opening.get(&id) {
                Some(dek) => dek.clone(),
                None => {
                    let row = inner.rows.get(&id).cloned();
                    let row = row.ok_or(failed(VaultError::Shredded { id: id.0 }))?;
                    let secret = self.unwrap(&mut inner, &row)?;
                    if inner.opening.len() >= READY_MAX {
                        inner.opening.clear();
                    }
                    let dek = Arc::new(Dek::new(id, &secret).map_err(failed)?);
                    inner.opening.insert(id, dek.clone());
                    dek
                }
            }
        };
        dek.open(context, sealed).map_err(failed)
    }

    /// A secret that outlives every month; made when first asked for.
    pub(super) fn long_lived(&self, purpose: KeyPurpose) -> Result<Secret, StoreError> {
        self.find_or_create(&mut self.lock(), purpose, Day(0))
    }

    /// All keys of a long-lived purpose, oldest first; made if there is none.
    pub(super) fn all_long_lived(
        &self,
        purpose: KeyPurpose,
    ) -> Result<Vec<(KeyId, Secret)>, StoreError> {
        let mut inner = self.lock();
        let rows = inner.rows.values().filter(|r| r.meta.purpose == purpose).cloned();
        let rows: Vec<KeyRow> = rows.collect();
        if rows.is_empty() {
            return Ok(vec![self.create(&mut inner, purpose, Day(0))?]);
        }
        rows.iter().map(|row| Ok((row.meta.id, self.unwrap(&mut inner, row)?))).collect()
    }

    /// Another key of a long-lived purpose.
    pub(super) fn another(&self, purpose: KeyPurpose) -> Result<(KeyId, Secret), StoreError> {
        self.create(&mut self.lock(), purpose, Day(0))
    }

    /// Destroys single keys.
    pub(super) fn destroy(&self, ids: &[KeyId]) -> Result<(), StoreError> {
        self.destroy_rows(&mut self.lock(), ids)
    }

    fn destroy_rows(&self, inner: &mut Inner, ids: &[KeyId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        ids.iter().for_each(|id| batch.delete(Table::Key, id.0.to_be_bytes()));
        self.meta.commit(&batch)?;
        self.meta.scour()?;
        for id in ids {
            inner.rows.remove(id);
            inner.opening.remove(id);
        }
        Ok(())
    }

    /// The blind index of a month's records.
    pub(super) fn record_index(&self, month: Month) -> Result<BlindIndex, StoreError> {
        let mut inner = self.lock();
        if let Some(index) = inner.indexes.get(&month) {
            return Ok(index.clone());
        }
        let day = Day(month.0 * 100 + 1);
        let secret = self.find_or_create(&mut inner, KeyPurpose::RecordIndex, day)?;
        let index = BlindIndex::new(&secret);
        inner.indexes.insert(month, index.clone());
        Ok(index)
    }

    /// Destroys the keys of a purpose up to and with that day; what they sealed is gone for good.
    pub(super) fn shred(&self, purpose: KeyPurpose, through: Day) -> Result<usize, StoreError> {
        let mut inner = self.lock();
        let doomed = |m: &KeyMeta| m.purpose == purpose && m.day <= through && m.day != Day(0);
        let ids: Vec<KeyId> =
            inner.rows.values().filter(|r| doomed(&r.meta)).map(|r| r.meta.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        self.destroy_rows(&mut inner, &ids)?;
        inner.sealing.retain(|(p, day), _| *p != purpose || *day > through);
        Ok(ids.len())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Rows are inserted only after their commit, so a panic elsewhere leaves no half state.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find_or_create(
        &self,
        inner: &mut Inner,
        purpose: KeyPurpose,
        day: Day,
    ) -> Result<Secret, StoreError> {
        let found = inner.rows.values().find(|r| r.meta.purpose == purpose && r.meta.day == day);
        match found.cloned() {
            Some(row) => self.unwrap(inner, &row),
            None => Ok(self.create(inner, purpose, day)?.1),
        }
    }

    fn create(
        &self,
        inner: &mut Inner,
        purpose: KeyPurpose,
        day: Day,
    ) -> Result<(KeyId, Secret), StoreError> {
        let parent =
            self.kek(inner, if day == Day(0) { day } else { Day(day.0 / 100 * 100 + 1) })?;
        self.create_under(inner, parent, purpose, day)
    }

    /// Key encryption key of a month (`Day` of its first) or of the long-lived keys (`Day(0)`).
    fn kek(&self, inner: &mut Inner, day: Day) -> Result<KeyId, StoreError> {
        let is_kek = |r: &&KeyRow| r.meta.purpose == KeyPurpose::Kek && r.meta.day == day;
        let found = inner.rows.values().find(is_kek).map(|r| r.meta.id);
        match found {
            Some(id) => Ok(id),
            None => {
                let made = self.create_under(inner, KeyId::MASTER, KeyPurpose::Kek, day)?;
                Ok(made.0)
            }
        }
    }

    /// Durable in the table before it seals anything.
    fn create_under(
        &self,
        inner: &mut Inner,
        parent: KeyId,
        purpose: KeyPurpose,
        day: Day,
    ) -> Result<(KeyId, Secret), StoreError> {
        let last = inner.rows.keys().next_back().map_or(0, |id| id.0);
        let id = KeyId(last.checked_add(1).ok_or(StoreError::row(FILE, "key number"))?);
        let secret = Secret::new(self.entropy.bytes32()?);
        let nonce = self.entropy.nonce()?;
        let meta = KeyMeta { id, parent, purpose, day };
        let kek = self.wrapping(inner, parent)?;
        let row = kek.wrap(&self.tenant, meta, nonce, &secret).map_err(vault)?;
        let mut batch = Batch::default();
        batch.put(Table::Key, id.0.to_be_bytes(), row.to_bytes());
        self.meta.commit(&batch)?;
        inner.rows.insert(id, row);
        Ok((id, secret))
    }

    fn unwrap(&self, inner: &mut Inner, row: &KeyRow) -> Result<Secret, StoreError> {
        self.wrapping(inner, row.meta.parent)?.unwrap(&self.tenant, row).map_err(vault)
    }

    fn wrapping<'a>(&self, inner: &'a mut Inner, id: KeyId) -> Result<&'a WrappingKey, StoreError> {
        if !inner.keks.contains_key(&id) {
            let row = inner.rows.get(&id).ok_or(vault(VaultError::Shredded { id: id.0 }))?;
            let master = inner.keks.get(&KeyId::MASTER).ok_or(vault(VaultError::Library))?;
            let secret = master.unwrap(&self.tenant, row).map_err(vault)?;
            inner.keks.insert(id, WrappingKey::new(id, &secret).map_err(vault)?);
        }
        inner.keks.get(&id).ok_or(vault(VaultError::Library))
    }
}

fn vault(e: VaultError) -> StoreError {
    StoreError::vault(FILE, e)
}
