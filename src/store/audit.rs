//! The audit log: `audit-YYYYMM.log`, append-only, hash-chained, fsynced before anybody sees what
//! it tells about; its signed head is in `audit.head` and, if configured, in a second place.
//!
//! File: `"TRKLAUD1" first_seq(8) previous_hash(32)`, then `len(4) entry hash(32)` an entry.

use super::StoreError;
use super::engine_dir::replace_file;
use super::mark::Cut;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use trunkline_core::model::Wall;
use trunkline_core::vault::{
    AuditEntry, CHECKPOINT, ChainFault, ChainVerifier, HASH_BYTES, KEY_CHANGED, KeyChange, Month,
    PublicKey, SignedHead, Signer, chain_hash, head_words,
};

const MAGIC: &[u8; 8] = b"TRKLAUD1";
const HEADER_BYTES: u64 = 48;
/// Longest entry: an export names many records.
const ENTRY_BYTES_MAX: u32 = 1 << 20;
const HEAD: &str = "audit.head";
/// A head is signed after so many entries at the latest.
pub(super) const HEAD_ENTRIES_MAX: u64 = 1000;

/// Newest entry and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) month: Month,
    pub(super) offset: u64,
    pub(super) seq: u64,
    pub(super) hash: [u8; HASH_BYTES],
}

impl Tip {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = self.month.0.to_be_bytes().to_vec();
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.hash);
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut cut = Cut(bytes);
        Some(Self {
            month: Month(cut.u32()?),
            offset: cut.u64()?,
            seq: cut.u64()?,
            hash: cut.array()?,
        })
    }
}

/// An entry before it has its place in the chain.
pub(super) struct Draft {
    pub(super) at: Wall,
    pub(super) who: String,
    pub(super) action: String,
    pub(super) object: String,
    pub(super) digest: [u8; HASH_BYTES],
    pub(super) source: (u64, u64),
}

impl Draft {
    pub(super) fn new(at: Wall, who: &str, action: &str, object: String) -> Self {
        let (who, action) = (who.to_owned(), action.to_owned());
        Self { at, who, action, object, digest: [0; HASH_BYTES], source: (0, 0) }
    }
}

/// What the log knew when it was opened.
pub(super) struct Witness {
    /// Newest commit it names.
    pub(super) commit: u64,
    /// Newest journal event it repeats: commit and position.
    pub(super) source: (u64, u64),
    /// Bytes of a torn, never acknowledged tail that were put aside.
    pub(super) torn_bytes: u64,
    /// The signing was handed over since the trusted tip.
    changed_to: Option<PublicKey>,
}

/// Keys that may have signed: all there are, and the one in force as far as it is known.
pub(super) struct Signers {
    pub(super) all: Vec<Signer>,
    pub(super) active: Option<PublicKey>,
}

impl Signers {
    fn keys(&self) -> Vec<PublicKey> {
        self.all.iter().map(Signer::public_key).collect()
    }

    fn into_active(self, changed_to: Option<PublicKey>) -> Result<Signer, StoreError> {
        let active = changed_to.or(self.active);
        let mut all = self.all.into_iter();
        let found = all.find(|signer| active.is_none_or(|key| key == signer.public_key()));
        found.ok_or(StoreError::Audit(ChainFault::NoHead))
    }
}

pub(super) struct AuditLog {
    dir: PathBuf,
    head_copy: Option<PathBuf>,
    signer: Signer,
    file: File,
    tip: Tip,
    head: Option<SignedHead>,
    /// The last append failed half-way: cut the file back to the tip before the next.
    dirty: bool,
}

impl AuditLog {
    /// Opens the log and checks it from `trusted` (the tip that another file vouches for) on.
    pub(super) fn open(
        dir: &Path,
        head_copy: Option<&Path>,
        signers: Signers,
        trusted: Option<Tip>,
        now: Wall,
    ) -> Result<(Self, Witness), StoreError> {
        let keys = signers.keys();
        let head = read_head(&dir.join(HEAD), &keys)?;
        let copy = head_copy.map(|p| read_head(p, &keys)).transpose()?.flatten();
        let newest = head.iter().chain(&copy).max_by_key(|h| h.seq).cloned();
        let mut witness = Witness { commit: 0, source: (0, 0), torn_bytes: 0, changed_to: None };
        witness.commit = head.iter().chain(&copy).map(|h| h.commit).max().unwrap_or(0);

        let months = months(dir)?;
        if let Some(tip) = trusted {
            // The head is signed before anything vouches for a tip.
            if head.is_none() {
                return Err(StoreError::Audit(ChainFault::NoHead));
            }
            if !months.contains(&tip.month) {
                let fault = ChainFault::Truncated { last: 0, signed: tip.seq };
                return Err(StoreError::Audit(fault));
            }
        }
        let start = match (trusted, months.first()) {
            (Some(tip), _) => tip,
            (None, Some(month)) => {
                Tip { month: *month, offset: HEADER_BYTES, seq: 0, hash: [0; HASH_BYTES] }
            }
            (None, None) => create(dir, Month::of(now), 0, [0; HASH_BYTES])?,
        };
        let vouched = start.seq.max(newest.as_ref().map_or(0, |h| h.seq));
        let mut verifier = ChainVerifier::resume(start.seq, start.hash, newest);
        let mut tip = start;
        for month in months.into_iter().filter(|m| *m >= start.month) {
            let from = if month == start.month { start.offset } else { HEADER_BYTES };
            let walked = walk(dir, (month, from), u64::MAX, &mut verifier, |entry, _| {
                witness.commit = witness.commit.max(entry.commit);
                witness.source = witness.source.max(entry.source);
                if entry.action == KEY_CHANGED {
                    let change = KeyChange::read(&entry.object);
                    witness.changed_to = change.map(|change| change.new).or(witness.changed_to);
                }
                Ok(())
            })?;
            let (seq, hash) = verifier.tip();
            tip = Tip { month, offset: walked.end, seq, hash };
            if let Some(fault) = walked.fault {
                if seq < vouched || walked.end < HEADER_BYTES {
                    return Err(StoreError::Audit(fault));
                }
                witness.torn_bytes = set_aside(dir, tip)?;
                break;
            }
        }
        verifier.finish().map_err(StoreError::Audit)?;
        let signer = signers.into_active(witness.changed_to)?;
        let file = open_at(dir, tip)?;
        let head_copy = head_copy.map(Path::to_owned);
        let log = Self { dir: dir.to_owned(), head_copy, signer, file, tip, head, dirty: false };
        Ok((log, witness))
    }

    pub(super) fn tip(&self) -> Tip {
        self.tip
    }

    /// Appends entries with one write and one fdatasync; durable on return.
    pub(super) fn append(&mut self, drafts: Vec<Draft>, commit: u64) -> Result<(), StoreError> {
        let Some(last) = drafts.last() else { return Ok(()) };
        let month = Month::of(last.at);
        if month > self.tip.month {
            self.tip = create(&self.dir, month, self.tip.seq, self.tip.hash)?;
            self.file = open_at(&self.dir, self.tip)?;
        }
        let mut tip = self.tip;
        let mut bytes = Vec::new();
        for draft in drafts {
            let entry = AuditEntry {
                seq: tip.seq + 1,
                at: draft.at,
                who: draft.who,
                action: draft.action,
                object: draft.object,
                digest: draft.digest,
                commit,
                source: draft.source,
            };
            let body = entry.to_bytes();
            let len = u32::try_from(body.len()).ok().filter(|len| *len <= ENTRY_BYTES_MAX);
            let len = len.ok_or(StoreError::row("audit", "entry is too long"))?;
            tip.seq += 1;
            tip.hash = chain_hash(&tip.hash, &body);
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(&body);
            bytes.extend_from_slice(&tip.hash);
        }
        tip.offset += u64::try_from(bytes.len()).unwrap_or(0);
        self.write(&bytes).map_err(|e| StoreError::io(path(&self.dir, self.tip.month), e))?;
        self.tip = tip;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.dirty {
            self.file.set_len(self.tip.offset)?;
            self.file.seek(SeekFrom::Start(self.tip.offset))?;
        }
        self.dirty = true;
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.dirty = false;
        Ok(())
    }

    /// Entries since the last signed head.
    pub(super) fn unsigned(&self) -> u64 {
        self.tip.seq - self.head.as_ref().map_or(0, |h| h.seq)
    }

    /// Signs the newest durable commit and all entries, the newest of which is a checkpoint then.
    pub(super) fn sign_head(&mut self, commit: u64, at: Wall) -> Result<(), StoreError> {
        if self.unsigned() > 0 {
            let head = self.signed(commit, at)?;
            let words = head_words(&head, &self.public_key());
            self.append(vec![Draft::new(at, "store", CHECKPOINT, words.clone())], commit)?;
            // Whoever collects the log keeps a copy of what was signed, out of our reach.
            tracing::info!(target: "trunkline::audit", checkpoint = %words, "audit log signed");
        }
        let head = self.signed(commit, at)?;
        replace_file(&self.dir.join(HEAD), &head.to_bytes())?;
        if let Some(copy) = &self.head_copy {
            replace_file(copy, &head.to_bytes())?;
        }
        self.head = Some(head);
        Ok(())
    }

    fn signed(&self, commit: u64, at: Wall) -> Result<SignedHead, StoreError> {
        let signed = self.signer.sign(self.tip.seq, self.tip.hash, commit, at);
        signed.map_err(|e| StoreError::vault(HEAD, e))
    }

    /// The key that checks what is signed now.
    pub(super) fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    /// Hands the signing over: the last signature of the old key, the change, the first of the new.
    pub(super) fn hand_over(
        &mut self,
        to: Signer,
        drafts: Vec<Draft>,
        commit: u64,
        at: Wall,
    ) -> Result<(), StoreError> {
        let change = KeyChange::new(&self.signer, &to).map_err(|e| StoreError::vault(HEAD, e))?;
        self.append(drafts, commit)?;
        self.sign_head(commit, at)?;
        self.append(vec![Draft::new(at, "store", KEY_CHANGED, change.words())], commit)?;
        self.signer = to;
        self.sign_head(commit, at)
    }

    /// Signs a text.
    pub(super) fn sign_text(&self, text: &str) -> Result<([u8; 64], PublicKey), StoreError> {
        let signature = self.signer.sign_bytes(text.as_bytes());
        Ok((signature.map_err(|e| StoreError::vault(HEAD, e))?, self.public_key()))
    }

    /// Where the log lies and its signed head, for walking it without holding it.
    pub(super) fn signed_log(&self) -> Result<SignedLog, StoreError> {
        let head = read_head(&self.dir.join(HEAD), &[self.public_key()])?;
        let head = head.ok_or(StoreError::Audit(ChainFault::NoHead))?;
        Ok(SignedLog { dir: self.dir.clone(), head, key: self.public_key(), last: self.tip.seq })
    }
}

/// The log up to its tip at that moment.
pub(super) struct SignedLog {
    dir: PathBuf,
    pub(super) head: SignedHead,
    pub(super) key: PublicKey,
    /// Newest entry.
    pub(super) last: u64,
}

impl SignedLog {
    /// Walks it from the start and checks every hash; `see` gets each entry and the hash before it.
    pub(super) fn walk(&self, mut see: impl FnMut(&AuditEntry, &Hash) -> Seen) -> Seen {
        let mut verifier = ChainVerifier::new(Some(self.head.clone()));
        for month in months(&self.dir)? {
            let from = (month, HEADER_BYTES);
            if let Some(fault) = walk(&self.dir, from, self.last, &mut verifier, &mut see)?.fault {
                return Err(StoreError::Audit(fault));
            }
            if verifier.tip().0 == self.last {
                break;
            }
        }
        verifier.finish().map_err(StoreError::Audit)
    }
}

type Hash = [u8; HASH_BYTES];
type Seen = Result<(), StoreError>;

struct Walked {
    /// Offset after the last good entry.
    end: u64,
    fault: Option<ChainFault>,
}

fn walk(
    dir: &Path,
    (month, from): (Month, u64),
    last: u64,
    verifier: &mut ChainVerifier,
    mut see: impl FnMut(&AuditEntry, &Hash) -> Seen,
) -> Result<Walked, StoreError> {
    let path = path(dir, month);
    let failed = |e| StoreError::io(&path, e);
    let mut file = File::open(&path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let expected = verifier.tip().0 + 1;
    if size < from {
        return Ok(Walked { end: 0, fault: Some(ChainFault::Unreadable { expected }) });
    }
    if from == HEADER_BYTES && !header_fits(&mut file, verifier).map_err(failed)? {
        return Ok(Walked { end: 0, fault: Some(ChainFault::Unreadable { expected }) });
    }
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut end = from;
    while end < size && verifier.tip().0 < last {
        let (newest, before) = verifier.tip();
        let expected = newest + 1;
        let checked = match read_entry(&mut reader).map_err(failed)? {
            Some((body, hash)) => verifier.push(&body, &hash).map(|entry| (entry, body.len())),
            None => Err(ChainFault::Unreadable { expected }),
        };
        match checked {
            Ok((entry, len)) => {
                end += 4 + u64::try_from(len).unwrap_or(0) + 32;
                see(&entry, &before)?;
            }
            Err(fault) => return Ok(Walked { end, fault: Some(fault) }),
        }
    }
    Ok(Walked { end, fault: None })
}

fn header_fits(file: &mut File, verifier: &ChainVerifier) -> std::io::Result<bool> {
    let mut header = [0; 48];
    file.read_exact(&mut header)?;
    let (seq, hash) = verifier.tip();
    Ok(header == header_bytes(seq + 1, &hash))
}

/// `None` if the file ends inside the entry or its length is impossible.
fn read_entry(reader: &mut impl Read) -> std::io::Result<Option<(Vec<u8>, [u8; HASH_BYTES])>> {
    let mut len = [0; 4];
    if !read_whole(reader, &mut len)? {
        return Ok(None);
    }
    let len = u32::from_be_bytes(len);
    if len > ENTRY_BYTES_MAX {
        return Ok(None);
    }
    let mut body = vec![0; usize::try_from(len).unwrap_or(0)];
    let mut hash = [0; HASH_BYTES];
    let whole = read_whole(reader, &mut body)? && read_whole(reader, &mut hash)?;
    Ok(whole.then_some((body, hash)))
}

fn read_whole(reader: &mut impl Read, into: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(into) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

fn header_bytes(first_seq: u64, previous: &[u8; HASH_BYTES]) -> [u8; 48] {
    let mut header = [0; 48];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&first_seq.to_be_bytes());
    header[16..].copy_from_slice(previous);
    header
}

fn create(dir: &Path, month: Month, seq: u64, hash: [u8; HASH_BYTES]) -> Result<Tip, StoreError> {
    replace_file(&path(dir, month), &header_bytes(seq + 1, &hash))?;
    Ok(Tip { month, offset: HEADER_BYTES, seq, hash })
}

fn open_at(dir: &Path, tip: Tip) -> Result<File, StoreError> {
    let path = path(dir, tip.month);
    let opened = OpenOptions::new().write(true).open(&path).and_then(|mut file| {
        file.seek(SeekFrom::Start(tip.offset))?;
        Ok(file)
    });
    opened.map_err(|e| StoreError::io(path, e))
}

/// Keeps a torn tail in a file of its own and cuts the log back to its last whole entry.
fn set_aside(dir: &Path, tip: Tip) -> Result<u64, StoreError> {
    let path = path(dir, tip.month);
    let failed = |e| StoreError::io(&path, e);
    let bytes = std::fs::read(&path).map_err(failed)?;
    let tail = bytes.get(usize::try_from(tip.offset).unwrap_or(0)..).unwrap_or_default();
    replace_file(&dir.join(format!("audit-torn-after-{}", tip.seq)), tail)?;
    let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
    file.set_len(tip.offset).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(u64::try_from(tail.len()).unwrap_or(0))
}

fn months(dir: &Path) -> Result<Vec<Month>, StoreError> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| StoreError::io(dir, e))? {
        let entry = entry.map_err(|e| StoreError::io(dir, e))?;
        let name = entry.file_name();
        let month = name.to_str().and_then(|n| n.strip_prefix("audit-")?.strip_suffix(".log"));
        out.extend(month.and_then(|m| m.parse().ok()).map(Month));
    }
    out.sort_unstable();
    Ok(out)
}

fn path(dir: &Path, month: Month) -> PathBuf {
    dir.join(format!("audit-{:06}.log", month.0))
}

fn read_head(path: &Path, keys: &[PublicKey]) -> Result<Option<SignedHead>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let mut heads = keys.iter().filter_map(|key| SignedHead::from_bytes(&bytes, key).ok());
            heads.next().map(Some).ok_or(StoreError::Audit(ChainFault::NoHead))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io(path, e)),
    }
}
