//! Taking a snapshot: lists are asked for, then the Call-IDs that they do not hold.

use super::action::Action;
use super::block::Block;
use super::pending::{Ask, List, Waiting};
use super::session::{AmiSession, done};
use super::snapshot::Listing;
use crate::model::Now;
use crate::pbx::{ChannelId, Close, Fact, LinkOutputs, LinkReport, Observed, OrderId, OrderResult};
use std::collections::BTreeSet;

/// A snapshot that is being taken.
#[derive(Debug)]
pub(super) struct Taking {
    pub(super) listing: Listing,
    /// Questions whose answers it needs.
    pub(super) awaited: BTreeSet<u64>,
    /// The lists are complete; Call-IDs were asked for.
    pub(super) listed: bool,
    pub(super) orders: Vec<OrderId>,
    /// Another one was wanted since.
    pub(super) again: Option<Vec<OrderId>>,
}

impl AmiSession {
    /// Asks for all lists. Refused, or late: the connection is given up, since nothing would be
    /// known of the calls that are there.
    pub(super) fn take_snapshot(
        &mut self,
        now: Now,
        order: Option<OrderId>,
        out: &mut LinkOutputs,
    ) {
        if let Some(taking) = &mut self.taking {
            taking.again.get_or_insert_default().extend(order);
            return;
        }
        self.board.generation += 1;
        let status = Action::new("Status").with("Variables", &self.board.variables());
        let asked = [
            (Action::new("BridgeList"), List::Bridges),
            (status, List::Channels),
            (Action::new("QueueStatus"), List::Queues),
        ];
        let asked = asked.map(|(action, list)| self.ask(now, &action, Ask::List(list), out));
        self.taking = Some(Taking {
            listing: Listing::default(),
            awaited: asked.into_iter().flatten().collect(),
            listed: false,
            orders: order.into_iter().collect(),
            again: None,
        });
    }

    /// An item of a list, or its end.
    pub(super) fn item(&mut self, now: Now, number: u64, block: &Block<'_>, out: &mut LinkOutputs) {
        let Some(taking) = &mut self.taking else { return };
        if block.value("EventList") != Some("Complete") {
            self.board.listed(block, now, &mut taking.listing);
            return;
        }
        let Some(Waiting { ask: Ask::List(list), .. }) = self.pending.take(number) else { return };
        taking.awaited.remove(&number);
        match list {
            List::Bridges => {}
            List::Channels => self.board.channels_listed(),
            List::Queues => self.board.queues_listed(&mut taking.listing),
        }
        self.snapshot_if_complete(now, out);
    }

    pub(super) fn list_refused(
        &mut self,
        now: Now,
        number: u64,
        list: List,
        block: &Block<'_>,
        out: &mut LinkOutputs,
    ) {
        if list == List::Channels {
            let said = block.value("Message").unwrap_or("no reason");
            let why = format!("the PBX does not list its channels: {said} (write = call)");
            self.give_up(Close::Refused(why), out);
            return;
        }
        // A PBX without app_queue has no `QueueStatus`.
        if let Some(taking) = &mut self.taking {
            taking.awaited.remove(&number);
        }
        self.snapshot_if_complete(now, out);
    }

    pub(super) fn snapshot_if_complete(&mut self, now: Now, out: &mut LinkOutputs) {
        let Some(taking) = &mut self.taking else { return };
        if !taking.awaited.is_empty() {
            return;
        }
        if !taking.listed {
            taking.listed = true;
            self.board.appeared.clear();
            let ids: Vec<ChannelId> = self.board.channels.keys().cloned().collect();
            let asked: Vec<u64> =
                ids.iter().filter_map(|id| self.ask_call_id(now, id, 1, out)).collect();
            if let Some(taking) = &mut self.taking
                && !asked.is_empty()
            {
                taking.awaited.extend(asked);
                return;
            }
        }
        let Some(taking) = self.taking.take() else { return };
        let fact = Fact::Snapshot(self.board.snapshot(taking.listing));
        out.reports.push(LinkReport::Fact(Observed { pbx_time: None, fact }));
        for order in taking.orders {
            done(order, OrderResult::Done, out);
        }
        if let Some(orders) = taking.again {
            self.take_snapshot(now, None, out);
            if let Some(taking) = &mut self.taking {
                taking.orders = orders;
            }
        }
    }
}
