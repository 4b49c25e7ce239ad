//! The audit log as an auditor sees it: exports that are checked without us, keys that change.

use crate::kit::{self, START, Site, event_at};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use trunkline::store::Opened;
use trunkline_core::model::Committed;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit");

/// The program's commands on a directory that no server holds.
struct Program<'a>(&'a Site);

impl Program<'_> {
    fn config(&self) -> PathBuf {
        let dir = self.0.dir.path();
        let text = format!(
            "[site]\ntenant = \"default\"\nname = \"default\"\ndata_dir = \"{0}/data\"\n\
             master_key = \"{0}/master.key\"\n\
             [sip]\nlisten = [\"127.0.75.1:5060\"]\n\
             [pbx.switch]\naddress = \"127.0.75.2:5060\"\n\
             [carrier.a]\naddress = \"127.0.75.3:5060\"\n\
             [trunk]\nprimary = \"a\"\n\
             [http]\nlisten = \"127.0.75.1:8080\"\ntoken_key = \"{0}/token.key\"\n\
             [admin]\nsocket = \"{0}/admin.sock\"\n",
            dir.display()
        );
        let path = dir.join("trunkline.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        command.args(args).arg("--config").arg(self.config()).output().unwrap()
    }

    fn said(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exports to a folder of that name; the folder.
    fn export(&self, name: &str, args: &[&str]) -> PathBuf {
        let out = self.0.dir.path().join(name);
        self.said(&[&["audit", "export", "--out", out.to_str().unwrap()], args].concat());
        out
    }

    fn key(&self) -> String {
        self.said(&["audit", "key"]).trim().to_owned()
    }
}

/// Events through that position, and a clean stop.
fn write(opened: Opened, through: u64) {
    let from = opened.recovery.head.0 + 1;
    let handle = opened.store.start_journal(256, || START, |_: Committed| {}).unwrap();
    for pos in from..=through {
        kit::push(&handle, event_at(pos));
    }
    handle.close().unwrap();
}

fn site_with(events: u64) -> Site {
    let site = Site::new();
    write(site.open().unwrap(), events);
    site
}

fn python(script: &str, args: &[&str]) -> (bool, String) {
    let output = Command::new("python3").arg(Path::new(SCRIPTS).join(script)).args(args).output();
    let output = output.expect("python3 starts");
    let told = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&told).into_owned())
}

fn verified(folder: &Path, key: &str, more: &[&str]) -> (bool, String) {
    let args = [&[folder.to_str().unwrap(), "--key", key], more].concat();
    python("verify_export.py", &args)
}

/// Words of the checkpoints in an export, as a log collector has them.
fn checkpoints(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("entries.jsonl")).unwrap();
    let entries = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let signed = entries.filter(|e| e["action"] == "audit.checkpoint");
    signed.map(|e| e["object"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_auditor_accepts_the_true_export_and_refuses_every_changed_one() {
    let (site, other) = (site_with(20), site_with(10));
    let folder = Program(&site).export("export", &[]);
    let foreign = Program(&other).export("export", &[]);
    let key = Program(&site).key();
    let (ok, told) = verified(&folder, &key, &[]);
    assert!(ok && told.starts_with("ok: "), "{told}");
    // One statement with jq, sha256sum and nothing else.
    let line = "jq -c 'select(.statement)' entries.jsonl | head -1";
    let shell = format!("{line} | jq -jcS .statement | sha256sum; {line} | jq -r .digest");
    let hashes = Command::new("sh").args(["-c", &shell]).current_dir(&folder).output().unwrap();
    let hashes = String::from_utf8(hashes.stdout).unwrap();
    let words: Vec<&str> = hashes.split_whitespace().collect();
    assert!(words.len() == 3 && words[0].len() == 64 && words[0] == words[2], "{hashes}");

    let args = [folder.to_str().unwrap(), "--key", &key, "--other", foreign.to_str().unwrap()];
    let (ok, told) = python("tamper.py", &args);
    assert!(ok, "{told}");
    println!("{told}");
}

#[test]
fn an_export_holds_the_time_asked_for_and_no_number() {
    let site = site_with(500);
    let program = Program(&site);
    // Positions are milliseconds after the start; decisions stand at 2, 7, 12...
    let (from, to) = (kit::at(100).rfc3339(), kit::at(200).rfc3339());
    let folder = program.export("part", &["--from", &from, "--to", &to]);
    let (ok, told) = verified(&folder, &program.key(), &[]);
    assert!(ok, "{told}");
    let text = std::fs::read_to_string(folder.join("entries.jsonl")).unwrap();
    let decided = text.lines().filter(|line| line.contains("\"statement\":")).count();
    assert!((20..=100).contains(&decided), "{decided} decisions");
    assert!(text.contains(&kit::decision_id(25).to_string()), "the 26th is at 127 ms");
    assert!(!text.contains("138000000"), "a number in the export");
    assert!(text.contains("138****"), "masked numbers are there");
    // Without the running server nobody can show that he is an auditor.
    let token = site.dir.path().join("token");
    std::fs::write(&token, "x").unwrap();
    let clear = program.run(&[
        "audit",
        "export",
        "--clear-numbers",
        "--reason",
        "court",
        "--token-file",
        token.to_str().unwrap(),
        "--out",
        site.dir.path().join("clear").to_str().unwrap(),
    ]);
    assert!(!clear.status.success() && !site.dir.path().join("clear").exists(), "{clear:?}");
    let nothing = program.run(&[
        "audit",
        "export",
        "--from",
        "2001-01-01T00:00:00Z",
        "--to",
        "2001-01-02T00:00:00Z",
        "--out",
        site.dir.path().join("nothing").to_str().unwrap(),
    ]);
    assert_eq!(nothing.status.code(), Some(6), "{nothing:?}");
}

#[test]
fn a_new_key_signs_from_there_on_and_the_old_one_is_gone() {
    let site = site_with(20);
    let program = Program(&site);
    let first = program.key();
    let before = program.export("before", &[]);
    program.said(&["audit", "rotate-key", "--reason", "left the company"]);
    let second = program.key();
    assert_ne!(first, second);
    write(site.open().unwrap(), 40);
    program.said(&["audit", "rotate-key", "--reason", "yearly"]);
    let third = program.key();
    let report = program.said(&["audit", "verify"]);
    let keys: Vec<&str> = report.lines().filter_map(|l| l.strip_prefix("key ")).collect();
    assert_eq!(keys.len(), 3, "{report}");
    assert!(keys[0].starts_with(&first) && keys[2].starts_with(&third), "{report}");

    // Whoever trusts any of them can check all of it; the older export stays good for the first.
    let after = program.export("after", &[]);
    for key in [&first, &second, &third] {
        let (ok, told) = verified(&after, key, &[]);
        assert!(ok, "{told}");
    }
    assert!(verified(&before, &first, &[]).0);
    assert!(!verified(&before, &second, &[]).0, "the second key signed nothing there");
    let pem = program.said(&["audit", "key", "--pem"]);
    assert_eq!(pem, std::fs::read_to_string(after.join("audit-key.pem")).unwrap());
}

/// What was signed once and is kept elsewhere shows a log that was cut or written anew.
#[test]
fn checkpoints_kept_elsewhere_show_a_log_that_was_put_back() {
    let site = site_with(20);
    let program = Program(&site);
    let key = program.key();
    let old = site.dir.path().join("old");
    copy(&site.config.dir, &old);
    write(site.open().unwrap(), 60);
    let kept = site.dir.path().join("kept");
    let folder = program.export("whole", &[]);
    std::fs::write(&kept, checkpoints(&folder).join("\n")).unwrap();
    let kept = kept.to_str().unwrap();
    let (ok, told) = verified(&folder, &key, &["--checkpoint", kept]);
    assert!(ok && !told.contains(" 0 kept"), "{told}");

    // The whole directory of yesterday: sound in itself, and shorter than what was signed.
    std::fs::remove_dir_all(&site.config.dir).unwrap();
    std::fs::rename(&old, &site.config.dir).unwrap();
    let shorter = program.export("shorter", &[]);
    assert!(verified(&shorter, &key, &[]).0, "nothing inside shows it");
    let (ok, told) = verified(&shorter, &key, &["--checkpoint", kept]);
    assert!(!ok && told.contains("the log was"), "{told}");
    // And grown again beyond that, with another past.
    write(site.open().unwrap(), 200);
    let grown = program.export("grown", &[]);
    assert!(verified(&grown, &key, &[]).0);
    let (ok, told) = verified(&grown, &key, &["--checkpoint", kept]);
    assert!(!ok && told.contains("written anew"), "{told}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Whoever holds the files can take a record away; the chain knows of it.
#[test]
fn a_decision_that_is_gone_from_its_month_is_named() {
    let site = site_with(20);
    let month = site.config.dir.join("calls-202601.db");
    let db = rusqlite::Connection::open(month).unwrap();
    let tables: Vec<String> = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let decisions = tables.iter().find(|t| t.contains("decision")).unwrap();
    let first = format!("DELETE FROM {decisions} WHERE k = (SELECT min(k) FROM {decisions})");
    assert_eq!(db.execute(&first, []).unwrap(), 1, "{tables:?}");
    drop(db);
    let report = Program(&site).run(&["audit", "verify"]);
    let told = String::from_utf8(report.stderr).unwrap();
    assert!(!report.status.success() && told.contains("the record behind entry"), "{told}");
}
