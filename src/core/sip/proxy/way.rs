//! How one message leaves.

use crate::sip::{FlowId, Listen};
use std::net::SocketAddr;
use std::sync::Arc;

/// Ways that are looked through for an equal one.
const RECENT: usize = 8;

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

/// Ways as transactions keep them: most of a hundred thousand take one of a few, which is kept once.
#[derive(Debug, Default)]
pub struct Ways {
    recent: [Option<Arc<Way>>; RECENT],
    next: usize,
}

impl Ways {
    /// The same way, shared with whoever took it lately.
    pub fn share(&mut self, way: Way) -> Arc<Way> {
        if let Some(known) = self.recent.iter().flatten().find(|known| ***known == way) {
            return known.clone();
        }
        let way = Arc::new(way);
        self.recent[self.next] = Some(way.clone());
        self.next = (self.next + 1) % RECENT;
        way
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sip::Listen;

    #[test]
    fn equal_ways_are_kept_once_and_others_apart() {
        let way = |port| {
            let listen = Listen::udp("127.0.0.1:5060".parse().unwrap());
            Way::to(listen, SocketAddr::new("127.0.0.2".parse().unwrap(), port))
        };
        let mut ways = Ways::default();
        let first = ways.share(way(1));
        assert!(Arc::ptr_eq(&first, &ways.share(way(1))));
        for port in 2..100 {
            assert_eq!(*ways.share(way(port)), way(port));
        }
        assert_eq!(*ways.share(way(1)), *first);
    }
}
