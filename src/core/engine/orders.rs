//! Orders to PBXs: which link takes one, and who hears what came of it.

use super::commands::CommandKey;
use super::input::{LinkIx, Outputs, PbxIx, PbxOrder};
use super::writer::Engine;
use crate::model::{CallId, LegId, Mono, Now};
use crate::pbx::{Order, OrderId, OrderResult};
use std::collections::BTreeMap;
use std::time::Duration;

/// A driver answers every order; one that does not is given up after this.
const ORDER_WAIT: Duration = Duration::from_secs(30);
/// Orders that wait for their results. Beyond, a further one is refused.
const ORDERS_MAX: usize = 10_000;

/// Who hears the result of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OrderFor {
    /// A command of a desk.
    Command(CommandKey),
    /// An agent, by place; and the command that led to it.
    Agent(usize, Option<CommandKey>),
    /// The gate: a call that is out and must not be.
    Clearing(CallId, LegId),
}

struct Sent {
    pbx: PbxIx,
    link: LinkIx,
    order: Order,
    whose: OrderFor,
    deadline: Mono,
}

/// The orders that links hold.
#[derive(Default)]
pub(super) struct Switchboard {
    sent: BTreeMap<OrderId, Sent>,
    next: u64,
}

impl Switchboard {
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.sent.values().map(|sent| sent.deadline).min()
    }
}

impl Engine {
    /// Gives an order to the first link of the PBX that is up; `false`: none is, or too many
    /// orders wait.
    pub(super) fn give_order(
        &mut self,
        now: Now,
        pbx: PbxIx,
        order: Order,
        whose: OrderFor,
        out: &mut Outputs,
    ) -> bool {
        if self.switchboard.sent.len() >= ORDERS_MAX {
            return false;
        }
        let Some(link) = self.boards.link_up(pbx, 0) else { return false };
        let deadline = now.mono.after(ORDER_WAIT);
        self.send_order(Sent { pbx, link, order, whose, deadline }, out);
        true
    }

    fn send_order(&mut self, sent: Sent, out: &mut Outputs) {
        let board = &mut self.switchboard;
        board.next += 1;
        let id = OrderId(board.next);
        let order = sent.order.clone();
        out.pbx_orders.push(PbxOrder { pbx: sent.pbx, link: sent.link, id, order });
        board.sent.insert(id, sent);
    }

    /// A link tells what came of an order. What one link cannot do, the next may.
    pub(super) fn order_done(
        &mut self,
        now: Now,
        id: OrderId,
        result: OrderResult,
        out: &mut Outputs,
    ) {
        let Some(sent) = self.switchboard.sent.remove(&id) else { return };
        let unable = matches!(result, OrderResult::Unsupported(_));
        let next = self.boards.link_up(sent.pbx, usize::from(sent.link.0) + 1);
        if let Some(link) = next.filter(|_| unable) {
            return self.send_order(Sent { link, ..sent }, out);
        }
        match sent.whose {
            OrderFor::Command(key) => self.command_ordered(now, &key, result, out),
            OrderFor::Agent(agent, command) => {
                self.agent_ordered(now, agent, command, result, out);
            }
            OrderFor::Clearing(..) if result == OrderResult::Done => {}
            OrderFor::Clearing(call, leg) => self.not_cleared(now, call, leg, out),
        }
    }

    pub(super) fn orders_tick(&mut self, now: Now, out: &mut Outputs) {
        let late = |sent: &Sent| sent.deadline <= now.mono;
        let sent = self.switchboard.sent.iter();
        let ids: Vec<OrderId> = sent.filter(|(_, s)| late(s)).map(|(id, _)| *id).collect();
        for id in ids {
            self.order_done(now, id, OrderResult::TimedOut, out);
        }
    }
}
