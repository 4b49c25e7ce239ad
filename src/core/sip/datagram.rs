//! What goes in and out of the core.

use super::Signal;
use crate::model::Arrival;
use std::net::SocketAddr;

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The listen address it came to.
    pub local: SocketAddr,
    /// Its source.
    pub remote: SocketAddr,
    /// The whole datagram.
    pub bytes: &'a [u8],
    /// Kernel receive stamp.
    pub at: Arrival,
}

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The listen address to send from.
    pub local: SocketAddr,
    /// Its destination.
    pub remote: SocketAddr,
    /// The whole datagram.
    pub bytes: Vec<u8>,
}

/// Effects of one or more inputs, in order; the caller drains both lists.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Datagrams to send.
    pub sends: Vec<Outgoing>,
    /// Things to know.
    pub signals: Vec<Signal>,
}
