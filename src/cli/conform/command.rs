//! The subcommand.

use super::args::ConformArgs;
use super::run::run;
use super::server;
use crate::cli::demo::out::say;
use crate::cli::{
    exit::{Exit, Failure},
    serve::runtime,
};

/// `trunkline conform`.
pub(in crate::cli) fn conform(args: ConformArgs) -> Result<(), Failure> {
    if args.list {
        for case in args.all() {
            say!("{:<9} {:<16} {}", case.group, case.name, case.rule);
        }
        return Ok(());
    }
    let cases = args.cases().map_err(|why| Failure::new(Exit::Usage, why))?;
    let failed = |why: String| Failure::new(Exit::Failure, why);
    let who = if args.url.is_some() { "server" } else { "client" };
    let done = match &args.url {
        Some(url) => runtime()?.block_on(server::run(url, &args, &cases)),
        None => runtime()?.block_on(run(args, &cases)),
    };
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed(format!("conform: the {who} does not keep the protocol"))),
        Err(error) => Err(failed(format!("conform: {error}"))),
    }
}
