//! What came out, in the words of a story.

use super::invariants;
use super::recording::Recording;
use super::story::{Line, Scope, Story, Told};
use std::collections::BTreeMap;
use std::fmt::Write;
use trunkline_core::model::{Call, CallId, Cause, Entity, Event, EventKind, Leg, Named};

/// Calls in the order of their first event.
pub struct Outcome {
    calls: Vec<Seen>,
    broken: Vec<String>,
}

/// One call.
pub struct Seen {
    id: CallId,
    pub direction: String,
    pub lines: Vec<Line>,
}

impl Outcome {
    pub fn of(events: &[Event]) -> Self {
        let mut outcome = Self { calls: Vec::new(), broken: invariants::broken(events) };
        for event in events {
            let Entity::Call(call) = &event.entity else { continue };
            if !event.kind.name().starts_with("call.") {
                continue;
            }
            let at = outcome.calls.iter().position(|c| c.id == call.id).unwrap_or_else(|| {
                let (direction, lines) = (String::new(), Vec::new());
                outcome.calls.push(Seen { id: call.id, direction, lines });
                outcome.calls.len() - 1
            });
            outcome.calls[at].direction = call.direction.name().to_owned();
            outcome.calls[at].lines.push(line(event, call));
        }
        outcome
    }

    /// Whether it is what the story tells of this recording; if not, both beside each other.
    pub fn is(&self, story: &Story, recording: &Recording) -> Result<(), String> {
        let told: Vec<&Told> = story.calls.iter().filter(|c| c.scope.holds(recording)).collect();
        let mut report = String::new();
        for at in 0..told.len().max(self.calls.len()) {
            compare(told.get(at).copied(), self.calls.get(at), story, recording, &mut report);
        }
        for broken in &self.broken {
            let _ = writeln!(report, "  ! {broken}");
        }
        if report.is_empty() { Ok(()) } else { Err(report) }
    }
}

/// Writes down how a call differs, if it does.
fn compare(
    told: Option<&Told>,
    seen: Option<&Seen>,
    story: &Story,
    recording: &Recording,
    report: &mut String,
) {
    let name = told.map_or("not told", |t| &t.name);
    let wanted: Vec<Line> = told
        .iter()
        .flat_map(|t| &t.lines)
        .filter(|line| line.scope.holds(recording))
        .map(|line| as_recorded(line, recording))
        .collect();
    let ignored = |line: &&Line| !story.ignored.contains(&line.kind);
    let got: Vec<&Line> = seen.iter().flat_map(|s| &s.lines).filter(ignored).collect();
    let same = wanted.len() == got.len() && wanted.iter().zip(&got).all(|(w, g)| w.is(g));
    let ways = (told.map(|t| &t.direction), seen.map(|s| &s.direction));
    if same && ways.0 == ways.1 {
        return;
    }
    let way = |w: Option<&String>| w.cloned().unwrap_or_else(|| "no such call".into());
    let _ = writeln!(report, "  call {name}: told {}, seen {}", way(ways.0), way(ways.1));
    for at in 0..wanted.len().max(got.len()) {
        let (w, g) = (wanted.get(at), got.get(at));
        let mark = if w.zip(g.copied()).is_some_and(|(w, g)| w.is(g)) { ' ' } else { '*' };
        let text = |l: Option<String>| l.unwrap_or_default();
        let (w, g) = (text(w.map(Line::to_string)), text(g.map(|g| g.to_string())));
        let _ = writeln!(report, "  {mark} {w:<72} | {g}");
    }
}

/// Asterisk 16 tells no SIP status.
fn as_recorded(line: &Line, recording: &Recording) -> Line {
    let mut line = line.clone();
    if recording.pbx == "asterisk-16" {
        line.keys.remove("sip");
    }
    line
}

fn line(event: &Event, call: &Call) -> Line {
    let leg = event.detail.leg.and_then(|id| call.leg(id));
    let mut keys = BTreeMap::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            keys.insert(key.to_owned(), value);
        }
    };
    let cause = |cause: Option<&Cause>| cause.map(|c| c.csta.name().to_owned());
    let status = |leg: &Leg| leg.cause.as_ref().and_then(|c| c.sip_status).map(|s| s.to_string());
    match event.kind {
        EventKind::CallCleared => {
            put("cause", cause(call.cause.as_ref()));
            put("released_by", call.released_by.map(|r| r.name().to_owned()));
        }
        EventKind::CallConnectionCleared | EventKind::CallFailed => {
            put("cause", leg.and_then(|l| cause(l.cause.as_deref())));
            put("sip", leg.and_then(status));
        }
        EventKind::CallQueued => put("queue", call.queue.as_deref().map(str::to_owned)),
        EventKind::CallTransferred => {
            let transfer = event.detail.transfer.as_ref();
            put("transfer", transfer.map(|t| t.kind.name().to_owned()));
        }
        EventKind::CallDtmf => put("key", event.detail.digit.map(String::from)),
        _ => {}
    }
    Line {
        scope: Scope::default(),
        kind: event.kind.name().to_owned(),
        leg: event.detail.leg.map(|id| u32::from(id.0)),
        role: leg.map(|l| l.role.name().to_owned()),
        device: leg.filter(|l| l.role.is_inside()).map(|l| short(&l.device)),
        keys,
    }
}

/// `1001` of `PJSIP/1001`.
fn short(device: &str) -> String {
    device.rsplit('/').next().unwrap_or_default().to_owned()
}

pub mod tests {
    use super::*;

    /// A call that one leg of was busy.
    pub fn seen() -> Outcome {
        let line = |kind: &str, leg: Option<u32>, keys: &[(&str, &str)]| Line {
            scope: Scope::default(),
            kind: kind.to_owned(),
            leg,
            role: leg.map(|_| "customer".to_owned()),
            device: None,
            keys: keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        let lines = vec![
            line("call.originated", Some(1), &[]),
            line("call.connection_cleared", Some(1), &[("cause", "busy"), ("sip", "486")]),
            line("call.cleared", None, &[("cause", "busy"), ("released_by", "agent")]),
        ];
        let id = CallId(Default::default());
        let call = Seen { id, direction: "inbound".into(), lines };
        Outcome { calls: vec![call], broken: Vec::new() }
    }
}
