//! The real binary with its own folder, configuration and network.

use super::net::Net;
use super::process::{end, last_lines, poll_until, resident_kib, signal, stop, wait_for_exit};
use super::tail::Tail;
use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

const READY_WITHIN: Duration = Duration::from_secs(20);

/// What a test sets about its site.
pub struct SiteOptions {
    /// Purpose of outbound calls that name none.
    pub default_purpose: Option<&'static str>,
    /// The second line is configured.
    pub backup: bool,
    /// The first line lives on the IPv6 loopback address.
    pub carrier_v6: bool,
    /// Wait for a line's first sign of life before the next is tried.
    pub failover_ms: u32,
    /// What stands before the address of the PBX, of the first and of the second line: `tcp:`.
    pub pbx_over: &'static str,
    pub carrier_over: &'static str,
    pub backup_over: &'static str,
    /// Name of the first line, in place of its IP address.
    pub carrier_name: Option<&'static str>,
    /// Transports beside UDP that are listened on, each at its own port of trunkline's address.
    pub listen: &'static [&'static str],
    /// Further keys of the PBX and its sections; `PBX` stands for its IP, `TRUNKLINE` for ours,
    /// `DIR` for the site's folder.
    pub pbx_keys: &'static str,
    /// Further keys of the carriers; without any they are not probed.
    pub carrier_keys: &'static str,
    /// Keys of `[gate]`; `DIR` stands for the site's folder.
    pub gate_keys: &'static str,
    /// Further keys of `[trunk]`.
    pub trunk_keys: &'static str,
    /// Further sections, at the end of the file; `BRANCH` stands for the address of a second PBX.
    pub sections: &'static str,
    /// Further keys of `[sip]`, and its subsections; `DIR` stands for the site's folder, `NAMESERVER` for a
    /// test's own.
    pub sip_keys: &'static str,
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self {
            default_purpose: None,
            backup: false,
            carrier_v6: false,
            failover_ms: 1000,
            pbx_over: "",
            carrier_over: "",
            backup_over: "",
            carrier_name: None,
            listen: &[],
            pbx_keys: "",
            carrier_keys: "probe = { interval_s = 0 }",
            gate_keys: "ruleset = \"cn-seed-service\"",
            trunk_keys: "",
            sections: "",
            sip_keys: "drain_s = 0",
        }
    }
}

/// Folder, network and configuration of one test. Outlives the processes on it.
pub struct Site {
    pub net: Net,
    dir: TempDir,
    carrier: SocketAddr,
}

impl Site {
    pub fn new() -> Self {
        Self::with(&SiteOptions::default())
    }

    pub fn with(options: &SiteOptions) -> Self {
        let net = Net::claim();
        let dir = tempfile::Builder::new().prefix("trunkline-test-").tempdir().unwrap();
        let carrier = if options.carrier_v6 { net.v6(0) } else { net.carrier() };
        let site = Self { net, dir, carrier };
        std::fs::write(site.config(), site.config_text(options)).unwrap();
        for key in ["master.key", "token.key"] {
            let path = site.path(key);
            let mut made = site.command(&["keys", "init", "--out", path.to_str().unwrap()]);
            let output = made.stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success(), "keys init: {output:?}");
        }
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("trunkline.toml")
    }

    /// Where the first line lives.
    pub fn carrier(&self) -> SocketAddr {
        self.carrier
    }

    /// Where that line reaches trunkline.
    pub fn carrier_side(&self) -> SocketAddr {
        if self.carrier.is_ipv6() { self.net.v6(1) } else { self.net.trunkline() }
    }

    /// Runs a command of the binary against this site, with `--config` appended.
    pub fn run(&self, args: &[&str]) -> Output {
        let output = self.try_run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        output
    }

    /// The same where it may fail.
    pub fn try_run(&self, args: &[&str]) -> Output {
        self.command(args).arg("--config").arg(self.config()).stdin(Stdio::null()).output().unwrap()
    }

    /// Starts a command and leaves it running.
    pub fn start_command(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.arg("--config").arg(self.config()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The binary with these words, in the site's folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        command.args(args).current_dir(self.dir.path());
        command
    }

    fn config_text(&self, options: &SiteOptions) -> String {
        let Self { net, dir, carrier } = self;
        let dir = dir.path().display();
        let mut listen = vec![format!("\"{}\"", net.trunkline())];
        if options.carrier_v6 {
            listen.push(format!("\"{}\"", net.v6(1)));
        }
        for transport in options.listen {
            listen.push(format!("\"{transport}:{}\"", net.trunkline_over(transport)));
        }
        if options.carrier_v6 && options.listen.contains(&"tcp") {
            listen.push(format!("\"tcp:{}\"", net.v6(1)));
        }
        let purpose = options
            .default_purpose
            .map(|p| format!("default_purpose = \"{p}\""))
            .unwrap_or_default();
        let (second, backup) = match options.backup {
            true => {
                let (keys, over) = (options.carrier_keys, options.backup_over);
                let second =
                    format!("[carrier.second]\naddress = \"{}{}\"\n{keys}", over, net.backup());
                (second, "backup = \"second\"")
            }
            false => (String::new(), ""),
        };
        format!(
            r#"
[site]
tenant = "acme"
name = "main"
data_dir = "{dir}/data"
master_key = "{dir}/master.key"
[sip]
listen = [{listen}]
failover_ms = {failover_ms}
{sip_keys}
[pbx.asterisk]
address = "{pbx_over}{pbx}"
purpose_header = "X-Trunkline-Purpose"
{purpose}
{pbx_keys}
[carrier.main]
address = "{carrier_over}{carrier}"
{carrier_keys}
{second}
[trunk]
primary = "main"
{backup}
{trunk_keys}
[gate]
{gate_keys}
internal = ["1xxx"]
[http]
listen = "{http}"
token_key = "{dir}/token.key"
[admin]
socket = "{dir}/admin.sock"
{sections}
"#,
            sections = options.sections.replace("BRANCH", &net.branch().to_string()),
            listen = listen.join(", "),
            failover_ms = options.failover_ms,
            pbx_over = options.pbx_over,
            pbx_keys = options
                .pbx_keys
                .replace("PBX", &net.pbx().ip().to_string())
                .replace("TRUNKLINE", &net.trunkline().ip().to_string())
                .replace("DIR", &dir.to_string()),
            carrier_over = options.carrier_over,
            carrier_keys = options.carrier_keys,
            gate_keys = options.gate_keys.replace("DIR", &dir.to_string()),
            trunk_keys = options.trunk_keys,
            carrier = options.carrier_name.map_or(carrier.to_string(), str::to_owned),
            sip_keys = options
                .sip_keys
                .replace("DIR", &dir.to_string())
                .replace("NAMESERVER", &net.name_server().to_string()),
            pbx = net.pbx(),
            http = net.http(),
        )
    }

    /// Starts serving with the wall clock at `clock` (the machine's, if that is empty) and waits
    /// until it is ready.
    pub fn serve(&self, clock: &str) -> Server {
        Server::start(self, clock)
    }

    /// The same with environment variables, for faults of the machine.
    pub fn serve_with(&self, clock: &str, env: &[(&str, &Path)]) -> Server {
        let mut command = self.command(&[]);
        command.envs(env.iter().copied());
        Server::start_as(self, clock, command)
    }

    /// Follows the log from `from`, or from its end.
    pub fn tail(&self, from: Option<u64>) -> Tail {
        let mut command = self.command(&["tail", "--json", "--config"]);
        command.arg(self.config());
        if let Some(from) = from {
            command.args(["--from", &from.to_string()]);
        }
        Tail::start(command)
    }

    /// `trunk show NAME --json`.
    pub fn line(&self, name: &str) -> serde_json::Value {
        let shown = self.run(&["trunk", "show", name, "--json"]).stdout;
        serde_json::from_slice(&shown).unwrap()
    }

    /// Waits until a line is in this state.
    pub fn until_line(&self, name: &str, state: &str) -> serde_json::Value {
        let mut line = self.line(name);
        let reached = poll_until(Duration::from_secs(20), || {
            line = self.line(name);
            line["state"] == state
        });
        assert!(reached, "{name} is never {state}: {line:#}");
        line
    }

    /// A desk that sees everything.
    pub fn supervisor(&self) -> super::Desk {
        let mint = ["token", "mint", "--subject", "s1", "--role", "supervisor"];
        let minted = self.run(&[mint.as_slice(), &["--at", super::WORKDAY_MORNING]].concat());
        let token = String::from_utf8(minted.stdout).unwrap();
        super::Desk::supervisor(self.net.http(), token.trim())
    }

    pub fn metrics(&self) -> String {
        http_get(self.net.http(), "/metrics")
    }

    /// Sum of all samples of a metric, whatever their labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let samples = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        let samples: Vec<f64> = samples.collect();
        assert!(!samples.is_empty(), "no metric {name} in\n{text}");
        samples.iter().sum()
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// A serving process.
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    fn start(site: &Site, clock: &str) -> Self {
        Self::start_as(site, clock, site.command(&[]))
    }

    fn start_as(site: &Site, clock: &str, mut command: Command) -> Self {
        let log = site.path("serve.log");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.arg("serve");
        if !clock.is_empty() {
            command.args(["--clock", clock]);
        }
        let mut child = command
            .arg("--config")
            .arg(site.config())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = mpsc::channel();
        // Reads on to the end, so that the process never blocks on a full pipe.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if line.starts_with("ready ") {
                    let _ = tell.send(line);
                }
            }
        });
        let server = Self { child, log };
        if let Err(error) = told.recv_timeout(READY_WITHIN) {
            panic!("trunkline is not ready ({error}):\n{}", last_lines(&server.log, 40));
        }
        server
    }

    pub fn signal(&self, which: Signal) {
        signal(&self.child, which);
    }

    /// Returns when no thread of it runs any more; SIGCONT ends it.
    pub fn pause(&self) {
        stop(&self.child);
    }

    /// As a crash: no drain, no flush.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    /// Asks for a drain; the answer is the exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        wait_for_exit(&mut self.child, Duration::from_secs(15)).and_then(|s| s.code())
    }

    pub fn resident_kib(&self) -> u64 {
        resident_kib(&self.child)
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn log(&self) -> String {
        last_lines(&self.log, usize::MAX)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
        if std::thread::panicking() {
            eprintln!("--- trunkline's log\n{}\n---", last_lines(&self.log, 60));
        }
    }
}

/// Body of a plain HTTP answer 200.
pub fn http_get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    body.to_owned()
}
