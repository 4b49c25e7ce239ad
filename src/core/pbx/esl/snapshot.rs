//! A snapshot: what FreeSWITCH lists, told as one fact.
//!
//! Lists and events come by different connections, so a list is older than some events and
//! younger than others. What is listed is therefore put into the model, and only where no event
//! has said anything since the snapshot began; the snapshot is what the model then holds.

use super::event::EslEvent;
use super::jobs::Purpose;
use super::model::{Model, on_behalf_of};
use crate::pbx::{BridgeId, ChannelId, Fact, Observed, Snapshot};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Channels that are asked for at the same time: each makes a thread in FreeSWITCH.
const DUMPS_MAX: usize = 8;

/// A snapshot that is being taken.
#[derive(Debug)]
pub(super) struct Gather {
    /// Count of events when it began.
    since: u64,
    /// Commands without a result.
    open: usize,
    dumps: VecDeque<ChannelId>,
    listed: BTreeSet<ChannelId>,
    pairs: Vec<(ChannelId, ChannelId)>,
    agents: Option<String>,
    tiers: Option<String>,
    facts: Vec<Observed>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Step {
    /// Send these.
    Commands(Vec<(String, Purpose)>),
    /// It is complete.
    Done(Vec<Observed>),
    /// It cannot be taken: why.
    Failed(&'static str),
}

#[derive(Default, Deserialize)]
struct Listing {
    #[serde(default)]
    rows: Vec<BTreeMap<String, String>>,
}

fn rows(body: &str) -> Option<Vec<BTreeMap<String, String>>> {
    serde_json::from_str::<Listing>(body).ok().map(|listing| listing.rows)
}

impl Gather {
    /// Begins one; the commands to send.
    pub fn begin(model: &mut Model) -> (Self, Vec<(String, Purpose)>) {
        model.ended = Some(BTreeSet::new());
        let commands = vec![
            ("show channels as json".to_owned(), Purpose::Channels),
            ("show calls as json".to_owned(), Purpose::Calls),
            ("show registrations as json".to_owned(), Purpose::Registrations),
            ("callcenter_config agent list".to_owned(), Purpose::Agents),
            ("callcenter_config tier list".to_owned(), Purpose::Tiers),
        ];
        let gather = Self {
            since: model.channels.count,
            open: commands.len(),
            dumps: VecDeque::new(),
            listed: BTreeSet::new(),
            pairs: Vec::new(),
            agents: None,
            tiers: None,
            facts: Vec::new(),
        };
        (gather, commands)
    }

    /// Takes a result. An answer that cannot be read ends the snapshot: taken as empty it would
    /// say that all calls are over.
    pub fn result(&mut self, model: &mut Model, purpose: Purpose, body: &str) -> Step {
        self.open = self.open.saturating_sub(1);
        let read = match purpose {
            Purpose::Channels => self.channels(body),
            Purpose::Calls => self.calls(body),
            Purpose::Dump(id) => self.dump(model, &id, body),
            Purpose::Registrations => self.registrations(model, body),
            // Without mod_callcenter there are no queues: `-ERR ... Command not found!`.
            Purpose::Agents => {
                self.agents = table(body);
                true
            }
            Purpose::Tiers => {
                self.tiers = table(body);
                true
            }
            Purpose::Version
            | Purpose::Order(_)
            | Purpose::Dial(..)
            | Purpose::Told
            | Purpose::Next => true,
        };
        if !read {
            model.ended = None;
            return Step::Failed("the answer to a list of calls cannot be read");
        }
        let mut commands = Vec::new();
        while self.open < DUMPS_MAX
            && let Some(id) = self.dumps.pop_front()
        {
            self.open += 1;
            commands.push((format!("uuid_dump {} json", id.0), Purpose::Dump(id)));
        }
        if self.open > 0 {
            return Step::Commands(commands);
        }
        Step::Done(self.finish(model))
    }

    fn channels(&mut self, body: &str) -> bool {
        let Some(rows) = rows(body) else { return false };
        for row in rows {
            let Some(id) = row.get("uuid").map(|id| ChannelId(Arc::from(id.as_str()))) else {
                continue;
            };
            if super::names::channel(&id).is_ok() && self.listed.insert(id.clone()) {
                self.dumps.push_back(id);
            }
        }
        true
    }

    fn calls(&mut self, body: &str) -> bool {
        let Some(rows) = rows(body) else { return false };
        for row in rows {
            if let (Some(a), Some(b)) = (row.get("uuid"), row.get("b_uuid"))
                && !b.is_empty()
            {
                self.pairs.push((ChannelId(Arc::from(&**a)), ChannelId(Arc::from(&**b))));
            }
        }
        true
    }

    fn registrations(&mut self, model: &Model, body: &str) -> bool {
        let Some(rows) = rows(body) else { return false };
        for row in rows {
            // The profile stands only in the address: `sofia/internal/sip:1001@10.0.0.4:5063`.
            let profile = row.get("url").and_then(|url| url.split('/').nth(1));
            let (Some(profile), Some(user)) = (profile, row.get("reg_user")) else { continue };
            let device = format!("sofia/{profile}/{user}");
            let state = model.device_state(&device, true);
            self.facts.push(Observed { pbx_time: None, fact: Fact::Device { device, state } });
        }
        true
    }

    fn dump(&mut self, model: &mut Model, id: &ChannelId, body: &str) -> bool {
        let gone = model.ended.as_ref().is_some_and(|ended| ended.contains(id));
        if gone || body.starts_with("-ERR") {
            self.listed.remove(id);
            return true;
        }
        let Some(event) = EslEvent::from_json(body.as_bytes()) else { return false };
        let settings = &model.settings;
        let Some(known) = model.channels.place(id) else { return true };
        known.learn(settings, id, &event);
        known.learn_data(&event);
        let outgoing = known.info.incoming == Some(false);
        if outgoing && known.offered.is_none() {
            known.offered = Some(on_behalf_of(&event));
        }
        let rang = event.wall("Caller-Channel-Progress-Time");
        if outgoing && known.ringing.is_none() && rang.is_some() {
            known.ringing = Some(rang);
        }
        if known.answered.is_none() && event.text("Answer-State") == Some("answered") {
            known.answered = Some(event.wall("Caller-Channel-Answered-Time"));
        }
        if known.touched <= self.since {
            known.held = event.text("Channel-Call-State") == Some("HELD");
            let waits = event.text("variable_cc_side") == Some("member")
                && event.text("variable_cc_cause").is_none();
            let queue = event.text("variable_cc_queue").filter(|_| waits);
            known.queue = queue.map(str::to_owned);
            known.bridge = None;
            known.history =
                event.all("variable_transfer_history").iter().copied().map(str::to_owned).collect();
        }
        true
    }

    fn finish(&mut self, model: &mut Model) -> Vec<Observed> {
        let since = self.since;
        model.ended = None;
        model.channels.retain(|id, known| known.touched > since || self.listed.contains(id));
        for (a, b) in self.pairs.drain(..) {
            let bridge = BridgeId(a.0.clone());
            let quiet = [&a, &b]
                .iter()
                .all(|id| model.channels.get(id).is_some_and(|known| known.touched <= since));
            if !quiet {
                continue;
            }
            for (id, other) in [(&a, &b), (&b, &a)] {
                if let Some(known) = model.channels.get_mut(id) {
                    known.bridge = Some((bridge.clone(), other.clone()));
                }
            }
        }
        let members_known = self.agents.is_some() && self.tiers.is_some();
        if let (Some(agents), Some(tiers)) = (self.agents.take(), self.tiers.take()) {
            model.agents.replace(&agents, &tiers);
        }
        let channels = model.channels.iter().map(|(id, known)| (id.clone(), known.facts(id)));
        let snapshot = Snapshot {
            channels: channels.collect(),
            members: if members_known { model.agents.members() } else { Vec::new() },
            members_known,
        };
        let mut facts = std::mem::take(&mut self.facts);
        facts.push(Observed { pbx_time: None, fact: Fact::Snapshot(snapshot) });
        facts
    }
}

/// A table of mod_callcenter; `None` if it is an error.
fn table(body: &str) -> Option<String> {
    Some(body.to_owned()).filter(|body| !body.starts_with('-'))
}
