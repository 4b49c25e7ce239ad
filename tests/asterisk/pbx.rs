//! The Asterisk of a test.

use crate::support::Site;
use crate::support::process::{end, last_lines, poll_until};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// It boots in half a second on a quiet machine.
const BOOTED_WITHIN: Duration = Duration::from_secs(30);

/// A running Asterisk in the place of the PBX.
pub struct Asterisk {
    child: Option<Child>,
    start: Vec<String>,
    dir: PathBuf,
}

impl Asterisk {
    /// Starts one on the site's network; `changes` is a sed script on the files of
    /// deploy/asterisk.
    pub fn start(site: &Site, changes: &str) -> Self {
        let dir = site.path("asterisk");
        let ip = |address: std::net::SocketAddr| address.ip().to_string();
        let start = vec![
            dir.to_str().unwrap().to_owned(),
            ip(site.net.pbx()),
            ip(site.net.trunkline()),
            changes.to_owned(),
        ];
        let mut asterisk = Self { child: None, start, dir };
        asterisk.boot();
        asterisk
    }

    fn boot(&mut self) {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asterisk");
        let mut command = Command::new(scripts.join("start"));
        let child = command.args(&self.start).stdin(Stdio::null()).spawn().unwrap();
        self.child = Some(child);
        let booted = poll_until(BOOTED_WITHIN, || {
            self.command("core waitfullybooted").contains("fully booted")
        });
        assert!(booted, "run tests/asterisk/get first;\n{}", self.log());
    }

    /// As a crash, and up again.
    pub fn restart(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.boot();
    }

    /// What its console answers.
    pub fn command(&self, command: &str) -> String {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asterisk");
        let output = Command::new(scripts.join("run"))
            .arg("-C")
            .arg(self.dir.join("asterisk.conf"))
            .args(["-rx", command])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Channels it has now.
    pub fn channels(&self) -> usize {
        let text = self.command("core show channels count");
        let line = text.lines().find(|l| l.contains("active channel")).unwrap_or("0");
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn log(&self) -> String {
        last_lines(&self.dir.join("log/messages"), 60)
    }
}

impl Drop for Asterisk {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
        if std::thread::panicking() {
            eprintln!("--- Asterisk\n{}\n---", self.log());
        }
    }
}
