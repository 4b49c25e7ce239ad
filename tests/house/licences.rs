//! What we ship may be given away: every crate in the lock file has a licence that deny.toml
//! allows, comes from the registry, and every exception there says why.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// deny.toml as far as this test reads it.
struct Rules {
    allowed: Vec<String>,
    /// Crates whose metadata is wrong or silent, with what their files say.
    clarified: BTreeMap<String, String>,
    /// Crates with a licence that they alone may have.
    excepted: BTreeMap<String, Vec<String>>,
}

impl Rules {
    fn parse(text: &str) -> Self {
        let table: toml::Table = text.parse().unwrap();
        let licences = table["licenses"].as_table().unwrap();
        let text_of = |v: &toml::Value| v.as_str().unwrap().to_owned();
        let list = |v: &toml::Value| v.as_array().unwrap().iter().map(text_of).collect();
        let rows = |key: &str| licences.get(key).and_then(|c| c.as_array()).cloned();
        let clarify = rows("clarify").unwrap_or_default();
        let except = rows("exceptions").unwrap_or_default();
        let clarified = clarify.iter().map(|c| (text_of(&c["crate"]), text_of(&c["expression"])));
        Self {
            allowed: list(&licences["allow"]),
            clarified: clarified.collect(),
            excepted: except.iter().map(|c| (text_of(&c["crate"]), list(&c["allow"]))).collect(),
        }
    }

    /// Why this package may not be used, if it may not.
    fn complaint(&self, package: &Value) -> Option<String> {
        let name = package["name"].as_str().unwrap();
        let source = package["source"].as_str();
        if source.is_some_and(|s| !s.starts_with("registry+")) {
            return Some(format!("{name} comes from {}", source.unwrap_or_default()));
        }
        let stated = package["license"].as_str();
        let Some(text) = self.clarified.get(name).map(String::as_str).or(stated) else {
            return Some(format!("{name} names no licence; add it to deny.toml with a reason"));
        };
        let allowed = self.allowed.iter().chain(self.excepted.get(name).into_iter().flatten());
        match spdx_allows(text, &|id| allowed.clone().any(|a| a == id)) {
            Some(true) => None,
            Some(false) => Some(format!("{name} is under {text}")),
            None => Some(format!("{name} has an unreadable licence: {text}")),
        }
    }
}

/// Evaluates an SPDX expression: OR is a choice, AND asks for both. `None` if it is malformed.
/// Old crates write `/` for OR. A licence WITH an exception counts as its own id.
fn spdx_allows(text: &str, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let spaced = text.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let (value, rest) = either(&tokens, allowed)?;
    rest.is_empty().then_some(value)
}

type Parsed<'a, 'b> = Option<(bool, &'a [&'b str])>;

fn either<'a, 'b>(tokens: &'a [&'b str], allowed: &dyn Fn(&str) -> bool) -> Parsed<'a, 'b> {
    let (mut value, mut rest) = both(tokens, allowed)?;
    while let ["OR", tail @ ..] = rest {
        let (right, tail) = both(tail, allowed)?;
        (value, rest) = (value || right, tail);
    }
    Some((value, rest))
}

fn both<'a, 'b>(tokens: &'a [&'b str], allowed: &dyn Fn(&str) -> bool) -> Parsed<'a, 'b> {
    let (mut value, mut rest) = one(tokens, allowed)?;
    while let ["AND", tail @ ..] = rest {
        let (right, tail) = one(tail, allowed)?;
        (value, rest) = (value && right, tail);
    }
    Some((value, rest))
}

fn one<'a, 'b>(tokens: &'a [&'b str], allowed: &dyn Fn(&str) -> bool) -> Parsed<'a, 'b> {
    match tokens {
        ["(", rest @ ..] => match either(rest, allowed)? {
            (value, [")", rest @ ..]) => Some((value, rest)),
            _ => None,
        },
        [")" | "OR" | "AND" | "WITH", ..] | [] => None,
        [id, "WITH", exception, rest @ ..] => {
            Some((allowed(&format!("{id} WITH {exception}")), rest))
        }
        [id, rest @ ..] => Some((allowed(id), rest)),
    }
}

fn rules() -> Rules {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    Rules::parse(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn every_dependency_may_be_shipped() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "the metadata lists only {} packages", packages.len());
    let rules = rules();
    let bad: Vec<String> = packages.iter().filter_map(|p| rules.complaint(p)).collect();
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

#[test]
fn every_exception_has_its_reason_above_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (n, line) in lines.iter().enumerate() {
        if line.starts_with("[[licenses.") {
            assert!(n > 0 && lines[n - 1].starts_with('#'), "deny.toml:{}: {line}", n + 1);
        }
    }
}

#[test]
fn checker_can_refuse() {
    let rules = rules();
    let registry = "registry+somewhere";
    for (licence, source, fine) in [
        (Some("MIT OR Apache-2.0"), Some(registry), true),
        (Some("MIT/Apache-2.0"), Some(registry), true),
        (Some("(MIT OR Apache-2.0) AND Unicode-3.0"), Some(registry), true),
        (Some("GPL-3.0-only OR MIT"), Some(registry), true),
        (Some("GPL-3.0-only"), Some(registry), false),
        (Some("MIT AND GPL-3.0-only"), Some(registry), false),
        (Some("Apache-2.0 WITH Some-exception"), Some(registry), false),
        (Some("MIT OR"), Some(registry), false),
        (None, Some(registry), false),
        (Some("MIT"), Some("git+somewhere"), false),
        (Some("MIT"), None, true),
    ] {
        let package = serde_json::json!({ "name": "x", "license": licence, "source": source });
        assert_eq!(rules.complaint(&package).is_none(), fine, "{licence:?} {source:?}");
    }
}
