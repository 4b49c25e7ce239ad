//! Pages of snapshots.

use serde::Serialize;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Message;
use trunkline_core::hub::SubSnap;
use trunkline_core::model::{Agent, Call, Duty, Line, Link, Pos};
use trunkline_core::wire::{View, agent_to_pb, call_to_pb, duty_to_pb, line_to_pb, link_to_pb, pb};

/// The pages of one subscription's cut: first the gap summary if there is one, then the state.
pub(super) struct Pages {
    sub: String,
    pos: Pos,
    view: View,
    bytes_max: usize,
    gap: Option<std::vec::IntoIter<Arc<Call>>>,
    calls: Option<std::vec::IntoIter<Arc<Call>>>,
    /// Members beside `objs` of the last page; empty where there is nothing of them.
    lines: String,
    /// Encoded, but did not fit on the page before.
    spilt: Option<String>,
    page: u32,
}

impl Pages {
    pub(super) fn new(snap: SubSnap, pos: Pos, bytes_max: usize) -> Self {
        Self {
            sub: serde_json::Value::from(snap.sub).to_string(),
            pos,
            // A snapshot of figures has no calls to be viewed.
            view: snap.view.of_entities().unwrap_or(View::Masked),
            bytes_max,
            gap: Some(snap.gap.into_iter()).filter(|gap| gap.len() > 0),
            calls: Some(snap.calls.into_iter()),
            lines: lines_of(&snap.lines, &snap.duties)
                + &agents_of(&snap.agents)
                + &links_of(&snap.links)
                + &figures_of(&snap.figures),
            spilt: None,
            page: 0,
        }
    }

    fn page_of(&mut self, is_gap: bool) -> Option<Message> {
        let source = if is_gap { &mut self.gap } else { &mut self.calls };
        let calls = source.as_mut()?;
        let mut out = format!(
            "{{\"t\":\"snap\",\"sub\":{},\"pos\":\"{}\",\"page\":{},\"gap\":{is_gap},\"objs\":[",
            self.sub, self.pos, self.page
        );
        let (head, view) = (out.len(), self.view);
        let tail_bytes = "],\"last\":false}".len();
        loop {
            let encode = || {
                let call = calls.next()?;
                serde_json::to_string(&call_to_pb(&call, view)).ok()
            };
            let Some(object) = self.spilt.take().or_else(encode) else {
                *source = None;
                break;
            };
            if out.len() > head && out.len() + object.len() + 1 + tail_bytes > self.bytes_max {
                self.spilt = Some(object);
                break;
            }
            if out.len() > head {
                out.push(',');
            }
            out.push_str(&object);
        }
        let last = source.is_none();
        self.page = if last { 0 } else { self.page + 1 };
        if last && !is_gap {
            out.push(']');
            out.push_str(&self.lines);
            out.push_str(",\"last\":true}");
        } else {
            out.push_str(if last { "],\"last\":true}" } else { "],\"last\":false}" });
        }
        Some(Message::text(out))
    }
}

/// Lines are few (one a carrier), so that they need no pages of their own.
fn lines_of(lines: &[Arc<Line>], duties: &[Arc<Duty>]) -> String {
    if lines.is_empty() && duties.is_empty() {
        return String::new();
    }
    let list = |rows: Vec<String>| rows.join(",");
    let lines = list(lines.iter().filter_map(|l| json(&line_to_pb(l))).collect());
    let duties = list(duties.iter().filter_map(|d| json(&duty_to_pb(d))).collect());
    format!(",\"lines\":[{lines}],\"duties\":[{duties}]")
}

/// A site has some hundred agents at most, of half a kilobyte each.
fn agents_of(agents: &[Arc<Agent>]) -> String {
    if agents.is_empty() {
        return String::new();
    }
    let agents: Vec<String> = agents.iter().filter_map(|a| json(&agent_to_pb(a))).collect();
    format!(",\"agents\":[{}]", agents.join(","))
}

/// Links are as few as lines.
fn links_of(links: &[Arc<Link>]) -> String {
    if links.is_empty() {
        return String::new();
    }
    let links: Vec<String> = links.iter().filter_map(|l| json(&link_to_pb(l))).collect();
    format!(",\"links\":[{}]", links.join(","))
}

/// Boards are as many as queues, lines and teams.
fn figures_of(figures: &[pb::Figures]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let figures: Vec<String> = figures.iter().filter_map(json).collect();
    format!(",\"figures\":[{}]", figures.join(","))
}

fn json<T: Serialize>(message: &T) -> Option<String> {
    serde_json::to_string(message).ok()
}

impl Iterator for Pages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.page_of(true).or_else(|| self.page_of(false))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trunkline_core::hub::GrantView;

    #[test]
    fn a_snapshot_without_calls_still_closes_the_cut() {
        let figures = vec![pb::Figures { kind: "site".into(), ..pb::Figures::default() }];
        let snap = SubSnap { figures, ..SubSnap::empty("a\"b".into(), GrantView::Aggregate) };
        let pages: Vec<_> = Pages::new(snap, Pos(7), 1000).collect();
        assert_eq!(pages.len(), 1);
        let read: pb::Snap = serde_json::from_str(pages[0].to_text().unwrap()).unwrap();
        assert_eq!((read.sub.as_str(), read.pos.as_str(), read.last), ("a\"b", "7", true));
        assert_eq!(read.figures[0].kind, "site");
    }
}
