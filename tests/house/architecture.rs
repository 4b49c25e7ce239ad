//! The house rules of docs/architecture.md, checked on the sources: who may import whom, what the
//! pure rooms must not know, how long a file may be. The checker's own tests feed it bad input.

#![allow(clippy::unwrap_used)]

use crate::source_code::{code_only, paths_from, words};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines of a file: more than the first is printed, more than the second fails.
const LINES_WARN: usize = 400;
const LINES_MAX: usize = 800;

/// What the pure rooms must not name, as path prefixes.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::sync::Barrier",
    "std::sync::Condvar",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::atomic",
    "std::sync::mpsc",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "crossbeam_channel",
    "getrandom",
    "nix",
    "rand",
    "rusqlite",
    "tokio",
    "aws_lc_rs::rand",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];

/// Exceptions to `IMPURE`: plain values, and the trait by which `write!` fills a `Vec<u8>`.
const PURE: &[&str] = &[
    "std::io::Write",
    "std::net::AddrParseError",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
    "std::net::SocketAddrV6",
];

/// Which row each room stands in. R5 has steps (`R5.2`): main assembles what app assembles.
type Rooms = BTreeMap<String, Row>;

/// `R5.2` is `(5, 2)`; a row without steps has step 0.
type Row = (u32, u32);

fn parse_row(cell: &str) -> Option<Row> {
    let text = cell.strip_prefix('R')?;
    let (row, step) = text.split_once('.').unwrap_or((text, "0"));
    Some((row.parse().ok()?, step.parse().ok()?))
}

/// Reads `| R2 | `call`, `agent` | ... |` rows; every other line is ignored.
fn rooms_of(table: &str) -> Rooms {
    let mut rooms = Rooms::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [row, names, ..] = cells[..] else { continue };
        let Some(row) = parse_row(row) else { continue };
        for name in names.split('`').skip(1).step_by(2) {
            assert!(rooms.insert(name.to_owned(), row).is_none(), "room {name} stands in two rows");
        }
    }
    rooms
}

/// The crate a source file belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// `src/core`: rows R0-R3.
    Core,
    /// `src`: rows R4-R5.
    Outer,
}

/// Room of `src/core/sip/parse.rs` is `sip`; files at the root of a crate have none.
fn room_of(path: &Path) -> (Side, Option<String>) {
    let parts: Vec<&str> = path.iter().filter_map(|p| p.to_str()).collect();
    let (side, rest) = match parts[..] {
        ["src", "core", ref rest @ ..] => (Side::Core, rest),
        [_, ref rest @ ..] => (Side::Outer, rest),
        [] => (Side::Outer, &[][..]),
    };
    let room = match rest {
        [file] => Some(file.trim_end_matches(".rs")).filter(|f| !ROOTS.contains(f)),
        [room, ..] => Some(*room),
        [] => None,
    };
    (side, room.map(str::to_owned))
}

/// Files at a crate's root that are no rooms.
const ROOTS: &[&str] = &["lib", "main", "build"];

/// Arrows of one file that break the table.
fn bad_arrows(path: &Path, text: &str, rooms: &Rooms) -> Vec<String> {
    let (side, Some(own)) = room_of(path) else { return Vec::new() };
    let Some(&own_row) = rooms.get(&own) else {
        return vec![format!("{}: room `{own}` is not in docs/architecture.md", path.display())];
    };
    let mut bad = Vec::new();
    if (side == Side::Core) != (own_row.0 <= 3) {
        bad.push(format!("{}: row R{} does not live in this crate", path.display(), own_row.0));
    }
    let code = code_only(text);
    let mut targets = paths_from(&code, "crate");
    targets.extend(paths_from(&code, "trunkline_core"));
    targets.extend(paths_from(&code, "trunkline"));
    targets.extend(climbs(&code));
    for (line, target) in targets {
        let Some(room) = target.split("::").nth(1) else { continue };
        let Some(&row) = rooms.get(room) else { continue };
        if room != own && row >= own_row {
            let why = if row == own_row { "its sibling" } else { "the higher room" };
            bad.push(format!(
                "{}:{line}: `{own}` (R{}) imports {why} `{room}` (R{})",
                path.display(),
                own_row.0,
                row.0
            ));
        }
    }
    bad
}

/// `super::super::room` as if it began at the crate: rooms are found by name in either case.
fn climbs(code: &str) -> Vec<(usize, String)> {
    let climbed = paths_from(code, "super").into_iter();
    climbed
        .filter(|(_, path)| path.starts_with("super::super::"))
        .map(|(line, path)| {
            let rest = path.split("::").find(|step| *step != "super").unwrap_or_default();
            (line, format!("crate::{rest}"))
        })
        .collect()
}

/// Words in a pure room that reach for the machine. Test modules at the end of a file and files
/// of tests may: they are not part of what ships.
fn impure_words(path: &Path, text: &str) -> Vec<String> {
    let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default();
    let of_tests = path.iter().any(|part| part == "tests") || name.ends_with("tests");
    if room_of(path).0 != Side::Core || name == "build" || of_tests {
        return Vec::new();
    }
    let code = code_only(text);
    let shipped = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let under = |path: &str, prefixes: &[&str]| {
        prefixes.iter().any(|p| {
            path.strip_prefix(p).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        })
    };
    let mut roots: Vec<&str> = IMPURE.iter().filter_map(|p| p.split("::").next()).collect();
    roots.sort_unstable();
    roots.dedup();
    roots
        .into_iter()
        .flat_map(|root| paths_from(shipped, root))
        .filter(|(_, target)| under(target, IMPURE) && !under(target, PURE))
        .map(|(line, target)| format!("{}:{line}: a pure room names `{target}`", path.display()))
        .collect()
}

fn has_unsafe(path: &Path, text: &str) -> Option<String> {
    let word = ["un", "safe"].concat();
    let line = words(&code_only(text)).find(|(_, w)| *w == word).map(|(line, _)| line)?;
    Some(format!("{}:{line}: {word} code", path.display()))
}

/// Places that exist on no reader's machine.
fn foreign_paths(path: &Path, text: &str) -> Vec<String> {
    let banned = [["..", "/shared"].concat(), ["/wo", "rk/"].concat()];
    let found = text.lines().enumerate().filter(|(_, l)| banned.iter().any(|b| l.contains(b)));
    found.map(|(n, _)| format!("{}:{}: names a private path", path.display(), n + 1)).collect()
}

fn length_verdict(lines: usize) -> Option<&'static str> {
    match lines {
        0..=LINES_WARN => None,
        n if n <= LINES_MAX => Some("warn"),
        _ => Some("fail"),
    }
}

/// Text files of the repository below `under`, with paths relative to its root.
fn files(under: &str, ends: &[&str]) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut todo = vec![root.join(under)];
    let mut found = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let skipped = ["target", ".git", "node_modules", ".cache", "data"];
            if entry.file_type().unwrap().is_dir() {
                if !skipped.contains(&name.as_str()) {
                    todo.push(path);
                }
            } else if ends.iter().any(|end| name.ends_with(end))
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                found.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing found under {under}: the check would prove nothing");
    found
}

fn house_rooms() -> Rooms {
    let doc = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let rooms = rooms_of(&std::fs::read_to_string(doc).unwrap());
    for (room, row) in [("model", 0), ("gate", 1), ("sip", 2), ("engine", 3), ("io", 4), ("app", 5)]
    {
        assert_eq!(rooms.get(room).map(|r| r.0), Some(row), "docs/architecture.md lost its table");
    }
    rooms
}

fn assert_none(bad: Vec<String>) {
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

#[test]
fn no_arrow_breaks_the_rooms_table() {
    let rooms = house_rooms();
    assert_none(
        files("src", &[".rs"]).iter().flat_map(|(p, t)| bad_arrows(p, t, &rooms)).collect(),
    );
}

#[test]
fn pure_rooms_name_no_io_clock_thread_or_lock() {
    assert_none(files("src/core", &[".rs"]).iter().flat_map(|(p, t)| impure_words(p, t)).collect());
}

#[test]
fn the_core_crate_depends_on_nothing_that_does_io() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core/Cargo.toml");
    let manifest: toml::Table = std::fs::read_to_string(manifest).unwrap().parse().unwrap();
    let wanted = manifest["dependencies"].as_table().unwrap();
    let banned = ["tokio", "nix", "rusqlite", "getrandom", "crossbeam-channel", "axum", "hyper"];
    assert_none(
        banned.iter().filter(|b| wanted.contains_key(**b)).map(|b| b.to_string()).collect(),
    );
}

#[test]
fn no_source_file_is_longer_than_a_person_reads() {
    let mut bad = Vec::new();
    for (path, text) in files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs"])) {
        let lines = text.lines().count();
        match length_verdict(lines) {
            Some("warn") => println!("warning: {} has {lines} lines", path.display()),
            Some(_) => bad.push(format!("{} has {lines} lines", path.display())),
            None => {}
        }
    }
    assert_none(bad);
}

#[test]
fn nothing_is_outside_the_compilers_guarantees() {
    let sources = files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs"]));
    assert_none(sources.filter_map(|(p, t)| has_unsafe(&p, &t)).collect());
}

#[test]
fn no_file_names_a_private_path() {
    let texts = [
        ".rs", ".md", ".toml", ".proto", ".xml", ".sh", ".js", ".mjs", ".ts", ".html", ".css",
        ".py", ".json", ".yml", ".yaml", "run", ".conf", ".csv",
    ];
    assert_none(files(".", &texts).iter().flat_map(|(p, t)| foreign_paths(p, t)).collect());
}

// The checker must be able to fail.

fn synthetic_rooms() -> Rooms {
    rooms_of(
        "| R0 | `model` | ids |\n| R2 | `sip`, `call` | x |\n| R3 | `engine` | y |\n\
         | R4 | `io` | z |\n| R5.1 | `config` | c |\n| R5.2 | `app` | a |\n|---|---|---|",
    )
}

fn arrows(path: &str, text: &str) -> usize {
    bad_arrows(Path::new(path), text, &synthetic_rooms()).len()
}

#[test]
fn checker_reads_the_table() {
    let rooms = synthetic_rooms();
    assert_eq!(
        (rooms.len(), rooms["model"], rooms["call"], rooms["io"]),
        (7, (0, 0), (2, 0), (4, 0))
    );
}

#[test]
fn checker_finds_arrows_however_they_are_written() {
    for (text, bad) in [
        ("use crate::model::Now;", 0),
        ("use crate::engine::Engine;", 1),
        ("use crate::{model::Now, engine::{Engine, Input}};", 2),
        ("fn f() -> crate::call::Call { todo!() }", 1),
        ("pub use super::super::call;", 1),
        ("use super::call::x;", 0),
        ("// use crate::engine::Engine;\n/* crate::call::x */", 0),
        ("const TEXT: &str = \"crate::engine::Engine\";", 0),
        ("use crate::sip::Core;", 0),
        ("use crate::\n    engine::Engine;", 1),
    ] {
        assert_eq!(arrows("src/core/sip/proxy.rs", text), bad, "{text}");
    }
    assert_eq!(arrows("src/app/run.rs", "use crate::config::Config;"), 0);
    assert_eq!(arrows("src/config/mod.rs", "use crate::app::run;"), 1, "a step down is no step up");
    assert_eq!(arrows("src/io/udp.rs", "use trunkline_core::{sip, engine};"), 0);
    assert_eq!(arrows("src/core/model/mod.rs", "use trunkline_core::sip;"), 1);
    assert_eq!(arrows("src/core/garage/mod.rs", ""), 1, "a room that is not in the table");
    assert_eq!(arrows("src/core/io/mod.rs", ""), 1, "a room in the wrong crate");
    assert_eq!(arrows("src/main.rs", "use trunkline::engine;"), 0, "roots belong to no room");
}

#[test]
fn checker_finds_impure_words() {
    let count = |path: &str, text: &str| impure_words(Path::new(path), text).len();
    for (text, bad) in [
        ("use std::net::{IpAddr, SocketAddr};", 0),
        ("use std::net::{IpAddr, UdpSocket};", 1),
        ("use std::{fs, time::{Duration, Instant}};", 2),
        ("let t = std::time::SystemTime::now();", 1),
        ("use std::sync::{Arc, Mutex, LazyLock};", 1),
        ("use tokio::sync::mpsc;", 1),
        ("use tokio;", 1),
        ("use std::time::Duration;", 0),
        ("// std::fs\nlet s = \"std::fs\";", 0),
        ("let randomness = 1;", 0),
        ("fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }", 0),
    ] {
        assert_eq!(count("src/core/sip/proxy.rs", text), bad, "{text}");
    }
    assert_eq!(count("src/io/udp.rs", "use std::net::UdpSocket;"), 0);
    assert_eq!(count("src/core/sip/tests.rs", "use std::fs;"), 0);
}

#[test]
fn checker_finds_the_rest() {
    let here = Path::new("src/io/x.rs");
    let bad_word = ["un", "safe"].concat();
    assert!(has_unsafe(here, &format!("{bad_word} {{ f() }}")).is_some());
    assert!(
        has_unsafe(here, &format!("// {bad_word}\nlet x = \"{bad_word}\"; {bad_word}_code"))
            .is_none()
    );
    let bad_path = ["see ..", "/shared/x"].concat();
    assert_eq!(foreign_paths(here, &bad_path).len(), 1);
    assert_eq!(length_verdict(LINES_WARN), None);
    assert_eq!(length_verdict(LINES_WARN + 1), Some("warn"));
    assert_eq!(length_verdict(LINES_MAX + 1), Some("fail"));
}
