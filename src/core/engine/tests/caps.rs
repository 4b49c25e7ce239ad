//! What calls leave behind for caps and cool-downs, and that a restart forgets none of it.

use super::bench_site::*;
use crate::engine::{EngineConfig, Input, Restored};
use crate::gate::{Book, Source};
use crate::model::{
    Attempt, AttemptNote, Call, CallId, CallLabel, DecisionId, Dice, Entity, Event, EventKind, Pos,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const RULES: &str = r#"
schema = 1
[ruleset.capped]
applies = { region = ["*"], purpose = ["*"] }
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
window = [{ classes = ["any"], spans = [["00:00", "24:00"]], cite = "t" }]
[[ruleset.capped.cap]]
id = "three-an-hour"
max = 3
per = "rolling:PT1H"
key = ["callee"]
cite = "t"
[[ruleset.capped.cap]]
id = "one-talk-a-day"
count = "answered"
max = 1
per = "calendar:day"
key = ["callee", "subject"]
cite = "t"
[[ruleset.capped.cap]]
id = "five-a-week"
max = 5
per = "calendar:week"
key = ["customer"]
cite = "t"
[[ruleset.capped.cooldown]]
id = "refused"
trigger = "label:refused"
scope = ["number", "customer"]
key = ["purpose", "subject"]
period = "P3D"
cite = "t"
"#;

const NUMBER: &str = "13800138000";

/// `seed`: no two processes give out the same ids.
fn capped(seed: u64) -> EngineConfig {
    let book = Book::load_rules(&[Source { name: "capped.toml", text: RULES }]).unwrap();
    let call_age_max = std::time::Duration::from_secs(20 * 3600);
    EngineConfig { book: Arc::new(book), ruleset: None, seed, call_age_max, ..config() }
}

/// What a store makes of the journal.
#[derive(Clone, Default)]
struct Journal {
    head: Pos,
    live: BTreeMap<CallId, Call>,
    attempts: BTreeMap<DecisionId, (Option<Attempt>, Vec<AttemptNote>)>,
}

impl Journal {
    fn take(&mut self, events: &[Event]) {
        for event in events {
            self.head = event.pos;
            if let Entity::Call(call) = &event.entity {
                self.live.insert(call.id, (**call).clone());
            }
            for (id, note) in AttemptNote::of(event) {
                let kept = self.attempts.entry(id).or_default();
                match note {
                    AttemptNote::Taken(attempt) => kept.0 = Some(*attempt),
                    note => kept.1.push(note),
                }
            }
        }
        self.live.retain(|_, call| !call.is_over());
    }

    fn restored(&self) -> Restored {
        // A call that was asked for again has the place of its last decision.
        let mut last: BTreeMap<CallId, DecisionId> = BTreeMap::new();
        for (id, (attempt, _)) in &self.attempts {
            if let Some(call) = attempt.as_ref().and_then(|a| a.call) {
                last.insert(call, *id);
            }
        }
        let attempts = self.attempts.iter().filter_map(|(id, (attempt, notes))| {
            let mut attempt = attempt.clone()?;
            if attempt.call.is_some_and(|call| last[&call] != *id)
                || notes.contains(&AttemptNote::GivenBack)
            {
                return None;
            }
            attempt.answered = notes.contains(&AttemptNote::Answered);
            attempt.label = notes.iter().rev().find_map(|note| match note {
                AttemptNote::Label(name) => Some(name.clone()),
                AttemptNote::Taken(_) | AttemptNote::Answered | AttemptNote::GivenBack => None,
            });
            Some(attempt)
        });
        let mut attempts: Vec<Attempt> = attempts.collect();
        attempts.sort_by_key(|attempt| attempt.at);
        let live = self.live.values().cloned().collect();
        Restored { head: self.head, live, attempts, clean: true, ..Restored::default() }
    }
}

struct Run {
    site: Site,
    journal: Journal,
    calls: u32,
    starts: u64,
    /// Calls that talk: name, and what went to the carrier.
    talking: Vec<(String, String)>,
}

impl Run {
    fn new() -> Self {
        let clean = Restored { clean: true, ..Restored::default() };
        let site = Site::with(capped(0), MONDAY_10, clean);
        Self { site, journal: Journal::default(), calls: 0, starts: 0, talking: Vec::new() }
    }

    /// Everything is durable.
    fn commit(&mut self) -> Vec<Event> {
        let events = std::mem::take(&mut self.site.events);
        self.journal.take(&events);
        self.site.durable();
        events
    }

    /// kill -9, and a new process.
    fn restart(&mut self) {
        let now = self.site.now;
        self.starts += 1;
        self.site = Site::with(capped(self.starts), &now.wall.rfc3339(), self.journal.restored());
        self.site.now = now;
        self.commit();
        self.commit();
    }

    fn newest_call(&self, events: &[Event]) -> CallId {
        events.iter().rev().find_map(Event::call_id).unwrap_or_else(|| panic!("{self:?}"))
    }

    /// One call; what the gate said, and which rule refused.
    fn dial(&mut self, number: &str, headers: &str, fate: u64, label: Option<&str>) -> String {
        self.calls += 1;
        let name = format!("c{}", self.calls);
        let invite = invite(number, &name, &format!("X-Purpose: sales\n{headers}"));
        self.site.receive(PBX, &invite);
        if fate == 5 {
            // Nothing becomes durable in time.
            self.site.pass(501);
        }
        self.site.pass(51); // no explainer
        let mut events = std::mem::take(&mut self.site.events);
        self.journal.take(&events);
        let rule = events.iter().find_map(decision_rule);
        if let Some(rule) = rule {
            self.commit();
            return format!("deny {rule}");
        }
        if fate == 6 {
            // The caller gives up first.
            let cancel = invite.replace("INVITE sip", "CANCEL sip");
            self.site.receive(PBX, &cancel.replace("1 INVITE", "1 CANCEL"));
        }
        self.site.durable();
        let out = self.site.sent_to(MAIN);
        let Some(sent) = out.iter().find(|text| text.starts_with("INVITE")) else {
            assert!(fate >= 5, "an allowed call leaves");
            self.commit();
            return "allow, not dialled".to_owned();
        };
        assert!(!sent.contains("X-Trunkline"), "{sent}");
        match fate {
            0 | 1 => {
                self.site.receive(MAIN, &answer(sent, "200 OK", "g"));
                events.extend(self.commit());
                if let Some(label) = label {
                    let call = self.newest_call(&events);
                    self.say(call, label);
                }
                self.talking.push((name, sent.clone()));
                if fate == 0 {
                    self.hang_up();
                }
            }
            2 => self.site.receive(MAIN, &answer(sent, "486 Busy Here", "g")),
            3 => {
                self.site.receive(MAIN, &answer(sent, "407 Proxy Authentication Required", "g"));
                self.site.pass(10_001); // nobody has credentials
            }
            _ => {
                self.site.receive(MAIN, &answer(sent, "407 Proxy Authentication Required", "g"));
                let branch = (format!("z9hG4bK{name}"), format!("z9hG4bK{name}b"));
                let again = invite.replace(&branch.0, &branch.1).replace("1 INVITE", "2 INVITE");
                self.site.receive(PBX, &again);
                self.commit();
                for text in self.site.sent_to(MAIN) {
                    if text.starts_with("INVITE") {
                        self.site.receive(MAIN, &answer(&text, "486 Busy Here", "h"));
                    }
                }
            }
        }
        self.commit();
        "allow".to_owned()
    }

    fn say(&mut self, call: CallId, label: &str) {
        let at = self.site.now.wall;
        let label = CallLabel { name: label.into(), by: "alice".into(), at };
        self.site.with_engine(|engine, now, out| engine.label(now, call, label, out));
    }

    /// The first call that talks is ended by its customer.
    fn hang_up(&mut self) {
        if self.talking.is_empty() {
            return;
        }
        let (name, sent) = self.talking.remove(0);
        let routes = sent.lines().filter_map(|line| line.trim_end().strip_prefix("Record-Route:"));
        let routes: String = routes.map(|route| format!("Route:{route}\n")).collect();
        self.site.receive(
            MAIN,
            &format!(
                "BYE sip:8001@{PBX} SIP/2.0\nVia: SIP/2.0/UDP {MAIN};branch=z9hG4bKbye{name}\n\
                 Max-Forwards: 70\n{routes}From: <sip:x@carrier.test>;tag=g\n\
                 To: <sip:8001@pbx.test>;tag=f{name}\nCall-ID: {name}@pbx\nCSeq: 2 BYE\n\
                 Content-Length: 0\n\n"
            ),
        );
        self.commit();
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "after {} calls", self.calls)
    }
}

/// One step, the same for every run of a seed; gives what the gate said.
fn step(run: &mut Run, dice: &mut Dice) -> Option<String> {
    match below(dice, 8) {
        0 => {
            run.site.pass(1000 * (1 + below(dice, 300)));
            run.commit();
            None
        }
        1 => {
            run.site.pass(1000 * 3600 * (1 + below(dice, 30)));
            run.commit();
            None
        }
        2 => {
            run.hang_up();
            None
        }
        _ => {
            let number = ["13800138000", "13900139000", "01062345678"][pick(dice, 3)];
            let subject = ["X-Trunkline-Subject: motor\n", "X-Trunkline-Subject: home\n", ""];
            let customer = ["X-Trunkline-Customer: c7\n", ""];
            let headers = format!("{}{}", subject[pick(dice, 3)], customer[pick(dice, 2)]);
            let (fate, label) = (below(dice, 7), [None, Some("拒绝"), Some("有效")][pick(dice, 3)]);
            run.site.pass(1000);
            Some(run.dial(number, &headers, fate, label))
        }
    }
}

fn below(dice: &mut Dice, of: u64) -> u64 {
    dice.throw() % of
}

fn pick(dice: &mut Dice, of: u64) -> usize {
    usize::try_from(below(dice, of)).unwrap()
}

/// A run with restarts says the same of every call as a run without.
#[test]
fn restarts_change_no_verdict() {
    let mut refused = BTreeMap::<String, u32>::new();
    for seed in 0..40 {
        let (mut steady, mut restarted) = (Run::new(), Run::new());
        let (mut dice, mut same) = (Dice::new(seed), Dice::new(seed));
        let mut chance = Dice::new(seed + 1000);
        for n in 0..60 {
            let one = step(&mut steady, &mut dice);
            let other = step(&mut restarted, &mut same);
            assert_eq!(one, other, "seed {seed}, step {n}");
            if let Some(said) = one {
                *refused.entry(said).or_default() += 1;
            }
            if below(&mut chance, 4) == 0 {
                restarted.restart();
            }
        }
    }
    for said in
        ["deny three-an-hour", "deny one-talk-a-day", "deny five-a-week", "deny refused", "allow"]
    {
        assert!(refused.get(said).is_some_and(|n| *n > 5), "{said}: {refused:?}");
    }
}

/// Killed between the commit that lets a call out and the next one: whether the INVITE has left is
/// not known, so it counts.
#[test]
fn a_call_that_may_have_left_counts() {
    let mut run = Run::new();
    for n in 0..3 {
        run.site.receive(PBX, &invite(NUMBER, &format!("k{n}"), "X-Purpose: sales\n"));
        let events = std::mem::take(&mut run.site.events);
        run.journal.take(&events);
        run.site.durable();
        let out = run.site.sent_to(MAIN);
        assert!(out.iter().any(|text| text.starts_with("INVITE")), "it has left");
        run.site.events.clear(); // and nothing of that is durable
        run.restart();
    }
    assert_eq!(run.dial(NUMBER, "", 0, None), "deny three-an-hour");
    // Closed as lost later, they count all the same.
    run.site.pass(21 * 3_600_000);
    run.commit();
    let taken = run.journal.attempts.values().filter(|(attempt, _)| attempt.is_some());
    let given_back = taken.clone().filter(|(_, notes)| !notes.is_empty()).count();
    assert_eq!((run.journal.live.len(), taken.count(), given_back), (0, 3, 0));
}

/// Who labels a call late labels the call, not the hour in which it is said.
#[test]
fn a_label_counts_from_its_call_on() {
    let mut run = Run::new();
    let said = run.dial(NUMBER, "X-Trunkline-Subject: motor\n", 1, None);
    assert_eq!(said, "allow");
    let call = *run.journal.live.keys().next().unwrap();
    run.site.pass(1000 * 3600 * 13 + 1000 * 60 * 59); // Monday 23:59
    run.say(call, "拒绝");
    run.commit();
    run.site.pass(1000 * 3600 * 24 * 3);
    let said = run.dial(NUMBER, "X-Trunkline-Subject: motor\n", 2, None);
    assert_eq!(said, "deny refused", "Thursday is day 3");
    assert_eq!(run.dial(NUMBER, "X-Trunkline-Subject: home\n", 2, None), "allow");
    run.restart();
    let said = run.dial(NUMBER, "X-Trunkline-Subject: motor\n", 2, None);
    assert_eq!(said, "deny refused");
    run.site.pass(1000 * 60 * 2);
    let said = run.dial(NUMBER, "X-Trunkline-Subject: motor\n", 2, None);
    assert_eq!(said, "allow", "Friday is day 4");
}

/// The facts of a call stand in its decision, and none of them leaves for the carrier.
#[test]
fn facts_come_from_headers_of_the_pbx_and_stay_inside() {
    let mut run = Run::new();
    let headers = "X-Trunkline-Subject: motor\nX-Trunkline-Case: k-1\nX-Trunkline-Campaign: s26\n\
                   X-Trunkline-Customer: c7\nX-Trunkline-Seller: acme\n";
    run.site.receive(PBX, &invite(NUMBER, "f", &format!("X-Purpose: sales\n{headers}")));
    run.site.durable();
    let allowed = run.site.events.iter().find(|e| e.kind == EventKind::OutboundAllowed).unwrap();
    let Entity::Decision(decision) = &allowed.entity else { panic!() };
    let facts = decision.topic.as_deref().unwrap();
    let all = [&facts.subject, &facts.case, &facts.campaign, &facts.customer, &facts.seller];
    let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
    assert_eq!(all, ["motor", "k-1", "s26", "c7", "acme"]);
    let sent = run.site.sent_to(MAIN);
    assert!(!sent[0].contains("X-Trunkline") && !sent[0].contains("X-Purpose"), "{}", sent[0]);
    let long = format!("X-Trunkline-Subject: {}\n", "x".repeat(129));
    run.site.receive(PBX, &invite(NUMBER, "g", &format!("X-Purpose: sales\n{long}")));
    let Entity::Decision(decision) = &run.site.events.last().unwrap().entity else { panic!() };
    assert_eq!(decision.topic, None, "too long to be read");
    run.site.give(Input::Durable(run.site.engine.pos()));
    assert!(!run.site.sent_to(MAIN)[0].contains("X-Trunkline"));
}
