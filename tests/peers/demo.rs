//! `trunkline demo` as a user runs it.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TRUNKLINE: &str = env!("CARGO_BIN_EXE_trunkline");

fn demo(time: &str, dir: &Path) -> Child {
    Command::new(TRUNKLINE)
        .args(["demo", "--for", time, "--dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run(args: &[&str]) -> String {
    let done = Command::new(TRUNKLINE).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{args:?}: {errors}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_day_is_played_told_and_left_readable() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("demo");
    let began = Instant::now();
    let done = demo("30s", &dir).wait_with_output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}\n{text}");
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());

    let line = |words: &[&str]| {
        let found = text.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "no line with {words:?} in\n{text}");
    };
    line(&["in ", "138****8010 > 95519", "95519 answers after", "ring"]);
    line(&["in ", "customer hung up, talked", "on hold"]);
    line(&["in ", "8011", "gave up after"]);
    line(&["out", "8001 > 138****8001", "gate: allowed (service, workday)"]);
    line(&["out", "138****8001 answers after"]);
    line(&["out", "138****8002", "failed: busy (SIP 486)"]);
    line(&["do-not-call: 138****8001 through 2026-12-29"]);
    line(&["138****8001", "REFUSED: dnc"]);
    line(&["138****8003", "REFUSED: purpose"]);
    line(&["138****8003", "REFUSED: night", "until Thu 2026-10-08 08:30"]);
    line(&["8002 > 120", "never gated"]);
    line(&["138****8003", "REFUSED: statutory-holiday", "until Thu 2026-10-08 08:30"]);
    line(&["phone 8001 hears 403", "rule night; next allowed 2026-10-08T08:30:00+08:00"]);
    line(&["desk of 8001 is back", "missed events replayed"]);
    line(&["clock: Wednesday 2026-09-30 20:05:00 Asia/Shanghai (offset"]);
    assert!(text.lines().all(|l| !l.starts_with("  ✗")), "{text}");
    assert!(text.lines().filter(|l| l.starts_with("  ✓")).count() >= 7, "{text}");
    let account = text.split("=== totals").next().unwrap();
    assert!(!account.contains("13800138"), "a full number is shown:\n{text}");
    let wide: Vec<_> = text.lines().filter(|l| l.chars().count() > 100).collect();
    let about_files = |l: &&&str| !l.contains(&*home.path().to_string_lossy());
    assert_eq!(wide.iter().filter(about_files).count(), 0, "{wide:#?}");

    // The commands that the demo names, word for word.
    let named = |what: &str| {
        let command = text.lines().find(|l| l.contains(what)).unwrap().trim();
        run(&command.split_whitespace().skip(1).collect::<Vec<_>>())
    };
    let records = named("records search");
    assert!(records.lines().count() >= 10, "{records}");
    assert!(records.contains("+8613800138010"), "the holder of the key reads numbers: {records}");
    assert!(named("audit verify").contains("ok"));
    assert!(named("gate explain").contains("statutory-holiday"));
}

/// Process ids that the introduction names.
fn peers(child: &mut Child) -> Vec<u32> {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut pids = Vec::new();
    for line in lines.by_ref().map_while(Result::ok) {
        if line.starts_with("--- ") {
            return pids;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(at) = words.iter().position(|word| *word == "process") {
            pids.extend(words.get(at + 1).and_then(|word| word.parse::<u32>().ok()));
        }
    }
    panic!("the demo ended before its first scene");
}

fn all_gone(pids: &[u32]) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if pids.iter().all(|pid| !is_peer(*pid)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

fn is_peer(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|text| text.contains("peer"))
}

#[test]
fn ctrl_c_ends_it_with_totals_and_without_orphans() {
    let home = tempfile::tempdir().unwrap();
    let mut child = demo("60s", &home.path().join("demo"));
    let pids = peers(&mut child);
    assert_eq!(pids.len(), 4);
    assert!(pids.iter().all(|pid| is_peer(*pid)));
    std::thread::sleep(Duration::from_secs(3)); // calls are in progress
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let mut rest = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    assert!(rest.contains("=== totals"), "{rest}");
    assert!(all_gone(&pids));
}

#[test]
fn a_killed_demo_leaves_no_process_behind() {
    let home = tempfile::tempdir().unwrap();
    let mut child = demo("60s", &home.path().join("demo"));
    let pids = peers(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(all_gone(&pids));
}

#[test]
fn a_used_folder_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("precious"), "x").unwrap();
    let done = demo("25s", home.path()).wait_with_output().unwrap();
    assert!(!done.status.success());
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(errors.contains("is not empty"), "{errors}");
}
