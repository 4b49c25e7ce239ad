//! Takes reports apart.

use super::board::LinkSide;
use crate::engine::input::{LinkIx, Outputs, PbxIx};
use crate::engine::writer::Engine;
use crate::model::{Moment, Now, TimeQuality, Wall};
use crate::pbx::{Fact, LinkReport, News, Observed};

impl Engine {
    /// Takes one report of a link.
    pub(in crate::engine) fn pbx_report(
        &mut self,
        now: Now,
        ix: PbxIx,
        link: LinkIx,
        report: LinkReport,
        out: &mut Outputs,
    ) {
        if self.boards.get(ix).is_none() {
            return; // no such PBX
        }
        let restarted = self.is_another_run(ix, link, &report);
        self.link_report(now, ix, link, &report, out);
        match report {
            LinkReport::Fact(Observed { fact: Fact::Snapshot(snapshot), .. }) => {
                self.pbx_snapshot(now, ix, link, snapshot, out);
            }
            LinkReport::Fact(Observed { pbx_time, fact }) => {
                self.pbx_fact(now, ix, stamped(now, pbx_time), fact, out);
            }
            LinkReport::News(News::Up(_)) => self.link_up(now, ix, link, restarted),
            LinkReport::News(News::Lost(..)) => {
                if let Some(side) = self.link_side(ix, link) {
                    side.since = Some(now.mono);
                }
            }
            LinkReport::Down { .. } => {
                if let Some(side) = self.link_side(ix, link) {
                    side.away = side.since.take().is_some() || side.away;
                }
            }
            LinkReport::News(News::Done(..) | News::Warning(_)) | LinkReport::Connecting => {}
        }
    }

    pub(super) fn link_side(&mut self, ix: PbxIx, link: LinkIx) -> Option<&mut LinkSide> {
        self.boards.board(ix)?.links.get_mut(usize::from(link.0))
    }
}

/// The PBX's own stamp; without one, when we saw it.
pub(super) fn stamped(now: Now, pbx_time: Option<Wall>) -> Moment {
    match pbx_time {
        Some(at) => Moment { pbx_time: at, observed_at: now.wall, quality: TimeQuality::Pbx },
        None => Moment::own(now),
    }
}

/// Learnt after the fact: a moment that the PBX does not tell is no more than when we saw it.
pub(super) fn learnt(now: Now, pbx_time: Option<Wall>) -> Moment {
    match pbx_time {
        Some(_) => stamped(now, pbx_time),
        None => Moment { quality: TimeQuality::Reconciled, ..Moment::own(now) },
    }
}
