//! A SIP peer as a process: orders on the standard input, reports on the standard output.

use super::{
    carrier,
    lines::{orders, print_line},
    phones,
    ua::{Command, DriveError, Outputs, Ua, drive},
};
use std::net::SocketAddr;
use tokio::{net::UdpSocket, sync::mpsc};
use trunkline_core::model::Mono;

/// Which peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Calls in, is called from the PBX.
    Carrier,
    /// The phones behind a PBX.
    Phones,
}

/// Where a peer lives.
#[derive(Clone, Copy, Debug)]
pub struct PeerOptions {
    /// What it plays.
    pub kind: PeerKind,
    /// Its UDP address; port 0 takes a free one, which the first report names.
    pub listen: SocketAddr,
    /// Where it sends calls; may be told later.
    pub server: Option<SocketAddr>,
}

/// Plays the peer until it is told to quit or its standard input ends.
pub async fn run(options: PeerOptions) -> Result<(), DriveError> {
    let socket = UdpSocket::bind(options.listen).await?;
    let mut ua = Ua::new(socket.local_addr()?, seed());
    let plans = match options.kind {
        PeerKind::Carrier => carrier::plans(),
        PeerKind::Phones => phones::plans(),
    };
    let mut nothing = Outputs::default();
    for (user, plan) in plans {
        ua.command(Mono::default(), Command::Behave { user, plan }, &mut nothing);
    }
    if let Some(addr) = options.server {
        ua.command(Mono::default(), Command::Server { addr }, &mut nothing);
    }
    let (sender, mut reports) = mpsc::unbounded_channel();
    let printer = tokio::spawn(async move {
        while let Some(report) = reports.recv().await {
            if !print_line(&report) {
                return;
            }
        }
    });
    let result = drive(socket, ua, orders(), sender).await;
    let _ = printer.await;
    result
}

/// Without entropy, the process id still keeps two peers of one machine apart.
fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()))
}
