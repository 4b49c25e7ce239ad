//! Editions of external registers: one sealed file each, named by a row of `meta`. An import writes
//! the file, then the row: a crash between leaves the edition before in force.
//!
//! File: `"TRKLREG1"`, then `len(4) envelope` for each 8,192 keys, 8 bytes a key, in order.

use super::dnc::KEY_DAY;
use super::engine::{Batch, Order, Table};
use super::engine_dir::sync_dir;
use super::store::Inner;
use super::{Store, StoreError, meta};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard, PoisonError};
use trunkline_core::gate::Register;
use trunkline_core::model::Wall;
use trunkline_core::vault::{KeyPurpose, RecordContext};

const MAGIC: &[u8; 8] = b"TRKLREG1";
const KEYS_PER_BLOCK: usize = 8192;
/// A block and its seal.
const BLOCK_BYTES_MAX: usize = KEYS_PER_BLOCK * 8 + 256;
/// Prefix of an edition's row: name -> [`EditionRow`] as JSON.
const PREFIX: &[u8] = b"register/";
const PREFIX_END: &[u8] = b"register0";
const FILE_PREFIX: &str = "register-";
const FILE_SUFFIX: &str = ".keys";

/// An edition in force.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EditionRow {
    /// Register.
    pub name: String,
    /// Day of issue, `YYYY-MM-DD`.
    pub issued: String,
    /// Names its content.
    pub id: String,
    /// Numbers.
    pub numbers: u64,
    /// When it was imported, microseconds since 1970.
    pub imported_at: i64,
    /// Who imported it.
    pub by: String,
    /// Name of the file that was imported.
    pub source: String,
}

impl EditionRow {
    fn file(&self) -> String {
        format!("{FILE_PREFIX}{}-{}{FILE_SUFFIX}", self.name, self.id)
    }

    fn version(&self) -> String {
        format!("{}@{}:{}", self.name, self.issued, self.id)
    }
}

/// What there is, and what of it cannot be used: those are as if they were not there.
pub(super) fn load(store: &Inner) -> Result<(Vec<Arc<Register>>, Vec<String>), StoreError> {
    let (mut registers, mut faults) = (Vec::new(), Vec::new());
    for row in rows(store)? {
        match read(store, &row) {
            Ok(register) => registers.push(Arc::new(register)),
            Err(error) => faults.push(format!("register {}: {error}", row.name)),
        }
    }
    Ok((registers, faults))
}

fn rows(store: &Inner) -> Result<Vec<EditionRow>, StoreError> {
    let rows = store.meta.scan(Table::State, PREFIX, PREFIX_END, Order::Up, usize::MAX)?;
    let parse = |(_, value): (Vec<u8>, Vec<u8>)| {
        serde_json::from_slice(&value).map_err(|_| StoreError::row(meta::FILE, "register"))
    };
    rows.into_iter().map(parse).collect()
}

impl Store {
    /// Puts an edition in force in place of the one before; durable on return. Audited first.
    ///
    /// # Errors
    /// If it cannot be written: the edition before stays in force.
    pub fn put_register(
        &self,
        register: &Arc<Register>,
        source: &str,
        who: &str,
        now: Wall,
    ) -> Result<EditionRow, StoreError> {
        let row = EditionRow {
            name: register.name().to_owned(),
            issued: register.issued().to_string(),
            id: register.id().to_owned(),
            numbers: register.len() as u64,
            imported_at: now.0,
            by: who.to_owned(),
            source: source.to_owned(),
        };
        let object =
            format!("register={} numbers={} source={source:?}", row.version(), row.numbers);
        self.audit(who, "dnc.register.imported", &object, now)?;
        let inner = &self.inner;
        write(inner, &row, register.keys())?;
        let mut batch = Batch::default();
        let value = serde_json::to_vec(&row).unwrap_or_default();
        batch.put(Table::State, [PREFIX, row.name.as_bytes()].concat(), value);
        inner.meta.commit(&batch)?;
        inner.registers().insert(row.name.clone(), register.clone());
        sweep(inner)?;
        Ok(row)
    }

    /// The edition of a register that is in force.
    pub fn register(&self, name: &str) -> Option<Arc<Register>> {
        self.inner.registers().get(name).cloned()
    }

    /// Editions in force.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn registers(&self) -> Result<Vec<EditionRow>, StoreError> {
        rows(&self.inner)
    }
}

impl Inner {
    pub(super) fn registers(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Register>>> {
        self.registers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes files that no row names: editions of before, and what a crash left.
pub(super) fn sweep(store: &Inner) -> Result<(), StoreError> {
    let named: Vec<String> = rows(store)?.iter().map(EditionRow::file).collect();
    let entries = std::fs::read_dir(&store.dir).map_err(|e| StoreError::io(&store.dir, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| StoreError::io(&store.dir, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with(FILE_PREFIX) && name.ends_with(FILE_SUFFIX);
        if ours && !named.contains(&name) {
            std::fs::remove_file(entry.path()).map_err(|e| StoreError::io(entry.path(), e))?;
        }
    }
    Ok(())
}

fn write(store: &Inner, row: &EditionRow, keys: &[u64]) -> Result<(), StoreError> {
    let path = path(store, row);
    let failed = |e| StoreError::io(&path, e);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(true).write(true).mode(0o600).open(&path);
    let mut out = BufWriter::new(file.map_err(failed)?);
    out.write_all(MAGIC).map_err(failed)?;
    let id = row.version();
    let mut sealed = Vec::with_capacity(BLOCK_BYTES_MAX);
    for (rev, block) in (0_u64..).zip(keys.chunks(KEYS_PER_BLOCK)) {
        let plain: Vec<u8> = block.iter().flat_map(|key| key.to_be_bytes()).collect();
        sealed.clear();
        let context = context(store, row, &id, rev);
        store.keys.seal(KeyPurpose::Dnc, KEY_DAY, &context, &plain, &mut sealed)?;
        let len = u32::try_from(sealed.len()).unwrap_or(u32::MAX); // a block is 64 KiB
        out.write_all(&len.to_be_bytes()).map_err(failed)?;
        out.write_all(&sealed).map_err(failed)?;
    }
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)?;
    sync_dir(&store.dir)
}

fn read(store: &Inner, row: &EditionRow) -> Result<Register, StoreError> {
    let path = path(store, row);
    let failed = |e| StoreError::io(&path, e);
    let damaged = |what| StoreError::row(row.file(), what);
    let mut input = BufReader::new(File::open(&path).map_err(failed)?);
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic).map_err(failed)?;
    if magic != *MAGIC {
        return Err(damaged("magic"));
    }
    let wanted = usize::try_from(row.numbers).map_err(|_| damaged("number of keys"))?;
    let id = row.version();
    let mut keys = Vec::new();
    let mut sealed = Vec::new();
    for rev in 0..wanted.div_ceil(KEYS_PER_BLOCK) as u64 {
        let mut len = [0; 4];
        input.read_exact(&mut len).map_err(failed)?;
        let len = u32::from_be_bytes(len) as usize;
        if len > BLOCK_BYTES_MAX {
            return Err(damaged("length of a block"));
        }
        sealed.resize(len, 0);
        input.read_exact(&mut sealed).map_err(failed)?;
        let plain = store.keys.unseal(&row.file(), &context(store, row, &id, rev), &sealed)?;
        let chunks = plain.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok());
        keys.extend(chunks.map(u64::from_be_bytes));
    }
    if keys.len() != wanted {
        return Err(damaged("number of keys"));
    }
    let issued = row.issued.parse().map_err(|_| damaged("day of issue"))?;
    Ok(Register::new(row.name.clone(), issued, row.id.clone(), keys))
}

fn path(store: &Inner, row: &EditionRow) -> PathBuf {
    Path::new(&store.dir).join(row.file())
}

fn context<'a>(store: &'a Inner, row: &EditionRow, id: &'a str, rev: u64) -> RecordContext<'a> {
    RecordContext {
        tenant: &store.tenant,
        table: "register",
        record_id: id.as_bytes(),
        rev,
        ts: Wall(row.imported_at),
        agent: &[],
        phone_ix: &[],
    }
}
