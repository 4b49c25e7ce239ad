//! The subcommand.

use super::{args::SimulateArgs, run::run};
use crate::cli::{
    exit::{Exit, Failure},
    serve::runtime,
};

/// `trunkline simulate`.
pub(in crate::cli) fn simulate(args: SimulateArgs) -> Result<(), Failure> {
    // The log of the server is for those who ask for it.
    if std::env::var_os("TRUNKLINE_LOG").is_some() {
        crate::telemetry::init();
    }
    args.check().map_err(|why| Failure::new(Exit::Usage, why))?;
    let failed = |e| Failure::new(Exit::Failure, format!("simulate: {e}"));
    runtime()?.block_on(run(args)).map_err(failed)
}
