//! The subcommand.

use super::args::ConformArgs;
use super::case::CASES;
use super::run::run;
use crate::cli::demo::out::say;
use crate::cli::{
    exit::{Exit, Failure},
    serve::runtime,
};

/// `trunkline conform`.
pub(in crate::cli) fn conform(args: ConformArgs) -> Result<(), Failure> {
    if args.list {
        for case in CASES {
            say!("{:<9} {:<16} {}", case.group, case.name, case.rule);
        }
        return Ok(());
    }
    let cases = args.cases().map_err(|why| Failure::new(Exit::Usage, why))?;
    let failed = |why: String| Failure::new(Exit::Failure, why);
    match runtime()?.block_on(run(args, &cases)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed("conform: the client does not keep the protocol".to_owned())),
        Err(error) => Err(failed(format!("conform: {error}"))),
    }
}
