//! What changes of the lists need, and how a change becomes durable.

use super::claims::Recorder;
use super::removal::Removals;
use super::upload::Uploads;
use crate::app::commands::{CommandError, store_command};
use crate::app::error::AppError;
use crate::app::orders::{Order, Orders};
use crate::app::rules::Rules;
use crate::config::Config;
use crate::io::clock::Clock;
use crate::io::http::{ClaimAsk, DncAsk, DncDoor, DncFault};
use crate::store::Store;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use trunkline_core::engine::PartyMaker;
use trunkline_core::gate::{DncList, OpenFor, Unavailable};
use trunkline_core::model::{ClaimEntry, ClaimId, DncEntry, IdSource, Pos};

/// Longest wait for a change to be durable.
pub(super) const DURABLE_WAIT: Duration = Duration::from_secs(10);
/// Entries of one event: an import is as many of them as it takes, each whole or not at all.
const GROUP: usize = 500;

/// The list as the engine begins with it.
pub(in crate::app) fn restored(
    config: &Config,
    mut list: DncList,
    lost: Option<String>,
) -> Result<DncList, AppError> {
    let words = &config.gate.list_unavailable;
    let open_for = OpenFor::parse(words).map_err(|error| {
        let allowed = format!("{error}; purposes as service, callback.*");
        config.origin.error("gate", "list_unavailable", words, &allowed)
    })?;
    if let Some(why) = lost {
        tracing::error!(%why, "the do-not-call list cannot be read whole");
        list.set_unavailable(Some(Unavailable { why, open_for }));
    }
    Ok(list)
}

fn fault(error: CommandError) -> DncFault {
    let text = error.to_string();
    match error {
        CommandError::Field { .. } => DncFault::BadRequest(text),
        CommandError::NotFound(_) => DncFault::NotFound(text),
        CommandError::Conflict(_) => DncFault::Conflict(text),
        CommandError::Unavailable(_) => DncFault::Unavailable(text),
        CommandError::Store(error) => {
            tracing::error!(%error, "the do-not-call list could not be asked");
            DncFault::Unavailable("the store failed".to_owned())
        }
        CommandError::Unknown(_) => DncFault::BadRequest(text),
    }
}

/// Changes lists, and asks about them.
pub(in crate::app) struct Lists {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) orders: Orders,
    pub(super) rules: Arc<Rules>,
    pub(super) removals: Mutex<Removals>,
    pub(super) uploads: Mutex<Uploads>,
    ids: Mutex<IdSource>,
}

impl Lists {
    pub(in crate::app) fn new(
        store: Store,
        clock: Clock,
        orders: Orders,
        rules: Arc<Rules>,
        seed: u64,
    ) -> Self {
        Self {
            store,
            clock,
            orders,
            rules,
            removals: Mutex::default(),
            uploads: Mutex::default(),
            ids: Mutex::new(IdSource::new(seed)),
        }
    }

    /// Makes parties keyed for the list, by the dial plan in force.
    pub(super) fn parties(&self) -> PartyMaker {
        PartyMaker::new(self.rules.plans().shown().clone(), self.store.list_refs().clone())
    }

    /// Gives entries to the engine and waits until they are durable.
    pub(super) async fn give(&self, mut entries: Vec<DncEntry>) -> Result<Pos, CommandError> {
        let mut pos = Pos(0);
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(GROUP));
            let entries = std::mem::replace(&mut entries, rest);
            pos = self.wait(|done| Order::Dnc { entries, done }).await?;
        }
        Ok(pos)
    }

    /// Gives claims to the engine and waits until they are durable.
    pub(super) async fn give_claims(&self, entries: Vec<ClaimEntry>) -> Result<Pos, CommandError> {
        self.wait(|done| Order::Claims { entries, done }).await
    }

    /// An id for a claim.
    pub(super) fn claim_id(&self) -> ClaimId {
        ClaimId(self.ids.lock().unwrap_or_else(PoisonError::into_inner).uuid(self.clock.now()))
    }

    /// Gives an order and waits until what it did is durable.
    pub(super) async fn wait(
        &self,
        order: impl FnOnce(oneshot::Sender<Pos>) -> Order,
    ) -> Result<Pos, CommandError> {
        let (done, durable) = oneshot::channel();
        if !self.orders.give(order(done)) {
            return Err(CommandError::Unavailable("the engine takes no orders".to_owned()));
        }
        match tokio::time::timeout(DURABLE_WAIT, durable).await {
            Ok(Ok(pos)) => Ok(pos),
            Ok(Err(_)) => Err(CommandError::Unavailable("the server is stopping".to_owned())),
            Err(_) => Err(CommandError::Unavailable(
                "it is in force now, but the journal has not confirmed it within 10 s".into(),
            )),
        }
    }

    /// Runs what reads the disk or many numbers.
    pub(super) async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let lists = self.clone();
        let stopped = |_| CommandError::Unavailable("the command was ended".to_owned());
        tokio::task::spawn_blocking(move || work(&lists)).await.map_err(stopped)?
    }

    /// For the HTTP port.
    pub(in crate::app) fn door(self: &Arc<Self>) -> DncDoor {
        let lists = self.clone();
        Arc::new(move |asked| {
            let lists = lists.clone();
            Box::pin(async move { lists.serve(asked).await.map_err(fault) })
        })
    }

    async fn serve(self: &Arc<Self>, asked: DncAsk) -> Result<Value, CommandError> {
        match asked {
            DncAsk::Add { entry, who } => self.add(&entry, "api", &who).await,
            DncAsk::Claim(asked) => self.serve_claim(asked).await,
            DncAsk::Show { mut whom, who } => {
                whom["cmd"] = "dnc.show".into();
                self.show(whom, who).await
            }
            DncAsk::Remove { mut whom, reason, who } => {
                whom["reason"] = reason.into();
                self.remove(whom, who).await
            }
        }
    }

    async fn serve_claim(self: &Arc<Self>, asked: ClaimAsk) -> Result<Value, CommandError> {
        match asked {
            ClaimAsk::Add { entry, who, agent } => {
                self.add_claim(entry, Recorder { who, agent, source: "api" }).await
            }
            ClaimAsk::Show { mut whom, who } => {
                whom["cmd"] = "claim.show".into();
                self.show(whom, who).await
            }
            ClaimAsk::Withdraw { whom, who } => self.withdraw_claims(whom, who).await,
        }
    }

    /// `dnc.show` or `claim.show` of the store, which is audited.
    pub(in crate::app) async fn show(
        self: &Arc<Self>,
        request: Value,
        who: String,
    ) -> Result<Value, CommandError> {
        self.aside(move |lists| {
            let (now, mut shown) = (lists.clock.wall(), Value::Null);
            let mut emit = |line| shown = line;
            store_command(&lists.store, &lists.rules.plans(), &request, &who, now, &mut emit)?;
            Ok(shown)
        })
        .await
    }
}
