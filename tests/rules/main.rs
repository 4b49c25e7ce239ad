//! The program's evaluator against one in Python that was written from the texts alone.

use std::process::Command;

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
    ] {
        assert!(told.contains(&format!(" {rule} ")), "{rule} never refused: {told}");
    }
}

#[test]
fn a_hundred_thousand_questions_have_the_same_answer() {
    compare(100_000, 20_261_122, "0.005");
}

#[test]
fn two_thousand_searches_have_the_same_answer() {
    compare(10_000, 7, "0.2");
}
