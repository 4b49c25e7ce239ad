//! Agents and the PBX's queues: who is in which, and who is paused there.

use super::agents::short_device;
use super::commands::CommandKey;
use super::input::{Outputs, PbxIx};
use super::orders::OrderFor;
use super::writer::Engine;
use crate::agent::{AgentInput, Wish};
use crate::model::Now;
use crate::pbx::{Member, Order, OrderResult};
use std::collections::BTreeMap;

/// Queues that are remembered of one agent; more are no work.
const QUEUES_MAX: usize = 256;

impl Engine {
    /// A queue's member changed.
    pub(super) fn member(&mut self, now: Now, pbx: PbxIx, member: Member, out: &mut Outputs) {
        let name = self.config.switches.get(usize::from(pbx.0)).map(|s| s.name.clone());
        for at in self.roster.at_device(&member.device, name.as_deref()) {
            let seat = &mut self.roster.seats[at];
            note_member(&mut seat.queues, &member);
            let (view, wish) = (seat.view(), seat.machine.wish());
            let as_wished = view.present == wish.present
                && (!view.present || view.paused.is_some() == wish.paused.is_some());
            if seat.in_flight > 0 || as_wished || seat.asked.is_none() {
                continue; // an echo of our own, or nobody is in step yet
            }
            seat.asked = Some(Wish { present: view.present, paused: view.paused.clone() });
            self.tell_agent(now, at, AgentInput::Member(view), out);
        }
    }

    pub(super) fn in_step(
        &mut self,
        now: Now,
        pbx: PbxIx,
        members: Option<Vec<Member>>,
        out: &mut Outputs,
    ) {
        self.of_pbx(pbx, |engine, at| {
            let seat = &mut engine.roster.seats[at];
            let view = members.as_ref().map(|members| {
                let device = short_device(&seat.machine.settings().device).to_owned();
                let mine = members.iter().filter(|m| short_device(&m.device) == device);
                seat.queues.clear();
                mine.for_each(|member| note_member(&mut seat.queues, member));
                seat.view()
            });
            seat.asked = Some(match &view {
                Some(view) => Wish { present: view.present, paused: view.paused.clone() },
                None => seat.asked.take().unwrap_or_else(|| seat.machine.wish()),
            });
            // Who is in no queue was perhaps forgotten by a PBX that was restarted: the wish that
            // differs puts the agent in again.
            let told = view.filter(|view| view.present);
            engine.tell_agent(now, at, AgentInput::InStep(told), out);
        });
    }

    /// Brings the PBX's queues in step with what the agent has said.
    pub(super) fn sync_queues(
        &mut self,
        now: Now,
        at: usize,
        command: Option<&CommandKey>,
        out: &mut Outputs,
    ) {
        let Some(seat) = self.roster.seats.get_mut(at) else { return };
        let (Some(pbx), Some(asked)) = (seat.pbx, &seat.asked) else { return };
        let wish = seat.machine.wish();
        let fill = std::mem::take(&mut seat.fill) && wish.present && asked.present;
        if *asked == wish && !fill || seat.machine.settings().queues.is_empty() {
            return;
        }
        let device = seat.machine.settings().device.clone();
        let changes = |queue: &&String| {
            asked.present != wish.present || fill && !seat.queues.contains_key(*queue)
        };
        let member = |queue: &String| Order::QueueMember {
            queue: queue.clone(),
            device: device.clone(),
            present: wish.present,
        };
        let mut orders: Vec<Order> =
            seat.machine.settings().queues.iter().filter(changes).map(member).collect();
        // A member that was just put in is not paused.
        let paused = asked.paused.is_some() && asked.present && orders.is_empty();
        if wish.present && paused != wish.paused.is_some() {
            let reason = wish.paused.clone().unwrap_or_default();
            orders.push(Order::Pause { device, paused: wish.paused.is_some(), reason });
        }
        seat.asked = Some(wish);
        for order in orders {
            let whose = OrderFor::Agent(at, command.cloned());
            if self.give_order(now, pbx, order, whose, out) {
                self.roster.seats[at].in_flight += 1;
                if let Some(key) = command {
                    self.command_waits(key);
                }
            }
        }
    }

    /// A queue or pause was changed, or could not be.
    pub(super) fn agent_ordered(
        &mut self,
        now: Now,
        at: usize,
        command: Option<CommandKey>,
        result: OrderResult,
        out: &mut Outputs,
    ) {
        if let Some(seat) = self.roster.seats.get_mut(at) {
            seat.in_flight = seat.in_flight.saturating_sub(1);
        }
        if let Some(key) = command {
            self.command_part_done(now, &key, result, out);
        }
    }
}

fn note_member(queues: &mut BTreeMap<String, Option<String>>, member: &Member) {
    if !member.present {
        queues.remove(&member.queue);
    } else if queues.len() < QUEUES_MAX || queues.contains_key(&member.queue) {
        let reason = Some(member.reason.clone()).filter(|_| member.paused);
        queues.insert(member.queue.clone(), reason);
    }
}
