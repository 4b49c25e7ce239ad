//! Commands that a running server does for us over its admin socket; reads also work offline.

use super::args::{ConfigArgs, RecordsArgs, RecordsCommand, TailArgs};
use super::exit::{Exit, Failure};
use super::show;
use crate::app::{self, site_command};
use crate::config::Config;
use crate::io::admin;
use crate::io::clock::Clock;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::path::Path;

fn offline(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

/// Sends a request; every line but the last goes to `each`, the last is returned.
pub(super) fn ask(
    config: &Config,
    request: &Value,
    mut each: impl FnMut(Value) -> bool,
) -> Result<Option<Value>, Failure> {
    let socket = &config.admin.socket;
    let (mut last, mut failure) = (None, None);
    let asked = admin::request(socket, request, |line| {
        if let Some(error) = line.get("error") {
            failure = Some(refused(error));
            return false;
        }
        if line.get("done").is_some() {
            last = Some(line);
            return false;
        }
        each(line)
    });
    match (asked, failure) {
        (_, Some(failure)) => Err(failure),
        (Ok(()), None) => Ok(last),
        (Err(error), None) => Err(unreachable(socket, &error)),
    }
}

fn unreachable(socket: &Path, error: &std::io::Error) -> Failure {
    let hint =
        if offline(error) { " (is `trunkline serve` running with this config?)" } else { "" };
    Failure::new(Exit::Unreachable, format!("{}: {error}{hint}", socket.display()))
}

fn refused(error: &Value) -> Failure {
    let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let exit = match part("code") {
        "NOT_FOUND" => Exit::NotFound,
        "BAD_REQUEST" => Exit::Usage,
        _ => Exit::Failure,
    };
    Failure::new(exit, part("message"))
}

/// A command that needs the store alone: by the server if it runs, else in the unlocked data
/// directory.
pub(super) fn store_or_server(
    config: &Config,
    request: &Value,
    mut each: impl FnMut(Value),
) -> Result<(), Failure> {
    let socket = &config.admin.socket;
    if !socket.exists() || std::os::unix::net::UnixStream::connect(socket).is_err() {
        let now = Clock::system().wall();
        let entropy = || {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map(|()| bytes)
        };
        let entropy = entropy().map_err(|e| Failure::new(Exit::Failure, e.to_string()))?;
        let opened = crate::store::open(&app::store_config(config), now, entropy)?;
        let who = format!("uid:{} offline", nix::unistd::getuid());
        let (book, ruleset) = app::rules_in_force(Some(config))?;
        let plans = app::dial_plans(Some(config), &book)?;
        let store = &opened.store;
        let done = match request["cmd"].as_str() {
            Some("gate.reconcile") => {
                let ruleset = ruleset.as_deref();
                let place = app::Place { config, store, plans: &plans, book: &book, ruleset };
                app::reconcile_command(&place, request, &who, now).map(each)
            }
            _ => site_command(config, (store, &plans), request, &who, now, &mut each),
        };
        return done.map_err(|error| {
            refused(&json!({"code": error.code(), "message": error.to_string()}))
        });
    }
    ask(config, request, |line| {
        each(line);
        true
    })
    .map(|_| ())
}

pub(super) fn print_lines(json: bool, text: impl Fn(&Value) -> String) -> impl FnMut(Value) {
    move |line| if json { println!("{line}") } else { println!("{}", text(&line)) }
}

/// `reload`
pub(super) fn reload(args: &ConfigArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let done = ask(&config, &json!({"cmd": "reload"}), |_| true)?.unwrap_or_default();
    let read = |what: &str| done.get(what).and_then(Value::as_bool).unwrap_or_default();
    println!(
        "{}",
        match (read("tls"), read("keys")) {
            (true, false) => "rules and certificates are read anew",
            (true, true) => "rules, certificates and the issuer's keys are read anew",
            (false, true) => "rules and the issuer's keys are read anew",
            (false, false) => "rules are read anew",
        }
    );
    Ok(())
}

/// `tail`
pub(super) fn tail(args: &TailArgs) -> Result<(), Failure> {
    let config = Config::load(&args.file.config)?;
    let mut request = json!({"cmd": "tail"});
    if let Some(from) = args.from {
        request["from"] = from.to_string().into();
    }
    let mut print = print_lines(args.json, show::event);
    ask(&config, &request, |line| {
        print(line);
        true
    })
    .map(|_| ())
}

/// `records`
pub(super) fn records(args: RecordsArgs) -> Result<(), Failure> {
    match args.command {
        RecordsCommand::Search { number, device, from, to, limit, json, file } => {
            let config = Config::load(&file.config)?;
            let request = json!({
                "cmd": "records.search", "number": number, "device": device,
                "from": from, "to": to, "limit": limit,
            });
            if !json {
                println!("{}", show::RECORD_HEAD);
            }
            store_or_server(&config, &request, print_lines(json, show::record))
        }
        RecordsCommand::Show { id, json, file } => {
            let config = Config::load(&file.config)?;
            let request = json!({"cmd": "records.show", "id": id});
            store_or_server(&config, &request, print_lines(json, show::pretty))
        }
    }
}
