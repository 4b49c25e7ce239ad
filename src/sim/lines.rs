//! Orders in, reports out: one JSON object a line on the standard streams.

use serde::{Serialize, de::DeserializeOwned};
use std::io::{BufRead, Write};
use tokio::sync::mpsc;

/// Orders that wait to be followed; a parent that writes faster is held back by its pipe.
const ORDERS_MAX: usize = 256;

/// Reads orders from the standard input. The channel closes at its end, so that a peer whose
/// parent is gone (whatever killed it) ends as well.
///
/// A line that is no order is told on the standard error and skipped.
pub fn orders<T: DeserializeOwned + Send + 'static>() -> mpsc::Receiver<T> {
    let (sender, receiver) = mpsc::channel(ORDERS_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(&line) {
                Ok(order) => {
                    if sender.blocking_send(order).is_err() {
                        return;
                    }
                }
                Err(error) => eprintln!("scripted peer: not an order: {error}"),
            }
        }
    });
    receiver
}

/// Prints one report. `false` if nobody reads any more.
pub fn print_line<T: Serialize>(report: &T) -> bool {
    let Ok(mut line) = serde_json::to_string(report) else { return true };
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_ok()
}
