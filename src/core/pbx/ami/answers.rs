//! Answers to actions, and answers that do not come.

use super::action::Action;
use super::block::Block;
use super::orders::rejected;
use super::pending::{ANSWER, Ask, LIST, Then, Waiting};
use super::session::{AmiSession, done};
use crate::model::Now;
use crate::pbx::{Close, Fact, LinkOutputs, LinkReport, Observed, OrderId, OrderResult};
use std::time::Duration;

/// `Atxfer` is answered before its keys are read: two of them take 0.2 s.
const CONSULT_READS: Duration = Duration::from_secs(2);

impl AmiSession {
    /// The answer to an action. That of a list says that its items follow.
    pub(super) fn answer(
        &mut self,
        now: Now,
        number: u64,
        block: &Block<'_>,
        out: &mut LinkOutputs,
    ) {
        let success = block.value("Response") == Some("Success");
        let waits_on = match self.pending.at(number).map(|waiting| &waiting.ask) {
            Some(Ask::List(_)) => success,
            // The channel must appear, or `OriginateResponse` say why not.
            Some(Ask::Order(_, Then::Appears(_))) => success,
            _ => false,
        };
        if waits_on {
            return;
        }
        let Some(waiting) = self.pending.take(number) else { return };
        match waiting.ask {
            Ask::Challenge => self.challenged(now, block, out),
            Ask::Login => self.logged_in(now, block, out),
            Ask::Filter => self.filtered(now, block, out),
            Ask::Settings | Ask::Status => self.identified(now, block, out),
            Ask::Run => self.run_told(now, block, out),
            Ask::NameRun(name) => self.run_named(now, name, block, out),
            Ask::Events => self.subscribed(now, block, out),
            Ask::Ping | Ask::Clear => {}
            Ask::List(list) => self.list_refused(now, number, list, block, out),
            Ask::CallId(id, tries) => self.call_id(now, number, (id, tries), block, out),
            Ask::Order(id, then) if success => self.order_taken(now, id, then, out),
            Ask::Order(id, _) => {
                let said = block.value("Message").unwrap_or("no reason");
                done(id, rejected(said), out);
            }
        }
    }

    pub(super) fn order_taken(&mut self, now: Now, id: OrderId, then: Then, out: &mut LinkOutputs) {
        match then {
            Then::More(mut keys) => {
                if let Some(action) = keys.next() {
                    self.send_order(now, &action, id, Then::More(keys), out);
                    return;
                }
            }
            Then::Tell(channel, key, value) => {
                let fact = Fact::Data { channel, key, value };
                out.reports.push(LinkReport::Fact(Observed { pbx_time: None, fact }));
            }
            Then::Consult(begin, clear) => {
                self.send_order(now, &begin, id, Then::Clear(clear), out);
                return;
            }
            Then::Clear(clear) => self.later.push_back((now.mono.after(CONSULT_READS), clear)),
            Then::Nothing | Then::Appears(_) => {}
        }
        done(id, OrderResult::Done, out);
    }

    pub(super) fn send_order(
        &mut self,
        now: Now,
        action: &Action,
        id: OrderId,
        then: Then,
        out: &mut LinkOutputs,
    ) {
        if let Err(why) = self.send(now, action, Ask::Order(id, then), out) {
            done(id, rejected(&why), out);
        }
    }

    /// The outcome of an originate that has no channel: one that has is told by its channel.
    pub(super) fn originated(&mut self, number: u64, block: &Block<'_>, out: &mut LinkOutputs) {
        let Some(Waiting { ask: Ask::Order(id, _), .. }) = self.pending.take(number) else {
            return;
        };
        let result = match block.value("Response") {
            Some("Success") => OrderResult::Done,
            _ => {
                let reason = block.value("Reason").unwrap_or("none");
                let why = format!("the device cannot be called (Originate, reason {reason})");
                OrderResult::Rejected(why)
            }
        };
        done(id, result, out);
    }

    pub(super) fn overdue(
        &mut self,
        now: Now,
        number: u64,
        waiting: Waiting,
        out: &mut LinkOutputs,
    ) {
        match waiting.ask {
            Ask::Order(id, _) => done(id, OrderResult::TimedOut, out),
            Ask::Clear => {}
            Ask::CallId(..) => {
                if let Some(taking) = &mut self.taking {
                    taking.awaited.remove(&number);
                }
                self.snapshot_if_complete(now, out);
            }
            Ask::List(_) => {
                let why = format!("{} was not complete within {LIST:?}", waiting.action);
                self.give_up(Close::Retry(why), out);
            }
            _ => {
                let why = format!("no answer to {} within {ANSWER:?}", waiting.action);
                self.give_up(Close::Retry(why), out);
            }
        }
    }
}
