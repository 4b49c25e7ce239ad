//! A year that somebody brings: the notice of a State Council, a calendar feed, a list of days, our
//! own format. No panic, an error names its file, and what is taken can be kept and read again.

use std::sync::OnceLock;
use trunkline_core::gate::{Book, CalendarSet, Draft, Provenance, Source, shipped_calendars};
use trunkline_core::model::Wall;

/// The first byte chooses the name, by whose end the rest is read.
const NAMES: [&str; 4] = ["fuzzed.txt", "fuzzed.ics", "fuzzed.json", "fuzzed.toml"];

fn book() -> &'static Book {
    static BOOK: OnceLock<Book> = OnceLock::new();
    BOOK.get_or_init(|| Book::load(&[], &shipped_calendars()).expect("they are delivered"))
}

fn given() -> Provenance {
    Provenance {
        number: Some("n".to_owned()),
        date: "2026-11-01".parse().ok(),
        url: Some("https://www.gov.cn/x".to_owned()),
        ..Provenance::default()
    }
}

/// Imports `data`.
pub fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let name = NAMES[usize::from(*kind) % NAMES.len()];
    let source = Source { name, text };
    let draft = match Draft::read(&source, &given(), book()) {
        Ok(draft) => draft,
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with(name), "{said}");
            return;
        }
    };
    let at = Wall(1_790_000_000_000_000);
    let kept = draft.sealed(&source, "ann", at, Some("bob")).expect("two people");
    let own = [Source { name: "kept.toml", text: &kept }];
    let set = CalendarSet { shipped: &shipped_calendars(), own: &own, known_at: None };
    if let Err(error) = Book::load_with(&[], &set) {
        panic!("it was taken and cannot be read: {error}\n{kept}");
    }
}
