//! Events become facts. Keeps what is known of each channel, so that a fact is told once and a
//! snapshot can be taken without losing what happens meanwhile.

use super::known::{Gone, Known};
use super::raw::{Channel, Event};
use super::settings::{AriSettings, CHANNELS_MAX, HOLD_SETTLES, MARK_VARIABLE, USER_EVENT};
use crate::model::{Mono, Pii, Wall};
use crate::pbx::asterisk;
use crate::pbx::{ChannelId, Dequeued, Fact, LinkOutputs, LinkReport, Observed};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Channels, and how events change them.
#[derive(Debug)]
pub(super) struct Facts {
    pub settings: AriSettings,
    pub known: HashMap<Arc<str>, Known>,
    pub gone: Gone,
    /// A snapshot is under way: a channel that an event names, and nobody knows, will be in it.
    pub pending: bool,
    /// Newest transfers: who, and when. An event of them may come twice.
    pub transfers: VecDeque<(Arc<str>, Option<Wall>)>,
    /// Holds that ended, oldest first, and until when a transfer may turn out to be the reason.
    settling: VecDeque<(Mono, Arc<str>, Observed)>,
    /// There were more channels than [`CHANNELS_MAX`].
    pub overflow: bool,
}

/// What an event means for the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The channel was made.
    Created,
    /// The event tells of it.
    Mentioned,
}

pub(super) fn tell(at: Option<Wall>, fact: Fact, out: &mut LinkOutputs) {
    out.reports.push(LinkReport::Fact(Observed { pbx_time: at, fact }));
}

impl Facts {
    pub(super) fn new(settings: AriSettings) -> Self {
        Self {
            settings,
            known: HashMap::new(),
            gone: Gone::default(),
            pending: false,
            transfers: VecDeque::new(),
            settling: VecDeque::new(),
            overflow: false,
        }
    }

    /// Takes note of a channel that an event carries. `None`: it is nobody's, or it has ended.
    pub(super) fn see(
        &mut self,
        raw: &Channel<'_>,
        seen: Seen,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) -> Option<Arc<str>> {
        if raw.id.is_empty() || !asterisk::matters(&raw.name) || self.gone.contains(&raw.id) {
            return None;
        }
        let id = match self.known.get_key_value(&*raw.id) {
            Some((id, _)) => Arc::clone(id),
            None => self.enter(raw, seen),
        };
        let Some(known) = self.known.get_mut(&id) else { return Some(id) };
        known.fresh.alive = true;
        if seen == Seen::Created && !known.announced {
            known.announced = true;
            known.learn_direction(raw);
        }
        if known.learn(raw) && known.announced {
            tell(at, Fact::Channel(ChannelId(Arc::clone(&id)), known.info.clone()), out);
        }
        self.queue_moves(&id, at, out);
        self.values_sent_along(&id, raw, at, out);
        Some(id)
    }

    /// A channel that is not known: it is followed if it is new, or if the snapshot under way may
    /// hold it. Else it ended long ago.
    fn enter(&mut self, raw: &Channel<'_>, seen: Seen) -> Arc<str> {
        let id: Arc<str> = Arc::from(&*raw.id);
        if seen == Seen::Mentioned && !self.pending {
            return id;
        }
        if self.known.len() >= CHANNELS_MAX {
            self.overflow = true;
            return id;
        }
        self.known.insert(Arc::clone(&id), Known::default());
        id
    }

    /// In and out of a queue, as the dialplan shows it.
    fn queue_moves(&mut self, id: &Arc<str>, at: Option<Wall>, out: &mut LinkOutputs) {
        let Some(known) = self.known.get_mut(id) else { return };
        if !self.settings.queues || known.info.pipe.is_some() {
            return;
        }
        let channel = ChannelId(Arc::clone(id));
        let inside = known.queue_entered().map(str::to_owned);
        known.served &= inside.is_some();
        if known.queue.is_some() && inside != known.queue {
            let queue = known.queue.take().unwrap_or_default();
            let left = Fact::Dequeued { channel: channel.clone(), queue, why: Dequeued::Left };
            tell(at, left, out);
        }
        if let Some(queue) = inside
            && known.queue.is_none()
            && !known.served
        {
            known.queue = Some(queue.clone());
            tell(at, Fact::Queued { channel, queue, position: None }, out);
        }
    }

    /// A caller's wait in a queue is over.
    pub(super) fn dequeue(
        &mut self,
        id: &Arc<str>,
        why: Dequeued,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        let Some(known) = self.known.get_mut(id) else { return };
        let Some(queue) = known.queue.take() else { return };
        known.served = why == Dequeued::Answered;
        let channel = ChannelId(Arc::clone(id));
        tell(at, Fact::Dequeued { channel, queue, why }, out);
    }

    fn values_sent_along(
        &mut self,
        id: &Arc<str>,
        raw: &Channel<'_>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        for (name, value) in raw.channelvars.iter().flatten() {
            if let Some(value) = value {
                self.value(id, name, value, at, out);
            }
        }
    }

    /// A channel variable has a value: told if the site wants it, once a value.
    pub(super) fn value(
        &mut self,
        id: &Arc<str>,
        name: &str,
        value: &str,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        // Inherited variables are written with one or two underscores before their name.
        let name = name.trim_start_matches('_');
        let Some(known) = self.known.get_mut(id) else { return };
        if value.is_empty() {
            return;
        }
        let channel = ChannelId(Arc::clone(id));
        if name == MARK_VARIABLE {
            if known.info.mark.as_deref() != Some(value) {
                known.info.mark = Some(value.to_owned());
                tell(at, Fact::Channel(channel, known.info.clone()), out);
            }
            return;
        }
        if !self.settings.variables.iter().any(|wanted| wanted == name)
            || known.data.get(name).is_some_and(|old| old == value)
        {
            return;
        }
        known.data.insert(name.to_owned(), value.to_owned());
        let value = Pii::new(value.to_owned());
        tell(at, Fact::Data { channel, key: name.to_owned(), value }, out);
    }

    /// Fields of one of our user events.
    pub(super) fn user_event(
        &mut self,
        event: &Event<'_>,
        id: &Arc<str>,
        at: Option<Wall>,
        out: &mut LinkOutputs,
    ) {
        if !event.eventname.eq_ignore_ascii_case(USER_EVENT) {
            return;
        }
        for (key, value) in event.userevent.iter().flatten() {
            if let Some(value) = value.as_str()
                && key != "eventname"
            {
                let (channel, value) = (ChannelId(Arc::clone(id)), Pii::new(value.to_owned()));
                tell(at, Fact::Data { channel, key: key.clone(), value }, out);
            }
        }
    }

    /// An order has brought this about, and no event will say so.
    pub(super) fn ordered(&mut self, fact: Fact, out: &mut LinkOutputs) {
        let told = match &fact {
            Fact::Held(ChannelId(id)) => {
                self.known.get_mut(id).is_some_and(|k| std::mem::replace(&mut k.held, true))
            }
            Fact::Retrieved(ChannelId(id)) => {
                self.known.get_mut(id).is_some_and(|k| !std::mem::replace(&mut k.held, false))
            }
            _ => false,
        };
        if !told {
            tell(None, fact, out);
        }
    }

    /// A hold has ended. Asterisk says so before every transfer too, so it is told only when none
    /// has followed.
    pub(super) fn retrieve(&mut self, now: Mono, id: &Arc<str>, at: Option<Wall>) {
        let Some(known) = self.known.get_mut(id) else { return };
        known.fresh.hold = true;
        if std::mem::take(&mut known.held) {
            let fact = Fact::Retrieved(ChannelId(Arc::clone(id)));
            let observed = Observed { pbx_time: at, fact };
            self.settling.push_back((now.after(HOLD_SETTLES), Arc::clone(id), observed));
        }
    }

    /// The end of this channel's hold was of no party's doing: it is not told.
    pub(super) fn unsettle(&mut self, id: &str) {
        self.settling.retain(|(_, of, _)| **of != *id);
    }

    /// Tells the ends of holds that no transfer has followed.
    pub(super) fn settle(&mut self, now: Mono, out: &mut LinkOutputs) {
        while let Some((_, _, observed)) = self.settling.pop_front_if(|(due, ..)| *due <= now) {
            out.reports.push(LinkReport::Fact(observed));
        }
    }

    /// Tells the end of this channel's hold: something followed that is no transfer.
    pub(super) fn settle_now(&mut self, id: &str, out: &mut LinkOutputs) {
        let (of_it, rest) =
            std::mem::take(&mut self.settling).into_iter().partition(|(_, of, _)| **of == *id);
        self.settling = rest;
        let of_it: VecDeque<(Mono, Arc<str>, Observed)> = of_it;
        out.reports.extend(of_it.into_iter().map(|(_, _, observed)| LinkReport::Fact(observed)));
    }

    /// When [`Self::settle`] has something to do.
    pub(super) fn next_settling(&self) -> Option<Mono> {
        self.settling.front().map(|(due, ..)| *due)
    }
}
