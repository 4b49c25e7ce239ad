//! The hidden subcommand `trunkline peer`: one scripted peer as a process.

use crate::sim::{PeerKind, PeerOptions, run_desk, run_sip_peer};
use std::net::SocketAddr;

/// Plays one scripted peer: orders come on the standard input, reports go to the standard output,
/// one JSON object a line. It ends with its input.
#[derive(Clone, Debug, clap::Args)]
pub struct PeerArgs {
    /// Which
    #[command(subcommand)]
    pub kind: Kind,
}

/// The peers.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Kind {
    /// A carrier: calls in, and answers what comes out
    Carrier(SipArgs),
    /// The phones behind a PBX
    Phones(SipArgs),
    /// A desk on the WebSocket
    Desk,
}

/// Where a SIP peer lives.
#[derive(Clone, Debug, clap::Args)]
pub struct SipArgs {
    /// UDP address; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Where its calls go; may be ordered later
    #[arg(long)]
    pub server: Option<SocketAddr>,
}

/// Plays the peer until its input ends.
///
/// # Errors
/// If its socket fails.
pub(super) async fn run_peer(args: PeerArgs) -> std::io::Result<()> {
    let (kind, sip) = match args.kind {
        Kind::Carrier(sip) => (PeerKind::Carrier, sip),
        Kind::Phones(sip) => (PeerKind::Phones, sip),
        Kind::Desk => {
            run_desk().await;
            return Ok(());
        }
    };
    let options = PeerOptions { kind, listen: sip.listen, server: sip.server };
    run_sip_peer(options).await.map_err(std::io::Error::other)
}
