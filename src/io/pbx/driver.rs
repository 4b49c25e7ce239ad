//! The task of a link: connect, run, wait, again.

use super::config::{LinkConfig, LinkLimits, Wire};
use super::http;
use super::lanes::Lanes;
use super::run::{End, Run, State};
use super::spill::Spill;
use super::stats::{LinkStats, up};
use super::stream::{self, Failed, within};
use super::web::{self, Incoming};
use crate::io::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use trunkline_core::engine::{LinkIx, PbxIx};
use trunkline_core::model::Dice;
use trunkline_core::pbx::{Lane, LinkReport, News, Order, OrderId, OrderResult};

/// Orders that may wait for a link; beyond: refused.
const ORDERS_MAX: usize = 1024;

/// Reports of one link for the engine, in order.
#[derive(Debug)]
pub struct LinkBatch {
    /// PBX.
    pub pbx: PbxIx,
    /// Which of its links.
    pub link: LinkIx,
    /// What.
    pub reports: Vec<LinkReport>,
}

/// Where a link's reports go.
pub struct Outlet {
    pub(super) pbx: PbxIx,
    pub(super) link: LinkIx,
    pub(super) sender: mpsc::Sender<LinkBatch>,
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) stats: Arc<LinkStats>,
}

impl Outlet {
    /// Waits for a place; `false`: the engine is gone.
    pub(super) async fn tell(&self, reports: Vec<LinkReport>) -> bool {
        if reports.is_empty() {
            return !self.sender.is_closed();
        }
        self.stats.reports.fetch_add(reports.len() as u64, Relaxed);
        let batch = LinkBatch { pbx: self.pbx, link: self.link, reports };
        let told = self.sender.send(batch).await.is_ok();
        (self.wake)();
        told
    }
}

/// A running link.
pub struct Link {
    /// Orders for it.
    pub orders: mpsc::Sender<(OrderId, Order)>,
    /// Its figures.
    pub stats: Arc<LinkStats>,
    /// Its task: abort it to end the link.
    pub task: JoinHandle<()>,
}

/// Starts a link. Reports go to `sender`; `wake` is called when one was sent.
pub fn spawn(
    config: LinkConfig,
    clock: Clock,
    sender: mpsc::Sender<LinkBatch>,
    wake: Arc<dyn Fn() + Send + Sync>,
) -> Link {
    let stats = Arc::<LinkStats>::default();
    let (orders, given) = mpsc::channel(ORDERS_MAX);
    let outlet = Outlet { pbx: config.pbx, link: config.link, sender, wake, stats: stats.clone() };
    let waits = Waits::new(&config.limits, config.seed);
    let driver = Driver { config, clock, outlet, orders: given, stats: stats.clone(), waits };
    Link { orders, stats, task: tokio::spawn(driver.drive()) }
}

/// How long to wait before the next try.
struct Waits {
    next: Duration,
    min: Duration,
    max: Duration,
    refused: Duration,
    /// The PBX has let us in: what it refuses now may be right again when it has started.
    was_up: bool,
    dice: Dice,
}

impl Waits {
    fn new(limits: &LinkLimits, seed: u64) -> Self {
        let (min, max) = (limits.retry_min, limits.retry_max);
        let (refused, dice) = (limits.refused, Dice::new(seed));
        Self { next: min, min, max, refused, was_up: false, dice }
    }

    /// The wait after this end. A link that was up longer than it would wait begins anew.
    fn after(&mut self, end: &End) -> Duration {
        if end.up_for.is_some_and(|up| up > self.next) {
            self.next = self.min;
        }
        self.was_up |= end.up_for.is_some();
        let starts = self.was_up && self.next < self.max;
        let wait = if end.refused && !starts { self.refused } else { self.next };
        if !end.refused || starts {
            self.next = (self.next * 2).min(self.max);
        }
        self.dice.spread(wait, 75, 125)
    }
}

struct Driver {
    config: LinkConfig,
    clock: Clock,
    outlet: Outlet,
    orders: mpsc::Receiver<(OrderId, Order)>,
    stats: Arc<LinkStats>,
    waits: Waits,
}

/// What there is to run.
struct Connected {
    lanes: Lanes,
    asker: Option<(http::Asker, mpsc::UnboundedReceiver<http::HttpAnswer>)>,
}

impl Driver {
    async fn drive(mut self) {
        match &self.config.wire {
            Wire::Accepted(accepted) => match accepted.take() {
                Some(incoming) => self.await_all(incoming).await,
                None => tracing::error!(link = self.config.name, "a link was started twice"),
            },
            Wire::Stream { .. } | Wire::Web(_) => self.dial_all().await,
        }
    }

    /// We connect, again and again.
    async fn dial_all(&mut self) {
        while self.outlet.tell(vec![LinkReport::Connecting]).await {
            let end = match self.dial().await {
                Ok(Some(connected)) => self.run(connected, None).await,
                Ok(None) => return,
                Err(Failed { why, refused }) => {
                    End { why, refused, up_for: None, replaced: None, stop: false }
                }
            };
            if end.stop {
                return;
            }
            let wait = self.waits.after(&end);
            if !self.down(&end, Some(wait)).await || !self.down_for(wait).await {
                return;
            }
        }
    }

    /// The PBX connects to us.
    async fn await_all(&mut self, mut incoming: mpsc::Receiver<Incoming>) {
        let why = "the PBX has not connected yet".to_owned();
        let mut end = End { why, refused: false, up_for: None, replaced: None, stop: false };
        loop {
            let next = match end.replaced.take() {
                Some(next) => next,
                None => {
                    if !self.down(&end, None).await {
                        return;
                    }
                    let Some(next) = self.next_incoming(&mut incoming).await else { return };
                    next
                }
            };
            if !self.outlet.tell(vec![LinkReport::Connecting]).await {
                return;
            }
            let mut lanes = self.lanes();
            let bytes_max = self.config.limits.message_bytes_max;
            lanes.socket(Lane::Events, web::accept(next, bytes_max).await);
            end = self.run(Connected { lanes, asker: None }, Some(&mut incoming)).await;
            if end.stop {
                return;
            }
        }
    }

    async fn next_incoming(&mut self, incoming: &mut mpsc::Receiver<Incoming>) -> Option<Incoming> {
        loop {
            tokio::select! {
                next = incoming.recv() => return next,
                order = self.orders.recv() => self.refuse(order?.0).await,
            }
        }
    }

    fn lanes(&self) -> Lanes {
        let spill = Spill::new(&self.config.limits, self.stats.clone());
        Lanes::new(spill, self.clock.clone(), self.config.limits)
    }

    /// `None`: trunkline stops.
    async fn dial(&mut self) -> Result<Option<Connected>, Failed> {
        let limits = self.config.limits;
        let lanes = self.lanes();
        let connecting =
            within(limits.connect, "connecting", open(&self.config.wire, lanes, limits));
        tokio::pin!(connecting);
        loop {
            tokio::select! {
                connected = &mut connecting => return connected.map(Some),
                order = self.orders.recv() => match order {
                    Some((id, _)) => {
                        let done = News::Done(id, OrderResult::LinkDown);
                        self.outlet.tell(vec![LinkReport::News(done)]).await;
                    }
                    None => return Ok(None),
                },
            }
        }
    }

    async fn run(
        &mut self,
        connected: Connected,
        incoming: Option<&mut mpsc::Receiver<Incoming>>,
    ) -> End {
        up(&self.stats.connects);
        let run = Run {
            session: (self.config.make)(),
            lanes: connected.lanes,
            asker: connected.asker,
            orders: &mut self.orders,
            incoming,
            outlet: &self.outlet,
            clock: &self.clock,
            limits: self.config.limits,
            stats: &self.stats,
            state: State::default(),
        };
        run.run().await
    }

    async fn down(&self, end: &End, wait: Option<Duration>) -> bool {
        if end.up_for.is_some() || wait.is_some() {
            up(&self.stats.failures);
        }
        tracing::debug!(link = self.config.name, why = end.why, ?wait, "link is down");
        let report = LinkReport::Down {
            reason: end.why.clone(),
            refused: end.refused,
            next_try: wait.map(|wait| self.clock.wall().after(wait)),
        };
        self.outlet.tell(vec![report]).await
    }

    /// Refuses orders until the wait is over; `false`: trunkline stops.
    async fn down_for(&mut self, wait: Duration) -> bool {
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return true,
                order = self.orders.recv() => match order {
                    Some((id, _)) => self.refuse(id).await,
                    None => return false,
                },
            }
        }
    }

    async fn refuse(&self, id: OrderId) {
        up(&self.stats.orders);
        self.outlet.tell(vec![LinkReport::News(News::Done(id, OrderResult::LinkDown))]).await;
    }
}

async fn open(wire: &Wire, mut lanes: Lanes, limits: LinkLimits) -> Result<Connected, Failed> {
    match wire {
        Wire::Stream { address, tls, two } => {
            let both = [Lane::Events, Lane::Commands];
            for lane in &both[..1 + usize::from(*two)] {
                lanes.stream(*lane, stream::open(address, tls.as_ref()).await?);
            }
            Ok(Connected { lanes, asker: None })
        }
        Wire::Web(wire) => {
            let socket = web::connect(wire, limits.message_bytes_max).await?;
            lanes.socket(Lane::Events, socket);
            Ok(Connected { lanes, asker: Some(http::asker(wire, limits)) })
        }
        Wire::Accepted(_) => Err(Failed::refused("this link is opened by the PBX")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(refused: bool, up_s: Option<u64>) -> End {
        let up_for = up_s.map(Duration::from_secs);
        End { why: String::new(), refused, up_for, replaced: None, stop: false }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_life() {
        let mut waits = Waits::new(&LinkLimits::default(), 1);
        let mut wait = |end: End| waits.after(&end).as_secs_f64();
        for expected in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let got = wait(end(false, None));
            assert!((expected * 0.75..=expected * 1.25).contains(&got), "{got} for {expected}");
        }
        assert!(wait(end(false, Some(3))) > 20.0, "up for less than the wait is no life");
        assert!((45.0..=75.0).contains(&wait(end(true, None))));
        assert!(wait(end(false, Some(60))) < 0.7);
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 60.0, 60.0] {
            let got = wait(end(true, None));
            assert!((expected * 0.75..=expected * 1.25).contains(&got), "{got} for {expected}");
        }
    }
}
