//! The program's evaluator against one in Python that was written from the texts alone.

mod calendar;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the comparison; its output names the first differences.
fn compare(count: u32, seed: u32, next: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules/reference.py");
    let output = Command::new("python3")
        .args([script, env!("CARGO_BIN_EXE_trunkline")])
        .args(["--count", &count.to_string(), "--seed", &seed.to_string(), "--next", next])
        .output()
        .expect("python3 starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaint}");
    // Rules that never refuse were never compared.
    for rule in [
        "night",
        "window",
        "guard",
        "statutory-holiday",
        "calendar-gap",
        "public-holiday",
        "opt-in",
        "cooldown",
        "refused",
        "do-not-call",
        "three-a-day",
        "two-a-day",
        "three-a-week",
        "one-talk",
        "once",
        "blackout",
        "noon",
        "sunday",
        "may",
        "rest",
        "no_ruleset",
        "uk-tps",
        "us-national-dnc",
    ] {
        assert!(told.contains(&format!(" {rule} ")), "{rule} never refused: {told}");
    }
}

fn trunkline(args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("trunkline starts");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path.to_string_lossy().into_owned()
}

const OWN: &str = r#"
schema = 1
[ruleset.own]
applies = { region = ["CN-mainland"], purpose = ["service"] }
zone = { source = "callee" }
purpose = { cite = "p" }
dnc = { cite = "d" }
window = [{ classes = ["any"], spans = [["09:00", "12:00"], ["13:00", "17:00"]], cite = "w" }]
"#;

#[test]
fn lint_tells_what_is_odd_and_exits_with_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, told, _) = trunkline(&["gate", "lint"], "");
    assert_eq!(code, Some(0), "the shipped rules are sound: {told}");
    assert!(told.contains("disabled"), "what sleeps is told: {told}");
    let sound = file(folder.path(), "sound.toml", OWN);
    assert_eq!(trunkline(&["gate", "lint", &sound], "").0, Some(0));
    let odd = file(folder.path(), "odd.toml", &OWN.replace("cite = \"w\"", "cite = \"\""));
    let (code, told, complaint) = trunkline(&["gate", "lint", &odd, "--json"], "");
    assert_eq!(code, Some(1), "{told} {complaint}");
    assert!(told.contains("\"kind\":\"no-citation\""), "{told}");
    let bad = file(folder.path(), "bad.toml", &OWN.replace("09:00", "9"));
    let (code, _, complaint) = trunkline(&["gate", "lint", &bad], "");
    assert_eq!(code, Some(3), "{complaint}");
    for word in ["bad.toml", "line 8", "HH:MM"] {
        assert!(complaint.contains(word), "no {word:?} in {complaint}");
    }
}

/// Four calls: the norm allows the first two, the site's rules the first and the last.
#[test]
fn a_dry_run_counts_what_would_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let calls: String = ["10:00", "12:30", "07:00", "16:00"]
        .iter()
        .zip(["2026-01-05", "2026-01-05", "2026-01-05", "2026-10-05"])
        .map(|(time, day)| {
            format!(
                "{{\"number\":\"13800138000\",\"purpose\":\"service\",\
                 \"at\":\"{day}T{time}:00+08:00\"}}\n"
            )
        })
        .collect();
    let own = file(folder.path(), "own.toml", OWN);
    let args = ["gate", "dry-run", "-", "--rules", &own, "--json"];
    let (code, told, complaint) = trunkline(&args, &calls);
    assert_eq!(code, Some(0), "{complaint}");
    let lines: Vec<serde_json::Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert_eq!((&lines[0]["line"], &lines[0]["change"]), (&2.into(), &"newly_denied".into()));
    assert_eq!((&lines[1]["line"], &lines[1]["change"]), (&4.into(), &"newly_allowed".into()));
    let counts = &lines[2];
    let of = |key: &str| counts[key].as_u64();
    assert_eq!(of("calls"), Some(4));
    assert_eq!((of("allowed"), of("denied")), (Some(1), Some(1)));
    assert_eq!((of("newly_denied"), of("newly_allowed")), (Some(1), Some(1)));
    assert_eq!(counts["newly_denied_by"]["window"], 1);
    assert_eq!(counts["newly_allowed_by"]["statutory-holiday"], 1);
}

#[test]
fn a_batch_names_the_line_it_cannot_read() {
    let good = "{\"number\":\"13800138000\",\"at\":\"2026-01-05T10:00:00+08:00\"}\n";
    for (bad, words) in [
        ("{\"number\":\"1\"}", &["missing field", "at"][..]),
        ("{\"number\":\"1\",\"at\":\"now\"}", &["at:", "RFC 3339"]),
        (
            "{\"number\":\"1\",\"at\":\"2026-01-05T10:00:00Z\",\"purpos\":\"x\"}",
            &["unknown field", "purpose"],
        ),
        (
            "{\"number\":\"1\",\"at\":\"2026-01-05T10:00:00Z\",\"purpose\":\"A b\"}",
            &["purpose:", "lower-case"],
        ),
        (
            "{\"number\":\"1\",\"at\":\"2026-01-05T10:00:00Z\",\"claims\":[\"boss\"]}",
            &["consent", "running_contract"],
        ),
    ] {
        let input = format!("{good}\n{bad}\n");
        let (code, told, complaint) = trunkline(&["gate", "explain", "--batch", "-"], &input);
        assert_eq!(code, Some(2), "{told} {complaint}");
        for word in ["line 3"].iter().chain(words) {
            assert!(complaint.contains(word), "no {word:?} in {complaint}");
        }
    }
    let (code, told, _) = trunkline(&["gate", "explain", "--batch", "-"], good);
    assert_eq!(code, Some(0));
    assert!(told.contains("\"refused_by\":[\"purpose\"]"), "{told}");
}

/// The intake of a complaint before a break: is there a lawful time within 24 hours?
#[test]
fn explain_tells_the_last_chance() {
    let args = [
        "gate",
        "explain",
        "13800138000",
        "--purpose",
        "callback.routine",
        "--at",
        "2026-02-14T16:00:00+08:00",
        "--before",
        "2026-02-15T16:00:00+08:00",
    ];
    let (code, told, _) = trunkline(&args, "");
    assert_eq!(code, Some(0));
    assert!(told.contains("last chance    before 2026-02-14T17:30:00+08:00"), "{told}");
}

#[test]
fn a_hundred_thousand_questions_have_the_same_answer() {
    compare(100_000, 20_261_122, "0.005");
}

#[test]
fn two_thousand_searches_have_the_same_answer() {
    compare(6_000, 11, "0.3");
}
