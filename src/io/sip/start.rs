//! Binding, starting, stopping.

use super::accept::accept_all;
use super::admit::Admission;
use super::config::{StreamConfig, StreamError};
use super::conn::Context;
use super::event::Inbox;
use super::flows::Flows;
use super::stats::StreamStats;
use super::tls::Tls;
use crate::io::clock::Clock;
use crate::io::wake::Waker;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use trunkline_core::sip::Listen;

/// Time for what waits in queues to go out when the server stops.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// The runtime's side.
pub struct Streams {
    /// Bound addresses, in the order of the configuration.
    pub listen: Vec<Listen>,
    /// Counters.
    pub stats: Arc<StreamStats>,
    /// Whose connections are taken.
    pub admission: Arc<Admission>,
    /// Certificates, if there are any.
    pub tls: Option<Arc<Tls>>,
    listeners: JoinSet<()>,
    gone: mpsc::Receiver<()>,
}

/// Binds all addresses and takes connections. Call it inside a tokio runtime. What comes waits for
/// [`Flows::receive`]; `waker` is woken for it.
///
/// # Errors
/// If an address cannot be bound or a certificate cannot be used.
pub async fn start(
    config: StreamConfig,
    waker: Waker,
    clock: Clock,
) -> Result<(Flows, Streams), StreamError> {
    let tls = config.tls.map(Tls::load).transpose()?.map(Arc::new);
    let mut bound = Vec::new();
    for Listen { transport, addr } in config.listen {
        let failed = |source| StreamError::Listen { transport, addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        bound.push((listener, Listen { transport, addr }));
    }
    let stats = Arc::new(StreamStats::default());
    let (alive, gone) = mpsc::channel(1);
    let (inbox, events) = Inbox::new(waker);
    let admission = Arc::new(Admission::new(config.known, config.by_name, &config.limits));
    let context = Arc::new(Context {
        limits: config.limits,
        tls: tls.clone(),
        stats: stats.clone(),
        inbox,
        clock,
        flows: AtomicU64::new(1),
        alive,
    });
    let listen = bound.iter().map(|(_, listen)| *listen).collect();
    let mut listeners = JoinSet::new();
    for (listener, listen) in bound {
        listeners.spawn(accept_all(listener, listen, admission.clone(), context.clone()));
    }
    let flows = Flows::new(context, events, Handle::current());
    Ok((flows, Streams { listen, stats, admission, tls, listeners, gone }))
}

impl Streams {
    /// Takes no more connections and waits for the others to end. [`Flows`] must be dropped
    /// before.
    pub async fn stop(mut self) {
        self.listeners.shutdown().await;
        // Every connection's task holds a sender.
        let _ = tokio::time::timeout(STOP_WAIT, self.gone.recv()).await;
    }
}
