//! What the tests of drivers hear.

#![allow(clippy::unwrap_used)]

use super::driver::{Link, LinkBatch};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use trunkline_core::pbx::{LinkReport, News};

/// A running driver and its reports.
pub(super) struct Rig {
    pub(super) link: Link,
    pub(super) reports: mpsc::Receiver<LinkBatch>,
    waiting: Vec<LinkReport>,
}

impl Rig {
    pub(super) fn new(link: Link, reports: mpsc::Receiver<LinkBatch>) -> Self {
        Self { link, reports, waiting: Vec::new() }
    }

    pub(super) async fn next(&mut self) -> LinkReport {
        while self.waiting.is_empty() {
            let batch = timeout(Duration::from_secs(20), self.reports.recv()).await;
            self.waiting = batch.expect("a report in time").unwrap().reports;
        }
        self.waiting.remove(0)
    }

    /// The next warning; everything else is passed over.
    pub(super) async fn warning(&mut self) -> String {
        loop {
            if let LinkReport::News(News::Warning(text)) = self.next().await {
                return text;
            }
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.link.task.abort();
    }
}
