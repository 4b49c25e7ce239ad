//! docs/rfc-coverage.md, made of three things that are written where they belong: the clauses
//! (`rfc/clauses.txt`), the citations in the sources (`RFC 3261 §16.6 item 4` in a comment) and
//! the markers above the tests (`// proves: RFC 3261 §16.6 item 4`). A clause is called tested
//! only if a recorded mutation of a cited line made a marked test fail (`mutate`).
//!
//! `UPDATE_GOLDEN=1 cargo test --test house coverage` writes the page.

use crate::mutate::{self, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// One demand of an RFC.
#[derive(Clone, Debug)]
pub struct Clause {
    /// `RFC 3261`.
    rfc: String,
    /// `§16.6 item 4`.
    id: String,
    level: String,
    demand: String,
    left_out: Option<String>,
}

impl Clause {
    fn name(&self) -> String {
        format!("{} {}", self.rfc, self.id)
    }
}

/// Clauses and the headings of their RFCs, in the order of the table.
pub struct Table {
    headings: Vec<(String, String)>,
    pub clauses: Vec<Clause>,
}

impl Table {
    pub fn read(text: &str) -> Self {
        let mut table = Self { headings: Vec::new(), clauses: Vec::new() };
        for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let cells: Vec<&str> = line.trim_start_matches("= ").split(" | ").collect();
            if line.starts_with("= ") {
                table.headings.push((cells[0].to_owned(), cells[1].to_owned()));
                continue;
            }
            let (rfc, _) = table.headings.last().expect("a heading before the first clause");
            assert!((3..=4).contains(&cells.len()), "clauses.txt: {line}");
            let clause = Clause {
                rfc: rfc.clone(),
                id: cells[0].to_owned(),
                level: cells[1].to_owned(),
                demand: cells[2].to_owned(),
                left_out: cells.get(3).map(|c| (*c).to_owned()),
            };
            assert!(table.find(&clause.name()).is_none(), "clauses.txt has {line} twice");
            table.clauses.push(clause);
        }
        table
    }

    fn shipped() -> Self {
        Self::read(include_str!("rfc/clauses.txt"))
    }

    pub fn find(&self, name: &str) -> Option<&Clause> {
        self.clauses.iter().find(|c| c.name() == name)
    }

    /// The clause that `text` begins with; of two the longer.
    fn at(&self, rfc: &str, text: &str) -> Option<&Clause> {
        let begins = |c: &&Clause| {
            let rest = text.strip_prefix(c.id.as_str());
            c.rfc == rfc && rest.is_some_and(|r| !r.starts_with(|x: char| x.is_alphanumeric()))
        };
        // `§16.6` must not be found in `§16.6.1` or in `§16.6 item 4`.
        let whole = |c: &&Clause| {
            let rest = &text[c.id.len()..];
            let deeper = rest.strip_prefix('.').is_some_and(|r| r.starts_with(char::is_numeric));
            !deeper && !rest.starts_with(" item ")
        };
        self.clauses.iter().filter(begins).filter(whole).max_by_key(|c| c.id.len())
    }
}

/// Sources below `roots`, sorted.
fn sources(roots: &[&str]) -> Vec<(PathBuf, String)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = roots.iter().map(|r| base.join(r)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(base).unwrap().to_owned(), text));
        }
    }
    found.sort();
    found
}

/// Comments of what is shipped: test modules do not implement anything.
fn shipped_part<'a>(path: &Path, text: &'a str) -> &'a str {
    let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
    let end = if is_test { 0 } else { text.find("#[cfg(test)]\nmod ").unwrap_or(text.len()) };
    &text[..end]
}

/// Clauses cited in a text, and citations of items that no clause has.
fn citations(text: &str, table: &Table) -> (BTreeSet<String>, Vec<String>) {
    let (mut found, mut unknown) = (BTreeSet::new(), Vec::new());
    let mut of_file: Option<String> = None;
    for line in text.lines() {
        let Some(comment) = line.find("//").map(|at| &line[at..]) else { continue };
        let mut rfc = of_file.clone();
        for (at, _) in comment.match_indices(['R', '§']) {
            let rest = &comment[at..];
            if let Some(number) = rest.strip_prefix("RFC ") {
                let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
                let name = format!("RFC {}", &number[..digits]);
                of_file.get_or_insert(name.clone());
                rfc = Some(name);
                let word =
                    table.at(rfc.as_deref().unwrap_or_default(), number[digits..].trim_start());
                found.extend(word.map(Clause::name));
            } else if let Some(rfc) = rfc.as_deref().filter(|_| rest.starts_with('§')) {
                match table.at(rfc, rest) {
                    Some(clause) => {
                        found.insert(clause.name());
                    }
                    None if is_item(rest) && table.headings.iter().any(|(h, _)| h == rfc) => {
                        unknown
                            .push(format!("{rfc} {}", rest.chars().take(24).collect::<String>()));
                    }
                    None => {}
                }
            }
        }
    }
    (found, unknown)
}

/// `§16.6 item 4`, and not only `§16.6`.
fn is_item(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(_, rest)| rest.starts_with("item "))
}

/// Tests with the clauses that they prove: (clause, test).
pub fn markers(path: &Path, text: &str) -> Vec<(String, String)> {
    let mut waiting: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(clause) = line.strip_prefix("// proves: ") {
            waiting.push(clause.to_owned());
        } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
            let name = rest.split('(').next().unwrap_or_default();
            let test = format!("{}{name}", module_of(path));
            found.extend(waiting.drain(..).map(|clause| (clause, test.clone())));
        }
    }
    assert!(waiting.is_empty(), "{}: {waiting:?} stand above no test", path.display());
    found
}

/// `src/core/sip/tests/torture.rs` is `sip::tests::torture::`; a test of a file's own module
/// stands in `tests::`.
fn module_of(path: &Path) -> String {
    let text = path.with_extension("").to_string_lossy().replace('/', "::");
    let text = text.trim_start_matches("src::").trim_start_matches("core::");
    let is_tests = text.contains("tests::") || text.ends_with("::tests");
    let own = if is_tests { "" } else { "tests::" };
    format!("{}::{own}", text.trim_end_matches("::mod"))
}

/// Everything the page says.
struct Coverage {
    table: Table,
    cited: BTreeMap<String, BTreeSet<String>>,
    proved: BTreeMap<String, BTreeSet<String>>,
    /// Clauses of which a broken line was found out.
    checked: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Coverage {
    fn of_the_sources() -> Self {
        let table = Table::shipped();
        let mut all = Self {
            table,
            cited: BTreeMap::new(),
            proved: BTreeMap::new(),
            checked: BTreeSet::new(),
            complaints: Vec::new(),
        };
        for (path, text) in sources(&["src", "tests"]) {
            all.take(&path, &text);
        }
        for (mutation, verdict) in mutate::recorded() {
            if all.table.find(&mutation.clause).is_none() {
                all.complaints.push(format!("mutations.toml: no clause {}", mutation.clause));
            }
            if verdict == Verdict::Killed {
                all.checked.insert(mutation.clause);
            }
        }
        all
    }

    fn take(&mut self, path: &Path, text: &str) {
        let shown = path.display().to_string();
        if shown.starts_with("src") {
            let (cited, unknown) = citations(shipped_part(path, text), &self.table);
            for clause in cited {
                self.cited.entry(clause).or_default().insert(shown.clone());
            }
            self.complaints.extend(unknown.iter().map(|u| format!("{shown}: no clause {u}")));
        }
        if shown.starts_with("tests/house") {
            return; // speaks of markers
        }
        for (clause, test) in markers(path, text) {
            if self.table.find(&clause).is_none() {
                self.complaints.push(format!("{shown}: {test} proves no clause {clause}"));
            }
            self.proved.entry(clause).or_default().insert(test);
        }
    }

    fn state(&self, clause: &Clause) -> &'static str {
        let name = clause.name();
        match (&clause.left_out, self.proved.contains_key(&name)) {
            (Some(_), _) => "left out",
            (None, true) if self.checked.contains(&name) => "tested",
            (None, true) => "has a test",
            (None, false) if self.cited.contains_key(&name) => "implemented",
            (None, false) => "open",
        }
    }

    fn page(&self) -> String {
        let mut page = include_str!("rfc/head.md").to_owned();
        let states = ["tested", "has a test", "implemented", "left out", "open"];
        page +=
            &format!("| RFC | {} |\n|---|{}\n", states.join(" | "), "---|".repeat(states.len()));
        for (rfc, _) in &self.table.headings {
            let count = |state: &str| {
                let of_rfc = self.table.clauses.iter().filter(|c| c.rfc == *rfc);
                of_rfc.filter(|c| self.state(c) == state).count().to_string()
            };
            let _ = writeln!(page, "| {rfc} | {} |", states.map(count).join(" | "));
        }
        for (rfc, title) in &self.table.headings {
            let _ = write!(page, "\n## {rfc}: {title}\n\n");
            page +=
                "| Clause | Demand | State | Where, or why not | Tests |\n|---|---|---|---|---|\n";
            for clause in self.table.clauses.iter().filter(|c| c.rfc == *rfc) {
                page += &self.row(clause);
            }
        }
        page
    }

    fn row(&self, clause: &Clause) -> String {
        let name = clause.name();
        let list = |map: &BTreeMap<String, BTreeSet<String>>, strip: &str| {
            let all = map.get(&name).into_iter().flatten();
            let code = all.map(|s| format!("`{}`", s.trim_start_matches(strip)));
            code.collect::<Vec<_>>().join(", ")
        };
        let place = clause.left_out.clone().unwrap_or_else(|| list(&self.cited, "src/"));
        let (id, level, demand) = (&clause.id, &clause.level, &clause.demand);
        let (state, tests) = (self.state(clause), list(&self.proved, "sip::"));
        format!("| {id} | {level}: {demand} | {state} | {place} | {tests} |\n")
    }
}

#[test]
fn the_page_says_what_the_sources_say() {
    let coverage = Coverage::of_the_sources();
    assert!(coverage.complaints.is_empty(), "\n{}\n", coverage.complaints.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rfc-coverage.md");
    let page = coverage.page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = there.lines().zip(page.lines()).find(|(a, b)| a != b);
    assert!(
        there == page,
        "docs/rfc-coverage.md is not what the sources say: {differs:?}\n\
         UPDATE_GOLDEN=1 cargo test --test house coverage"
    );
}

#[test]
fn the_reader_tells_citations_apart() {
    let table = Table::read(
        "= RFC 3261 | SIP\n§16.6 | MUST | x\n§16.6 item 4 | MUST | x\n§16.6 item 4b | MUST | x\n\
         §17 timer A | MUST | x\n= RFC 5923 | Reuse\nalias | MUST | x\n§16.6 | MUST | y\n",
    );
    let found = |text: &str| {
        let (found, unknown) = citations(text, &table);
        (found.into_iter().collect::<Vec<_>>().join(";"), unknown.len())
    };
    for (text, clauses, unknown) in [
        ("// RFC 3261 §16.6 item 4.", "RFC 3261 §16.6 item 4", 0),
        ("// RFC 3261 §16.6 item 4b: x", "RFC 3261 §16.6 item 4b", 0),
        ("// (RFC 3261 §16.6)", "RFC 3261 §16.6", 0),
        ("// RFC 3261 §16.6.1", "", 0),
        ("// RFC 3261 §16.6 item 9", "", 1),
        ("// RFC 9999 §16.6 item 9", "", 0),
        ("//! RFC 3261\n\n/// RFC 5923 §1\n/// §17 timer A", "RFC 3261 §17 timer A", 0),
        ("// RFC 5923 §16.6", "RFC 5923 §16.6", 0),
        ("// RFC 5923 alias", "RFC 5923 alias", 0),
        ("let x = \"RFC 3261 §16.6\";", "", 0),
    ] {
        assert_eq!(found(text), (clauses.to_owned(), unknown), "{text}");
    }
    let text = "// proves: RFC 3261 §16.6\n#[test]\nfn a() {}\nfn b() {}";
    let path = Path::new("src/core/sip/tests/x.rs");
    assert_eq!(markers(path, text), [("RFC 3261 §16.6".into(), "sip::tests::x::a".into())]);
    for (path, module) in [
        ("src/core/sip/edit/splice.rs", "sip::edit::splice::tests::"),
        ("src/io/sip/tests.rs", "io::sip::tests::"),
        ("tests/sip/names.rs", "tests::sip::names::"),
    ] {
        assert_eq!(module_of(Path::new(path)), module);
    }
}
