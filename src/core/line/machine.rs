//! One line: evidence, orders, calls and registration put together.

use super::damping::Damping;
use super::health::{Evidence, Health, Standing};
use super::load::{Load, Way};
use super::probe::Prober;
use super::ratio::{Ending, Ratios};
use super::register::Registrar;
use super::settings::LineSettings;
use crate::model::{
    Dice, Line, LineOrder, LineState, Mono, Named, Now, ProbeResult, RegistrationState, Reply, Wall,
};
use std::time::Duration;

/// What the end (or the first sign of life) of a call says about its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// 101-699 but 503.
    Alive,
    /// 503, silence, or it could not be sent; the text is for a person.
    Failed(String),
    /// Nothing: the caller gave up first.
    Nothing,
}

/// What the engine has to do or tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineFact {
    /// The state, an order or the registration changed; `from` is the state before.
    Changed {
        /// State before.
        from: LineState,
    },
    /// As many calls as it may have, the first time in this episode.
    Full(Way),
    /// Probe it, and tell the outcome.
    Probe {
        /// Longest wait for an answer.
        patience: Duration,
    },
    /// Register with it, and tell the outcome.
    Register {
        /// Seconds to ask for.
        expires_s: u32,
    },
}

/// One line.
#[derive(Clone, Debug)]
pub struct LineMachine {
    settings: LineSettings,
    dice: Dice,
    health: Health,
    damping: Damping,
    pub(super) load: Load,
    prober: Prober,
    registrar: Option<Registrar>,
    pub(super) ratios: Ratios,
    order: LineOrder,
    ordered_by: String,
    late_answers: u32,
    last_failure: String,
    rev: u64,
    told: Told,
    since: Wall,
    reason: String,
}

/// What was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    state: LineState,
    order: LineOrder,
    registration: Option<RegistrationState>,
    /// Draining and the last call is gone.
    drained: bool,
    /// What has taken it down: probes, calls.
    down_by: (bool, bool),
}

impl LineMachine {
    /// A line of which nothing is known yet.
    pub fn new(settings: LineSettings, now: Now, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let prober = Prober::new(settings.probe, now.mono, &mut dice);
        let registrar = settings.register.map(|r| Registrar::new(r, now.mono, &mut dice));
        let mut line = Self {
            dice,
            health: Health::new(settings.health),
            damping: Damping::new(settings.damping),
            load: Load::new(settings.limits),
            prober,
            registrar,
            ratios: Ratios::default(),
            order: settings.order,
            ordered_by: String::new(),
            late_answers: 0,
            last_failure: String::new(),
            rev: 0,
            told: Told {
                state: LineState::Unknown,
                order: LineOrder::Serve,
                registration: None,
                drained: false,
                down_by: (false, false),
            },
            since: now.wall,
            reason: String::new(),
            settings,
        };
        if line.order != LineOrder::Serve {
            "the configuration".clone_into(&mut line.ordered_by);
        }
        line.told = line.telling(now.mono);
        line.reason = line.explain(now.mono);
        line
    }

    /// Takes over what an earlier run knew: an operator's order, and the newest probes for people
    /// to read. Whether it lives is found out anew.
    pub fn restore(&mut self, earlier: Line, now: Now) {
        self.rev = earlier.rev;
        self.late_answers = earlier.late_answers;
        self.prober.restore(earlier.probes);
        if earlier.order != LineOrder::Serve && self.order == LineOrder::Serve {
            self.order = earlier.order;
            self.ordered_by = earlier.ordered_by;
        }
        self.told = self.telling(now.mono);
        self.reason = self.explain(now.mono);
    }

    /// Name in the configuration.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What the configuration says.
    pub fn settings(&self) -> &LineSettings {
        &self.settings
    }

    /// What calls may expect.
    pub fn state(&self) -> LineState {
        self.told.state
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Longest wait for the answer to a probe.
    pub fn patience(&self) -> Duration {
        self.prober.patience()
    }

    /// May one call try this line although calls have taken it out of service?
    pub fn offers_trial(&self, now: Now) -> bool {
        self.told.state == LineState::OutOfService && self.health.offers_trial(now.mono)
    }

    /// When `tick` has something to do.
    pub fn next_deadline(&self, now: Mono) -> Option<Mono> {
        let held = self.damping.left(now).map(|left| now.after(left));
        let registrar = self.registrar.as_ref().and_then(Registrar::deadline);
        [self.prober.deadline(), registrar, held].into_iter().flatten().min()
    }

    /// Probes and registrations that are due, and what only time brings.
    pub fn tick(&mut self, now: Now, out: &mut Vec<LineFact>) {
        if self.prober.is_lost(now.mono) {
            self.probed(now, &Reply::Silent, out);
        }
        if self.prober.take_due(now.mono) {
            out.push(LineFact::Probe { patience: self.prober.patience() });
        }
        if let Some(registrar) = &mut self.registrar {
            registrar.tick(now, &mut self.dice);
            if let Some(expires_s) = registrar.take_due(now.mono) {
                out.push(LineFact::Register { expires_s });
            }
        }
        self.settle(now, out);
    }

    /// The outcome of a probe.
    pub fn probed(&mut self, now: Now, reply: &Reply, out: &mut Vec<LineFact>) {
        let alive = self.prober.settings().unwrap_or_default().alive;
        let (status, rtt_us) = match reply {
            Reply::Final { status, rtt, .. } => {
                (Some(*status), u64::try_from(rtt.as_micros()).ok())
            }
            Reply::Silent | Reply::Unsent(_) => (None, None),
        };
        let alive = status.is_some_and(|s| alive.accepts(s));
        let text = match reply {
            Reply::Silent => format!("no answer in {} ms", self.prober.patience().as_millis()),
            Reply::Final { .. } | Reply::Unsent(_) => reply.to_string(),
        };
        if !alive {
            self.last_failure.clone_from(&text);
        }
        self.weigh(now, if alive { Evidence::ProbeAnswered } else { Evidence::ProbeFailed });
        let bad = self.health.standing() == Standing::Down || self.health.probe_failures() > 0;
        let result = ProbeResult { at: now.wall, alive, status, text, rtt_us };
        self.prober.ended(now.mono, result, bad, &mut self.dice);
        self.settle(now, out);
    }

    /// The outcome of a REGISTER: whether we are registered, and a sign of life or its absence.
    pub fn registered(&mut self, now: Now, reply: &Reply, out: &mut Vec<LineFact>) {
        let Some(registrar) = &mut self.registrar else { return };
        registrar.answered(now, reply, &mut self.dice);
        let alive = match reply {
            Reply::Final { status, .. } => !matches!(status, 408 | 503),
            Reply::Silent | Reply::Unsent(_) => false,
        };
        if !alive {
            self.last_failure = format!("REGISTER: {reply}");
        }
        self.weigh(now, if alive { Evidence::ProbeAnswered } else { Evidence::ProbeFailed });
        self.settle(now, out);
    }

    /// What a real call says about the line.
    pub fn call_said(&mut self, now: Now, outcome: CallOutcome, out: &mut Vec<LineFact>) {
        match outcome {
            CallOutcome::Alive => self.weigh(now, Evidence::CallAnswered),
            CallOutcome::Failed(why) => {
                self.last_failure = format!("a call: {why}");
                self.weigh(now, Evidence::CallFailed);
            }
            CallOutcome::Nothing => return self.health.dropped(),
        }
        self.settle(now, out);
    }

    /// It answered a call that had gone elsewhere: it lives, but late.
    pub fn answered_late(&mut self, now: Now, out: &mut Vec<LineFact>) {
        self.late_answers = self.late_answers.saturating_add(1);
        self.call_said(now, CallOutcome::Alive, out);
    }

    /// How a seizure ended.
    pub fn count(&mut self, now: Now, ending: Ending) {
        self.ratios.count(now.mono, ending);
    }

    /// A call is on it.
    pub fn began(&mut self, now: Now, way: Way) {
        self.load.began(way);
        if way == Way::Out {
            self.health.began(now.mono);
        }
    }

    /// A call has left it.
    pub fn ended(&mut self, now: Now, way: Way, out: &mut Vec<LineFact>) {
        self.load.ended(way);
        if self.order == LineOrder::Drain && self.load.calls() == 0 {
            self.settle(now, out);
        }
    }

    /// May a call take it that way? Tells the first refusal of an episode.
    pub fn has_room(&mut self, way: Way, out: &mut Vec<LineFact>) -> bool {
        let room = self.load.has_room(way);
        if !room && self.load.tell_full(way) {
            self.rev += 1;
            out.push(LineFact::Full(way));
        }
        room
    }

    /// Why there is no room.
    pub fn full_reason(&self) -> String {
        self.load.reason()
    }

    /// An operator's order. Tells it even if nothing else changes.
    pub fn order(&mut self, now: Now, order: LineOrder, who: &str, out: &mut Vec<LineFact>) {
        self.order = order;
        who.clone_into(&mut self.ordered_by);
        self.settle(now, out);
    }

    /// The next revision, for an event that is not a change of state.
    pub fn revise(&mut self) {
        self.rev += 1;
    }

    fn weigh(&mut self, now: Now, evidence: Evidence) {
        let before = self.health.standing();
        self.health.take(now.mono, evidence);
        if before == Standing::Up && self.health.standing() == Standing::Down {
            self.damping.flap(now.mono);
        }
    }

    fn telling(&mut self, now: Mono) -> Told {
        let held = self.damping.is_held(now);
        let registration = self.registrar.as_ref().map(Registrar::state);
        let unregistered = registration == Some(RegistrationState::Failed);
        let state = match (self.order, self.health.standing()) {
            (LineOrder::Maintain, _) => LineState::Maintenance,
            (LineOrder::Drain, _) => LineState::Draining,
            (LineOrder::Serve, Standing::Down) => LineState::OutOfService,
            (LineOrder::Serve, _) if unregistered => LineState::Degraded,
            (LineOrder::Serve, Standing::Up) if held => LineState::Degraded,
            (LineOrder::Serve, Standing::Unknown) => LineState::Unknown,
            (LineOrder::Serve, Standing::Up) => LineState::InService,
        };
        let drained = self.order == LineOrder::Drain && self.load.calls() == 0;
        let down_by = self.health.down_by();
        Told { state, order: self.order, registration, drained, down_by }
    }

    /// Tells what has changed.
    fn settle(&mut self, now: Now, out: &mut Vec<LineFact>) {
        let telling = self.telling(now.mono);
        if telling == self.told {
            return;
        }
        let before = std::mem::replace(&mut self.told, telling);
        let from = before.state;
        self.reason = self.explain(now.mono);
        if (Told { down_by: telling.down_by, ..before }) == telling {
            return; // the same for calls, for another reason
        }
        self.rev += 1;
        if from != telling.state {
            self.since = now.wall;
        }
        out.push(LineFact::Changed { from });
    }

    fn explain(&self, now: Mono) -> String {
        let by = &self.ordered_by;
        match self.told.state {
            LineState::Maintenance => format!("taken out by {by}"),
            LineState::Draining if self.told.drained => {
                format!("drained: no calls are left; ordered by {by}")
            }
            LineState::Draining => {
                format!("draining: {} calls go on; ordered by {by}", self.load.calls())
            }
            LineState::Degraded if self.told.registration == Some(RegistrationState::Failed) => {
                let reason = self.registrar.as_ref().map_or("", Registrar::reason);
                format!("not registered: {reason}")
            }
            LineState::Degraded => self.damping.reason(now),
            LineState::Unknown | LineState::InService | LineState::OutOfService => {
                self.health.reason(&self.last_failure)
            }
        }
    }

    /// The entity.
    pub fn entity(&self, now: Now) -> Line {
        let (seizures, asr, ner) = self.ratios.read(now.mono);
        let next = self.prober.next().map(|at| now.wall.after(at.since(now.mono)));
        Line {
            id: self.settings.name.clone(),
            rev: self.rev,
            role: self.settings.role,
            state: self.told.state,
            since: self.since,
            reason: self.reason.clone(),
            last_failure: self.last_failure.clone(),
            order: self.order,
            ordered_by: self.ordered_by.clone(),
            registration: self.registrar.as_ref().map(Registrar::entity),
            calls_in: self.load.inbound,
            calls_out: self.load.outbound,
            calls_max: self.load.limits.all,
            calls_in_max: self.load.limits.inbound,
            calls_out_max: self.load.limits.outbound,
            rtt_us: self.prober.rtt_us(),
            probe_failures: self.health.probe_failures(),
            call_failures: self.health.call_failures(),
            next_probe_at: next,
            seizures,
            answer_seizure_permille: asr,
            network_effectiveness_permille: ner,
            late_answers: self.late_answers,
            penalty: self.damping.penalty(now.mono),
            probes: self.prober.kept(),
        }
    }

    /// `in_service: probes are answered`, for texts about several lines.
    pub fn summary(&self) -> String {
        format!("{} is {}: {}", self.name(), self.told.state.name(), self.reason)
    }
}
