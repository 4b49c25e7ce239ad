//! How far the journal was acknowledged, outside of the journal: whoever cuts or damages the end
//! of a log leaves a file that looks whole and is too short.

use super::StoreError;
use super::mark::Mark;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use trunkline_core::vault::digest;

const FILE: &str = "journal.head";
const MARK: usize = 20;
const CHECK: usize = 12;

/// `journal.head`. Not synced: it outlives the process, and after a power cut it is at most old,
/// for it is written only behind a commit.
pub(super) struct Witness {
    file: File,
    failing: AtomicBool,
}

impl Witness {
    /// Opens or makes the file; says how far it saw the journal. One that a power cut tore says
    /// nothing.
    pub(super) fn open(dir: &Path) -> Result<(Self, Option<Mark>), StoreError> {
        let path = dir.join(FILE);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let file = options.open(&path).map_err(|e| StoreError::io(&path, e))?;
        let mut bytes = [0; MARK + CHECK];
        let seen = file.read_exact_at(&mut bytes, 0).is_ok().then(|| read(&bytes)).flatten();
        Ok((Self { file, failing: AtomicBool::new(false) }, seen))
    }

    /// This commit is durable. A witness that cannot be written must not stop the journal.
    pub(super) fn saw(&self, mark: Mark) {
        let written = self.file.write_all_at(&bytes(mark), 0);
        let failed = written.is_err();
        if let Err(error) = written
            && !self.failing.load(Ordering::Relaxed)
        {
            tracing::warn!(%error, "{FILE} cannot be written: a journal cut short may go unnoticed");
        }
        self.failing.store(failed, Ordering::Relaxed);
    }
}

fn bytes(mark: Mark) -> [u8; MARK + CHECK] {
    let mut out = [0; MARK + CHECK];
    out[..MARK].copy_from_slice(&mark.to_bytes());
    out[MARK..].copy_from_slice(&digest(&mark.to_bytes())[..CHECK]);
    out
}

fn read(stored: &[u8; MARK + CHECK]) -> Option<Mark> {
    let mark = Mark::from_bytes(&stored[..MARK])?;
    (bytes(mark) == *stored).then_some(mark)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_seen_is_known_again_and_a_torn_witness_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let seen = || Witness::open(dir.path()).unwrap().1;
        assert_eq!(seen(), None);
        let mark = Mark { seq: 7, epoch_no: 2, pos: 41 };
        Witness::open(dir.path()).unwrap().0.saw(mark);
        assert_eq!(seen(), Some(mark));
        for at in 0..(MARK + CHECK) {
            let mut torn = bytes(mark);
            torn[at] ^= 1;
            std::fs::write(dir.path().join(FILE), torn).unwrap();
            assert_eq!(seen(), None, "byte {at}");
        }
        std::fs::write(dir.path().join(FILE), &bytes(mark)[..9]).unwrap();
        assert_eq!(seen(), None);
    }
}
