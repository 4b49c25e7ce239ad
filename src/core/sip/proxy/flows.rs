//! Connections and whose they are.
//!
//! Whose a connection is decides what is sent over it: RFC 5923 names.

use super::way::Way;
use crate::sip::{FlowId, FlowOpened, Listen, PeerId, PeerKind, Transport};
use std::collections::HashMap;
use std::net::SocketAddr;

/// An open connection of a neighbour.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Neighbour.
    pub peer: PeerId,
    /// Its kind.
    pub kind: PeerKind,
    /// Listen address that it belongs to.
    pub listen: Listen,
    /// The other side.
    pub remote: SocketAddr,
    /// We opened it.
    pub ours: bool,
}

/// Open connections. Those of strangers never get in.
#[derive(Debug, Default)]
pub struct Flows {
    all: HashMap<FlowId, Flow>,
    /// Oldest first.
    of_peer: HashMap<PeerId, Vec<FlowId>>,
}

impl Flows {
    /// Connections in it.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// A connection that is open.
    pub fn get(&self, flow: FlowId) -> Option<&Flow> {
        self.all.get(&flow)
    }

    /// Adds a connection.
    pub fn insert(&mut self, opened: &FlowOpened, (peer, kind): (PeerId, PeerKind)) {
        let listen = Listen { transport: opened.transport, addr: opened.local };
        let flow = Flow { peer, kind, listen, remote: opened.remote, ours: opened.ours };
        if self.all.insert(opened.flow, flow).is_none() {
            self.of_peer.entry(peer).or_default().push(opened.flow);
        }
    }

    /// Takes a connection out.
    pub fn remove(&mut self, flow: FlowId) -> Option<Flow> {
        let gone = self.all.remove(&flow)?;
        if let Some(flows) = self.of_peer.get_mut(&gone.peer) {
            flows.retain(|f| *f != flow);
            if flows.is_empty() {
                self.of_peer.remove(&gone.peer);
            }
        }
        Some(gone)
    }

    /// The newest connection of a neighbour that fits.
    fn newest(&self, peer: PeerId, fits: impl Fn(&Flow) -> bool) -> Option<(FlowId, &Flow)> {
        let flows = self.of_peer.get(&peer)?.iter().rev();
        flows.filter_map(|id| Some((*id, self.all.get(id)?))).find(|(_, flow)| fits(flow))
    }

    /// Over that connection, if it is open and the neighbour's.
    pub fn way_over(&self, peer: PeerId, flow: FlowId) -> Option<Way> {
        self.get(flow).filter(|f| f.peer == peer).map(|f| way(flow, f))
    }

    /// Over the newest connection of a neighbour; of that transport, if one is named.
    pub fn way_to(&self, peer: PeerId, transport: Option<Transport>) -> Option<Way> {
        let fits = |flow: &Flow| transport.is_none_or(|t| t == flow.listen.transport);
        self.newest(peer, fits).map(|(id, flow)| way(id, flow))
    }

    /// Over the connection of a neighbour with exactly that other end.
    pub fn way_back(&self, peer: PeerId, transport: Transport, remote: SocketAddr) -> Option<Way> {
        let fits = |f: &Flow| f.listen.transport == transport && f.remote == remote;
        self.newest(peer, fits).map(|(id, flow)| way(id, flow))
    }

    /// Is there another connection like this one that was?
    pub fn has_like(&self, gone: &Flow) -> bool {
        let like = |f: &Flow| f.ours && f.listen == gone.listen && f.remote == gone.remote;
        self.newest(gone.peer, like).is_some()
    }
}

fn way(id: FlowId, flow: &Flow) -> Way {
    Way { flow: Some(id), ..Way::to(flow.listen, flow.remote) }
}
