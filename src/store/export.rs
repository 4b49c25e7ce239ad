//! Checking the audit log, and handing a part of it to an auditor: docs/audit.md has the form.

use super::audit::SignedLog;
use super::engine::Table;
use super::months::Months;
use super::rows::RowKind;
use super::statement::{Statement, canonical, decision_named};
use super::store::{AuditReport, Inner};
use super::{Store, StoreError};
use serde_json::{Value, json};
use trunkline_core::model::{Entity, Wall, uuid_instant};
use trunkline_core::vault::{
    AuditEntry, CHECKPOINT, ChainFault, Day, EvidenceWalk, HASH_BYTES, KeySpan, PublicKey, Sha256,
    VaultError, chain_hash, hex,
};

/// Form of the whole export.
const FORM: &str = "trunkline-audit-export-1";

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportQuery {
    /// From the first entry made at or after this instant.
    pub from: Wall,
    /// Through the last entry made before it, and on to the checkpoint that covers it.
    pub to: Wall,
    /// Numbers in clear, and why; `None`: masked. Must hold no personal data.
    pub clear: Option<String>,
}

/// The end of an export: what its entries are held against.
#[derive(Clone, Debug)]
pub struct Export {
    /// Text of the manifest.
    pub manifest: String,
    /// Signature over it.
    pub signature: [u8; 64],
    /// Key that signed.
    pub key: PublicKey,
    /// Entries handed out.
    pub entries: u64,
}

/// What the first walk finds out.
#[derive(Default)]
struct Plan {
    first: Option<u64>,
    last: u64,
    /// The checkpoint that covers the last entry.
    until: Option<u64>,
    evidence: EvidenceWalk,
}

impl Plan {
    fn see(&mut self, entry: &AuditEntry, before: &Hash, query: &ExportQuery) -> Seen {
        self.evidence.push(entry, before).map_err(StoreError::Audit)?;
        if self.first.is_none() && entry.at >= query.from && entry.at < query.to {
            self.first = Some(entry.seq);
        }
        if self.first.is_some() && entry.at < query.to {
            (self.last, self.until) = (entry.seq, None);
        }
        if entry.action == CHECKPOINT && self.until.is_none() {
            self.until = Some(entry.seq);
        }
        Ok(())
    }
}

type Hash = [u8; HASH_BYTES];
type Seen = Result<(), StoreError>;

impl Store {
    /// Checks the whole audit log: hashes, checkpoints, keys, signed head, and that each decision's
    /// record still says what the chain says of it.
    ///
    /// # Errors
    /// [`StoreError::Audit`] names the first bad entry.
    pub fn audit_verify(&self) -> Result<AuditReport, StoreError> {
        let log = self.inner.audit().signed_log()?;
        let mut evidence = EvidenceWalk::default();
        let (mut entries, mut decisions, mut erased) = (0, 0, 0);
        log.walk(|entry, before| {
            evidence.push(entry, before).map_err(StoreError::Audit)?;
            entries = entry.seq;
            match self.inner.stated(entry)? {
                Said::Nothing => {}
                Said::Statement(_) => decisions += 1,
                Said::Erased => erased += 1,
            }
            Ok(())
        })?;
        let checkpoints = evidence.checkpoints();
        let keys = evidence.finish(log.key).map_err(StoreError::Audit)?;
        let (signed, signed_at) = (log.head.seq, log.head.at);
        Ok(AuditReport { entries, signed, signed_at, checkpoints, keys, decisions, erased })
    }

    /// Hands the entries of a time to `emit`, one canonical line each, and signs what they were.
    /// The export itself stands in the log before the first line goes out.
    ///
    /// # Errors
    /// If the log does not verify, or a decision's record no longer says what the chain says of it.
    pub fn audit_export(
        &self,
        query: &ExportQuery,
        who: &str,
        now: Wall,
        emit: &mut dyn FnMut(String),
    ) -> Result<Option<Export>, StoreError> {
        self.inner.settle();
        let object = format!(
            "from={} to={} numbers={} reason={:?}",
            query.from.rfc3339(),
            query.to.rfc3339(),
            if query.clear.is_some() { "clear" } else { "masked" },
            query.clear.as_deref().unwrap_or_default(),
        );
        self.audit(who, "audit.export", &object, now)?;
        let commit = self.inner.durable.mark().seq;
        let log = {
            let mut audit = self.inner.audit();
            audit.sign_head(commit, now)?;
            audit.signed_log()?
        };
        let mut plan = Plan::default();
        log.walk(|entry, before| plan.see(entry, before, query))?;
        let Some(first) = plan.first else { return Ok(None) };
        let until = plan.until.ok_or(StoreError::Audit(ChainFault::NoHead))?;
        let keys = plan.evidence.finish(log.key).map_err(StoreError::Audit)?;
        let out = self.inner.lines(&log, (first, until), query.clear.is_some(), emit)?;
        let head = json!({
            "exported_at": now.rfc3339(),
            "exported_by": who,
            "form": FORM,
            "from": query.from.rfc3339(),
            "keys": keys.iter().map(key_words).collect::<Vec<_>>(),
            "log_last": log.last,
            "numbers": if query.clear.is_some() { "clear" } else { "masked" },
            "tenant": self.inner.tenant,
            "to": query.to.rfc3339(),
            "entries": out.words(first, until),
        });
        let manifest = canonical(&head) + "\n";
        let (signature, key) = self.inner.audit().sign_text(&manifest)?;
        Ok(Some(Export { manifest, signature, key, entries: until - first + 1 }))
    }
}

/// What came out.
struct Lines {
    bytes: u64,
    text: Sha256,
    before: Hash,
    after: Hash,
}

impl Lines {
    fn words(self, first: u64, last: u64) -> Value {
        json!({
            "bytes": self.bytes,
            "file": "entries.jsonl",
            "first": first,
            "hash_after": hex(&self.after),
            "hash_before": hex(&self.before),
            "last": last,
            "sha256": hex(&self.text.finish()),
        })
    }
}

/// What stands behind an entry.
enum Said {
    Nothing,
    Statement(Box<Statement>),
    Erased,
}

impl Inner {
    fn lines(
        &self,
        log: &SignedLog,
        (first, until): (u64, u64),
        clear: bool,
        emit: &mut dyn FnMut(String),
    ) -> Result<Lines, StoreError> {
        let mut out = Lines { bytes: 0, text: Sha256::default(), before: [0; 32], after: [0; 32] };
        log.walk(|entry, before| {
            if !(first..=until).contains(&entry.seq) {
                return Ok(());
            }
            let hash = chain_hash(before, &entry.to_bytes());
            if entry.seq == first {
                out.before = *before;
            }
            out.after = hash;
            let line = canonical(&entry_words(entry, &hash, &self.stated(entry)?, clear)) + "\n";
            out.bytes += u64::try_from(line.len()).unwrap_or(0);
            out.text.update(line.as_bytes());
            emit(line);
            Ok(())
        })?;
        Ok(out)
    }

    /// The statement behind an entry, made again from the sealed record.
    fn stated(&self, entry: &AuditEntry) -> Result<Said, StoreError> {
        let Some(id) = decision_named(&entry.object)? else { return Ok(Said::Nothing) };
        let month = Day::of(uuid_instant(id)).month();
        let altered = StoreError::Audit(ChainFault::Altered { seq: entry.seq });
        // Records go with the whole file of their month; one that is missing there was taken.
        let Some(file) = self.months.find(month)? else { return Ok(Said::Erased) };
        let Some(row) = file.get(Table::Decision, id.as_bytes())? else { return Err(altered) };
        let name = Months::name(month);
        let event = match self.rows().open(RowKind::Decision, &name, id.as_bytes(), &row) {
            Err(StoreError::Vault { source: VaultError::Shredded { .. }, .. }) => {
                return Ok(Said::Erased);
            }
            opened => opened?,
        };
        let Entity::Decision(decision) = &event.entity else {
            return Err(StoreError::row(name, "no decision"));
        };
        let index = self.keys.record_index(month)?;
        let statement = Statement::new(decision, event.ts, &index);
        if statement.digest != entry.digest {
            return Err(altered);
        }
        Ok(Said::Statement(Box::new(statement)))
    }
}

fn entry_words(entry: &AuditEntry, hash: &Hash, said: &Said, clear: bool) -> Value {
    let mut words = json!({
        "action": entry.action,
        "at": entry.at.0,
        "commit": entry.commit,
        "digest": hex(&entry.digest),
        "hash": hex(hash),
        "object": entry.object,
        "seq": entry.seq,
        "source": [entry.source.0, entry.source.1],
        "who": entry.who,
    });
    match said {
        Said::Nothing => {}
        Said::Erased => words["erased"] = true.into(),
        Said::Statement(statement) => {
            words["statement"] = statement.value.clone();
            if clear {
                let salt = hex(&statement.salt);
                words["callee"] = json!({"number": statement.number, "salt": salt});
            }
        }
    }
    words
}

fn key_words(span: &KeySpan) -> Value {
    let mut words = json!({"key": hex(&span.key), "since": span.since});
    if let Some(change) = &span.change {
        words["change"] = change.words().into();
    }
    words
}
