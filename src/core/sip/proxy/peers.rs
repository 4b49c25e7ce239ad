//! Who is who: neighbours by source address, and our own addresses.

use crate::model::OwnMap;
use crate::sip::{Endpoint, FlowOpened, Listen, Peer, PeerId, PeerKind, Transport};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A target of an INVITE: the neighbour, and one of its endpoints if it has any.
pub type Hop = (PeerId, Option<Endpoint>);

/// Neighbours and listen addresses.
pub struct Peers {
    peers: Vec<Peer>,
    /// Port (`None`: any) and index, by address.
    sources: OwnMap<IpAddr, Vec<(Option<u16>, usize)>>,
    listen: Vec<Listen>,
}

impl Peers {
    /// From the configuration.
    pub fn new(peers: Vec<Peer>, listen: Vec<Listen>) -> Self {
        let mut sources: OwnMap<_, Vec<_>> = OwnMap::default();
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

    /// The neighbour that sends from there. One without sources sends from where it is reached:
    /// its name was resolved.
    pub fn of_source(&self, source: SocketAddr) -> Option<(PeerId, PeerKind)> {
        let ip = source.ip().to_canonical();
        let fits = |port: &Option<u16>| port.is_none_or(|p| p == source.port());
        let entries = self.sources.get(&ip).map_or(&[][..], Vec::as_slice);
        let listed = entries.iter().find(|(port, _)| fits(port));
        let resolved = |p: &&Peer| {
            p.sources.is_empty() && p.endpoints.iter().any(|e| e.addr.ip().to_canonical() == ip)
        };
        let peer = match listed {
            Some((_, index)) => self.peers.get(*index),
            None => self.peers.iter().find(resolved),
        };
        peer.map(|p| (p.id, p.kind))
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

    /// All endpoints of these neighbours, in order; `None`: one that is reached over a connection
    /// of its own making.
    pub fn hops_of(&self, peers: &[PeerId]) -> VecDeque<Hop> {
        let known = peers.iter().filter_map(|id| self.get(*id));
        known
            .flat_map(|p| {
                let alone = p.endpoints.is_empty().then_some((p.id, None));
                p.endpoints.iter().map(|e| (p.id, Some(e.clone()))).chain(alone)
            })
            .collect()
    }

    /// Other addresses of a neighbour, from the resolver.
    pub fn set_endpoints(&mut self, id: PeerId, endpoints: Vec<Endpoint>) {
        if let Some(peer) = self.peers.iter_mut().find(|p| p.id == id) {
            peer.endpoints = endpoints;
        }
    }

    /// May it assert identities, and see those that are to stay private?
    pub fn is_trusted(&self, id: PeerId) -> bool {
        self.get(id).is_some_and(|p| p.trusted_identity)
    }

    /// The first neighbour of that kind.
    pub fn first(&self, kind: PeerKind) -> Option<&Peer> {
        self.peers.iter().find(|p| p.kind == kind)
    }

    /// Is it one of our listen addresses, over whatever transport?
    pub fn is_own(&self, addr: SocketAddr) -> bool {
        self.listen.iter().any(|l| l.addr == addr)
    }

    /// The listen address of ours that a URI with this address names. One that names no transport
    /// is ours whatever it came over, and `ws` stands for both kinds of WebSocket.
    pub fn own_listener(&self, transport: Option<Transport>, addr: SocketAddr) -> Option<Listen> {
        let fits = |own: Transport| match transport {
            None => true,
            Some(asked) if asked.is_websocket() => own.is_websocket(),
            Some(asked) => asked == own,
        };
        self.listen.iter().find(|l| l.addr == addr && fits(l.transport)).copied()
    }

    /// The listen address for a destination: of its transport and family, loopback for loopback,
    /// then the one with the longest common prefix; the first of equals.
    pub fn listen_for(&self, transport: Transport, remote: SocketAddr) -> Option<Listen> {
        let reaches =
            |l: &&Listen| l.transport == transport && l.addr.is_ipv4() == remote.is_ipv4();
        let mut best: Option<(&Listen, u32)> = None;
        for listen in self.listen.iter().filter(reaches) {
            let near = nearness(listen.addr.ip(), remote.ip());
            if best.is_none_or(|(_, so_far)| near > so_far) {
                best = Some((listen, near));
            }
        }
        best.map(|(listen, _)| *listen)
    }

    /// The neighbour at an address: by source, else by endpoint, whatever the port.
    pub fn of_address(&self, addr: SocketAddr) -> Option<(PeerId, PeerKind)> {
        let ip = addr.ip().to_canonical();
        let has = |p: &&Peer| p.endpoints.iter().any(|e| e.addr.ip().to_canonical() == ip);
        let by_endpoint = || self.peers.iter().find(has).map(|p| (p.id, p.kind));
        let by_ip = || {
            let (_, index) = self.sources.get(&ip)?.first()?;
            self.peers.get(*index).map(|p| (p.id, p.kind))
        };
        self.of_source(addr).or_else(by_endpoint).or_else(by_ip)
    }

    /// Whose connection is it? A certificate's name first, then the address. A neighbour whose
    /// certificate is known does not come by TLS without it (RFC 5923 names).
    pub fn of_flow(&self, opened: &FlowOpened) -> Option<(PeerId, PeerKind)> {
        let named = |p: &&Peer| {
            let is = |name: &String| opened.names.iter().any(|n| n.eq_ignore_ascii_case(name));
            p.tls_names.iter().any(is)
        };
        if let Some(peer) = self.peers.iter().find(named).filter(|_| opened.transport.is_secure()) {
            return Some((peer.id, peer.kind));
        }
        let by_address = match opened.ours {
            true => self.of_address(opened.remote),
            false => self.of_source(opened.remote),
        };
        by_address.filter(|(id, _)| {
            let bound = self.get(*id).is_some_and(|p| !p.tls_names.is_empty());
            !(bound && opened.transport.is_secure())
        })
    }

    /// The name that a neighbour's certificate must have at that address.
    pub fn tls_name(&self, id: PeerId, addr: SocketAddr) -> Option<Arc<str>> {
        let peer = self.get(id)?;
        let named = |e: &&Endpoint| e.name.is_some();
        let at = peer.endpoints.iter().filter(named).find(|e| e.addr == addr);
        let any = || peer.endpoints.iter().find(named);
        let endpoint = at.or_else(any).and_then(|e| e.name.clone());
        endpoint.or_else(|| peer.tls_names.first().map(|name| Arc::from(name.as_str())))
    }
}

/// How close two addresses of one family are; grows with the common prefix.
fn nearness(a: IpAddr, b: IpAddr) -> u32 {
    let (a, b) = (a.to_canonical(), b.to_canonical());
    let prefix = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => 0,
    };
    prefix + if a.is_loopback() == b.is_loopback() { 1000 } else { 0 }
}
