//! Where a webhook stands in the log.

use trunkline_core::model::{Epoch, Pos};

/// A place in the log: everything up to it has been delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Incarnation of the log.
    pub epoch: Epoch,
    /// Position in it.
    pub pos: Pos,
}

/// Keeps places over restarts. May block; called on a thread for blocking work.
pub trait Places: Send + Sync {
    /// The place of a webhook; `None`: it is new.
    ///
    /// # Errors
    /// If it cannot be read; a person reads the text.
    fn load(&self, name: &str) -> Result<Option<Place>, String>;

    /// Keeps a place.
    ///
    /// # Errors
    /// As [`Places::load`].
    fn save(&self, name: &str, place: Place) -> Result<(), String>;
}
