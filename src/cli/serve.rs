//! `serve` and `check`.

use super::args::{ConfigArgs, ServeArgs};
use super::exit::{Exit, Failure};
use crate::app;
use crate::config::Config;
use crate::io::clock::Clock;
use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};
use trunkline_core::sip::{Listen, Transport};

/// Serves until SIGTERM or SIGINT; SIGHUP reads rules, certificates and the issuer's keys anew.
pub(super) fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let config = Config::load(&args.file.config)?;
    crate::telemetry::init();
    let clock = clock(args)?;
    runtime()?.block_on(async {
        let failed = |e: std::io::Error| Failure::new(Exit::Failure, format!("signals: {e}"));
        let mut term = signal(SignalKind::terminate()).map_err(failed)?;
        let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut hup = signal(SignalKind::hangup()).map_err(failed)?;
        let running = app::start(config, clock).await?;
        let sip: Vec<String> = running.sip.iter().map(shown).collect();
        println!(
            "ready sip={} http={} admin={}",
            sip.join(","),
            running.http,
            running.admin.display()
        );
        let _ = std::io::stdout().flush(); // who started us may have closed it
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = int.recv() => break,
                _ = hup.recv() => if let Err(error) = running.reload() {
                    tracing::error!(%error, "not reloaded: what was in force stays");
                },
            }
        }
        tracing::info!("draining");
        Ok(running.stop().await?)
    })
}

/// As the configuration writes it.
fn shown(listen: &Listen) -> String {
    match listen.transport {
        Transport::Udp => listen.addr.to_string(),
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
            format!("{}:{}", listen.transport.via_name().to_ascii_lowercase(), listen.addr)
        }
    }
}

/// The runtime beside the SIP thread.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Failure, format!("runtime: {e}")))
}

#[cfg(debug_assertions)]
fn clock(args: &ServeArgs) -> Result<Clock, Failure> {
    let Some(text) = &args.clock else { return Ok(Clock::system()) };
    let at: jiff::Timestamp =
        text.parse().map_err(|e| Failure::new(Exit::Usage, format!("--clock {text}: {e}")))?;
    tracing::warn!(%text, "test build: the clock is not the system's");
    Ok(Clock::starting_at(trunkline_core::model::Wall(at.as_microsecond())))
}

#[cfg(not(debug_assertions))]
#[allow(clippy::unnecessary_wraps)] // the twin above can fail
fn clock(_args: &ServeArgs) -> Result<Clock, Failure> {
    Ok(Clock::system())
}

/// Reads everything that `serve` would and says what it found.
pub(super) fn check(args: &ConfigArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let (book, _) = app::rules_in_force(Some(&config))?;
    app::dial_plans(Some(&config), &book)?;
    let tried = app::shadow_rules(&config)?;
    crate::store::keys::load(&config.site.master_key)?;
    crate::store::keys::load(&config.http.token_key)?;
    app::certificates(&config)?;
    app::check_links(&config)?;
    app::check_issuer(&config)?;
    app::check_webhooks(&config)?;
    let http = &config.http;
    for (key, file) in
        [("tls_cert", &http.tls_cert), ("tls_key", &http.tls_key), ("client_ca", &http.client_ca)]
    {
        if let Some(file) = file
            && let Err(error) = std::fs::File::open(file)
        {
            let message = format!("[http] {key} = {}: {error}", file.display());
            return Err(Failure::new(Exit::Config, message));
        }
    }
    println!("{}: ok", args.config.display());
    println!("  rule sets {}", book.ruleset_names().join(", "));
    if let Some(tried) = &tried {
        println!("  tried out {}", tried.book.ruleset_names().join(", "));
    }
    for rule in book.uncounted() {
        println!("  nothing triggers this rule: {rule}");
    }
    for odd in app::odd_rules(&book) {
        println!("  odd: {} {}: {}", odd.ruleset, odd.rule, odd.message);
    }
    if !config.carrier.is_empty() {
        println!("  calls leave by {}", config.trunk.order().join(", then "));
    }
    for link in app::link_names(&config) {
        println!("  control link {link}");
    }
    Ok(())
}
