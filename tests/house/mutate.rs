//! Do the tests notice? `rfc/mutations.toml` names lines that carry out a clause and a change that
//! breaks each; `tests/mutate` applies them one by one to a copy of the sources, runs the test
//! that claims the clause, and demands that it fails. A run takes minutes, so it is made by hand
//! or at night and its verdicts are committed (`rfc/mutations.txt`). Each verdict is filed under a
//! hash of the whole lines that were changed, the change and the test: as soon as one of them is
//! another, the verdict is stale and counts for nothing.

use serde::Deserialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One line of ours, broken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutation {
    /// `RFC 3261 §16.6 item 4`.
    pub clause: String,
    /// Source file of `trunkline-core`.
    pub file: String,
    /// What stands there, once in the file.
    pub text: String,
    /// What breaks it; it must compile.
    pub with: String,
    /// Full path of the test that must fail.
    pub test: String,
}

#[derive(Deserialize)]
struct File {
    mutation: Vec<Mutation>,
}

/// What became of a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The test failed, as it should.
    Killed,
    /// The test passed: it does not prove its clause.
    Survived,
    /// Not run since the line, the change or the test is what it is.
    Stale,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn mutations() -> Vec<Mutation> {
    let file: File = toml::from_str(include_str!("rfc/mutations.toml")).unwrap();
    file.mutation
}

impl Mutation {
    /// The text of the file, and where the change goes; an error if it is not there once.
    fn place(&self) -> Result<(String, usize), String> {
        let text = std::fs::read_to_string(root().join(&self.file)).unwrap_or_default();
        let mut places = text.match_indices(&self.text).map(|(at, _)| at);
        match (places.next(), places.next()) {
            (Some(at), None) => Ok((text, at)),
            (found, _) => Err(format!(
                "{}: {:?} stands there {}: adapt its row in tests/house/rfc/mutations.toml and \
                 run tests/mutate",
                self.file,
                self.text,
                if found.is_some() { "more than once" } else { "no more" }
            )),
        }
    }

    fn broken(&self) -> Result<String, String> {
        let (text, at) = self.place()?;
        Ok(format!("{}{}{}", &text[..at], self.with, &text[at + self.text.len()..]))
    }

    /// Of the lines that are touched, the change and the test.
    fn hash(&self) -> Result<String, String> {
        let (text, at) = self.place()?;
        let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
        let end = text[at + self.text.len()..].find('\n').unwrap_or(0) + at + self.text.len();
        let lines: Vec<&str> = text[start..end].lines().map(str::trim).collect();
        let all = [&lines.join("\n"), &self.text, &self.with, &self.test, &self.clause];
        let bytes = all.iter().flat_map(|part| part.bytes().chain([0]));
        // FNV-1a: it has to notice changes, not to withstand anybody.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Ok(format!("{hash:016x}"))
    }

    fn verdict(&self, results: &str) -> Verdict {
        let Ok(hash) = self.hash() else { return Verdict::Stale };
        match results.lines().find_map(|line| line.strip_prefix(&hash)) {
            Some(rest) if rest.trim_start().starts_with("killed") => Verdict::Killed,
            Some(_) => Verdict::Survived,
            None => Verdict::Stale,
        }
    }
}

/// All mutations with what is on file for them.
pub fn recorded() -> Vec<(Mutation, Verdict)> {
    let results = include_str!("rfc/mutations.txt");
    mutations().into_iter().map(|m| (m.clone(), m.verdict(results))).collect()
}

#[test]
fn every_mutation_fits_the_sources_and_its_test_claims_the_clause() {
    let mut bad: Vec<String> = Vec::new();
    for mutation in mutations() {
        bad.extend(mutation.place().err());
        if !claims(&mutation) {
            bad.push(format!("{} does not say that it proves {}", mutation.test, mutation.clause));
        }
    }
    bad.extend(
        recorded()
            .iter()
            .filter(|(_, v)| *v == Verdict::Survived)
            .map(|(m, _)| format!("{}: {} passes with {:?}", m.clause, m.test, m.with)),
    );
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

fn claims(mutation: &Mutation) -> bool {
    let path = mutation.test.rsplit_once("::").map_or("", |(module, _)| module).replace("::", "/");
    let own = path.trim_end_matches("/tests");
    let files = [format!("src/core/{path}.rs"), format!("src/core/{own}.rs")];
    files.iter().any(|file| {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        let marks = crate::coverage::markers(Path::new(file), &text);
        marks.contains(&(mutation.clause.clone(), mutation.test.clone()))
    })
}

/// A copy of the sources with a target directory of its own.
struct Copy(PathBuf);

impl Copy {
    fn make() -> Self {
        let tree = root().join("target/mutate/tree");
        std::fs::create_dir_all(&tree).unwrap();
        let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
        for file in String::from_utf8(listed.unwrap().stdout).unwrap().split_terminator('\0') {
            let (from, to) = (root().join(file), tree.join(file));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            // Unchanged files keep their time stamp, or everything is built again.
            let Ok(bytes) = std::fs::read(from) else { continue };
            if std::fs::read(&to).ok().as_deref() != Some(&bytes) {
                std::fs::write(to, bytes).unwrap();
            }
        }
        Self(tree)
    }

    /// Runs tests of the core by their full names: did they run, and did they pass?
    fn test(&self, names: &[&str]) -> Result<bool, String> {
        let output = Command::new(env!("CARGO"))
            .args(["test", "--locked", "-p", "trunkline-core", "--lib", "--", "--exact"])
            .args(names)
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", root().join("target/mutate/target"))
            .env("CARGO_INCREMENTAL", "1")
            .env("RUST_BACKTRACE", "0")
            .output()
            .map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let ran = text.lines().find_map(|l| l.strip_prefix("running "));
        let count = ran.and_then(|r| r.split(' ').next()?.parse::<usize>().ok());
        match count {
            None => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Some(n) if n != names.len() => Err(format!("{n} of {} tests exist", names.len())),
            Some(_) => Ok(output.status.success()),
        }
    }
}

/// Runs what is stale; `MUTATE_ALL=1` runs everything.
#[test]
#[ignore = "takes minutes: tests/mutate"]
fn run_the_mutations() {
    let copy = Copy::make();
    let all = recorded();
    let mut tests: Vec<&str> = all.iter().map(|(m, _)| m.test.as_str()).collect();
    tests.sort_unstable();
    tests.dedup();
    assert_eq!(copy.test(&tests), Ok(true), "the tests must pass on unbroken sources");
    let again = std::env::var_os("MUTATE_ALL").is_some();
    let (mut results, mut bad) = (String::new(), Vec::new());
    for (mutation, verdict) in &all {
        let verdict = if again { Verdict::Stale } else { *verdict };
        let killed = match verdict {
            Verdict::Killed => true,
            Verdict::Survived | Verdict::Stale => match run_one(&copy, mutation) {
                Ok(passed) => !passed,
                Err(why) => {
                    bad.push(format!("{} in {}: {why}", mutation.clause, mutation.file));
                    continue;
                }
            },
        };
        let word = if killed { "killed" } else { "SURVIVED" };
        println!("{word} {} ({})", mutation.clause, mutation.test);
        let hash = mutation.hash().unwrap();
        let _ = writeln!(results, "{hash} {word} {} by {}", mutation.clause, mutation.test);
        std::fs::write(root().join("tests/house/rfc/mutations.txt"), &results).unwrap();
        if !killed {
            bad.push(format!(
                "{}: {} passes with {:?}",
                mutation.clause, mutation.test, mutation.with
            ));
        }
    }
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

fn run_one(copy: &Copy, mutation: &Mutation) -> Result<bool, String> {
    let (original, _) = mutation.place()?;
    let file = copy.0.join(&mutation.file);
    std::fs::write(&file, mutation.broken()?).unwrap();
    let passed = copy.test(&[&mutation.test]);
    std::fs::write(&file, original).unwrap();
    passed
}
