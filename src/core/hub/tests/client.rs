//! What a client knows, and what it may want.

use super::log::epoch;
use super::oracle::{Sums, allowed};
use crate::hub::*;
use crate::model::*;
use crate::wire::{Codec, pb, read_frame, write_frame};
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Phase {
    Off,
    /// Has everything up to here, is not registered.
    Catching(u64),
    Live,
}

pub(super) struct Client {
    pub(super) who: Principal,
    pub(super) subs: Vec<SubRequest>,
    pub(super) codec: Codec,
    pub(super) phase: Phase,
    pub(super) slot: SlotId,
    pub(super) epoch: Epoch,
    pub(super) scope: String,
    /// Since when it sees what it sees; `None` before the first snapshot.
    pub(super) start: Option<u64>,
    pub(super) got: Vec<Frame>,
    pub(super) applied: u64,
    /// It reads, or has read, the journal: what left its sight up to here is told by a list.
    pub(super) from_journal: Option<u64>,
    /// Positions that came from the journal.
    pub(super) unmarked: BTreeSet<u64>,
    pub(super) figures: Sums,
    /// It resumes: its figures come when it is live.
    pub(super) resumes: bool,
}

impl Client {
    pub(super) fn new((who, subs): (Principal, Vec<SubRequest>)) -> Self {
        Self {
            who,
            subs,
            codec: Codec::Json,
            phase: Phase::Off,
            slot: SlotId(u64::MAX),
            epoch: epoch(99),
            scope: String::new(),
            start: None,
            got: Vec::new(),
            applied: 0,
            from_journal: None,
            unmarked: BTreeSet::new(),
            figures: Sums::new(),
            resumes: false,
        }
    }

    /// A frame as JSON has it, whatever came.
    pub(super) fn read(&self, frame: &Frame) -> String {
        let bytes = match self.codec {
            Codec::Json => frame.bytes.clone(),
            Codec::Protobuf => {
                let read = read_frame(&frame.bytes).unwrap().unwrap();
                write_frame(&read.frame, Codec::Json)
            }
        };
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// What it sees is known anew from here on.
    pub(super) fn begin(&mut self, at: u64, live: bool) {
        self.got.clear();
        self.unmarked.clear();
        self.from_journal = None;
        (self.start, self.applied) = (Some(at), at);
        self.phase = if live { Phase::Live } else { Phase::Catching(at) };
    }

    pub(super) fn take_figures(&mut self, figures: &pb::Figures) {
        let board = (figures.kind.clone(), figures.id.clone());
        self.figures.retain(|(kind, id, ..), _| (kind, id) != (&board.0, &board.1));
        let names = ["initiated", "alerting", "connected", "hold", "queued", "fail"];
        let states = ["ready", "not_ready", "busy"];
        for (what, sums, names) in
            [("calls", &figures.calls, &names[..]), ("agents", &figures.agents, &states[..])]
        {
            for (state, count) in sums {
                let state = names.iter().find(|n| *n == state).unwrap();
                self.figures.insert((board.0.clone(), board.1.clone(), what, state), *count);
            }
        }
    }
}

impl Client {
    /// Nothing that it sees can leave its sight.
    pub(super) fn is_lasting(&self) -> bool {
        let lasting = ["site:calls", "site:health", "site:lines", "site:agents", "agent:self"];
        let entities = |s: &&SubRequest| allowed(&self.who, s).is_some_and(|view| view > 0);
        self.subs
            .iter()
            .filter(entities)
            .all(|s| s.filter.is_empty() && lasting.contains(&s.topic.as_str()))
    }
}

/// What a client wants to be different.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    Sub(SubRequest),
    Unsub(String),
    Refresh(Principal),
}
