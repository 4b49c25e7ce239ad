//! The account: frames of the supervisor's desk, told to a person.

use super::{
    day,
    frames::{Call, Decision, Dnc, Ev, Frame, Status},
};
use std::collections::{BTreeMap, BTreeSet};

/// What the desk was told, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Tally {
    pub inbound: u64,
    pub inbound_answered: u64,
    pub abandoned: u64,
    /// Outbound calls that the gate allowed.
    pub allowed: u64,
    /// Outbound calls that are never gated.
    pub exempt: u64,
    pub outbound_answered: u64,
    /// Outbound calls refused, by the rule that decided.
    pub refused: BTreeMap<String, u64>,
    pub listed: u64,
    pub events: u64,
}

impl Tally {
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }
}

#[derive(Clone, Debug)]
struct Known {
    number: u32,
    outward: bool,
    from: String,
    to: String,
    decided: bool,
}

/// Keeps which calls there are, so that each line can name its call.
#[derive(Debug, Default)]
pub(in crate::cli) struct Account {
    known: BTreeMap<String, Known>,
    live: BTreeSet<String>,
    refused: BTreeSet<String>,
    /// Rules whose clause has been told.
    cited: BTreeSet<String>,
    pub tally: Tally,
}

impl Account {
    /// Calls in progress, as the desk knows them.
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// Whether this frame puts a number's full form before the eyes of somebody who asked for the
    /// masked view.
    pub fn shows_a_number(frame: &serde_json::Value) -> bool {
        match frame {
            serde_json::Value::Object(map) => map.iter().any(|(key, value)| {
                let told = value.as_str().is_some_and(|text| !text.is_empty());
                (key == "e164" && told) || Self::shows_a_number(value)
            }),
            serde_json::Value::Array(list) => list.iter().any(Self::shows_a_number),
            _ => false,
        }
    }

    /// The lines that this frame is worth.
    pub fn tell(&mut self, frame: &Frame) -> Vec<String> {
        let Frame::Ev(ev) = frame else { return Vec::new() };
        self.tally.events += 1;
        let line = match ev.k.as_str() {
            "outbound.allowed" | "outbound.denied" => return self.decision(ev),
            "dnc.added" => return self.listed(ev),
            "system.status" => Some(status(ev)),
            kind if kind.starts_with("call.") || kind == "outbound.requested" => self.call(ev),
            _ => None,
        };
        line.into_iter().collect()
    }

    fn call(&mut self, ev: &Ev) -> Option<String> {
        let call: Call = serde_json::from_value(ev.o.clone()).ok()?;
        let first = !self.known.contains_key(&call.id);
        self.note(&call);
        let text = match ev.k.as_str() {
            "outbound.requested" => return None,
            "call.originated" => self.originated(&call, first)?,
            "call.network_reached" => "the carrier plays a tone (183)".to_owned(),
            "call.delivered" => "rings".to_owned(),
            "call.established" => {
                let counter = match call.direction.as_str() {
                    "inbound" => &mut self.tally.inbound_answered,
                    _ => &mut self.tally.outbound_answered,
                };
                *counter += 1;
                answered(&call)
            }
            "call.held" => "on hold".to_owned(),
            "call.retrieved" => "back from hold".to_owned(),
            "call.abandoned" => {
                self.tally.abandoned += 1;
                format!("✗ gave up {}", after_ring(&call))
            }
            "call.failed" if self.refused.contains(&call.id) => return None,
            "call.failed" if call.cause.csta == "policy_denied" => self.not_durable(&call),
            "call.failed" => format!("✗ {}", failure(&call)),
            "call.cleared" => {
                self.live.remove(&call.id);
                let had_words = call.answered.is_some();
                if !had_words {
                    return None; // told by what came before
                }
                over(&call)
            }
            _ => return None,
        };
        Some(self.line(&ev.ts, &call.id, &text))
    }

    /// Gives the call a number at its first sight.
    fn note(&mut self, call: &Call) {
        let number = u32::try_from(self.known.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.known.entry(call.id.clone()).or_insert_with(|| Known {
            number,
            outward: call.direction != "inbound",
            from: call.from.masked.clone(),
            to: call.to.masked.clone(),
            decided: false,
        });
        if call.ended.is_none() {
            self.live.insert(call.id.clone());
        }
    }

    fn originated(&mut self, call: &Call, first: bool) -> Option<String> {
        if call.direction == "inbound" {
            self.tally.inbound += 1;
            return first.then(|| format!("calls in by {}", call.trunk));
        }
        let known = self.known.get(&call.id)?;
        if known.decided || !call.decision_id.is_empty() {
            return None; // the gate's line says it
        }
        self.tally.exempt += 1;
        Some(match call.direction.as_str() {
            "internal" => "stays inside: not gated".to_owned(),
            _ => "✓ let through at once: an emergency number is never gated".to_owned(),
        })
    }

    /// An allow that could not be written down in time is a refusal.
    fn not_durable(&mut self, call: &Call) -> String {
        self.refused.insert(call.id.clone());
        self.tally.allowed = self.tally.allowed.saturating_sub(1);
        *self.tally.refused.entry("journal".to_owned()).or_default() += 1;
        format!("✗ REFUSED: {}", call.cause.text)
    }

    fn decision(&mut self, ev: &Ev) -> Vec<String> {
        let Ok(decision) = serde_json::from_value::<Decision>(ev.o.clone()) else {
            return Vec::new();
        };
        let number = u32::try_from(self.known.len()).unwrap_or(u32::MAX).saturating_add(1);
        let known = self.known.entry(decision.call_id.clone()).or_insert_with(|| Known {
            number,
            outward: true,
            from: decision.device.clone(),
            to: decision.to.masked.clone(),
            decided: false,
        });
        known.decided = true;
        if ev.k == "outbound.allowed" {
            self.tally.allowed += 1;
            let (purpose, day) = (&decision.purpose, &decision.day_class);
            let text = format!("✓ gate: allowed ({purpose}, {day})");
            return vec![self.line(&ev.ts, &decision.call_id, &text)];
        }
        self.refused.insert(decision.call_id.clone());
        let rule = decision.rules.iter().find(|rule| rule.verdict == "deny");
        let rule = rule.cloned().unwrap_or_default();
        *self.tally.refused.entry(rule.id.clone()).or_default() += 1;
        let until = match decision.next_allowed_at.as_str() {
            "" => rule.inputs,
            next => format!("until {}", day::until(next)),
        };
        let text = format!("✗ REFUSED: {}, {until}", rule.id);
        let mut lines = vec![self.line(&ev.ts, &decision.call_id, &text)];
        if !rule.citation.is_empty() && self.cited.insert(rule.id) {
            lines.push(format!("            because {}", rule.citation));
        }
        lines
    }

    fn listed(&mut self, ev: &Ev) -> Vec<String> {
        let Ok(dnc) = serde_json::from_value::<Dnc>(ev.o.clone()) else { return Vec::new() };
        self.tally.listed += dnc.entries.len() as u64;
        let lines = dnc.entries.iter().map(|entry| {
            let until = if entry.until.is_empty() { "for ever" } else { &entry.until };
            let through = if entry.until.is_empty() { "" } else { "through " };
            let (who, why) = (&entry.number.masked, &entry.reason);
            let clock = day::clock(&ev.ts);
            format!("{clock}  do-not-call: {who} {through}{until} ({why}, by {})", entry.added_by)
        });
        lines.collect()
    }

    fn line(&self, ts: &str, call: &str, text: &str) -> String {
        let clock = day::clock(ts);
        let Some(known) = self.known.get(call) else { return format!("{clock}  {text}") };
        let way = if known.outward { "out" } else { "in " };
        let parties = format!("{} > {}", known.from, known.to);
        format!("{clock}  #{:<3} {way}  {parties:<19}  {text}", known.number)
    }
}

fn seconds(ms: u32) -> String {
    let tenths = ms.saturating_add(50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

fn after_ring(call: &Call) -> String {
    match (call.ring_ms, call.rings) {
        (Some(ms), Some(1)) => format!("after {} of ringing (1 ring)", seconds(ms)),
        (Some(ms), Some(n)) => format!("after {} of ringing ({n} rings)", seconds(ms)),
        (Some(ms), None) => format!("after {} of ringing", seconds(ms)),
        (None, _) => "before it rang".to_owned(),
    }
}

fn answered(call: &Call) -> String {
    let who = if call.direction == "inbound" { &call.device } else { &call.to.masked };
    match call.ring_ms {
        Some(_) => format!("{who} answers {}", after_ring(call)),
        None => format!("{who} answers"),
    }
}

fn failure(call: &Call) -> String {
    let status = call.cause.sip_status.map_or_else(String::new, |s| format!(" (SIP {s})"));
    format!("failed: {}{status}", call.cause.csta)
}

fn over(call: &Call) -> String {
    let hold = match call.hold_ms {
        Some(ms) if ms > 0 => format!(", {} on hold", seconds(ms)),
        _ => String::new(),
    };
    let talked = seconds(call.talk_ms.unwrap_or(0));
    format!("over: {} hung up, talked {talked}{hold}", call.released_by)
}

fn status(ev: &Ev) -> String {
    let status: Status = serde_json::from_value(ev.o.clone()).unwrap_or_default();
    let clock = day::clock(&ev.ts);
    let why = if status.reason.is_empty() { String::new() } else { format!(": {}", status.reason) };
    format!("{clock}  system {}{why}", status.status)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn tell(account: &mut Account, kind: &str, entity: Value) -> Vec<String> {
        let frame =
            json!({"t":"ev","pos":"1","ts":"2026-09-30T02:00:03.150000Z","k":kind,"o":entity});
        account.tell(&serde_json::from_value(frame).unwrap())
    }

    fn inbound() -> Value {
        json!({"id":"c","direction":"inbound","trunk":"north","device":"95519",
            "from":{"masked":"138****8000"},"to":{"masked":"95519"}})
    }

    #[test]
    fn an_inbound_call_reads_from_ring_to_end() {
        let mut account = Account::default();
        let start = "10:00:03.1  #1   in   138****8000 > 95519  ";
        let told = tell(&mut account, "call.originated", inbound());
        assert_eq!(told, [format!("{start}calls in by north")]);
        let mut call = inbound();
        call["ring_ms"] = json!(3120);
        call["rings"] = json!(1);
        call["answered"] = json!({});
        let told = tell(&mut account, "call.established", call.clone());
        assert_eq!(told, [format!("{start}95519 answers after 3.1 s of ringing (1 ring)")]);
        assert_eq!(account.live(), 1);
        call["ended"] = json!({});
        call["talk_ms"] = json!(4000);
        call["hold_ms"] = json!(1200);
        call["released_by"] = json!("customer");
        assert!(tell(&mut account, "call.connection_cleared", call.clone()).is_empty());
        let told = tell(&mut account, "call.cleared", call);
        let text = "over: customer hung up, talked 4.0 s, 1.2 s on hold";
        assert_eq!(told, [format!("{start}{text}")]);
        assert_eq!(account.live(), 0);
        assert_eq!((account.tally.inbound, account.tally.inbound_answered), (1, 1));
    }

    #[test]
    fn a_refusal_names_rule_and_time_and_is_told_once() {
        let mut account = Account::default();
        let call = json!({"id":"c","direction":"outbound","from":{"masked":"8001"},
            "to":{"masked":"138****8002"},"decision_id":"d"});
        assert!(tell(&mut account, "outbound.requested", call.clone()).is_empty());
        let decision = json!({"call_id":"c","verdict":"deny","rules":[
            {"id":"emergency","verdict":"not_applicable"},
            {"id":"night","verdict":"deny","citation":"001"}],
            "next_allowed_at":"2026-10-08T08:30:00+08:00"});
        let told = tell(&mut account, "outbound.denied", decision);
        assert!(told[0].ends_with("✗ REFUSED: night, until Thu 2026-10-08 08:30"));
        assert_eq!(told[1].trim(), "because 001");
        assert!(told[0].contains("#1   out  8001 > 138****8002"), "{told:?}");
        assert!(tell(&mut account, "call.failed", call.clone()).is_empty());
        assert!(tell(&mut account, "call.cleared", call).is_empty());
        assert_eq!(account.tally.refused["night"], 1);
        assert_eq!(account.live(), 0);
    }

    #[test]
    fn an_allow_that_is_not_durable_counts_as_a_refusal() {
        let mut account = Account::default();
        let allowed = json!({"call_id":"c","purpose":"service","day_class":"workday"});
        tell(&mut account, "outbound.allowed", allowed);
        assert_eq!((account.tally.allowed, account.tally.refusals()), (1, 0));
        let call = json!({"id":"c","direction":"outbound",
            "cause":{"csta":"policy_denied","text":"journal: too slow"}});
        let told = tell(&mut account, "call.failed", call);
        assert!(told[0].ends_with("✗ REFUSED: journal: too slow"), "{told:?}");
        assert_eq!((account.tally.allowed, account.tally.refused["journal"]), (0, 1));
    }

    #[test]
    fn an_emergency_call_is_told_as_such() {
        let mut account = Account::default();
        let call = json!({"id":"c","direction":"outbound","from":{"masked":"8002"},
            "to":{"masked":"120"}});
        let told = tell(&mut account, "call.originated", call);
        assert!(told[0].contains("never gated"), "{told:?}");
        assert_eq!(account.tally.exempt, 1);
    }

    #[test]
    fn a_full_number_is_noticed_anywhere() {
        assert!(Account::shows_a_number(&json!({"o":{"legs":[{"from":{"e164":"+861"}}]}})));
        assert!(!Account::shows_a_number(&json!({"o":{"from":{"masked":"1","e164":""}}})));
    }
}
