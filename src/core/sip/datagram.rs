//! What goes in and out of the core.

use super::{FlowId, Signal, Transport};
use crate::model::Arrival;
use std::net::SocketAddr;
use std::sync::Arc;

/// A message that came in: a datagram, or one frame of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// How.
    pub transport: Transport,
    /// The listen address it came to.
    pub local: SocketAddr,
    /// Its source.
    pub remote: SocketAddr,
    /// Its connection; `None` over UDP.
    pub flow: Option<FlowId>,
    /// The whole datagram or frame.
    pub bytes: &'a [u8],
    /// Kernel receive stamp.
    pub at: Arrival,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// How.
    pub transport: Transport,
    /// The listen address to send from; a connection that is opened for it has its IP.
    pub local: SocketAddr,
    /// Its destination.
    pub remote: SocketAddr,
    /// The connection it must take. `None`: one of ours to `remote` and `name`, opened if there
    /// is none.
    pub flow: Option<FlowId>,
    /// TLS: the name that the certificate of a connection opened for it must have.
    pub name: Option<Arc<str>>,
    /// If it cannot be sent, this is told to `Core::unsent`.
    pub ticket: Option<u64>,
    /// The whole message.
    pub bytes: Vec<u8>,
}

/// Effects of one or more inputs, in order; the caller drains all lists.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Messages to send.
    pub sends: Vec<Outgoing>,
    /// Connections to close, after what is to be sent.
    pub close: Vec<FlowId>,
    /// Things to know.
    pub signals: Vec<Signal>,
}
