//! Rule set and calendar texts: no panic, and an error names its file.

use trunkline_core::gate::{Book, Source, shipped_calendars};

/// Reads `data` as a rule set, then as a calendar.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = [Source { name: "fuzzed.toml", text }];
    for loaded in [Book::load(&source, &shipped_calendars()), Book::load(&[], &source)] {
        if let Err(error) = loaded {
            let said = error.to_string();
            assert!(said.contains("fuzzed.toml"), "{said}");
        }
    }
}
