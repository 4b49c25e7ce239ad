//! Evidence that stands in the chain itself: signed checkpoints, and changes of the signing key.
//!
//! Both are entries like any other, so a rewritten past must also rewrite every checkpoint after
//! it, and whoever kept one of them elsewhere sees that. Their objects are `name=value` words.

use super::chain::{AuditEntry, ChainFault, HASH_BYTES, SignedHead, Signer};
use super::fields::FieldWriter;
use super::{VaultError, hex, unhex};
use crate::model::Wall;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

/// Action of an entry that signs everything before it.
pub const CHECKPOINT: &str = "audit.checkpoint";
/// Action of an entry that hands the signing over to another key.
pub const KEY_CHANGED: &str = "audit.key_changed";
const CHANGE: &[u8] = b"trunkline-audit-key-v1";

/// An Ed25519 key that checks.
pub type PublicKey = [u8; 32];

/// Does the signature hold?
pub fn signed_by(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
}

/// A signed head in words: `seq= hash= commit= at= key= signature=`; `at` in microseconds.
pub fn head_words(head: &SignedHead, key: &PublicKey) -> String {
    format!(
        "seq={} hash={} commit={} at={} key={} signature={}",
        head.seq,
        hex(&head.hash),
        head.commit,
        head.at.0,
        hex(key),
        hex(head.signature()),
    )
}

/// Reads what [`head_words`] wrote and checks its signature.
pub fn read_head_words(words: &str) -> Option<(SignedHead, PublicKey)> {
    let [seq, hash, commit, at, key, signature] =
        values(words, ["seq", "hash", "commit", "at", "key", "signature"])?;
    let key = unhex(key)?;
    let head = SignedHead::from_parts(
        (seq.parse().ok()?, unhex(hash)?),
        commit.parse().ok()?,
        Wall(at.parse().ok()?),
        unhex(signature)?,
    );
    let holds = signed_by(&key, &head.signed_bytes(), head.signature());
    (holds && head_words(&head, &key) == words).then_some((head, key))
}

/// One key hands over to the next: the old one vouches for it, and the new one shows that it is
/// there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Signed up to here.
    pub old: PublicKey,
    /// Signs from here on.
    pub new: PublicKey,
    by_old: [u8; 64],
    by_new: [u8; 64],
}

impl KeyChange {
    /// A hand-over between two signers.
    ///
    /// # Errors
    /// If the library fails.
    pub fn new(old: &Signer, new: &Signer) -> Result<Self, VaultError> {
        let (from, to) = (old.public_key(), new.public_key());
        let message = Self::message(&from, &to);
        let (by_old, by_new) = (old.sign_bytes(&message)?, new.sign_bytes(&message)?);
        Ok(Self { old: from, new: to, by_old, by_new })
    }

    fn message(old: &PublicKey, new: &PublicKey) -> Vec<u8> {
        FieldWriter::default().bytes(CHANGE).bytes(old).bytes(new).done()
    }

    /// In words: `old= new= by_old= by_new=`.
    pub fn words(&self) -> String {
        let [old, new] = [hex(&self.old), hex(&self.new)];
        format!("old={old} new={new} by_old={} by_new={}", hex(&self.by_old), hex(&self.by_new))
    }

    /// Reads words and checks both signatures.
    pub fn read(words: &str) -> Option<Self> {
        let [old, new, by_old, by_new] = values(words, ["old", "new", "by_old", "by_new"])?;
        let change = Self {
            old: unhex(old)?,
            new: unhex(new)?,
            by_old: unhex(by_old)?,
            by_new: unhex(by_new)?,
        };
        let message = Self::message(&change.old, &change.new);
        let holds = signed_by(&change.old, &message, &change.by_old)
            && signed_by(&change.new, &message, &change.by_new);
        (holds && change.words() == words).then_some(change)
    }
}

/// A signing key and where it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpan {
    /// The key.
    pub key: PublicKey,
    /// Number of the entry that brought it; 0 for the first.
    pub since: u64,
    /// How it was handed over; `None` for the first.
    pub change: Option<KeyChange>,
}

/// Follows checkpoints and key changes along a chain whose hashes are checked elsewhere.
#[derive(Clone, Debug, Default)]
pub struct EvidenceWalk {
    keys: Vec<KeySpan>,
    checkpoints: u64,
}

impl EvidenceWalk {
    /// Takes the next entry and the hash before it.
    ///
    /// # Errors
    /// If it claims to be evidence and is not, or comes from a key that does not sign here.
    pub fn push(
        &mut self,
        entry: &AuditEntry,
        before: &[u8; HASH_BYTES],
    ) -> Result<(), ChainFault> {
        let fault = ChainFault::BadEvidence { seq: entry.seq };
        match entry.action.as_str() {
            CHECKPOINT => {
                let (head, key) = read_head_words(&entry.object).ok_or(fault)?;
                let fits = head.seq + 1 == entry.seq && head.hash == *before;
                if !fits || !self.signs(key) {
                    return Err(fault);
                }
                self.checkpoints += 1;
            }
            KEY_CHANGED => {
                let change = KeyChange::read(&entry.object).ok_or(fault)?;
                if !self.signs(change.old) {
                    return Err(fault);
                }
                let (key, since) = (change.new, entry.seq);
                self.keys.push(KeySpan { key, since, change: Some(change) });
            }
            _ => {}
        }
        Ok(())
    }

    /// Is this the key in force? The first one seen begins.
    fn signs(&mut self, key: PublicKey) -> bool {
        if self.keys.is_empty() {
            self.keys.push(KeySpan { key, since: 0, change: None });
        }
        self.keys.last().is_some_and(|span| span.key == key)
    }

    /// The end of the chain, where `key` signs: all keys, oldest first.
    ///
    /// # Errors
    /// If the chain hands the signing over to another key.
    pub fn finish(mut self, key: PublicKey) -> Result<Vec<KeySpan>, ChainFault> {
        if self.signs(key) { Ok(self.keys) } else { Err(ChainFault::NoHead) }
    }

    /// Signed checkpoints seen.
    pub fn checkpoints(&self) -> u64 {
        self.checkpoints
    }
}

/// The values of exactly these names, in this order.
fn values<'a, const N: usize>(words: &'a str, names: [&str; N]) -> Option<[&'a str; N]> {
    let mut parts = words.split(' ');
    let mut out = [""; N];
    for (value, name) in out.iter_mut().zip(names) {
        *value = parts.next()?.strip_prefix(name)?.strip_prefix('=')?;
    }
    parts.next().is_none().then_some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Secret, chain_hash};
    use super::*;

    fn signer(n: u8) -> Signer {
        Signer::new(&Secret::new([n; 32])).unwrap()
    }

    fn entry(seq: u64, action: &str, object: String) -> AuditEntry {
        AuditEntry {
            seq,
            at: Wall(5),
            who: "store".to_owned(),
            action: action.to_owned(),
            object,
            digest: [0; HASH_BYTES],
            commit: 9,
            source: (0, 0),
        }
    }

    fn checkpoint(signer: &Signer, seq: u64, hash: [u8; HASH_BYTES]) -> String {
        head_words(&signer.sign(seq, hash, 9, Wall(5)).unwrap(), &signer.public_key())
    }

    #[test]
    fn every_changed_character_of_evidence_is_seen() {
        let head = checkpoint(&signer(1), 7, [3; HASH_BYTES]);
        let change = KeyChange::new(&signer(1), &signer(2)).unwrap().words();
        assert!(read_head_words(&head).is_some() && KeyChange::read(&change).is_some());
        for (text, reads) in [
            (&head, (|t: &str| read_head_words(t).is_some()) as fn(&str) -> bool),
            (&change, |t| KeyChange::read(t).is_some()),
        ] {
            for i in 0..text.len() {
                for with in ["0", "1", "f", "A", " ", ""] {
                    let mut other = text.clone();
                    other.replace_range(i..=i, with);
                    assert!(other == *text || !reads(&other), "{i} {with:?}: {other}");
                }
            }
            assert!(!reads(&format!("{text} more=1")) && !reads(&format!(" {text}")));
        }
    }

    #[test]
    fn a_checkpoint_speaks_for_its_own_place_alone() {
        let hash = [3; HASH_BYTES];
        let mut walk = EvidenceWalk::default();
        let good = entry(8, CHECKPOINT, checkpoint(&signer(1), 7, hash));
        walk.push(&good, &hash).unwrap();
        let fault = |seq| Err(ChainFault::BadEvidence { seq });
        assert_eq!(walk.clone().push(&good, &[4; HASH_BYTES]), fault(8), "another past");
        assert_eq!(walk.clone().push(&AuditEntry { seq: 9, ..good.clone() }, &hash), fault(9));
        let other = entry(8, CHECKPOINT, checkpoint(&signer(2), 7, hash));
        assert_eq!(walk.clone().push(&other, &hash), fault(8), "a key that does not sign here");
        assert_eq!(walk.checkpoints(), 1);
    }

    #[test]
    fn keys_hand_over_in_the_chain_and_in_no_other_way() {
        let (one, two, three) = (signer(1), signer(2), signer(3));
        let change = |a, b| KeyChange::new(a, b).unwrap().words();
        let hash = chain_hash(&[0; HASH_BYTES], b"x");
        let mut walk = EvidenceWalk::default();
        walk.push(&entry(2, CHECKPOINT, checkpoint(&one, 1, hash)), &hash).unwrap();
        walk.push(&entry(3, KEY_CHANGED, change(&one, &two)), &hash).unwrap();
        walk.push(&entry(4, CHECKPOINT, checkpoint(&two, 3, hash)), &hash).unwrap();
        let old = entry(5, CHECKPOINT, checkpoint(&one, 4, hash));
        assert_eq!(walk.clone().push(&old, &hash), Err(ChainFault::BadEvidence { seq: 5 }));
        let stranger = entry(5, KEY_CHANGED, change(&three, &two));
        assert_eq!(walk.clone().push(&stranger, &hash), Err(ChainFault::BadEvidence { seq: 5 }));
        assert_eq!(walk.clone().finish(one.public_key()), Err(ChainFault::NoHead));
        let keys = walk.finish(two.public_key()).unwrap();
        let told: Vec<_> = keys.iter().map(|k| (k.key, k.since, k.change.is_some())).collect();
        assert_eq!(told, [(one.public_key(), 0, false), (two.public_key(), 3, true)]);
    }
}
