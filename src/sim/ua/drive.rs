//! Runs a [`Ua`] on a UDP socket.

use super::{
    agent::{Outputs, Ua},
    script::{Behaviour, Command, Report},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{net::UdpSocket, sync::mpsc};
use trunkline_core::model::Mono;

/// How long calls may take to end after `quit`.
const QUIT_GRACE: Duration = Duration::from_secs(2);
/// Orders that wait for a user agent that is spawned.
const ORDERS_MAX: usize = 1024;
/// Largest datagram read; longer ones are cut and then unreadable.
const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

/// The socket of a scripted peer failed.
#[derive(Debug, thiserror::Error)]
#[error("socket of the scripted peer: {0}")]
pub struct DriveError(#[from] std::io::Error);

/// A user agent that runs as a task of this process. It ends when its orders do.
pub struct Spawned {
    /// Its UDP address.
    pub addr: SocketAddr,
    /// Takes orders.
    pub orders: mpsc::Sender<Command>,
    /// Tells.
    pub reports: mpsc::UnboundedReceiver<Report>,
}

/// Starts a user agent whose called users behave like this.
///
/// # Errors
/// If the address cannot be taken.
pub async fn spawn(
    listen: SocketAddr,
    seed: u64,
    plans: Vec<(String, Behaviour)>,
) -> std::io::Result<Spawned> {
    let socket = UdpSocket::bind(listen).await?;
    let addr = socket.local_addr()?;
    let mut ua = Ua::new(addr, seed);
    for (user, plan) in plans {
        let behave = Command::Behave { user, plan };
        ua.command(Mono::default(), behave, &mut Outputs::default());
    }
    let (orders, commands) = mpsc::channel(ORDERS_MAX);
    let (reporting, reports) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let _ = drive(socket, ua, commands, reporting).await; // who reads reports sees the end
    });
    Ok(Spawned { addr, orders, reports })
}

/// Runs until `quit`, or until the sender of `commands` is gone. Reports go to `reports`; a
/// receiver that is gone ends the run as well.
pub async fn drive(
    socket: UdpSocket,
    mut ua: Ua,
    mut commands: mpsc::Receiver<Command>,
    reports: mpsc::UnboundedSender<Report>,
) -> Result<(), DriveError> {
    let origin = Instant::now();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut quit_by: Option<Instant> = None;
    let addr = socket.local_addr()?;
    let _ = reports.send(Report::Listening { addr });
    loop {
        let mut out = Outputs::default();
        let wait = wait_of(&ua, origin, quit_by);
        tokio::select! {
            command = commands.recv(), if quit_by.is_none() => {
                let command = command.unwrap_or(Command::Quit);
                if command == Command::Quit {
                    quit_by = Some(Instant::now() + QUIT_GRACE);
                }
                ua.command(mono(origin), command, &mut out);
            }
            received = socket.recv_from(&mut buffer) => match received {
                Ok((length, source)) => {
                    ua.receive(mono(origin), source, &buffer[..length], &mut out);
                }
                // An ICMP error of an earlier datagram: the peer's port is closed (yet).
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error.into()),
            },
            () = tokio::time::sleep(wait) => {}
        }
        ua.tick(mono(origin), &mut out);
        for (to, wire) in out.datagrams {
            if let Err(error) = socket.send_to(&wire, to).await {
                out.reports.push(Report::Trouble { text: format!("cannot send: {error}") });
            }
        }
        let told = out.reports.into_iter().all(|report| reports.send(report).is_ok());
        let done = quit_by.is_some_and(|by| ua.calls() == 0 || Instant::now() >= by);
        if done || !told {
            let _ = reports.send(Report::Bye);
            return Ok(());
        }
    }
}

fn mono(origin: Instant) -> Mono {
    Mono::default().after(origin.elapsed())
}

fn wait_of(ua: &Ua, origin: Instant, quit_by: Option<Instant>) -> Duration {
    let idle = Duration::from_secs(3600);
    let timer = ua.next_timer().map_or(idle, |at| at.since(mono(origin)));
    let quit = quit_by.map_or(idle, |by| by.saturating_duration_since(Instant::now()));
    timer.min(quit)
}
