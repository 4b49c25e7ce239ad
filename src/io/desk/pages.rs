//! Pages of snapshots.

use super::frames;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use trunkline_core::hub::SubSnap;
use trunkline_core::model::{Call, Pos};
use trunkline_core::wire::{
    Codec, View, agent_to_pb, duty_to_pb, line_to_pb, link_to_pb, pb, write_call, write_page,
};

/// The pages of one subscription's cut: first the gap summary if there is one, then the state.
pub(super) struct Pages {
    codec: Codec,
    view: View,
    bytes_max: usize,
    gap: Option<std::vec::IntoIter<Arc<Call>>>,
    calls: Option<std::vec::IntoIter<Arc<Call>>>,
    /// The last page without its calls. Lines, duties and links are few, agents some hundred of
    /// half a kilobyte each, boards as many as queues, lines and teams: they need no pages.
    last: pb::Snap,
    /// Encoded, but did not fit on the page before.
    spilt: Option<Bytes>,
    page: u32,
}

/// What the members of a page take beside its calls, without `sub`.
const HEAD_BYTES: usize = 128;
/// What a call takes beside its own bytes: a comma, or its number and length.
const SEPARATOR_BYTES: usize = 4;

impl Pages {
    pub(super) fn new(snap: SubSnap, pos: Pos, bytes_max: usize, codec: Codec) -> Self {
        Self {
            codec,
            // A snapshot of figures has no calls to be viewed.
            view: snap.view.of_entities().unwrap_or(View::Masked),
            bytes_max,
            gap: Some(snap.gap.into_iter()).filter(|gap| gap.len() > 0),
            calls: Some(snap.calls.into_iter()),
            last: pb::Snap {
                sub: snap.sub,
                pos: pos.to_string(),
                lines: snap.lines.iter().map(|l| line_to_pb(l)).collect(),
                duties: snap.duties.iter().map(|d| duty_to_pb(d)).collect(),
                agents: snap.agents.iter().map(|a| agent_to_pb(a)).collect(),
                links: snap.links.iter().map(|l| link_to_pb(l)).collect(),
                figures: snap.figures,
                ..pb::Snap::default()
            },
            spilt: None,
            page: 0,
        }
    }

    fn page_of(&mut self, gap: bool) -> Option<Message> {
        let (calls, is_last) = self.fill(gap)?;
        let (sub, pos) = (self.last.sub.clone(), self.last.pos.clone());
        let more = match is_last && !gap {
            true => std::mem::take(&mut self.last),
            false => pb::Snap::default(),
        };
        let page = pb::Snap { sub, pos, page: self.page, last: is_last, gap, ..more };
        self.page = if is_last { 0 } else { self.page + 1 };
        Some(frames::written(write_page(&page, &calls, self.codec), self.codec))
    }

    /// The calls of the next page, at least one where there is one, and whether none is left.
    fn fill(&mut self, gap: bool) -> Option<(Vec<Bytes>, bool)> {
        let source = if gap { &mut self.gap } else { &mut self.calls };
        let calls = source.as_mut()?;
        let (mut page, mut bytes) = (Vec::new(), HEAD_BYTES + self.last.sub.len());
        loop {
            let encode = || Some(write_call(&*calls.next()?, self.view, self.codec));
            let Some(call) = self.spilt.take().or_else(encode) else {
                *source = None;
                return Some((page, true));
            };
            bytes += call.len() + SEPARATOR_BYTES;
            if bytes > self.bytes_max && !page.is_empty() {
                self.spilt = Some(call);
                return Some((page, false));
            }
            page.push(call);
        }
    }
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
    use trunkline_core::wire::{DeskFrame, read_frame};

    #[test]
    fn a_snapshot_without_calls_still_closes_the_cut() {
        for codec in Codec::ALL {
            let figures = vec![pb::Figures { kind: "site".into(), ..pb::Figures::default() }];
            let snap = SubSnap { figures, ..SubSnap::empty("a\"b".into(), GrantView::Aggregate) };
            let pages: Vec<_> = Pages::new(snap, Pos(7), 1000, codec).collect();
            assert_eq!(pages.len(), 1);
            let read = match &pages[0] {
                Message::Text(text) => serde_json::from_str(text).unwrap(),
                Message::Binary(bytes) => match read_frame(bytes).unwrap().unwrap().frame {
                    DeskFrame::Snap(snap) => snap,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            };
            assert_eq!((read.sub.as_str(), read.pos.as_str(), read.last), ("a\"b", "7", true));
            assert_eq!(read.figures[0].kind, "site");
        }
    }
}
