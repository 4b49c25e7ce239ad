//! sipp as a peer: our scenarios, bounded in time, with the whole exchange in the failure report.

use super::process::{end, last_lines, poll_until, tcp_listens, udp_is_bound, wait_for_exit};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A scenario never runs longer than this.
const BOUND: Duration = Duration::from_secs(30);

/// How to run one scenario of `tests/sip/sipp`.
pub struct Sipp {
    name: String,
    xml: String,
    args: Vec<String>,
    local: SocketAddr,
    /// Listens over TCP.
    tcp: bool,
}

/// A running scenario.
pub struct Running {
    name: String,
    child: Child,
    dir: TempDir,
}

impl Sipp {
    /// A story that waits for a call at `local`.
    pub fn callee(story: &str, local: SocketAddr) -> Self {
        Self::scenario(story, local)
    }

    /// A story in which `from` calls `number` through `proxy`.
    pub fn caller(story: &str, local: SocketAddr, proxy: SocketAddr, call: [&str; 2]) -> Self {
        let [from, number] = call;
        let mut this = Self::scenario(story, local).with("CALLER", from);
        this.args.extend(["-s".into(), number.into(), proxy.to_string()]);
        this
    }

    fn scenario(story: &str, local: SocketAddr) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sip/sipp/{story}.xml"));
        let xml = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        Self { name: story.to_owned(), xml, args: Vec::new(), local, tcp: false }
    }

    /// Over TCP: `t1` one connection, `tn` one for each call.
    pub fn over(mut self, mode: &str) -> Self {
        self.args.extend(["-t".into(), mode.into(), "-max_socket".into(), "500".into()]);
        self.tcp = true;
        self
    }

    /// So many calls, so many a second; without it, one.
    pub fn calls(mut self, count: u32, per_second: u32) -> Self {
        self.args.extend(["-m".into(), count.to_string(), "-r".into(), per_second.to_string()]);
        self
    }

    /// Fills `@NAME@` in the scenario.
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let mark = format!("@{name}@");
        assert!(self.xml.contains(&mark), "{} has no {mark}", self.name);
        self.xml = self.xml.replace(&mark, &value.to_string());
        self
    }

    /// Adds a header line to the INVITE of a caller's story.
    pub fn header(self, line: &str) -> Self {
        self.with("HEADER", line)
    }

    /// Starts it; a callee is bound when this returns.
    pub fn start(mut self) -> Running {
        self.xml = self.xml.replace("@HEADER@", "X-Story: plain");
        let is_mark = |t: &&str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_uppercase());
        let open = self.xml.split('@').find(is_mark);
        assert!(open.is_none(), "{}: {open:?} is not filled in", self.name);
        let dir = tempfile::Builder::new().prefix("trunkline-sipp-").tempdir().unwrap();
        let scenario = dir.path().join("story.xml");
        std::fs::write(&scenario, &self.xml).unwrap();
        let ip = match self.local.ip() {
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            std::net::IpAddr::V4(ip) => ip.to_string(),
        };
        let screen = std::fs::File::create(dir.path().join("screen")).unwrap();
        let child = Command::new("sipp")
            .args(["-sf", "story.xml", "-i", &ip, "-mi", &ip, "-p"])
            .arg(self.local.port().to_string())
            .args(["-m", "1", "-nostdin", "-timeout_error", "-timeout"])
            .arg(format!("{}s", BOUND.as_secs()))
            .args([
                "-trace_msg",
                "-message_file",
                "messages",
                "-trace_err",
                "-error_file",
                "errors",
            ])
            .args(&self.args)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(screen.try_clone().unwrap())
            .stderr(screen)
            .spawn()
            .expect("sipp starts; tests/run installs it (package sip-tester)");
        let mut running = Running { name: self.name, child, dir };
        let bound = poll_until(Duration::from_secs(5), || {
            self.tcp && tcp_listens(self.local)
                || udp_is_bound(self.local)
                || running.child.try_wait().unwrap().is_some()
        });
        assert!(bound, "sipp {} did not bind {}", running.name, self.local);
        running
    }

    /// Starts it and waits for its good end.
    pub fn run(self) -> Vec<String> {
        self.start().finish()
    }
}

impl Running {
    /// Waits for the good end of the story; the messages it received, in order.
    pub fn finish(mut self) -> Vec<String> {
        let status = wait_for_exit(&mut self.child, BOUND + Duration::from_secs(5));
        let fine = status.is_some_and(|s| s.success());
        assert!(fine, "sipp story {} failed ({status:?})\n{}", self.name, self.report());
        self.received()
    }

    fn received(&self) -> Vec<String> {
        let bytes = std::fs::read(self.file("messages")).unwrap_or_default();
        let log = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        let parts = log.split("----------------------------------------------- ");
        parts
            .filter_map(|part| {
                let (head, message) = part.split_once("\n\n")?;
                head.contains("message received").then(|| message.trim_start().to_owned())
            })
            .collect()
    }

    fn report(&self) -> String {
        let part = |name: &str| format!("--- {name}\n{}\n", last_lines(&self.file(name), 200));
        format!("{}{}{}", part("errors"), part("messages"), part("screen"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
