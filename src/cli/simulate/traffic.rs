//! Customers: who calls when, how long they wait, and when they hang up.

use super::args::SimulateArgs;
use super::site::People;
use crate::sim::ua::{Command, Dial, Report};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use trunkline_core::model::Dice;

/// Customers on the line at once; beyond nobody calls.
const CALLS_MAX: usize = 500;

/// A customer on the line.
#[derive(Debug)]
struct Customer {
    /// Leaves then.
    until: Instant,
    /// Talks so long once an agent has answered.
    talk: Duration,
}

/// What is to happen next.
pub(super) struct Traffic {
    dice: Dice,
    seed: u64,
    gap: Option<Duration>,
    talk: Duration,
    patience: Duration,
    numbers: Vec<String>,
    next: Instant,
    count: u64,
    customers: BTreeMap<String, Customer>,
}

impl Traffic {
    pub fn new(args: &SimulateArgs, people: &People, seed: u64, now: Instant) -> Self {
        let a_minute = args.calls_a_minute;
        let gap = (a_minute > 0).then(|| Duration::from_secs(60) / a_minute);
        Self {
            dice: Dice::new(seed),
            seed,
            gap,
            talk: args.talk,
            patience: args.patience,
            numbers: people.queues.iter().map(|(_, number)| number.clone()).collect(),
            next: now + Duration::from_secs(1),
            count: 0,
            customers: BTreeMap::new(),
        }
    }

    /// When `due` has something to do.
    pub fn wake_at(&self) -> Option<Instant> {
        let calls = self.gap.map(|_| self.next);
        self.customers.values().map(|customer| customer.until).chain(calls).min()
    }

    /// What the carrier is to do now.
    pub fn due(&mut self, now: Instant) -> Vec<Command> {
        let mut orders = Vec::new();
        for (id, customer) in &mut self.customers {
            if customer.until <= now {
                orders.push(Command::HangUp { id: id.clone() });
                // Until the end is told; a lost order is given again.
                customer.until = now + Duration::from_secs(5);
            }
        }
        if let Some(gap) = self.gap.filter(|_| self.next <= now) {
            self.next = now + self.dice.spread(gap, 50, 150);
            if self.customers.len() < CALLS_MAX {
                orders.push(self.call(None, None, now));
            }
        }
        orders
    }

    /// A customer calls; from any number to any queue unless they are given.
    pub fn call(&mut self, from: Option<&str>, to: Option<&str>, now: Instant) -> Command {
        self.count += 1;
        let line = self.dice.throw() % 100_000_000;
        let from = from.map_or_else(|| format!("+86138{line:08}"), str::to_owned);
        let queue = usize::try_from(self.dice.throw()).unwrap_or(0) % self.numbers.len();
        let to = to.unwrap_or(&self.numbers[queue]).to_owned();
        let id = format!("{:x}-{}@carrier.sim", self.seed, self.count);
        let customer = Customer {
            until: now + self.dice.spread(self.patience, 50, 150),
            talk: self.dice.spread(self.talk, 50, 150),
        };
        self.customers.insert(id.clone(), customer);
        Command::Call(Dial { call_id: Some(id.clone()), id, from, to, ..Dial::default() })
    }

    /// An agent has answered.
    pub fn talks(&mut self, call_id: &str, now: Instant) {
        if let Some(customer) = self.customers.get_mut(call_id) {
            customer.until = now + customer.talk;
        }
    }

    /// What the carrier saw.
    pub fn saw(&mut self, report: &Report) {
        if let Report::Ended { id, .. } | Report::Failed { id, .. } = report {
            self.customers.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn traffic(seed: u64, now: Instant) -> Traffic {
        let line = ["x", "--calls-a-minute", "60", "--patience", "10s", "--talk", "4s"];
        let args = Line::parse_from(line).args;
        Traffic::new(&args, &People::new(&args), seed, now)
    }

    fn orders(traffic: &mut Traffic, now: Instant) -> Vec<(Duration, String)> {
        let mut told = Vec::new();
        while let Some(at) = traffic.wake_at().filter(|at| *at < now + Duration::from_secs(30)) {
            for order in traffic.due(at) {
                let text = match &order {
                    Command::Call(dial) => format!("{}>{}", dial.from, dial.to),
                    Command::HangUp { id } => {
                        let (id, ms, reason) = (id.clone(), 0, None);
                        let phrase = String::new();
                        traffic.saw(&Report::Failed { id, status: 487, phrase, reason, ms });
                        "leaves".to_owned()
                    }
                    other => panic!("{other:?}"),
                };
                told.push((at - now, text));
            }
        }
        told
    }

    #[test]
    fn the_same_seed_makes_the_same_callers() {
        let now = Instant::now();
        let [one, same, other] = [7, 7, 8].map(|seed| orders(&mut traffic(seed, now), now));
        assert_eq!(one, same);
        assert_ne!(one, other);
        let calls = one.iter().filter(|(_, text)| text != "leaves").count();
        assert!((20..60).contains(&calls), "one a second, give or take: {calls}");
        assert!(one.iter().any(|(_, text)| text == "leaves"), "nobody answered");
    }

    #[test]
    fn who_is_answered_talks_and_leaves_then() {
        let now = Instant::now();
        let mut traffic = traffic(1, now);
        traffic.gap = None;
        let Command::Call(dial) = traffic.call(None, Some("1001"), now) else { panic!() };
        assert_eq!(dial.to, "1001");
        let later = now + Duration::from_secs(4);
        traffic.talks(&dial.id, later);
        let leaves = traffic.wake_at().unwrap() - later;
        assert!((2..=6).contains(&leaves.as_secs()), "{leaves:?}");
        traffic.saw(&Report::Bye);
        assert_eq!(traffic.customers.len(), 1);
    }
}
