//! Opening a data directory.

use super::audit::{AuditLog, Draft, Tip};
use super::bell::Bell;
use super::engine::{Engine, SqliteEngine, Sync, Table};
use super::entropy::Entropy;
use super::frames::Frames;
use super::keyring::Keyring;
use super::mark::Mark;
use super::months::Months;
use super::project::Projector;
use super::store::{Durable, Inner, Start};
use super::witness::Witness;
use super::{
    EngineKind, Store, StoreConfig, StoreError, claims, dnc, engine_dir, keys, meta, registers,
    signing,
};
use std::sync::{Arc, Mutex};
use trunkline_core::gate::{ClaimBook, DncList};
use trunkline_core::model::{Agent, Call, Command, Duty, Epoch, Line, Link, Override, Pos, Wall};
use trunkline_core::vault::{BlindIndex, KeyPurpose};

/// An open data directory.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// What it knew.
    pub recovery: Recovery,
    /// Keys of the long-lived blind indexes.
    pub refs: RefKeys,
    /// Secret for the MACs in SIP branches and Record-Route; stable over restarts.
    pub secret: [u8; 16],
}

/// Blind indexes that outlive a month.
#[derive(Clone, Debug)]
pub struct RefKeys {
    /// References that desks see.
    pub desk: BlindIndex,
    /// Keys of the do-not-call list.
    pub list: BlindIndex,
}

/// State at the end of the journal.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// Incarnation in force.
    pub epoch: Epoch,
    /// Newest durable position of the epoch; the next event has the one after it.
    pub head: Pos,
    /// Calls that were not over.
    pub live: Vec<Call>,
    /// Lines as they stood.
    pub lines: Vec<Line>,
    /// Control links as they stood.
    pub links: Vec<Link>,
    /// Duties that ran.
    pub duties: Vec<Duty>,
    /// Agents as they stood.
    pub agents: Vec<Agent>,
    /// Commands of the last day, oldest first.
    pub commands: Vec<Command>,
    /// Overrides that were open.
    pub overrides: Vec<Override>,
    /// Do-not-call list with the editions of registers.
    pub dnc: DncList,
    /// Claims on record.
    pub claims: ClaimBook,
    /// Some of them cannot be read, so they do not count. Why.
    pub claims_lost: Option<String>,
    /// Some of its own entries cannot be read: what they block is not known. Why.
    pub dnc_lost: Option<String>,
    /// Editions that cannot be used; they are as if they were not there.
    pub registers_lost: Vec<String>,
    /// Instant of the newest event.
    pub newest: Option<Wall>,
    /// The last stop was clean; a directory just made counts as clean.
    pub clean: bool,
}

/// Opens or creates a data directory; `entropy` is mixed into new keys and nonces.
///
/// # Errors
/// See [`StoreError`]; nothing is deleted on an error.
pub fn open(config: &StoreConfig, now: Wall, entropy: [u8; 32]) -> Result<Opened, StoreError> {
    let lock = engine_dir::lock(config)?;
    let engine = engine_of(config)?;
    open_locked(config, now, entropy, engine, lock)
}

/// Opens with an engine of the caller's: how tests bring disks that fail and hang.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    config: &StoreConfig,
    now: Wall,
    entropy: [u8; 32],
    engine: Arc<dyn Engine>,
) -> Result<Opened, StoreError> {
    let lock = engine_dir::lock(config)?;
    open_locked(config, now, entropy, engine, lock)
}

#[cfg(feature = "store-sled")]
fn sled_engine(config: &StoreConfig) -> Result<Arc<dyn Engine>, StoreError> {
    Ok(Arc::new(super::engine::SledEngine::new(&config.dir)))
}

#[cfg(not(feature = "store-sled"))]
fn sled_engine(_config: &StoreConfig) -> Result<Arc<dyn Engine>, StoreError> {
    Err(StoreError::EngineMissing)
}

fn engine_of(config: &StoreConfig) -> Result<Arc<dyn Engine>, StoreError> {
    let engine = match config.engine {
        EngineKind::Sqlite => Arc::new(SqliteEngine::new(&config.dir, Sync::Full)),
        EngineKind::Sled if !config.accept_beta_store => return Err(StoreError::BetaRefused),
        EngineKind::Sled => sled_engine(config)?,
    };
    Ok(engine)
}

fn open_locked(
    config: &StoreConfig,
    now: Wall,
    entropy: [u8; 32],
    engine: Arc<dyn Engine>,
    lock: std::fs::File,
) -> Result<Opened, StoreError> {
    let master = keys::load(&config.master_key)?;
    engine_dir::check_engine(&config.dir, engine.name())?;
    let meta = engine.open(meta::FILE, &meta::TABLES)?;
    let entropy = Entropy::new(entropy);
    let keyring = Arc::new(Keyring::open(meta.clone(), &config.tenant, &master, entropy)?);
    drop(master);
    let frames = Frames::new(engine.clone(), keyring.clone(), &config.tenant)?;
    let months = Months::new(engine.clone())?;
    let trusted = trusted_tip(&meta)?;
    let fresh = trusted.is_none();
    let copy = config.audit_head_copy.as_deref();
    let signers = signing::signers(&meta, &keyring)?;
    let (mut audit, witness) = AuditLog::open(&config.dir, copy, signers, trusted, now)?;

    let (newest, newest_at) = frames.newest()?.unwrap_or_default();
    let progress = meta::mark(&meta, meta::PROGRESS)?;
    let (journal_head, acknowledged) = Witness::open(&config.dir)?;
    let acknowledged = acknowledged.unwrap_or_default().seq;
    let known = witness.commit.max(progress.seq).max(acknowledged);
    let rolled_back = known > newest.seq;
    if rolled_back && !config.accept_rollback {
        return Err(StoreError::RolledBack { journal: newest.seq, witness: known });
    }
    let mut audited = witness.source;
    if rolled_back {
        let object = format!("journal={} witness={known}", newest.seq);
        let draft = Draft::new(now, "store", "store.rollback_accepted", object);
        audit.append(vec![draft], newest.seq)?;
        rewind(&meta, newest)?;
        journal_head.saw(newest);
        audited = (newest.seq, newest.pos);
    }
    if witness.torn_bytes > 0 {
        let object = format!("bytes={}", witness.torn_bytes);
        audit.append(vec![Draft::new(now, "store", "audit.tail_set_aside", object)], newest.seq)?;
    }
    if fresh || rolled_back || witness.torn_bytes > 0 {
        audit.sign_head(newest.seq, now)?;
    }
    signing::settle(&meta, &keyring, &mut audit, newest.seq, now)?;
    let (mark, epoch) = current_epoch(&meta, newest, rolled_back, &keyring)?;
    let desk = BlindIndex::new(&keyring.long_lived(KeyPurpose::DeskIndex)?);
    let list = BlindIndex::new(&keyring.long_lived(KeyPurpose::ListIndex)?);
    let mut secret = [0; 16];
    secret.copy_from_slice(&keyring.long_lived(KeyPurpose::SipMac)?.reveal()[..16]);
    let clean = meta::take_clean(&meta)? || fresh;

    let inner = Arc::new(Inner {
        engine,
        meta,
        keys: keyring,
        frames,
        journal_head,
        months,
        audit: Mutex::new(audit),
        durable: Durable::new(mark),
        projected: Durable::new(mark),
        hurry: Bell::new(),
        dir: config.dir.clone(),
        tenant: config.tenant.clone(),
        journal_keep: config.journal_keep,
        desk_refs: desk.clone(),
        list_refs: list.clone(),
        registers: Mutex::default(),
        _lock: lock,
    });
    let projector = Projector::open(inner.clone(), audited, now)?;
    let (mut dnc, dnc_lost) = dnc::load(&inner)?;
    let (claims, claims_lost) = claims::load(&inner)?;
    let (editions, registers_lost) = registers::load(&inner)?;
    for edition in editions {
        inner.registers().insert(edition.name().to_owned(), edition.clone());
        dnc.set_register(edition);
    }
    registers::sweep(&inner)?;
    let recovery = Recovery {
        epoch,
        head: Pos(mark.pos),
        live: projector.live_calls(),
        lines: projector.lines(),
        links: projector.links(),
        duties: projector.duties(),
        agents: projector.agents(),
        commands: projector.commands(),
        overrides: projector.overrides(),
        dnc,
        dnc_lost,
        claims,
        claims_lost,
        registers_lost,
        newest: newest_at,
        clean,
    };
    let start = Arc::new(Mutex::new(Some(Start { projector, epoch })));
    let store = Store { inner, start };
    Ok(Opened { store, recovery, refs: RefKeys { desk, list }, secret })
}

fn trusted_tip(meta: &Arc<dyn super::engine::TableFile>) -> Result<Option<Tip>, StoreError> {
    match meta.get(Table::State, meta::AUDIT_TIP)? {
        None => Ok(None),
        Some(bytes) => {
            Tip::from_bytes(&bytes).map(Some).ok_or(StoreError::row(meta::FILE, "audit tip"))
        }
    }
}

/// Watermarks beyond the journal come back to its end; what they were made of stays.
fn rewind(meta: &Arc<dyn super::engine::TableFile>, newest: Mark) -> Result<(), StoreError> {
    let mut batch = super::engine::Batch::default();
    for key in [meta::PROGRESS, meta::CHECKPOINT] {
        let mark = meta::mark(meta, key)?.min(newest);
        batch.put(Table::State, key, mark.to_bytes());
    }
    for (month, mark) in meta::months(meta)? {
        batch.put(Table::State, meta::month_key(month), mark.min(newest).to_bytes());
    }
    meta.commit(&batch)
}

/// The epoch in force; a new one for a new directory and after a rollback.
fn current_epoch(
    meta: &Arc<dyn super::engine::TableFile>,
    newest: Mark,
    rolled_back: bool,
    keys: &Keyring,
) -> Result<(Mark, Epoch), StoreError> {
    let known = meta::epoch(meta)?;
    if let Some((number, epoch)) = known
        && !rolled_back
        && number >= newest.epoch_no
    {
        let pos = if number == newest.epoch_no { newest.pos } else { 0 };
        return Ok((Mark { seq: newest.seq, epoch_no: number, pos }, epoch));
    }
    let number = known.map_or(0, |(n, _)| n).max(newest.epoch_no) + 1;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&keys.entropy().bytes32()?[..16]);
    let epoch = Epoch(uuid::Builder::from_random_bytes(bytes).into_uuid());
    meta::set_epoch(meta, number, epoch)?;
    Ok((Mark { seq: newest.seq, epoch_no: number, pos: 0 }, epoch))
}
