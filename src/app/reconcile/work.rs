//! Records and calls held against each other.

use super::ask::Request;
use super::hashed;
use super::known::{Decisions, Ours, reads};
use super::report::{File, Finding, Missing, Report};
use crate::app::commands::CommandError;
use crate::config::Config;
use crate::store::Store;
use serde_json::Value;
use std::time::Duration;
use trunkline_core::cdr::{Edge, Known, Legs, Match, OutLeg, Pairing, Reader, Reading, legs, pair};
use trunkline_core::gate::{Book, CallFacts, DialPlans, PastCall, Replay, Ruling, Short};
use trunkline_core::model::{CallId, DecisionId, IdSource, Named as _, Now, Verdict, Wall, mask};
use trunkline_core::vault::{digest, hex};

/// A row may begin so long before the time that is looked at, and its call in it.
const MARGIN: Duration = Duration::from_secs(600);

/// Where it is done.
pub struct Place<'a> {
    /// The site.
    pub config: &'a Config,
    /// Its calls.
    pub store: &'a Store,
    /// How it dials.
    pub plans: &'a DialPlans,
    /// Its rules.
    pub book: &'a Book,
    /// The one set that counts.
    pub ruleset: Option<&'a str>,
}

/// The command `gate.reconcile`: one answer, whose `report` is the text whose hash is in the audit
/// log.
///
/// # Errors
/// If the request cannot be used; else as a reconciliation.
pub fn reconcile_command(
    place: &Place<'_>,
    request: &Value,
    who: &str,
    now: Wall,
) -> Result<Value, CommandError> {
    let request = Request::read(place.config, request)?;
    let report = reconcile(place, &request, who, now)?;
    let text = serde_json::to_string(&report).unwrap_or_default();
    Ok(serde_json::json!({ "report": text }))
}

/// Reconciles, and writes what came of it into the audit log.
///
/// # Errors
/// If a file or the calls cannot be read, or the audit log cannot be written.
pub(super) fn reconcile(
    place: &Place<'_>,
    request: &Request,
    who: &str,
    now: Wall,
) -> Result<Report, CommandError> {
    let mut report =
        Report { pbx: request.pbx.clone(), format: request.format.name(), ..Report::default() };
    let mut reading = read(request, &mut report)?;
    let rows = std::mem::take(&mut reading.rows);
    let began = rows.iter().map(|(_, row)| row.at);
    let (first, last) = (began.clone().min(), began.max());
    let all = (first.unwrap_or(now), last.map_or(now, |at| at.after(Duration::from_secs(1))));
    let span = request.span.unwrap_or(all);
    (report.from, report.to) = (span.0.rfc3339(), span.1.rfc3339());
    let hashes: Vec<&str> = report.files.iter().map(|file| file.sha256.as_str()).collect();
    // Of very many files, the hash of their hashes.
    let hashes = match hashes.len() {
        ..=64 => hashes.join(","),
        many => format!("{many}:{}", hex(&digest(hashes.join(",").as_bytes()))),
    };
    let object = format!(
        "pbx={} from={} to={} format={} clear={} files={hashes}",
        report.pbx, report.from, report.to, report.format, request.clear
    );
    place.store.audit(who, "gate.reconcile", &object, now)?;
    count(&mut report, reading);
    let edge = Edge {
        trunks: &request.trunks,
        contexts_in: &request.contexts_in,
        reads: &|number| reads(place.plans.of(&request.pbx), number),
    };
    let legs = legs(rows, &edge);
    let mut work = Work { place, request, span, report, decisions: Decisions::default() };
    work.hold(legs, now)?;
    work.report.add_up();
    work.report.keep(place.store, who, now)?;
    Ok(work.report)
}

fn read(request: &Request, report: &mut Report) -> Result<Reading, CommandError> {
    let margins = request.span.map(|(from, to)| (from.before(MARGIN), to.after(MARGIN)));
    let (format, columns) = (request.format, request.columns.clone());
    let mut reader = Reader::new(format, columns, request.zone.clone(), margins);
    for path in &request.files {
        let (bytes, sha256) = hashed(path)
            .map_err(|error| CommandError::Field { field: "cdr", message: error.to_string() })?;
        reader.file(&bytes);
        report.files.push(File { name: path.display().to_string(), sha256 });
    }
    Ok(reader.finish())
}

fn count(report: &mut Report, reading: Reading) {
    report.rows = reading.read;
    report.other_time = reading.outside;
    report.duplicates = reading.twice_count;
    report.duplicate_lines = reading.twice;
    report.unreadable = reading.fault_count;
    report.faults = reading.faults;
}

struct Work<'a> {
    place: &'a Place<'a>,
    request: &'a Request,
    span: (Wall, Wall),
    report: Report,
    decisions: Decisions,
}

/// A leg and the call that it belongs to.
type Held<'a> = (&'a OutLeg, Option<(usize, Match)>);

impl Work<'_> {
    fn inside_span(&self, at: Wall) -> bool {
        (self.span.0..self.span.1).contains(&at)
    }

    fn hold(&mut self, legs: Legs, now: Wall) -> Result<(), CommandError> {
        let place = self.place;
        (self.report.exempt, self.report.inside) = (legs.exempt, legs.inside);
        self.report.further = legs.further;
        let (from, to) = (self.span.0.before(2 * MARGIN), self.span.1.after(2 * MARGIN));
        let entries = place.store.past_list()?;
        let claims = place.store.past_claims()?;
        let replay = Replay::new(place.book, place.ruleset, entries);
        let mut replay = replay.with_claims(claims);
        for row in place.store.registers()? {
            if let Some(register) = place.store.register(&row.name) {
                replay.set_register(register);
            }
        }
        let refs = place.store.list_refs();
        let back = place.book.looks_back();
        let since = if back.is_any() { from.before(back.calls.max(back.labels)) } else { from };
        let plan = place.plans.of(&self.request.pbx);
        let mut ours: Vec<Ours> = Vec::new();
        place.store.past_calls((since, to), &mut |call, decision| {
            let one = Ours::new(call, decision, plan, refs);
            if one.call.started.pbx_time >= from {
                ours.push(one);
            } else if one.is_out() && !one.was_stopped() {
                replay.went_out(&one.past());
            }
        })?;
        place.store.past_decisions((from, to), &mut |decision| self.decisions.take(&decision))?;
        let known: Vec<Known> =
            ours.iter().map(|one| one.known(&self.request.pbx, &self.decisions)).collect();
        let (out, by_trunk) = self.paired(&legs, &ours, known);
        for (place, leg) in legs.by_trunk.iter().enumerate() {
            self.by_trunk(leg, by_trunk.legs.get(place).copied().flatten(), &ours);
        }
        self.missing(&ours, &out, &by_trunk);
        let held: Vec<Held<'_>> = legs.out.iter().zip(out.legs).collect();
        self.judge_all(held, &ours, &mut replay, now);
        Ok(())
    }

    /// Legs out with calls out; then what came by a trunk with everything that is left.
    fn paired(&self, legs: &Legs, ours: &[Ours], mut known: Vec<Known>) -> (Pairing, Pairing) {
        let tolerance = self.request.tolerance;
        let rooms: Vec<usize> = known.iter().map(|one| one.room).collect();
        for (one, known) in ours.iter().zip(&mut known) {
            known.room = if one.is_out() { known.room } else { 0 };
        }
        let out = pair(&legs.out, &known, tolerance);
        for (at, known) in known.iter_mut().enumerate() {
            let taken = out.taken.get(at).copied().unwrap_or_default();
            known.room = rooms.get(at).copied().unwrap_or_default().saturating_sub(taken);
        }
        let mut by_trunk = pair(&legs.by_trunk, &known, tolerance);
        // A call that the PBX itself dialled has no number in Asterisk's row: its time is all.
        for (known, taken) in known.iter_mut().zip(&by_trunk.taken) {
            known.room = known.room.saturating_sub(*taken);
            (known.key, known.ids) = (Some(String::new()), Vec::new());
        }
        let left: Vec<usize> =
            (0..legs.by_trunk.len()).filter(|at| by_trunk.legs.get(*at) == Some(&None)).collect();
        let timed: Vec<OutLeg> = left
            .iter()
            .filter_map(|at| legs.by_trunk.get(*at))
            .map(|leg| OutLeg { key: Some(String::new()), ..leg.clone() })
            .collect();
        let by_time = pair(&timed, &known, tolerance);
        for (at, found) in left.into_iter().zip(by_time.legs) {
            if let (Some((call, _)), Some(leg)) = (found, by_trunk.legs.get_mut(at)) {
                *leg = Some((call, Match::Time));
            }
        }
        for (taken, more) in by_trunk.taken.iter_mut().zip(by_time.taken) {
            *taken += more;
        }
        (out, by_trunk)
    }

    fn by_trunk(&mut self, leg: &OutLeg, found: Option<(usize, Match)>, ours: &[Ours]) {
        if !self.inside_span(leg.row.at) {
            return;
        }
        match found.and_then(|(call, how)| Some((ours.get(call)?, how))) {
            Some((one, how)) if one.is_out() => self.decided(leg, one, how),
            Some(_) => self.report.inbound += 1,
            None => {
                // Its number is the caller's, if it came in.
                let mut finding = self.finding(leg, leg.row.caller.reveal());
                finding.channel.clone_from(&leg.row.from_channel);
                self.report.unseen.push(finding);
            }
        }
    }

    /// A leg with its call.
    fn decided(&mut self, leg: &OutLeg, one: &Ours, how: Match) {
        self.report.legs += 1;
        *self.report.found_by.entry(how.name()).or_default() += 1;
        let finding = || Finding {
            call: Some(one.call.id.to_string()),
            decision: one.decision.as_ref().map(|decision| decision.id.to_string()),
            ..self.finding(leg, leg.row.dialed.reveal())
        };
        let proxied = |pbx: &crate::config::Pbx| pbx.address.is_some();
        let proxied = self.place.config.pbx.get(&self.request.pbx).is_some_and(proxied);
        match one.verdict() {
            Some(Verdict::Deny) if one.was_stopped() && !leg.row.answered => {
                self.report.refused += 1;
            }
            Some(Verdict::Deny) => {
                let finding = finding();
                self.report.denied_dialled.push(finding);
            }
            Some(Verdict::Allow) | None => {
                if proxied && !one.came_by() {
                    let finding = finding();
                    self.report.past_gate.push(finding);
                }
                self.report.matched += 1;
            }
        }
    }

    /// Calls and decisions that no row shows.
    fn missing(&mut self, ours: &[Ours], out: &Pairing, by_trunk: &Pairing) {
        let alone = self.place.config.pbx.len() == 1;
        for (at, one) in ours.iter().enumerate() {
            let taken = [&out.taken, &by_trunk.taken].into_iter().filter_map(|all| all.get(at));
            let taken: usize = taken.sum();
            let of_pbx = one.is_of(&self.request.pbx).unwrap_or(alone);
            let at = one.call.started.pbx_time;
            if !one.is_out() || taken > 0 || !of_pbx || !self.inside_span(at) {
                continue;
            }
            let Some(decision) = one.decision.as_ref() else { continue };
            if decision.verdict == Verdict::Deny && one.was_stopped() {
                continue;
            }
            let missing = Missing {
                call: Some(one.call.id.to_string()),
                decision: decision.id.to_string(),
                at: at.rfc3339(),
                number: self.shown(one.call.dialed.raw.reveal()),
            };
            match one.was_dialled() {
                true => self.report.no_record.push(missing),
                false => self.report.never_dialled.push(missing),
            }
        }
        for id in self.decisions.never_dialled() {
            let at = trunkline_core::model::uuid_instant(id.0);
            if self.inside_span(at) {
                let (decision, at) = (id.to_string(), at.rfc3339());
                let missing = Missing { call: None, decision, at, number: String::new() };
                self.report.never_dialled.push(missing);
            }
        }
    }

    /// In the order in which they went out, because one counts for the caps of the next.
    fn judge_all(
        &mut self,
        held: Vec<Held<'_>>,
        ours: &[Ours],
        replay: &mut Replay<'_>,
        now: Wall,
    ) {
        let mut calls = ours.iter().filter(|one| one.is_out() && !one.was_stopped()).peekable();
        let mut ids = IdSource::new(0);
        for (leg, found) in held {
            while let Some(one) = calls.next_if(|one| one.call.started.pbx_time <= leg.row.at) {
                replay.went_out(&one.past());
            }
            if !self.inside_span(leg.row.at) {
                continue;
            }
            match found.and_then(|(call, how)| Some((ours.get(call)?, how))) {
                Some((one, how)) if one.decision.is_some() => self.decided(leg, one, how),
                found => {
                    self.report.legs += 1;
                    let id = ids.decision(Now { wall: now, ..Now::default() });
                    let call = found.map(|(one, _)| one.call.id);
                    let finding = self.judged(leg, id, call, replay);
                    self.report.ungated.push(finding);
                }
            }
        }
    }

    /// What the gate says of a leg that it was not asked about.
    fn judged(
        &self,
        leg: &OutLeg,
        id: DecisionId,
        call: Option<CallId>,
        replay: &mut Replay<'_>,
    ) -> Finding {
        let place = self.place;
        let number = leg.row.dialed.reveal();
        let dialed = place.plans.of(&self.request.pbx).read(number);
        let key = dialed.list_key().map(|key| place.store.list_refs().number_ref(key));
        let pbx = place.config.pbx.get(&self.request.pbx);
        let facts = CallFacts::default();
        let past = PastCall {
            id,
            dialed: &dialed,
            key,
            customer: None,
            facts: &facts,
            answered: leg.row.answered,
            label: None,
            purpose: pbx.and_then(|pbx| pbx.default_purpose.as_deref()),
            at: leg.row.at,
            who: leg.row.caller.reveal(),
            refused_by: &[],
        };
        let ruling = replay.judge(&past);
        replay.went_out(&past);
        let short = Short::of(&ruling, leg.row.at);
        let mut finding = Finding {
            call: call.map(|call| call.to_string()),
            verdict: Some(short.verdict),
            refused_by: short.refused_by,
            local_time: short.local_time,
            ..self.finding(leg, number)
        };
        if let Ruling::Decided(decided) = &ruling {
            let (set, hash) = (&decided.ruleset, &decided.ruleset_hash);
            let then = self.decisions.was_in_force(set, hash, leg.row.at);
            finding.rules = Some(if then { "then" } else { "now" });
            finding.ruleset.clone_from(set);
            finding.ruleset_hash.clone_from(hash);
        }
        finding
    }

    fn finding(&self, leg: &OutLeg, number: &str) -> Finding {
        let row = &leg.row;
        let dialed = self.place.plans.of(&self.request.pbx).read(number);
        let refs = self.place.store.list_refs();
        Finding {
            file: leg.file,
            line: row.line,
            at: row.at.rfc3339(),
            number: self.shown(number),
            number_ref: dialed.list_key().map(|key| refs.number_ref(key).to_string()),
            channel: masked_channel(&row.to_channel),
            answered: row.answered,
            ..Finding::default()
        }
    }

    fn shown(&self, number: &str) -> String {
        if self.request.clear { number.to_owned() } else { mask(number) }
    }
}

/// FreeSWITCH names a channel by the number that it dialled.
fn masked_channel(channel: &str) -> String {
    let parts = channel.split('/').map(|part| match part.split_once('@') {
        Some((user, host)) => format!("{}@{host}", mask(user)),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}
