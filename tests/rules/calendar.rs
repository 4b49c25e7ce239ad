//! Calendars on the command line: what a person sees, and what two people have to do.

use crate::{file, trunkline};
use std::path::Path;

const NOTICE: &str = include_str!("../../src/core/gate/tests/notices/2026.txt");

/// Runs `calendar`, with exit code and both outputs.
fn calendar(args: &[&str]) -> (Option<i32>, String, String) {
    let all: Vec<&str> = ["calendar"].iter().chain(args).copied().collect();
    trunkline(&all, "")
}

fn kept(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort();
    names
}

#[test]
fn show_tells_notice_and_days() {
    let (code, told, _) = calendar(&["show", "CN", "2020"]);
    assert_eq!(code, Some(0));
    for words in [
        "国办发明电〔2020〕1号",
        "2020-01-27",
        "2020-01-31 fri   holiday     春节",
        "2020-01-25 sat * holiday     春节",
        "2020-01-19 sun   makeup      春节",
    ] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
    let then = ["show", "CN", "2020", "--as-known-at", "2020-01-26T12:00:00Z"];
    let (code, told, _) = calendar(&then);
    assert_eq!(code, Some(0));
    assert!(!told.contains("2020-01-31") && told.contains("2020-02-01 sat   makeup"), "{told}");
    let (code, told, complaint) = calendar(&["show", "CN", "2027"]);
    assert_eq!(code, Some(6), "{told}");
    assert!(complaint.contains("nothing is known of CN 2027"), "{complaint}");
    let (code, _, complaint) = calendar(&["show", "XX", "2026"]);
    assert_eq!(code, Some(6));
    assert!(complaint.contains("CN"), "{complaint}");
}

#[test]
fn diff_tells_each_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = ["--url", "https://www.gov.cn/notice"];
    let same = file(folder.path(), "same.txt", NOTICE);
    let args: Vec<&str> = ["diff", "CN", "2026", &same].into_iter().chain(address).collect();
    assert_eq!(calendar(&args), (Some(0), String::new(), String::new()));
    let other = NOTICE.replace("5月9日（周六）", "5月10日（周日）");
    let other = file(folder.path(), "other.txt", &other);
    let args: Vec<&str> = ["diff", "CN", "2026", &other].into_iter().chain(address).collect();
    let (code, told, complaint) = calendar(&args);
    assert_eq!(code, Some(1), "{complaint}");
    assert_eq!(told, "2026-05-09  makeup      -> rest\n2026-05-10  rest        -> makeup\n");
    let slip = file(folder.path(), "slip.txt", &NOTICE.replace("（周四）至3日", "（周五）至3日"));
    let args: Vec<&str> = ["diff", "CN", "2026", &slip].into_iter().chain(address).collect();
    let (code, _, complaint) = calendar(&args);
    assert_eq!(code, Some(3));
    assert!(complaint.contains("slip.txt: line 6: 2026-01-01 is a Thursday"), "{complaint}");
}

/// The whole way of a year: brought, waiting, confirmed, asked, and what was known before.
#[test]
fn two_people_bring_in_a_year() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("calendars");
    let place = dir.to_string_lossy().into_owned();
    let text =
        file(folder.path(), "2026.txt", &NOTICE.replace("5月9日（周六）", "5月10日（周日）"));
    let import = |more: &[&str]| {
        let address = ["--url", "https://www.gov.cn/notice", "--folder", &place];
        let args = ["import", &text, "--by", "zhang.wei"];
        calendar(&args.iter().chain(&address).chain(more).copied().collect::<Vec<_>>())
    };
    let show = |more: &[&str]| {
        let args = ["show", "CN", "2026", "--folder", &place];
        calendar(&args.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let (code, told, complaint) = import(&[]);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(told.contains("2026-05-10  rest        -> makeup"), "{told}");
    assert!(told.contains("waits for another person"), "{told}");
    assert!(show(&[]).1.contains("2026-05-09 sat   makeup"), "it does not count yet");
    let (code, _, complaint) = import(&[]);
    assert_eq!(code, Some(1), "nothing is written over: {complaint}");

    let confirm = |who: &str| calendar(&["confirm", "CN", "2026", "--by", who, "--folder", &place]);
    let (code, _, complaint) = confirm("ZHANG.WEI");
    assert_eq!(code, Some(3));
    assert!(complaint.contains("another person"), "{complaint}");
    assert_eq!(kept(&dir), [""; 0]);
    let before = jiff::Timestamp::now().to_string();
    let (code, told, complaint) = confirm("li.na");
    assert_eq!(code, Some(0), "{complaint}");
    assert!(told.contains("kept as"), "{told}");
    assert_eq!((kept(&dir).len(), kept(&dir.join("pending")).len()), (1, 0));
    let (_, told, _) = show(&[]);
    assert!(
        told.contains("2026-05-10 sun   makeup") && told.contains("zhang.wei, li.na"),
        "{told}"
    );
    let (_, told, _) = show(&["--as-known-at", &before]);
    assert!(told.contains("2026-05-09 sat   makeup"), "{told}");
    assert_eq!(confirm("li.na").0, Some(6), "nothing waits any more");

    // At once, by two; the older version stays.
    let (code, _, complaint) = import(&["--confirm-by", "li.na"]);
    assert_eq!(code, Some(0), "{complaint}");
    assert_eq!(kept(&dir).len(), 2);
    let (code, _, complaint) = import(&["--confirm-by", "zhang.wei"]);
    assert_eq!(code, Some(2), "{complaint}");

    // A version that somebody edits stops everything that reads the folder, with its name.
    let path = dir.join(&kept(&dir)[1]);
    let edited = std::fs::read_to_string(&path).expect("read").replace("2026-05-10", "2026-05-09");
    std::fs::write(&path, edited).expect("written");
    let (code, _, complaint) = show(&[]);
    assert_eq!(code, Some(3));
    assert!(complaint.contains("changed after its import"), "{complaint}");
    assert!(complaint.contains(&kept(&dir)[1]), "{complaint}");
}

/// The gate's explanation goes by what was known.
#[test]
fn explain_answers_with_what_was_known_then() {
    let at = "2026-10-05T10:00:00+08:00";
    let ask = |more: &[&str]| {
        let args = ["gate", "explain", "13800138000", "--purpose", "service", "--at", at];
        trunkline(&args.iter().chain(more).copied().collect::<Vec<_>>(), "").1
    };
    assert!(ask(&[]).contains("class=holiday"), "{}", ask(&[]));
    let then = ask(&["--as-known-at", "2025-11-03T12:00:00Z"]);
    assert!(then.contains("calendar-gap") && !then.contains("class=holiday"), "{then}");
    let versions = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("calendar ")).map(str::to_owned);
        line.expect("a version")
    };
    assert_ne!(versions(&then), versions(&ask(&[])));
}

/// Two packages from PyPI, at the versions that tests/support/tools.txt pins.
#[test]
fn every_day_is_what_two_packages_say() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules/calendars.py");
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tools");
    let output = std::process::Command::new(tools)
        .args(["python", script, env!("CARGO_BIN_EXE_trunkline")])
        .output()
        .expect("python starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("14598 days compared, 0 differ"), "{told}");
}

/// The computed calendars are what the package computes, day by day.
#[test]
fn computed_calendars_are_made_anew_the_same() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/core/gate/data/make_calendars.py");
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tools");
    let output = std::process::Command::new(tools)
        .args(["python", script, "--check"])
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (code, told, _) = calendar(&["show", "AU", "2026"]);
    assert_eq!(code, Some(0));
    assert!(told.starts_with("AU 2026  computed"), "{told}");
    assert!(told.contains("2026-12-28 mon * holiday"), "{told}");
}
