//! What is known of the channels of the PBXs.

use super::timers::Timers;
use crate::engine::input::{LinkIx, PbxIx, SwitchConfig};
use crate::model::{CallId, LegId, Moment, Mono};
use crate::pbx::{BridgeId, ChannelId, ChannelInfo};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Channels of one PBX. Beyond: new ones are not followed.
const CHANNELS_MAX: usize = 50_000;
/// Ended channels that are remembered: a second link tells of them a little later.
const GONE_MAX: usize = 4096;
/// Pipes that follow each other.
const PIPES_MAX: usize = 8;

/// Where a channel stands among our calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not known yet.
    Open,
    /// It is this leg.
    Leg(CallId, LegId),
    /// It is the PBX's end of this trunk call's site side: no leg of its own.
    End(CallId),
    /// Its party goes on elsewhere: nothing more is said of it.
    Done,
}

/// One channel.
#[derive(Clone, Debug)]
pub(super) struct Chan {
    pub(super) info: ChannelInfo,
    /// Was made to reach somebody: on whose behalf.
    pub(super) by: Option<Option<ChannelId>>,
    pub(super) place: Place,
    /// The PBX has it since.
    pub(super) born: Moment,
    pub(super) offered: Option<Moment>,
    pub(super) progress: Option<Moment>,
    pub(super) ringing: Option<Moment>,
    pub(super) answered: Option<Moment>,
    pub(super) held: Option<Moment>,
    pub(super) queued: Option<(Arc<str>, Moment)>,
    pub(super) bridge: Option<BridgeId>,
    /// Left its queue because its party hung up.
    pub(super) gave_up: bool,
    /// The INVITE of this channel was waited for, and did not come by here.
    pub(super) astray: bool,
    /// Last fact.
    pub(super) seen: Mono,
}

impl Chan {
    fn new(info: ChannelInfo, born: Moment, seen: Mono) -> Self {
        Self {
            info,
            by: None,
            place: Place::Open,
            born,
            offered: None,
            progress: None,
            ringing: None,
            answered: None,
            held: None,
            queued: None,
            bridge: None,
            gave_up: false,
            astray: false,
            seen,
        }
    }

    pub(super) fn is_pipe(&self) -> bool {
        self.info.pipe.is_some()
    }

    /// The PBX was called by this channel.
    pub(super) fn called(&self) -> bool {
        self.info.incoming == Some(true)
    }

    pub(super) fn call(&self) -> Option<CallId> {
        match self.place {
            Place::Leg(call, _) | Place::End(call) => Some(call),
            Place::Open | Place::Done => None,
        }
    }

    /// Device or line: the endpoint without its technology.
    pub(super) fn device(&self) -> &str {
        let endpoint = self.info.endpoint.trim_end_matches('/');
        let name = endpoint.rsplit('/').next().unwrap_or(endpoint);
        name.split('@').next().unwrap_or(name)
    }
}

/// A link of a PBX.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkSide {
    /// It is up, and its facts are complete since.
    pub(super) since: Option<Mono>,
    /// Was away after it had been up.
    pub(super) away: bool,
    /// Found another run of the PBX, and has not taken its snapshot.
    pub(super) restarted: bool,
}

/// One PBX.
pub(super) struct Board {
    /// Its name.
    pub(super) name: Arc<str>,
    trunks: Vec<String>,
    /// Its trunk calls come by here.
    pub(super) proxied: bool,
    pub(super) channels: BTreeMap<ChannelId, Chan>,
    by_name: HashMap<String, ChannelId>,
    /// Without a call so far, or the end of a trunk call whose dialler is not known.
    pub(super) open: BTreeSet<ChannelId>,
    pub(super) bridges: HashMap<BridgeId, BTreeSet<ChannelId>>,
    gone: HashSet<ChannelId>,
    gone_order: VecDeque<ChannelId>,
    /// By `LinkIx`.
    pub(super) links: Vec<LinkSide>,
}

impl Board {
    fn new(config: &SwitchConfig) -> Self {
        Self {
            name: config.name.as_str().into(),
            trunks: config.trunks.clone(),
            proxied: config.peer.is_some(),
            channels: BTreeMap::new(),
            by_name: HashMap::new(),
            open: BTreeSet::new(),
            bridges: HashMap::new(),
            gone: HashSet::new(),
            gone_order: VecDeque::new(),
            links: vec![LinkSide::default(); config.links.len()],
        }
    }

    /// The outside world is behind this channel.
    pub(super) fn is_trunk(&self, chan: &Chan) -> bool {
        let endpoint = chan.info.endpoint.as_str();
        self.trunks.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => endpoint.starts_with(prefix),
            None => pattern == endpoint,
        })
    }

    /// A leg that the PBX sent to the outside, that reached somebody, and whose INVITE has not come by
    /// here: it would have been here before the ring.
    pub(super) fn passed_by(&self, id: &ChannelId) -> bool {
        self.channels.get(id).is_some_and(|chan| {
            let reached = chan.ringing.is_some() || chan.answered.is_some();
            let waits = chan.place == Place::Open && !chan.astray && !chan.called();
            waits
                && reached
                && self.proxied
                && self.is_trunk(chan)
                && chan.info.sip_call_id.is_some()
        })
    }

    pub(super) fn get(&self, id: &ChannelId) -> Option<&Chan> {
        self.channels.get(id)
    }

    pub(super) fn chan(&mut self, id: &ChannelId) -> Option<&mut Chan> {
        self.channels.get_mut(id)
    }

    /// The channel, made if it is not there. `None`: it has ended, or there are too many.
    pub(super) fn ensure(&mut self, id: &ChannelId, at: Moment, seen: Mono) -> Option<&mut Chan> {
        let known = self.channels.contains_key(id);
        if !known && (self.gone.contains(id) || self.channels.len() >= CHANNELS_MAX) {
            return None;
        }
        if !known {
            self.open.insert(id.clone());
        }
        let make = || Chan::new(ChannelInfo::default(), at, seen);
        let chan = self.channels.entry(id.clone()).or_insert_with(make);
        chan.seen = seen;
        Some(chan)
    }

    /// Takes what is told of a channel; an empty field says nothing.
    pub(super) fn learn(&mut self, id: &ChannelId, info: ChannelInfo, at: Moment, seen: Mono) {
        let Some(chan) = self.ensure(id, at, seen) else { return };
        if let Some(created) = info.created
            && chan.info.created.is_none()
        {
            chan.born.pbx_time = created;
        }
        merge(&mut chan.info, info);
        if chan.is_pipe() && !chan.info.name.is_empty() {
            let name = chan.info.name.clone();
            self.by_name.insert(name, id.clone());
        }
    }

    /// Forgets a channel that has ended.
    pub(super) fn remove(&mut self, id: &ChannelId) -> Option<Chan> {
        let chan = self.channels.remove(id)?;
        self.open.remove(id);
        if chan.is_pipe() {
            self.by_name.remove(&chan.info.name);
        }
        if let Some(bridge) = &chan.bridge {
            self.leave(id, bridge);
        }
        if self.gone_order.len() == GONE_MAX
            && let Some(oldest) = self.gone_order.pop_front()
        {
            self.gone.remove(&oldest);
        }
        if self.gone.insert(id.clone()) {
            self.gone_order.push_back(id.clone());
        }
        Some(chan)
    }

    /// Another run of the PBX may give the names of the one before again: Asterisk's are a second
    /// and a number that begins anew.
    pub(super) fn begins_anew(&mut self) {
        self.gone.clear();
        self.gone_order.clear();
    }

    pub(super) fn enter(&mut self, id: &ChannelId, bridge: &BridgeId) {
        let Some(chan) = self.channels.get_mut(id) else { return };
        if let Some(old) = chan.bridge.replace(bridge.clone())
            && old != *bridge
        {
            self.leave(id, &old);
        }
        self.bridges.entry(bridge.clone()).or_default().insert(id.clone());
    }

    pub(super) fn leave(&mut self, id: &ChannelId, bridge: &BridgeId) {
        if let Some(chan) = self.channels.get_mut(id) {
            chan.bridge.take_if(|in_it| in_it == bridge);
        }
        if let Some(members) = self.bridges.get_mut(bridge) {
            members.remove(id);
            if members.is_empty() {
                self.bridges.remove(bridge);
            }
        }
    }

    pub(super) fn other_half(&self, chan: &Chan) -> Option<(&ChannelId, &Chan)> {
        let id = self.by_name.get(chan.info.pipe.as_ref()?)?;
        Some((id, self.channels.get(id)?))
    }

    /// The party on whose behalf: who stands at the far ends of the pipes before `by`.
    pub(super) fn root<'a>(&'a self, by: &'a ChannelId) -> Option<&'a ChannelId> {
        let mut id = by;
        for _ in 0..PIPES_MAX {
            let chan = self.channels.get(id)?;
            if !chan.is_pipe() {
                return Some(id);
            }
            let other = self.other_half(chan).map(|(_, other)| other);
            let asked = [Some(chan), other].into_iter().flatten().find_map(|c| c.by.as_ref());
            match asked {
                Some(Some(next)) if next != id => id = next,
                _ => {
                    let mates = |c: &'a Chan| c.bridge.as_ref().and_then(|b| self.bridges.get(b));
                    let halves = [Some(chan), other].into_iter().flatten();
                    let party = |id: &&ChannelId| {
                        self.channels.get(*id).is_some_and(|c| !c.is_pipe() && c.call().is_some())
                    };
                    return halves.filter_map(mates).flatten().find(party);
                }
            }
        }
        None
    }

    /// The party at the far end of a pipe; any other channel is its own.
    pub(super) fn behind(&self, id: &ChannelId) -> Option<ChannelId> {
        let chan = self.channels.get(id).filter(|chan| chan.is_pipe());
        let Some(chan) = chan else { return Some(id.clone()) };
        let (_, other) = self.other_half(chan)?;
        let parties = self.parties(other.bridge.as_ref()?);
        let near = chan.bridge.as_ref().and_then(|near| self.bridges.get(near));
        parties.into_iter().find(|id| near.is_none_or(|near| !near.contains(id)))
    }

    /// Everybody who hears each other in this bridge and through its pipes.
    pub(super) fn parties(&self, bridge: &BridgeId) -> Vec<ChannelId> {
        let mut bridges = vec![bridge.clone()];
        let mut parties = Vec::new();
        let mut at = 0;
        while let Some(bridge) = bridges.get(at).filter(|_| at < PIPES_MAX).cloned() {
            at += 1;
            for id in self.bridges.get(&bridge).into_iter().flatten() {
                let Some(chan) = self.channels.get(id) else { continue };
                if !chan.is_pipe() {
                    parties.push(id.clone());
                } else if let Some((_, other)) = self.other_half(chan)
                    && let Some(far) = &other.bridge
                    && !bridges.contains(far)
                {
                    bridges.push(far.clone());
                }
            }
        }
        parties
    }
}

fn merge(known: &mut ChannelInfo, new: ChannelInfo) {
    fn text(place: &mut String, new: String) {
        if !new.is_empty() {
            *place = new;
        }
    }
    text(&mut known.endpoint, new.endpoint);
    text(&mut known.name, new.name);
    known.pipe = new.pipe.or(known.pipe.take());
    known.incoming = new.incoming.or(known.incoming);
    known.number = new.number.or(known.number.take());
    known.display = new.display.or(known.display.take());
    known.dialed = new.dialed.or(known.dialed.take());
    known.sip_call_id = new.sip_call_id.or(known.sip_call_id.take());
    known.mark = new.mark.or(known.mark.take());
    known.group = new.group.or(known.group.take());
    known.created = known.created.or(new.created);
}

/// All PBXs, and what is due for their calls.
pub(in crate::engine) struct Boards {
    boards: Vec<Board>,
    pub(super) timers: Timers,
    /// Channels whose INVITE has not come by here yet, by its Call-ID.
    pub(super) awaited: HashMap<String, Vec<(PbxIx, ChannelId)>>,
    /// Facts are those of a snapshot; true: they say that something is gone.
    pub(super) learning: Option<bool>,
    /// Channels of that snapshot that were answered, whether or not that fact has had its turn.
    pub(super) talking: BTreeSet<ChannelId>,
}

impl Boards {
    pub(in crate::engine) fn new(switches: &[SwitchConfig]) -> Self {
        Self {
            boards: switches.iter().map(Board::new).collect(),
            timers: Timers::default(),
            awaited: HashMap::new(),
            learning: None,
            talking: BTreeSet::new(),
        }
    }

    pub(super) fn get(&self, ix: PbxIx) -> Option<&Board> {
        self.boards.get(usize::from(ix.0))
    }

    pub(super) fn board(&mut self, ix: PbxIx) -> Option<&mut Board> {
        self.boards.get_mut(usize::from(ix.0))
    }

    pub(super) fn find(&self, ix: PbxIx, id: &ChannelId) -> Option<&Chan> {
        self.get(ix)?.get(id)
    }

    pub(super) fn chan(&mut self, ix: PbxIx, id: &ChannelId) -> Option<&mut Chan> {
        self.board(ix)?.chan(id)
    }

    pub(super) fn set_place(&mut self, ix: PbxIx, id: &ChannelId, place: Place) {
        let Some(board) = self.board(ix) else { return };
        let Some(chan) = board.channels.get_mut(id) else { return };
        chan.place = place;
        let made = chan.info.incoming != Some(true);
        match place {
            Place::Open => board.open.insert(id.clone()),
            Place::End(_) if made => true, // until its dialler is known
            Place::Leg(..) | Place::End(_) | Place::Done => board.open.remove(id),
        };
    }

    /// The first link of a PBX, from this place on, that is up.
    pub(in crate::engine) fn link_up(&self, ix: PbxIx, from: usize) -> Option<LinkIx> {
        let mut links = self.get(ix)?.links.iter().enumerate().skip(from);
        let (at, _) = links.find(|(_, side)| side.since.is_some())?;
        u16::try_from(at).ok().map(LinkIx)
    }

    /// PBXs by name.
    pub(super) fn named(&self, name: &str) -> Option<PbxIx> {
        let at = self.boards.iter().position(|b| &*b.name == name)?;
        u16::try_from(at).ok().map(PbxIx)
    }

    /// Channels without a fact for this long are forgotten: their end was missed.
    pub(in crate::engine) fn forget(&mut self, before: Mono) {
        for board in &mut self.boards {
            let old = board.channels.iter().filter(|(_, c)| c.seen < before);
            let old: Vec<ChannelId> = old.map(|(id, _)| id.clone()).collect();
            for id in old {
                board.remove(&id);
            }
        }
    }
}
