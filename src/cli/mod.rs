//! R5: the command line. Against a running server commands speak over its admin socket; reading
//! commands work offline when the data directory is not locked. Both are audited.

mod args;
mod audit;
mod calendar;
mod claim;
mod clock;
mod conform;
pub mod demo;
mod dnc;
pub mod dnc_file;
mod dry_run;
mod exit;
mod gate;
mod keys;
mod link;
mod reconcile;
mod remote;
mod serve;
mod shadow;
mod show;
mod simulate;
mod trunk;

pub use exit::Exit;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

/// Parses the command line and does it.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(args) => demo::demo(args),
        Command::Simulate(args) => simulate::simulate(args),
        Command::Conform(args) => conform::conform(args),
        Command::Peer(args) => demo::peer(args),
        Command::Serve(args) => serve::serve(&args),
        Command::Check(args) => serve::check(&args),
        Command::Keys(args) => keys::run(args),
        Command::Gate(args) => gate::run(args),
        Command::Calendar(args) => calendar::run(args),
        Command::Reload(args) => remote::reload(&args),
        Command::Tail(args) => remote::tail(&args),
        Command::Dnc(args) => dnc::dnc(args),
        Command::Claim(args) => claim::claim(args),
        Command::Trunk(args) => trunk::run(args),
        Command::Clock(args) => clock::run(args),
        Command::Link(args) => link::run(args),
        Command::Records(args) => remote::records(args),
        Command::Audit(args) => audit::run(args),
        Command::Token(args) => keys::token(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("trunkline: {}", failure.message);
            failure.exit.into()
        }
    }
}
