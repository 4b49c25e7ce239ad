//! Figures for screens: how many calls and agents stand in which state. No entity, no person.
//!
//! They are counted anew from the read model when somebody watches and something has changed, at
//! most ten times a second: a site without screens pays nothing, and no sum can drift.

use super::access::{Staff, Topic};
use super::ring::Frame;
use crate::model::{Agent, Call, Named as _, Pos};
use crate::wire::{Codec, DeskFrame, pb, write_frame};
use std::collections::{BTreeMap, BTreeSet};

/// Boards in one `batch` frame: some 30 KiB.
const BATCH_ITEMS_MAX: usize = 100;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum BoardKind {
    Site,
    Queue,
    Line,
    Team,
}

impl BoardKind {
    fn name(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Queue => "queue",
            Self::Line => "line",
            Self::Team => "team",
        }
    }
}

/// One board: its kind and name; the site has no name.
pub(super) type BoardKey = (BoardKind, String);

/// Boards of one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// `site:calls`: the site, all queues, all lines.
    Calls,
    /// `site:agents`: the site, all teams.
    Agents,
    One(BoardKey),
}

impl Scope {
    /// `None`: the topic has no figures.
    pub(super) fn of(topic: &Topic) -> Option<Self> {
        Some(match topic {
            Topic::SiteCalls => Self::Calls,
            Topic::SiteAgents => Self::Agents,
            Topic::Queue(id) => Self::One((BoardKind::Queue, id.clone())),
            Topic::Line(id) => Self::One((BoardKind::Line, id.clone())),
            Topic::Team(id) => Self::One((BoardKind::Team, id.clone())),
            Topic::CallsOwn
            | Topic::AgentSelf
            | Topic::SiteHealth
            | Topic::SiteLines
            | Topic::SiteLinks => return None,
        })
    }

    pub(super) fn covers(&self, key: &BoardKey) -> bool {
        match self {
            Self::Calls => key.0 != BoardKind::Team,
            Self::Agents => matches!(key.0, BoardKind::Site | BoardKind::Team),
            Self::One(one) => one == key,
        }
    }
}

/// Figures of one board: states without anybody in them are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    calls: BTreeMap<&'static str, u32>,
    agents: BTreeMap<&'static str, u32>,
}

/// Figures of all boards that are not all zero.
pub(super) type Board = BTreeMap<BoardKey, Figures>;

/// Counts live calls and agents.
pub(super) fn count<'a>(
    calls: impl Iterator<Item = &'a Call>,
    agents: impl Iterator<Item = &'a Agent>,
    staff: &Staff,
) -> Board {
    use BoardKind as K;
    let mut board = Board::new();
    for call in calls {
        let state = call.state.name();
        let mut add = |kind, name: &str| {
            *board.entry((kind, name.to_owned())).or_default().calls.entry(state).or_default() += 1;
        };
        add(K::Site, "");
        call.queue.iter().for_each(|queue| add(K::Queue, queue));
        Some(&call.trunk).filter(|t| !t.is_empty()).into_iter().for_each(|t| add(K::Line, t));
        let agents = call.legs.iter().filter_map(|l| staff.team(l.agent.as_deref()?));
        agents.collect::<BTreeSet<_>>().into_iter().for_each(|team| add(K::Team, team));
    }
    for agent in agents {
        let state = agent.state.name();
        let mut add = |kind, name: &str| {
            *board.entry((kind, name.to_owned())).or_default().agents.entry(state).or_default() +=
                1;
        };
        add(K::Site, "");
        staff.team(&agent.who.id).into_iter().for_each(|team| add(K::Team, team));
        agent.who.queues.iter().collect::<BTreeSet<_>>().into_iter().for_each(|q| add(K::Queue, q));
    }
    board
}

/// Boards that differ or are among `more`.
pub(super) fn changed(
    before: &Board,
    after: &Board,
    more: BTreeSet<BoardKey>,
) -> BTreeSet<BoardKey> {
    let keys = before.keys().chain(after.keys());
    let differing = keys.filter(|key| before.get(*key) != after.get(*key));
    differing.cloned().chain(more).collect()
}

/// As the wire has it.
pub(super) fn to_pb(key: &BoardKey, figures: &Figures, as_of: Pos) -> pb::Figures {
    let plain = |states: &BTreeMap<&'static str, u32>| {
        states.iter().map(|(state, n)| ((*state).to_owned(), *n)).collect()
    };
    pb::Figures {
        kind: key.0.name().to_owned(),
        id: key.1.clone(),
        as_of: as_of.to_string(),
        calls: plain(&figures.calls),
        agents: plain(&figures.agents),
    }
}

/// The board that figures are of.
pub(super) fn key_of(figures: &pb::Figures) -> Option<BoardKey> {
    use BoardKind as K;
    let kind = [K::Site, K::Queue, K::Line, K::Team].into_iter().find(|k| k.name() == figures.kind);
    Some((kind?, figures.id.clone()))
}

/// `count` frames of boards; in `batch` frames where the client takes them. A board that has no
/// figures stands at zero.
pub(super) fn frames(
    keys: &BTreeSet<BoardKey>,
    board: &Board,
    as_of: Pos,
    (codec, batch): (Codec, bool),
    mut give: impl FnMut(Frame),
) {
    let none = Figures::default();
    let pos = as_of.to_string();
    let figures = |key: &BoardKey| Some(to_pb(key, board.get(key).unwrap_or(&none), as_of));
    let mut frame = |frame| {
        let bytes = write_frame(&frame, codec);
        give(Frame { pos: as_of, bytes, is_ev: false, confirm_by: Vec::new() });
    };
    if !batch {
        for key in keys {
            frame(DeskFrame::Count(pb::Count { pos: pos.clone(), o: figures(key) }));
        }
        return;
    }
    let item = |key| pb::BatchItem { t: "count".to_owned(), pos: pos.clone(), o: figures(key) };
    let mut items = keys.iter().map(item).peekable();
    while items.peek().is_some() {
        let items = items.by_ref().take(BATCH_ITEMS_MAX).collect();
        frame(DeskFrame::Batch(pb::Batch { items }));
    }
}
