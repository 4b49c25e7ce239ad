//! The account of the calls: what a supervisor's desk is told.

use crate::cli::demo::{account::Account, frames::Frame, out::say};
use crate::sim::{DeskCommand, DeskReport, DeskSub, play_desk};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The desk, and what it has been told.
pub(super) struct Watch {
    /// Kept: the desk ends with it.
    _orders: mpsc::Sender<DeskCommand>,
    account: Arc<Mutex<Account>>,
}

impl Watch {
    /// Connects; prints unless `quiet`.
    pub async fn start(url: String, token: String, quiet: bool) -> Self {
        let (orders, inbox) = mpsc::channel(4);
        let sub = |id: &str, topic: &str| DeskSub {
            id: id.to_owned(),
            topic: topic.to_owned(),
            view: "masked".to_owned(),
        };
        let subs = vec![sub("calls", "site:calls"), sub("health", "site:health")];
        let _ = orders.send(DeskCommand::Connect { url, token, subs }).await;
        let account = Arc::new(Mutex::new(Account::default()));
        let told = account.clone();
        tokio::spawn(play_desk(inbox, move |report| {
            if let DeskReport::Frame { frame } = report
                && let Ok(frame) = serde_json::from_value::<Frame>(frame)
            {
                let lines = told.lock().unwrap_or_else(PoisonError::into_inner).tell(&frame);
                lines.into_iter().filter(|_| !quiet).for_each(|line| say!("{line}"));
            }
            true
        }));
        Self { _orders: orders, account }
    }

    /// What it was told, in a line.
    pub fn summary(&self) -> String {
        let account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = &account.tally;
        format!(
            "inbound {}, answered {}, gave up {}; dialled {}, answered {}, refused {}",
            tally.inbound,
            tally.inbound_answered,
            tally.abandoned,
            tally.allowed + tally.refusals() + tally.exempt,
            tally.outbound_answered,
            tally.refusals()
        )
    }
}
