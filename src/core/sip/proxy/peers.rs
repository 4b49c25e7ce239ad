//! Who is who: neighbours by source address, and our own addresses.

use crate::sip::{Endpoint, Listen, Peer, PeerId, PeerKind};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// Neighbours and listen addresses.
pub struct Peers {
    peers: Vec<Peer>,
    /// Port (`None`: any) and index, by address.
    sources: HashMap<IpAddr, Vec<(Option<u16>, usize)>>,
    listen: Vec<Listen>,
}

impl Peers {
    /// From the configuration.
    pub fn new(peers: Vec<Peer>, listen: Vec<Listen>) -> Self {
        let mut sources: HashMap<_, Vec<_>> = HashMap::new();
        for (index, peer) in peers.iter().enumerate() {
            for (ip, port) in &peer.sources {
                sources.entry(ip.to_canonical()).or_default().push((*port, index));
            }
        }
        for entry in sources.values_mut() {
            entry.sort_by_key(|(port, _)| port.is_none()); // an exact port wins
        }
        Self { peers, sources, listen }
    }

    /// The neighbour that sends from there.
    pub fn of_source(&self, source: SocketAddr) -> Option<(PeerId, PeerKind)> {
        let entries = self.sources.get(&source.ip().to_canonical())?;
        let fits = |port: &Option<u16>| port.is_none_or(|p| p == source.port());
        let (_, index) = entries.iter().find(|(port, _)| fits(port))?;
        self.peers.get(*index).map(|p| (p.id, p.kind))
    }

    /// Is it an address of a neighbour, whatever the port?
    pub fn knows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.sources.contains_key(&ip)
            || self.peers.iter().any(|p| p.endpoints.iter().any(|e| e.addr.ip() == ip))
    }

    /// A neighbour by its handle.
    pub fn get(&self, id: PeerId) -> Option<&Peer> {
        self.peers.iter().find(|p| p.id == id)
    }

    /// All endpoints of these neighbours, in order.
    pub fn endpoints_of(&self, peers: &[PeerId]) -> VecDeque<(PeerId, Endpoint)> {
        let known = peers.iter().filter_map(|id| self.get(*id));
        known.flat_map(|p| p.endpoints.iter().map(|e| (p.id, e.clone()))).collect()
    }

    /// Other addresses of a neighbour, from the resolver.
    pub fn set_endpoints(&mut self, id: PeerId, endpoints: Vec<Endpoint>) {
        if let Some(peer) = self.peers.iter_mut().find(|p| p.id == id) {
            peer.endpoints = endpoints;
        }
    }

    /// The first neighbour of that kind.
    pub fn first(&self, kind: PeerKind) -> Option<&Peer> {
        self.peers.iter().find(|p| p.kind == kind)
    }

    /// Is it one of our listen addresses?
    pub fn is_own(&self, addr: SocketAddr) -> bool {
        self.listen.iter().any(|l| l.addr == addr)
    }

    /// The listen address of that family.
    pub fn listen_for(&self, remote: SocketAddr) -> Option<SocketAddr> {
        self.listen.iter().map(|l| l.addr).find(|l| l.is_ipv4() == remote.is_ipv4())
    }
}
