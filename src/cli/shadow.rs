//! `gate shadow`: what rules that are tried out live would have decided otherwise.

use super::args::ConfigArgs;
use super::exit::Failure;
use super::remote::store_or_server;
use crate::config::Config;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Args)]
pub(super) struct ShadowArgs {
    #[command(subcommand)]
    command: ShadowCommand,
}

#[derive(Subcommand)]
enum ShadowCommand {
    /// Differences between the rules in force and those of `[gate] shadow`, by rule.
    Report {
        /// Decisions made at or after this, RFC 3339. Default: 31 days ago.
        #[arg(long)]
        from: Option<String>,
        /// Decisions made before this, RFC 3339. Default: now.
        #[arg(long)]
        to: Option<String>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

pub(super) fn shadow(args: ShadowArgs) -> Result<(), Failure> {
    let ShadowCommand::Report { from, to, json: as_json, file } = args.command;
    let config = Config::load(&file.config)?;
    let request = json!({ "cmd": "gate.shadow_report", "from": from, "to": to });
    store_or_server(&config, &request, |found| {
        if as_json { println!("{found}") } else { print!("{}", text(&found)) }
    })
}

fn text(found: &Value) -> String {
    let of = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut out = format!(
        "from           {}\nto             {}\ndifferences    {}\n",
        of(found, "from"),
        of(found, "to"),
        found["differences"]
    );
    for (hash, version) in found["versions"].as_object().into_iter().flatten() {
        out += &format!(
            "\nrules {}  {} to {}\n",
            hash.get(..12).unwrap_or(hash),
            of(version, "first"),
            of(version, "last")
        );
        let head = ["rule", "newly denied", "newly allowed", "newest decisions"];
        out += &format!("{:<24} {:>13} {:>13}  {}\n", head[0], head[1], head[2], head[3]);
        let row = |name: &str, of: &Value, more: &str| {
            let count = |name: &str| of[name].as_u64().unwrap_or_default();
            let (denied, allowed) = (count("newly_denied"), count("newly_allowed"));
            format!("{name:<24} {denied:>13} {allowed:>13}  {more}\n")
        };
        for (rule, counts) in version["rules"].as_object().into_iter().flatten() {
            let examples = counts["examples"].as_array().into_iter().flatten();
            let examples: Vec<&str> = examples.filter_map(Value::as_str).collect();
            out += &row(rule, counts, &examples.join(" "));
        }
        out += row("calls", version, "").trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_table_for_each_version_of_the_rules() {
        let found = json!({
            "from": "a", "to": "b", "differences": 3,
            "versions": {"0123456789abcdef": {
                "first": "c", "last": "d", "newly_denied": 2, "newly_allowed": 1,
                "rules": {"night": {"newly_denied": 2, "newly_allowed": 0, "examples": ["x", "y"]},
                          "window": {"newly_denied": 0, "newly_allowed": 1, "examples": ["z"]}},
            }},
        });
        let expected = "\
from           a
to             b
differences    3

rules 0123456789ab  c to d
rule                      newly denied newly allowed  newest decisions
night                                2             0  x y
window                               0             1  z
calls                                2             1
";
        assert_eq!(text(&found), expected);
    }
}
