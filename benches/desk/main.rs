//! How fast events reach desks, what a delivery costs, and what a desk keeps: docs/performance.md.
//!
//! `cargo bench --bench desk -- target --desks 5000` starts the hub and the HTTP port of trunkline
//! in a process of their own and reads them from this one. With `--peer` the same load goes to a
//! plain tokio-tungstenite server that knows no tokens, no filters and no positions, for a ratio.

#![allow(clippy::unwrap_used)]

mod load;
mod peer;
mod server;
#[path = "../../tests/desk/site.rs"]
#[allow(dead_code)]
mod site;

use clap::{Parser, ValueEnum};

/// As the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Who is to see an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fan {
    /// Its own desk, and every board.
    Target,
    /// Every desk.
    All,
    /// Nobody: desks are held and nothing happens.
    Idle,
    /// Every desk comes back at once, and resumes over 20 events, while events of others go on.
    Storm,
}

#[derive(Clone, Debug, Parser)]
struct Options {
    /// None, as `cargo test` starts it: a short run that only has to be right.
    fan: Option<Fan>,
    #[arg(long, default_value_t = 1000)]
    desks: usize,
    /// Desks that see every call.
    #[arg(long, default_value_t = 20)]
    boards: usize,
    /// Events a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    #[arg(long, default_value_t = 10)]
    secs: u64,
    #[arg(long)]
    tls: bool,
    #[arg(long)]
    peer: bool,
    /// `[desk] recent_bytes_max` in MiB.
    #[arg(long, default_value_t = 32)]
    recent: usize,
    /// So many of the desks stop reading.
    #[arg(long, default_value_t = 0)]
    frozen: usize,
    /// Serves, in the child process.
    #[arg(long, hide = true)]
    serve: bool,
    /// Given by Cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn settled(self) -> Self {
        match self.fan {
            Some(_) => self,
            None => Self { desks: 20, boards: 2, rate: 50, secs: 1, ..self },
        }
    }

    fn fan(&self) -> Fan {
        self.fan.unwrap_or(Fan::Target)
    }
}

/// Nanoseconds of the machine's monotonic clock, which both processes share.
fn now_ns() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

fn main() {
    // A desk that cannot go on ends the run.
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        say(info);
        std::process::exit(1);
    }));
    // `cargo test NAME` gives its name to every target.
    let first = std::env::args().nth(1).filter(|first| !first.starts_with('-'));
    if first.is_some_and(|first| Fan::from_str(&first, true).is_err()) {
        return println!("not one of {:?}: nothing to do", Fan::value_variants());
    }
    let options = Options::parse().settled();
    match (options.serve, options.peer) {
        (true, true) => peer::serve(&options),
        (true, false) => server::serve(&options),
        (false, _) => load::run(&options),
    }
}
