//! Opening a data directory.

use super::{Store, StoreConfig, StoreError};
use trunkline_core::model::{Call, Epoch, NumberRef, Pos, Wall};
use trunkline_core::vault::BlindIndex;

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
#[derive(Clone)]
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
    /// Newest durable position; the next event has the one after it.
    pub head: Pos,
    /// Calls that were not over.
    pub live: Vec<Call>,
    /// Do-not-call list: key and last blocked local day, `YYYY-MM-DD` (`None`: for ever).
    pub dnc: Vec<(NumberRef, Option<String>)>,
    /// The last stop was clean.
    pub clean: bool,
}

/// Opens or creates a data directory; `entropy` is mixed into new keys.
///
/// # Errors
/// See [`StoreError`]; nothing is deleted on an error.
pub fn open(_config: &StoreConfig, _now: Wall, _entropy: [u8; 32]) -> Result<Opened, StoreError> {
    todo!()
}
