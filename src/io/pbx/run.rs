//! One connection from its start to its end: feeds the session, carries what it wants.

use super::config::LinkLimits;
use super::driver::Outlet;
use super::http::{Asker, HttpAnswer};
use super::lanes::Lanes;
use super::spill::Heard;
use super::stats::{LinkStats, up};
use super::web::Incoming;
use crate::io::clock::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use trunkline_core::model::Mono;
use trunkline_core::pbx::{
    Close, LinkOutputs, LinkReport, News, Order, OrderId, OrderResult, Session,
};

/// Reads handled before anything else is looked at.
const BATCH: usize = 64;

/// How a connection ended.
pub(super) struct End {
    pub why: String,
    pub refused: bool,
    /// How long the link was logged in.
    pub up_for: Option<Duration>,
    /// The PBX has opened another connection in its place.
    pub replaced: Option<Incoming>,
    /// The engine is gone.
    pub stop: bool,
}

/// One connection.
pub(super) struct Run<'a> {
    pub session: Box<dyn Session>,
    pub lanes: Lanes,
    pub asker: Option<(Asker, mpsc::UnboundedReceiver<HttpAnswer>)>,
    pub orders: &'a mut mpsc::Receiver<(OrderId, Order)>,
    /// Further connections of the PBX.
    pub incoming: Option<&'a mut mpsc::Receiver<Incoming>>,
    pub outlet: &'a Outlet,
    pub clock: &'a Clock,
    pub limits: LinkLimits,
    pub stats: &'a Arc<LinkStats>,
    pub state: State,
}

/// What is known of a connection.
#[derive(Default)]
pub(super) struct State {
    out: LinkOutputs,
    /// Orders without a result; true: something was sent for it.
    in_flight: BTreeMap<OrderId, bool>,
    begun: Mono,
    up_since: Option<Mono>,
}

enum Next {
    Nothing,
    Order(OrderId, Order),
    Answer(HttpAnswer),
    Incoming(Incoming),
    Stop,
}

impl Run<'_> {
    pub(super) async fn run(mut self) -> End {
        self.state.begun = self.clock.mono();
        for lane in self.lanes.lanes() {
            self.session.connected(self.clock.now(), lane, &mut self.state.out);
        }
        let mut ended = self.carry().await;
        while ended.is_none() {
            ended = self.step().await;
        }
        let end = ended.unwrap_or_else(|| self.end("it ended", false));
        self.give_up_orders().await;
        end
    }

    fn end(&self, why: impl Into<String>, refused: bool) -> End {
        let up_for = self.state.up_since.map(|since| self.clock.mono().since(since));
        End { why: why.into(), refused, up_for, replaced: None, stop: false }
    }

    /// What came first, in the order it came; then one of everything else, so that a flood of
    /// events keeps no order waiting. Time passes only when all that came in it was read.
    async fn step(&mut self) -> Option<End> {
        let (idle, ended) = self.read();
        let carried = self.carry().await;
        if let Some(end) = ended.or(carried) {
            return Some(end);
        }
        let next = match idle {
            true => self.wait().await,
            false => self.poll(),
        };
        match next {
            Next::Nothing if idle => self.tick(),
            Next::Nothing => None,
            Next::Order(id, order) => {
                self.order(id, &order);
                None
            }
            Next::Answer(HttpAnswer { ticket, status, body }) => {
                let now = self.clock.now();
                self.session.responded(now, ticket, status, &body, &mut self.state.out);
                None
            }
            Next::Incoming(incoming) => {
                let end = self.end("the PBX has connected anew", false);
                Some(End { replaced: Some(incoming), ..end })
            }
            Next::Stop => Some(End { stop: true, ..self.end("trunkline stops", false) }),
        }
    }

    /// Feeds what was read; whether that was all, and how it ended.
    fn read(&mut self) -> (bool, Option<End>) {
        for _ in 0..BATCH {
            if self.state.out.close.is_some() {
                break;
            }
            match self.lanes.spill.take() {
                None => return (true, None),
                Some(Heard::Bytes { lane, at, bytes }) => {
                    self.session.received(at, lane, &bytes, &mut self.state.out);
                }
                Some(Heard::Dropped(events)) => {
                    let now = self.clock.now();
                    self.session.dropped(now, events, &mut self.state.out);
                }
                Some(Heard::Ended(why)) => return (false, Some(self.end(why, false))),
            }
        }
        (false, None)
    }

    fn poll(&mut self) -> Next {
        if let Ok((id, order)) = self.orders.try_recv() {
            return Next::Order(id, order);
        }
        match self.asker.as_mut().and_then(|(_, answers)| answers.try_recv().ok()) {
            Some(answer) => Next::Answer(answer),
            None => Next::Nothing,
        }
    }

    async fn wait(&mut self) -> Next {
        let mut until = self.session.next_deadline();
        if self.state.up_since.is_none() {
            let login = self.state.begun.after(self.limits.login);
            until = Some(until.map_or(login, |u| u.min(login)));
        }
        let now = self.clock.mono();
        // A deadline that has passed and is not moved on must not become a busy loop.
        let sleep = until.map(|u| u.since(now).max(Duration::from_millis(1)));
        let Self { lanes, orders, asker, incoming, .. } = self;
        tokio::select! {
            () = lanes.spill.news() => Next::Nothing,
            order = orders.recv() => match order {
                Some((id, order)) => Next::Order(id, order),
                None => Next::Stop,
            },
            answer = answered(asker) => Next::Answer(answer),
            incoming = connected(incoming) => Next::Incoming(incoming),
            () = asleep(sleep) => Next::Nothing,
        }
    }

    fn tick(&mut self) -> Option<End> {
        let now = self.clock.now();
        if self.session.next_deadline().is_some_and(|due| due <= now.mono) {
            self.session.tick(now, &mut self.state.out);
        }
        let late = now.mono.since(self.state.begun) >= self.limits.login;
        (self.state.up_since.is_none() && late).then(|| {
            self.end(format!("the PBX did not let us in within {:?}", self.limits.login), false)
        })
    }

    fn order(&mut self, id: OrderId, order: &Order) {
        up(&self.stats.orders);
        let out = &mut self.state.out;
        if self.state.up_since.is_none() {
            out.reports.push(LinkReport::News(News::Done(id, OrderResult::LinkDown)));
            return;
        }
        let before = out.sends.len() + out.requests.len();
        self.state.in_flight.insert(id, false);
        self.session.order(self.clock.now(), id, order, out);
        let sent = out.sends.len() + out.requests.len() > before;
        self.state.in_flight.insert(id, sent);
    }

    /// Carries what the session wants; its end if it gave the connection up.
    async fn carry(&mut self) -> Option<End> {
        let out = std::mem::take(&mut self.state.out);
        let mut unread = false;
        for (lane, bytes) in out.sends {
            unread |= !self.lanes.send(lane, bytes);
        }
        for request in out.requests {
            match &self.asker {
                Some((asker, _)) => asker.ask(request),
                None => tracing::error!("a session asks by HTTP on a link that has none"),
            }
        }
        for report in &out.reports {
            self.note(report);
        }
        if !self.outlet.tell(out.reports).await {
            return Some(End { stop: true, ..self.end("trunkline stops", false) });
        }
        match out.close {
            Some(Close::Retry(why)) => Some(self.end(why, false)),
            Some(Close::Refused(why)) => Some(self.end(why, true)),
            // The reader's words, if it has any, say more.
            None if unread && !self.over() => {
                Some(self.end("the PBX reads nothing of what it is sent", false))
            }
            None => None,
        }
    }

    fn over(&self) -> bool {
        self.lanes.spill.is_over()
    }

    fn note(&mut self, report: &LinkReport) {
        match report {
            LinkReport::News(News::Up(_)) => {
                self.state.up_since.get_or_insert(self.clock.mono());
            }
            LinkReport::News(News::Done(id, _)) => {
                self.state.in_flight.remove(id);
            }
            LinkReport::News(News::Lost(..) | News::Warning(_))
            | LinkReport::Fact(_)
            | LinkReport::Connecting
            | LinkReport::Down { .. } => {}
        }
    }

    /// Orders that the session will not answer any more.
    async fn give_up_orders(&mut self) {
        let open = std::mem::take(&mut self.state.in_flight);
        let result = |(id, sent): (OrderId, bool)| {
            let result = if sent { OrderResult::TimedOut } else { OrderResult::LinkDown };
            LinkReport::News(News::Done(id, result))
        };
        let reports: Vec<_> = open.into_iter().map(result).collect();
        self.stats.gave_up(reports.len());
        self.outlet.tell(reports).await;
    }
}

async fn answered(asker: &mut Option<(Asker, mpsc::UnboundedReceiver<HttpAnswer>)>) -> HttpAnswer {
    if let Some((_, answers)) = asker
        && let Some(answer) = answers.recv().await
    {
        return answer;
    }
    std::future::pending().await
}

async fn connected(incoming: &mut Option<&mut mpsc::Receiver<Incoming>>) -> Incoming {
    if let Some(incoming) = incoming
        && let Some(fresh) = incoming.recv().await
    {
        return fresh;
    }
    std::future::pending().await
}

async fn asleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
