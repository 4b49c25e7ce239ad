//! Child processes: bounded waits, signals by id, a tidy end.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(5);

/// Sends a signal to a child that has not been waited for yet.
pub fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).unwrap();
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// Waits for the end, at most so long.
pub fn wait_for_exit(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let mut status = None;
    poll_until(within, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status
}

/// Asks nicely, then insists.
pub fn end(child: &mut Child) {
    if child.try_wait().unwrap().is_some() {
        return;
    }
    signal(child, Signal::SIGTERM);
    if wait_for_exit(child, Duration::from_secs(5)).is_none() {
        signal(child, Signal::SIGKILL);
        child.wait().unwrap();
    }
}

/// Whether `done` came true in time.
pub fn poll_until(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if done() {
            return true;
        }
        if started.elapsed() > within {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Whether some process has this UDP address bound, read from the kernel's table.
pub fn udp_is_bound(address: SocketAddr) -> bool {
    in_table("udp", address)
}

/// Whether some process has this TCP address bound, listening or connected.
pub fn tcp_listens(address: SocketAddr) -> bool {
    in_table("tcp", address)
}

fn in_table(protocol: &str, address: SocketAddr) -> bool {
    let (table, wanted) = match address {
        SocketAddr::V4(a) => {
            let ip = u32::from_ne_bytes(a.ip().octets());
            (format!("/proc/net/{protocol}"), format!("{ip:08X}:{:04X}", a.port()))
        }
        SocketAddr::V6(a) => {
            let octets = a.ip().octets();
            let words = octets.chunks_exact(4).map(|w| u32::from_ne_bytes(w.try_into().unwrap()));
            let ip: String = words.map(|w| format!("{w:08X}")).collect();
            (format!("/proc/net/{protocol}6"), format!("{ip}:{:04X}", a.port()))
        }
    };
    let rows = std::fs::read_to_string(table).unwrap();
    rows.lines().any(|row| row.split_whitespace().nth(1) == Some(&wanted))
}

/// Stops every thread of a child; SIGSTOP alone returns before they have stopped.
pub fn stop(child: &Child) {
    signal(child, Signal::SIGSTOP);
    let stopped = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        let mut stats = tasks.map(|t| std::fs::read_to_string(t.unwrap().path().join("stat")));
        // The state follows the name, which stands in parentheses.
        stats.all(|s| s.is_ok_and(|s| s.rsplit(") ").next().is_some_and(|r| r.starts_with('T'))))
    };
    assert!(poll_until(Duration::from_secs(5), stopped), "the process does not stop");
}

/// Resident memory in KiB.
pub fn resident_kib(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let row = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    row.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The end of a log, for a failure report.
pub fn last_lines(path: &Path, count: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
