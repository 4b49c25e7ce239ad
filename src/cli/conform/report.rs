//! What came of it: a table for people, JSON lines for programs.

use super::case::{Case, Ended, Judged};
use crate::cli::demo::out::say;
use serde_json::json;
use std::time::Duration;

/// Counts verdicts and prints them.
pub(super) struct Report {
    json: bool,
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Report {
    pub fn new(json: bool) -> Self {
        Self { json, passed: 0, failed: 0, skipped: 0 }
    }

    pub fn add(&mut self, case: &Case, judged: &Judged, took: Duration) {
        let (verdict, reason) = match judged {
            Ok(()) => ("pass", ""),
            Err(Ended::Failed(why)) => ("FAIL", why.as_str()),
            Err(Ended::Skipped(why)) => ("skip", why.as_str()),
        };
        *match verdict {
            "pass" => &mut self.passed,
            "FAIL" => &mut self.failed,
            _ => &mut self.skipped,
        } += 1;
        let page = format!("docs/desk-protocol.md#{}", case.section);
        if self.json {
            let verdict = verdict.to_lowercase();
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            return say!(
                "{}",
                json!({
                    "case": case.name, "group": case.group, "verdict": verdict,
                    "reason": reason, "rule": case.rule, "section": page, "ms": ms,
                })
            );
        }
        say!("{verdict}  {:<16}  {}", case.name, case.rule);
        if !reason.is_empty() {
            say!("      {reason}\n      see {page}");
        }
    }

    /// All were played, and what came of it is good enough.
    pub fn is_good(&self, cases: usize, strict: bool) -> bool {
        let done = self.passed + self.failed + self.skipped;
        let all = usize::try_from(done).is_ok_and(|done| done == cases);
        all && self.failed == 0 && !(strict && self.skipped > 0)
    }

    pub fn totals(&self) {
        let Self { json, passed, failed, skipped } = self;
        match json {
            true => say!("{}", json!({"passed": passed, "failed": failed, "skipped": skipped})),
            false => say!("\n{passed} passed, {failed} failed, {skipped} skipped"),
        }
    }
}
