//! `gate reconcile`: a PBX's call records held against the decisions of the site.

use super::args::ReconcileArgs;
use super::exit::{Exit, Failure};
use super::remote::store_or_server;
use crate::config::Config;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Findings of a kind that are printed; JSON has more.
const PRINTED_MAX: usize = 100;

pub(super) fn reconcile(args: &ReconcileArgs) -> Result<(), Failure> {
    let config = Config::load(&args.file.config)?;
    let mut files = Vec::new();
    for path in &args.cdr {
        files.extend(
            named(path).map_err(|error| {
                Failure::new(Exit::Usage, format!("{}: {error}", path.display()))
            })?,
        );
    }
    let request = json!({
        "cmd": "gate.reconcile", "pbx": args.pbx, "files": files, "format": args.format,
        "columns": args.columns, "zone": args.zone, "day": args.day, "from": args.from,
        "to": args.to, "tolerance_s": args.tolerance, "inbound_contexts": args.inbound_context,
        "trunks": args.trunk, "clear_numbers": args.clear_numbers,
    });
    let mut report = Value::Null;
    store_or_server(&config, &request, |line| {
        if let Some(found) = line.get("report").and_then(Value::as_str) {
            if args.json {
                println!("{found}");
            }
            report = serde_json::from_str(found).unwrap_or_default();
        }
    })?;
    if !args.json {
        print!("{}", text(&report));
    }
    match report["unaccounted"].as_u64() {
        Some(0) => Ok(()),
        Some(count) => Err(Failure::new(Exit::Unaccounted, format!("{count} unaccounted for"))),
        None => Err(Failure::new(Exit::Failure, "there is no report")),
    }
}

/// The server reads the files itself, so it must have their whole path. A folder is its files.
fn named(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let path = std::fs::canonicalize(path)?;
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn of<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn text(report: &Value) -> String {
    let mut out = String::new();
    for (title, name) in [("pbx", "pbx"), ("format", "format"), ("from", "from"), ("to", "to")] {
        out += &format!("{title:<22} {}\n", of(report, name));
    }
    for file in report["files"].as_array().into_iter().flatten().take(PRINTED_MAX) {
        out += &format!("{:<22} {} sha256 {}\n", "file", of(file, "name"), of(file, "sha256"));
    }
    for (title, name) in [
        ("rows", "rows"),
        ("of another time", "other_time"),
        ("inside", "inside"),
        ("calls in", "inbound"),
        ("emergency", "exempt"),
        ("further rows of a leg", "further"),
        ("duplicates", "duplicates"),
        ("legs out", "legs"),
        ("allowed by a decision", "matched"),
        ("refused and stopped", "refused"),
    ] {
        out += &format!("{title:<22} {}\n", report[name]);
    }
    for (how, count) in report["found_by"].as_object().into_iter().flatten() {
        out += &format!("  found by {how:<16} {count}\n");
    }
    for (title, name) in [
        ("allowed, never dialled", "never_dialled"),
        ("seen past the gate", "past_gate"),
        ("NO DECISION", "ungated"),
        ("REFUSED AND DIALLED", "denied_dialled"),
        ("NOT SEEN HERE", "unseen"),
        ("NO RECORD", "no_record"),
    ] {
        let found = &report[name];
        out += &format!("{title:<22} {}\n", found["count"]);
        for one in found["list"].as_array().into_iter().flatten().take(PRINTED_MAX) {
            out += &format!("  {}\n", line(one));
        }
    }
    out += &format!("{:<22} {}\n", "UNREADABLE", report["unreadable"]);
    for fault in report["faults"].as_array().into_iter().flatten().take(PRINTED_MAX) {
        let (column, name) = (&fault["column"], of(fault, "name"));
        let place = match column.as_u64() {
            Some(0) | None => String::new(),
            Some(_) => format!(" column {column} {name}"),
        };
        let file = report["files"].get(fault["file"].as_u64().unwrap_or_default() as usize);
        let file = file.map_or("", |file| of(file, "name"));
        out +=
            &format!("  {file} line {}{}: {}\n", fault["line"], place.trim_end(), of(fault, "why"));
    }
    out + &format!("{:<22} {}\n", "unaccounted for", report["unaccounted"])
}

/// One finding.
fn line(one: &Value) -> String {
    let mut out = String::new();
    if let Some(line) = one["line"].as_u64() {
        out += &format!("line {line}  ");
    }
    out += &format!("{}  {}", of(one, "at"), of(one, "number"));
    for name in ["channel", "verdict", "call", "decision"] {
        if !of(one, name).is_empty() {
            out += &format!("  {name} {}", of(one, name));
        }
    }
    let rules: Vec<&str> =
        one["refused_by"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !rules.is_empty() {
        out += &format!("  by {}", rules.join(", "));
    }
    match of(one, "rules") {
        "" => out,
        when => out + &format!("  (rules of {when})"),
    }
}
