//! `trunk`: carrier lines of a running server.

use super::args::{TrunkArgs, TrunkCommand};
use super::exit::{Exit, Failure};
use super::remote::ask;
use crate::config::Config;
use serde_json::{Value, json};

/// Does a `trunk` command.
pub(super) fn run(args: TrunkArgs) -> Result<(), Failure> {
    match args.command {
        TrunkCommand::Show { name, json, file } => {
            show(&Config::load(&file.config)?, name.as_deref(), json)
        }
        TrunkCommand::Test { name, json, file } => test(&Config::load(&file.config)?, &name, json),
        TrunkCommand::Drain { name, file } => order(&Config::load(&file.config)?, &name, "drain"),
        TrunkCommand::Undrain { name, file } => order(&Config::load(&file.config)?, &name, "serve"),
        TrunkCommand::Maintain { name, off, file } => {
            let wanted = if off { "serve" } else { "maintain" };
            order(&Config::load(&file.config)?, &name, wanted)
        }
    }
}

fn show(config: &Config, name: Option<&str>, json: bool) -> Result<(), Failure> {
    ask(config, &json!({"cmd": "trunk.show", "name": name}), |line| {
        if json {
            println!("{line}")
        } else {
            print!("{}", describe(&line))
        }
        true
    })
    .map(|_| ())
}

fn test(config: &Config, name: &str, json: bool) -> Result<(), Failure> {
    let done = ask(config, &json!({"cmd": "trunk.test", "name": name}), |line| {
        if json {
            println!("{line}");
        } else {
            let rtt = line["rtt_us"].as_u64().map_or(String::new(), |us| format!("  {}", ms(us)));
            println!("{}  {}{rtt}", word(&line, "endpoint"), word(&line, "answer"));
        }
        true
    })?;
    if done.unwrap_or_default()["alive"] == true {
        return Ok(());
    }
    Err(Failure::new(Exit::Failure, format!("line {name} gave no sign of life")))
}

fn order(config: &Config, name: &str, order: &str) -> Result<(), Failure> {
    let request = json!({"cmd": "trunk.order", "name": name, "order": order});
    let done = ask(config, &request, |_| true)?.unwrap_or_default();
    println!("{name} is {}: {}", word(&done, "state"), word(&done, "reason"));
    Ok(())
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

fn ms(us: u64) -> String {
    format!("{}.{:03} ms", us / 1000, us % 1000)
}

fn limit(line: &Value, name: &str) -> String {
    line[name].as_u64().map_or_else(|| "no limit".to_owned(), |n| format!("limit {n}"))
}

fn share(line: &Value, name: &str) -> String {
    match line[name].as_u64() {
        Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
        None => "unknown".to_owned(),
    }
}

/// A line for people; several lines of text.
fn describe(line: &Value) -> String {
    let count = |name: &str| line[name].as_u64().unwrap_or(0);
    let mut rows = vec![
        format!("{} ({}): {}", word(line, "id"), word(line, "role"), word(line, "state")),
        format!("  since {}: {}", word(line, "since"), word(line, "reason")),
        format!(
            "  calls: {} in ({}), {} out ({}), both ({})",
            count("calls_in"),
            limit(line, "calls_in_max"),
            count("calls_out"),
            limit(line, "calls_out_max"),
            limit(line, "calls_max")
        ),
        format!(
            "  last 15 min: {} seizures, answered {}, network effectiveness {}",
            count("seizures"),
            share(line, "answer_seizure_permille"),
            share(line, "network_effectiveness_permille")
        ),
        format!(
            "  failures in a row: {} probes, {} calls; late answers {}; flap penalty {}",
            count("probe_failures"),
            count("call_failures"),
            count("late_answers"),
            count("penalty")
        ),
    ];
    if !word(line, "last_failure").is_empty() {
        rows.push(format!("  newest failure: {}", word(line, "last_failure")));
    }
    if !matches!(word(line, "order"), "" | "serve") {
        rows.push(format!("  order: {} by {}", word(line, "order"), word(line, "ordered_by")));
    }
    let registration = &line["registration"];
    if registration.is_object() {
        let until = match word(registration, "expires_at") {
            "" => String::new(),
            at => format!(", until {at}"),
        };
        let (state, reason) = (word(registration, "state"), word(registration, "reason"));
        rows.push(format!("  registration: {state} ({reason}){until}"));
    }
    rows.push(match word(line, "next_probe_at") {
        "" => "  next probe: none is set".to_owned(),
        at => format!("  next probe: {at}"),
    });
    for probe in line["probes"].as_array().into_iter().flatten() {
        let sign = if probe["alive"] == true { "alive" } else { "dead " };
        let rtt = probe["rtt_us"].as_u64().map_or(String::new(), |us| format!("  {}", ms(us)));
        rows.push(format!("    {}  {sign}  {}{rtt}", word(probe, "at"), word(probe, "text")));
    }
    rows.join("\n") + "\n"
}
