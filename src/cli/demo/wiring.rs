//! The only file of demo and simulation that touches the server's inside: it starts it as `serve`
//! does, makes keys as `keys init` does, tokens as `token mint` does, and uses the admin socket as
//! `dnc` does.

use crate::{
    app,
    config::Config,
    io::{admin, clock::Clock, desk::token::TokenKey},
    store::keys,
};
use serde_json::json;
use std::{io, path::Path, time::Duration};
use trunkline_core::{hub::Principal, model::Wall};

/// Makes both key files, mode 0600.
pub(in crate::cli) fn make_keys(master_key: &Path, token_key: &Path) -> io::Result<()> {
    for path in [master_key, token_key] {
        keys::init(path).map_err(io::Error::other)?;
    }
    Ok(())
}

/// The running server.
pub(in crate::cli) struct Server(app::Running);

impl Server {
    /// Starts what the configuration file describes, on this clock.
    pub async fn start(config: &Path, clock: Clock) -> io::Result<Self> {
        let config = Config::load(config).map_err(io::Error::other)?;
        app::start(config, clock).await.map(Self).map_err(io::Error::other)
    }

    /// Drains and stops.
    pub async fn stop(self) -> io::Result<()> {
        self.0.stop().await.map_err(io::Error::other)
    }
}

/// Signs a token for a desk.
pub(in crate::cli) fn token(
    (site, key): (&str, &Path),
    who: &Principal,
    now: Wall,
    time: Duration,
) -> io::Result<String> {
    let secret = keys::load(key).map_err(io::Error::other)?;
    TokenKey::new(site, secret.reveal()).mint(who, now, time).map_err(io::Error::other)
}

/// Puts a number on the do-not-call list over the admin socket; blocks until it is durable.
pub(in crate::cli) fn do_not_call(socket: &Path, number: &str, reason: &str) -> io::Result<()> {
    let request = json!({ "cmd": "dnc.add", "number": number, "reason": reason });
    let mut refused = None;
    admin::request(socket, &request, |line| {
        refused = line.get("error").map(ToString::to_string);
        refused.is_none()
    })?;
    refused.map_or(Ok(()), |error| Err(io::Error::other(error)))
}
