//! A journal frame from the disk: no panic, and what is read survives writing and reading.

use trunkline_core::wire::{journal_frame_from_bytes, journal_frame_to_bytes};

/// Reads `data` as the plain text of a sealed frame.
pub fn run(data: &[u8]) {
    let Ok(events) = journal_frame_from_bytes(data) else { return };
    let written = journal_frame_to_bytes(&events);
    let again = journal_frame_from_bytes(&written).expect("our own frame");
    assert_eq!(again, events);
}
