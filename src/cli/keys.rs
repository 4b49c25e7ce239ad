//! `keys init`, `token mint` and `token revoke`.

use super::args::{ConfigArgs, KeysArgs, KeysCommand, MintArgs, TokenArgs, TokenCommand};
use super::exit::{Exit, Failure};
use super::remote::store_or_server;
use crate::config::Config;
use crate::io::clock::Clock;
use crate::io::desk::token::TokenKey;
use crate::store::keys;
use serde_json::json;
use std::time::Duration;
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::{Named, Wall};

pub(super) fn run(args: KeysArgs) -> Result<(), Failure> {
    let KeysCommand::Init { out, file } = args.command;
    let files = match out {
        Some(path) => vec![path],
        None => {
            let config = Config::load(&file.config)?;
            let (there, missing): (Vec<_>, Vec<_>) =
                [config.site.master_key, config.http.token_key]
                    .into_iter()
                    .partition(|p| p.exists());
            for path in there {
                println!("kept {}: it is there already", path.display());
            }
            missing
        }
    };
    for path in files {
        keys::init(&path)?;
        println!("made {} (32 bytes, mode 0600): keep a copy in a safe place", path.display());
    }
    Ok(())
}

pub(super) fn token(args: TokenArgs) -> Result<(), Failure> {
    match args.command {
        TokenCommand::Mint(args) => mint(args),
        TokenCommand::Revoke { subject, id, file } => revoke(subject, id, &file),
    }
}

/// By the running server, which closes the sockets; else in the data directory.
fn revoke(subject: Option<String>, id: Option<String>, file: &ConfigArgs) -> Result<(), Failure> {
    let config = Config::load(&file.config)?;
    let request = json!({ "cmd": "token.revoke", "subject": subject, "id": id });
    store_or_server(&config, &request, |done| {
        println!("revoked; sockets closed: {}", done["closed"]);
    })
}

fn mint(args: MintArgs) -> Result<(), Failure> {
    let MintArgs { subject, role, devices, agent, teams, expires, at, file } = args;
    let config = Config::load(&file.config)?;
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let life: jiff::SignedDuration = expires
        .parse()
        .map_err(|_| usage(format!("--expires {expires}: write e.g. 8h, 30m or 90s")))?;
    let life = u64::try_from(life.as_secs()).ok().filter(|s| (1..=31_536_000).contains(s));
    let life = life.ok_or_else(|| usage(format!("--expires {expires}: 1 s to 365 days")))?;
    let role = Role::parse_name(&role).ok_or_else(|| {
        usage(format!("--role {role}: one of agent, supervisor, service, ops, auditor, wallboard"))
    })?;
    let now = match at {
        None => Clock::system().wall(),
        Some(text) => {
            let at: jiff::Timestamp =
                text.parse().map_err(|e| usage(format!("--at {text}: {e}")))?;
            Wall(at.as_microsecond())
        }
    };
    let secret = keys::load(&config.http.token_key)?;
    let who = Principal { user: subject, role, devices, agent, teams };
    let token = TokenKey::new(&config.site.name, secret.reveal())
        .mint(&who, now, Duration::from_secs(life))
        .map_err(|e| usage(e.to_string()))?;
    println!("{token}");
    Ok(())
}
