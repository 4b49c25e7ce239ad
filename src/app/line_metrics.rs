//! Figures of carrier lines for `/metrics`.

use std::fmt::Write;
use trunkline_core::model::{Line, LineState, Named, RegistrationState};

/// Appends the rows of all lines.
pub(super) fn write(out: &mut String, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    gauge(out, "line_state", "1 for the state the line is in.", lines, |line| {
        LineState::TABLE
            .iter()
            .map(|(state, name)| {
                (format!(",state=\"{name}\""), f64::from(u8::from(line.state == *state)))
            })
            .collect()
    });
    gauge(out, "line_calls", "Calls in progress.", lines, |line| {
        let row = |way: &str, calls| (format!(",direction=\"{way}\""), f64::from(calls));
        vec![row("in", line.calls_in), row("out", line.calls_out)]
    });
    gauge(out, "line_probe_failures", "Probes failed in a row.", lines, |line| {
        vec![(String::new(), f64::from(line.probe_failures))]
    });
    gauge(out, "line_call_failures", "Calls failed in a row.", lines, |line| {
        vec![(String::new(), f64::from(line.call_failures))]
    });
    gauge(out, "line_rtt_seconds", "Newest round trip of a probe.", lines, |line| {
        line.rtt_us.map(|us| (String::new(), us as f64 / 1e6)).into_iter().collect()
    });
    gauge(out, "line_seizures_15m", "INVITEs ended in 15 minutes.", lines, |line| {
        vec![(String::new(), f64::from(line.seizures))]
    });
    let asr = "Answered / seizures of 15 minutes (ITU-T E.411).";
    gauge(out, "line_answer_seizure_ratio", asr, lines, |line| ratio(line.answer_seizure_permille));
    let ner = "Network effectiveness of 15 minutes (ITU-T E.425).";
    gauge(out, "line_network_effectiveness_ratio", ner, lines, |line| {
        ratio(line.network_effectiveness_permille)
    });
    gauge(out, "line_registered", "1 while our registration is in force.", lines, |line| {
        let state = line.registration.as_ref().map(|r| r.state);
        state
            .map(|s| (String::new(), f64::from(u8::from(s == RegistrationState::Registered))))
            .into_iter()
            .collect()
    });
    head(out, "line_late_answers_total", "Answers released as too late.", "counter");
    for line in lines {
        let (name, value) = (label(&line.id), line.late_answers);
        let _ = writeln!(out, "trunkline_line_late_answers_total{{line=\"{name}\"}} {value}");
    }
}

fn ratio(permille: Option<u16>) -> Vec<(String, f64)> {
    permille.map(|p| (String::new(), f64::from(p) / 1000.0)).into_iter().collect()
}

/// One gauge; a row is what follows the label `line`, and a value.
fn gauge(
    out: &mut String,
    name: &str,
    help: &str,
    lines: &[Line],
    rows: impl Fn(&Line) -> Vec<(String, f64)>,
) {
    head(out, name, help, "gauge");
    for line in lines {
        for (labels, value) in rows(line) {
            let line = label(&line.id);
            let _ = writeln!(out, "trunkline_{name}{{line=\"{line}\"{labels}}} {value}");
        }
    }
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP trunkline_{name} {help}\n# TYPE trunkline_{name} {kind}");
}

/// A label value of the text format.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
