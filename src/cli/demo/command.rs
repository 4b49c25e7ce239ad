//! The two subcommands.

use super::{args::DemoArgs, peer::PeerArgs, run::run};
use crate::cli::{
    exit::{Exit, Failure},
    serve::runtime,
};

/// `trunkline demo`.
pub(in crate::cli) fn demo(args: DemoArgs) -> Result<(), Failure> {
    // The account is the output; the log of the server is for those who ask for it.
    if std::env::var_os("TRUNKLINE_LOG").is_some() {
        crate::telemetry::init();
    }
    runtime()?.block_on(run(args)).map_err(|e| Failure::new(Exit::Failure, format!("demo: {e}")))
}

/// `trunkline peer`.
pub(in crate::cli) fn peer(args: PeerArgs) -> Result<(), Failure> {
    let failed = |e| Failure::new(Exit::Failure, format!("scripted peer: {e}"));
    runtime()?.block_on(super::peer::run_peer(args)).map_err(failed)
}
