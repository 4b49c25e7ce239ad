//! Control links in the engine: what drivers report of them becomes `link.state_changed`.

use super::input::{LinkIx, Outputs, PbxIx, SwitchConfig};
use super::writer::Engine;
use crate::model::{
    Detail, Entity, EventKind, Link, LinkState, Named, Now, Shift, SystemState, Wall,
};
use crate::pbx::{Fact, LinkReport, News, PbxIdentity};
use std::collections::VecDeque;

/// Stamps that the skew is the median of.
const STAMPS: usize = 31;
/// Fewer stamps say nothing.
const STAMPS_MIN: usize = 5;
/// Longest reason or warning; the rest is cut.
const TEXT_BYTES_MAX: usize = 512;

/// The links of all PBXs.
#[derive(Default)]
pub(super) struct Links {
    /// By PBX, then by place.
    switches: Vec<Vec<OneLink>>,
}

struct OneLink {
    link: Link,
    /// The newest differences of the PBX's stamps to our clock, in microseconds.
    stamps: VecDeque<i64>,
}

impl OneLink {
    fn stamped(&mut self, now: Now, pbx_time: Wall) {
        if self.stamps.len() == STAMPS {
            self.stamps.pop_front();
        }
        self.stamps.push_back(pbx_time.0.saturating_sub(now.wall.0));
    }

    /// The link as an event or a command shows it.
    fn entity(&self) -> Link {
        let mut link = self.link.clone();
        if self.stamps.len() >= STAMPS_MIN {
            let mut sorted: Vec<i64> = self.stamps.iter().copied().collect();
            sorted.sort_unstable();
            let ms = sorted[sorted.len() / 2] / 1000;
            link.clock_skew_ms = i32::try_from(ms).ok();
        }
        link
    }
}

impl Links {
    pub(super) fn new(config: &[SwitchConfig], now: Now) -> Self {
        let links = |switch: &SwitchConfig| {
            let link = |kind: &crate::model::LinkKind| OneLink {
                link: Link {
                    id: format!("{}/{}", switch.name, kind.name()),
                    rev: 0,
                    pbx: switch.name.clone(),
                    kind: *kind,
                    state: LinkState::Connecting,
                    since: now.wall,
                    reason: "trunkline has started".to_owned(),
                    next_try_at: None,
                    version: String::new(),
                    instance: String::new(),
                    lost: 0,
                    clock_skew_ms: None,
                    warning: String::new(),
                },
                stamps: VecDeque::with_capacity(STAMPS),
            };
            switch.links.iter().map(link).collect()
        };
        Self { switches: config.iter().map(links).collect() }
    }

    fn get_mut(&mut self, pbx: PbxIx, link: LinkIx) -> Option<&mut OneLink> {
        self.switches.get_mut(usize::from(pbx.0))?.get_mut(usize::from(link.0))
    }

    fn all(&self) -> impl Iterator<Item = &OneLink> {
        self.switches.iter().flatten()
    }
}

/// What a report makes of a link's state.
struct Change {
    state: LinkState,
    reason: String,
    next_try_at: Option<Wall>,
}

impl Change {
    fn to(state: LinkState, reason: &str) -> Self {
        Self { state, reason: reason.to_owned(), next_try_at: None }
    }
}

impl Engine {
    /// Revisions go on where an earlier run ended, and every link is told.
    pub(super) fn restore_links(&mut self, now: Now, before: Vec<Link>, out: &mut Outputs) {
        for one in self.links.switches.iter_mut().flatten() {
            if let Some(known) = before.iter().find(|l| l.id == one.link.id) {
                one.link.rev = known.rev;
                one.link.version.clone_from(&known.version);
                one.link.instance.clone_from(&known.instance);
            }
        }
        for pbx in 0..self.links.switches.len() {
            for link in 0..self.links.switches[pbx].len() {
                let (Ok(pbx), Ok(link)) = (u16::try_from(pbx), u16::try_from(link)) else { return };
                self.tell_link(now, PbxIx(pbx), LinkIx(link), LinkState::Connecting, out);
            }
        }
    }

    /// The link's own part of a report.
    pub(super) fn link_report(
        &mut self,
        now: Now,
        pbx: PbxIx,
        link: LinkIx,
        report: &LinkReport,
        out: &mut Outputs,
    ) {
        let change = match report {
            LinkReport::Fact(observed) => {
                let Some(one) = self.links.get_mut(pbx, link) else { return };
                if let Some(at) = observed.pbx_time {
                    one.stamped(now, at);
                }
                match &observed.fact {
                    Fact::Snapshot(snapshot) => {
                        let count = snapshot.channels.len();
                        let reason = format!("in step with the PBX: {count} channels");
                        Change::to(LinkState::Up, &reason)
                    }
                    _ => return, // what facts mean is the calls' business
                }
            }
            LinkReport::Connecting => Change::to(LinkState::Connecting, "connecting"),
            LinkReport::Down { reason, refused, next_try } => Change {
                state: if *refused { LinkState::Refused } else { LinkState::Down },
                reason: cut(reason),
                next_try_at: *next_try,
            },
            LinkReport::News(News::Up(identity)) => {
                self.identified(pbx, link, identity);
                Change::to(LinkState::Resyncing, "logged in, asking what is there")
            }
            LinkReport::News(News::Lost(events, why)) => {
                return self.link_lost(now, pbx, link, *events, why, out);
            }
            LinkReport::News(News::Warning(text)) => {
                return self.link_warned(now, pbx, link, text, out);
            }
            LinkReport::News(News::Done(..)) => return,
        };
        self.change_link(now, pbx, link, change, out);
    }

    /// The link has found another run of the PBX than it knew.
    pub(super) fn is_another_run(&self, pbx: PbxIx, link: LinkIx, report: &LinkReport) -> bool {
        let LinkReport::News(News::Up(identity)) = report else { return false };
        let links = self.links.switches.get(usize::from(pbx.0));
        let one = links.and_then(|links| links.get(usize::from(link.0)));
        let known = one.map_or("", |one| one.link.instance.as_str());
        !known.is_empty() && !identity.instance.is_empty() && known != cut(&identity.instance)
    }

    fn identified(&mut self, pbx: PbxIx, link: LinkIx, identity: &PbxIdentity) {
        let Some(one) = self.links.get_mut(pbx, link) else { return };
        one.link.version = cut(&identity.version);
        one.link.instance = cut(&identity.instance);
        one.link.warning.clear();
        one.stamps.clear();
    }

    fn link_lost(
        &mut self,
        now: Now,
        pbx: PbxIx,
        link: LinkIx,
        events: u64,
        why: &str,
        out: &mut Outputs,
    ) {
        let Some(one) = self.links.get_mut(pbx, link) else { return };
        one.link.lost = one.link.lost.saturating_add(events);
        let reason = cut(&format!("link {}: {why}", one.link.id));
        self.status(now, SystemState::MessagesLost, reason, events, out);
        let reason = cut(&format!("{events} events lost ({why}), asking what is there"));
        self.change_link(now, pbx, link, Change::to(LinkState::Resyncing, &reason), out);
    }

    fn link_warned(&mut self, now: Now, pbx: PbxIx, link: LinkIx, text: &str, out: &mut Outputs) {
        let Some(one) = self.links.get_mut(pbx, link) else { return };
        let warning = cut(text);
        if one.link.warning != warning {
            one.link.warning = warning;
            let from = one.link.state;
            self.tell_link(now, pbx, link, from, out);
        }
    }

    /// A state that is the same for the same reason is no news; the next try is only shown.
    fn change_link(
        &mut self,
        now: Now,
        pbx: PbxIx,
        link: LinkIx,
        change: Change,
        out: &mut Outputs,
    ) {
        let Some(one) = self.links.get_mut(pbx, link) else { return };
        let from = one.link.state;
        one.link.next_try_at = change.next_try_at;
        // While one failure follows the other, each try would be an event.
        let retrying = change.state == LinkState::Connecting
            && matches!(from, LinkState::Down | LinkState::Refused);
        let again =
            from == change.state && (from == LinkState::Up || one.link.reason == change.reason);
        if retrying || again {
            return;
        }
        if from != change.state {
            one.link.since = now.wall;
        }
        one.link.state = change.state;
        one.link.reason = change.reason;
        self.tell_link(now, pbx, link, from, out);
    }

    fn tell_link(
        &mut self,
        now: Now,
        pbx: PbxIx,
        link: LinkIx,
        from: LinkState,
        out: &mut Outputs,
    ) {
        let Some(one) = self.links.get_mut(pbx, link) else { return };
        one.link.rev += 1;
        let entity = one.entity();
        let shift = Shift {
            call: None,
            from: from.name().to_owned(),
            to: entity.state.name().to_owned(),
            reason: entity.reason.clone(),
        };
        let detail = Detail { shift: Some(Box::new(shift)), ..Detail::default() };
        let kind = EventKind::LinkStateChanged;
        self.emit(now, kind, Entity::Link(Box::new(entity)), detail, out);
    }

    /// All control links as they stand.
    pub fn links(&self) -> Vec<Link> {
        self.links.all().map(OneLink::entity).collect()
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}
