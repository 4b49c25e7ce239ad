//! `gate dry-run --from --to`: over the calls that the server has stored.

use super::exit::{Exit, Failure};
use super::remote::store_or_server;
use crate::config::Config;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(super) fn stored(
    (from, to): (Option<String>, Option<String>),
    rules: &[PathBuf],
    config: Option<&Path>,
    as_json: bool,
) -> Result<(), Failure> {
    let missing = || Failure::new(Exit::Usage, "--config names the site whose calls are replayed");
    let config = Config::load(config.ok_or_else(missing)?)?;
    let read = |path: &PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok(json!({ "name": path.to_string_lossy(), "text": text })),
        Err(error) => Err(Failure::new(Exit::Config, format!("{}: {error}", path.display()))),
    };
    let rules: Vec<Value> = rules.iter().map(read).collect::<Result<_, Failure>>()?;
    let request = json!({ "cmd": "gate.dry_run", "from": from, "to": to, "rules": rules });
    store_or_server(&config, &request, |found| {
        if as_json { println!("{found}") } else { print!("{}", text(&found)) }
    })
}

fn text(found: &Value) -> String {
    let of = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let mut out = format!("from           {}\nto             {}\n", of("from"), of("to"));
    for (what, name) in [
        ("calls", "calls"),
        ("not gated", "exempt"),
        ("both allow", "allowed"),
        ("both deny", "denied"),
        ("newly denied", "newly_denied"),
        ("newly allowed", "newly_allowed"),
    ] {
        out += &format!("{what:<14} {}\n", found[name]);
        let unsure = found[format!("{name}_but_for_claims")].as_u64().filter(|count| *count > 0);
        if let Some(count) = unsure {
            out += &format!("  {:<20} {count}\n", "but for a claim");
        }
        for (rule, count) in found[format!("{name}_by")].as_object().into_iter().flatten() {
            out += &format!("  {rule:<20} {count}\n");
        }
    }
    for (title, name) in [("day", "by_day"), ("agent", "by_agent")] {
        out +=
            &format!("{title:<22} {:>8} {:>13} {:>13}\n", "calls", "newly denied", "newly allowed");
        for (row, counts) in found[name].as_object().into_iter().flatten() {
            let count = |name: &str| counts[name].as_u64().unwrap_or_default();
            let (calls, denied, allowed) =
                (count("calls"), count("newly_denied"), count("newly_allowed"));
            out += &format!("{row:<22} {calls:>8} {denied:>13} {allowed:>13}\n");
        }
    }
    for unknown in found["not_known"].as_array().into_iter().flatten() {
        out += &format!("not known: {}\n", unknown.as_str().unwrap_or_default());
    }
    out
}
