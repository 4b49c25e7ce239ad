//! `link`: control links of a running server.

use super::args::{LinkArgs, LinkCommand};
use super::exit::Failure;
use super::remote::ask;
use crate::config::Config;
use serde_json::{Value, json};

/// Does a `link` command.
pub(super) fn run(args: LinkArgs) -> Result<(), Failure> {
    let LinkCommand::Show { name, json, file } = args.command;
    let config = Config::load(&file.config)?;
    let request = json!({"cmd": "link.show", "name": name});
    let mut none = true;
    ask(&config, &request, |link| {
        none = false;
        if json {
            println!("{link}")
        } else {
            print!("{}", describe(&link))
        }
        true
    })?;
    if none && !json {
        println!("there are no control links: a section [pbx.NAME.ami], ari or esl makes one");
    }
    Ok(())
}

/// A link for people; several lines of text.
fn describe(link: &Value) -> String {
    let word = |name: &str| link[name].as_str().unwrap_or("");
    let mut rows = vec![
        format!("{}: {}", word("id"), word("state")),
        format!("  since {}: {}", word("since"), word("reason")),
    ];
    if !word("next_try_at").is_empty() {
        rows.push(format!("  next try: {}", word("next_try_at")));
    }
    if !word("version").is_empty() {
        rows.push(format!("  PBX: {} (instance {})", word("version"), word("instance")));
    }
    let skew = match link["clock_skew_ms"].as_i64() {
        None => "unknown".to_owned(),
        Some(ms) if ms < 0 => format!("{} ms behind ours", -ms),
        Some(ms) => format!("{ms} ms ahead of ours"),
    };
    let lost = link["lost"].as_u64().unwrap_or(0);
    rows.push(format!("  events lost: {lost}; the PBX's clock: {skew}"));
    if !word("warning").is_empty() {
        rows.push(format!("  warning: {}", word("warning")));
    }
    rows.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_described_by_what_is_known_of_it() {
        let link = json!({
            "id": "a/ami", "state": "down", "since": "S", "reason": "cannot connect",
            "next_try_at": "T", "lost": 3, "clock_skew_ms": -7, "version": "", "warning": "",
        });
        assert_eq!(
            describe(&link),
            "a/ami: down\n  since S: cannot connect\n  next try: T\n  \
             events lost: 3; the PBX's clock: 7 ms behind ours\n"
        );
    }
}
