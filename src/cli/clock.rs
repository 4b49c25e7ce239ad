//! `clock`: the wall clock of a running server.

use super::args::{ClockArgs, ClockCommand};
use super::exit::Failure;
use super::remote::ask;
use crate::config::Config;
use serde_json::{Value, json};

/// Does a `clock` command.
pub(super) fn run(args: ClockArgs) -> Result<(), Failure> {
    match args.command {
        ClockCommand::Show { json, file } => show(&Config::load(&file.config)?, json),
        ClockCommand::Confirm(file) => {
            let done =
                ask(&Config::load(&file.config)?, &json!({"cmd": "clock.confirm"}), |_| true)?;
            println!("confirmed: {}", word(&done.unwrap_or_default(), "now"));
            Ok(())
        }
    }
}

fn show(config: &Config, json: bool) -> Result<(), Failure> {
    ask(config, &json!({"cmd": "clock.show"}), |line| {
        match json {
            true => println!("{line}"),
            false => println!("{}", described(&line)),
        }
        true
    })
    .map(|_| ())
}

fn described(line: &Value) -> String {
    let is = |name: &str| line[name].as_bool().unwrap_or_default();
    let standing = match (is("watched"), is("believed")) {
        (false, _) => "not watched: it is a demo's or a test's".to_owned(),
        (true, true) => "believed".to_owned(),
        (true, false) => format!("not believed, gated calls are refused: {}", word(line, "fault")),
    };
    let steps = line["steps"].as_u64().unwrap_or_default();
    format!("{}  {standing}; set {steps} times since the start", word(line, "now"))
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
