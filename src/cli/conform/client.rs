//! The client as a process, when we start it.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// A running client; dropping it kills it with all that it started.
pub(super) struct Client {
    child: Child,
    group: Option<Pid>,
}

impl Client {
    pub fn start(command: &str, url: &str, token: &str) -> std::io::Result<Self> {
        let child = Command::new("sh")
            .args(["-c", command])
            .env("TRUNKLINE_URL", url)
            .env("TRUNKLINE_TOKEN", token)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Self { child, group })
    }

    /// It has ended by itself, and how.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Its group is ours to end as long as we have not waited for it.
        if self.ended().is_none()
            && let Some(group) = self.group
        {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
