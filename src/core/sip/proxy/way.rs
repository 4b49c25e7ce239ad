//! How one message leaves.

use crate::sip::{FlowId, Listen};
use std::net::SocketAddr;
use std::sync::Arc;

/// From where, over what, to where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Listen address in its Via; it has the transport.
    pub listen: Listen,
    /// Destination.
    pub remote: SocketAddr,
    /// The connection it must take.
    pub flow: Option<FlowId>,
    /// TLS: the name that the certificate of a new connection must have.
    pub name: Option<Arc<str>>,
}

impl Way {
    /// To that address, over a connection of ours if the transport has any.
    pub fn to(listen: Listen, remote: SocketAddr) -> Self {
        Self { listen, remote, flow: None, name: None }
    }

    /// Does the transport itself repeat what is lost?
    pub fn is_reliable(&self) -> bool {
        self.listen.transport.is_reliable()
    }
}
