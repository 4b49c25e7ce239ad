//! The peers as child processes.

use serde::Serialize;
use serde_json::Value;
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
};

/// How long a peer may take to end by itself.
const END_GRACE: Duration = Duration::from_secs(3);

/// The peers of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Carrier,
    Phones,
    /// Desk that sees the whole site.
    Supervisor,
    /// Desk of extension 8001.
    Agent,
}

impl Who {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Carrier => &["peer", "carrier"],
            Self::Phones => &["peer", "phones"],
            Self::Supervisor | Self::Agent => &["peer", "desk"],
        }
    }
}

/// A line of a peer; `None` when it has ended.
pub(super) type Told = (Who, Option<Value>);

/// A peer. Its input is a pipe of ours, so it ends when this process does, however that happens;
/// dropping it kills it.
pub(super) struct Peer {
    who: Who,
    child: Child,
    input: Option<ChildStdin>,
    pub pid: u32,
}

impl Peer {
    /// Starts a peer from our own executable, in a process group of its own: Ctrl-C is for us, and
    /// we tell the peers.
    pub fn start(who: Who, told: mpsc::Sender<Told>) -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(who.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let input = child.stdin.take();
        let output = child.stdout.take();
        tokio::spawn(async move {
            let Some(output) = output else { return };
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Ok(value) = serde_json::from_str(&line) else { continue };
                if told.send((who, Some(value))).await.is_err() {
                    return;
                }
            }
            let _ = told.send((who, None)).await;
        });
        Ok(Self { who, child, input, pid })
    }

    /// Gives an order.
    pub async fn order<T: Serialize>(&mut self, order: &T) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        match &mut self.input {
            Some(input) => input.write_all(&line).await,
            None => Err(std::io::Error::other(format!("{:?} has been dismissed", self.who))),
        }
    }

    /// Closes its input, waits, and kills it if it stays. `true` if it ended by itself.
    pub async fn dismiss(&mut self) -> bool {
        self.input = None;
        match tokio::time::timeout(END_GRACE, self.child.wait()).await {
            Ok(status) => status.is_ok_and(|status| status.success()),
            Err(_) => {
                let _ = self.child.kill().await;
                false
            }
        }
    }
}
