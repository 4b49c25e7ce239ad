//! Rule set and calendar texts: no panic, and an error names its file. Sets that can be read are
//! looked at as a server does before they come into force.

use trunkline_core::gate::{Book, Source, shipped_calendars};

/// Reads `data` as a rule set, in either form, and as a calendar.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for name in ["fuzzed.toml", "fuzzed.json"] {
        let source = [Source { name, text }];
        for loaded in [Book::load(&source, &shipped_calendars()), Book::load(&[], &source)] {
            match loaded {
                Ok(book) => {
                    if let Some(error) = book.contradiction() {
                        assert!(error.to_string().starts_with(name), "{error}");
                    }
                    let _ = book.lint(); // a look at every hour of every set
                }
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.contains(name), "{said}");
                }
            }
        }
    }
}
