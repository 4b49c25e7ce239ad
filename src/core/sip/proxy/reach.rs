//! Which way a message takes: to a neighbour, to an address in a dialog, back to a sender.

use super::Core;
use super::routing::Routing;
use super::state::Incoming;
use super::way::Way;
use crate::sip::mark::RouteMark;
use crate::sip::message::Via;
use crate::sip::{Endpoint, Listen, PeerId, Transport};
use std::net::SocketAddr;

impl Core {
    /// To an endpoint of a neighbour; without one, over a connection that the neighbour opened.
    pub(super) fn way_to(&self, peer: PeerId, endpoint: Option<&Endpoint>) -> Option<Way> {
        let Some(endpoint) = endpoint else { return self.flows.way_to(peer, None) };
        if endpoint.transport.is_websocket() {
            // Only a browser connects (RFC 7118 §4).
            return self.flows.way_to(peer, Some(endpoint.transport));
        }
        let listen = self.peers.listen_for(endpoint.transport, endpoint.addr)?;
        Some(Way { name: endpoint.name.clone(), ..Way::to(listen, endpoint.addr) })
    }

    /// To where a request inside a dialog leads: its next hop by Route or Request-URI. A host name
    /// is not resolved here, the neighbour's connection or configured address stands for it.
    pub(super) fn exit(&mut self, routing: &Routing, mark: &RouteMark) -> Option<Way> {
        if let Some(next) = routing.next.filter(|next| !self.peers.is_own(next.addr)) {
            let usual = || self.usual_transport(mark.target);
            let transport = next.transport.unwrap_or_else(usual);
            if let Some(way) = self.way_inside(transport, next.addr, mark) {
                return Some(leaving_by(way, routing.leaves));
            }
        }
        let asked = routing.next.and_then(|next| next.transport);
        if let Some(way) = self.marked_flow(mark) {
            return Some(way);
        }
        self.counters.named_hops += 1;
        let way = self.way_of_neighbour(mark.target, asked);
        self.counters.no_route += u64::from(way.is_none());
        way
    }

    /// To a neighbour that an address says nothing usable of: an endpoint or a connection of the
    /// transport asked for, else any.
    fn way_of_neighbour(&self, peer: PeerId, asked: Option<Transport>) -> Option<Way> {
        let endpoints = self.peers.get(peer).map_or(&[][..], |p| &p.endpoints);
        let usable = |e: &Endpoint| {
            let way = self.way_to(peer, Some(e))?;
            (way.flow.is_some() || !self.peers.is_own(way.remote)).then_some(way)
        };
        let mut fitting = endpoints.iter().filter(|e| asked.is_none_or(|t| t == e.transport));
        let open = asked.and_then(|transport| self.flows.way_to(peer, Some(transport)));
        fitting
            .find_map(usable)
            .or(open)
            .or_else(|| endpoints.iter().find_map(usable))
            .or_else(|| self.flows.way_to(peer, None))
    }

    /// For a URI that asks for no transport: UDP (RFC 3263 §4.1), unless the neighbour has none.
    fn usual_transport(&self, peer: PeerId) -> Transport {
        let endpoints = self.peers.get(peer).map_or(&[][..], |p| &p.endpoints);
        let has_udp = endpoints.iter().any(|e| !e.transport.is_reliable());
        match endpoints.first().filter(|_| !has_udp) {
            Some(endpoint) => endpoint.transport,
            None if has_udp => Transport::Udp,
            None => self.flows.way_to(peer, None).map_or(Transport::Udp, |w| w.listen.transport),
        }
    }

    /// The connection that the dialog was made over.
    fn marked_flow(&self, mark: &RouteMark) -> Option<Way> {
        self.flows.way_over(mark.target, mark.flow?)
    }

    fn way_inside(&self, transport: Transport, addr: SocketAddr, mark: &RouteMark) -> Option<Way> {
        if !transport.is_reliable() {
            return Some(Way::to(self.peers.listen_for(transport, addr)?, addr));
        }
        let marked = self.marked_flow(mark);
        if transport.is_websocket() {
            return marked.or_else(|| self.flows.way_to(mark.target, Some(transport)));
        }
        // Another address than the connection's: the neighbour sits behind a NAT.
        let behind_nat = |way: &Way| way.remote.ip().to_canonical() != addr.ip().to_canonical();
        if let Some(way) = marked.filter(behind_nat) {
            return Some(way);
        }
        if let Some(way) = self.flows.way_back(mark.target, transport, addr) {
            return Some(way);
        }
        // No connection is opened to where no neighbour is.
        if !self.peers.knows(addr.ip()) {
            return None;
        }
        let listen = self.peers.listen_for(transport, addr)?;
        let name = self.peers.tls_name(mark.target, addr);
        Some(Way { name, ..Way::to(listen, addr) })
    }

    /// Back to the sender of a request (RFC 3261 §18.2.2): on its connection, or where Via and
    /// source say.
    pub(super) fn way_back(&self, came: &Incoming<'_>) -> Way {
        let datagram = came.datagram;
        let listen = came.listen();
        match datagram.flow {
            Some(_) => Way { flow: datagram.flow, ..Way::to(listen, datagram.remote) },
            None => {
                let source = datagram.remote;
                Way::to(listen, came.via.reply_to_source(came.message.bytes(), source))
            }
        }
    }

    /// The way back when the request's connection is gone: a new one to the sender's address and
    /// the port of sent-by (RFC 3261 §18.2.2, first item). Only to a neighbour, and never to a
    /// browser, which nobody can connect to.
    pub(super) fn way_back_anew(&self, peer: PeerId, gone: &Way, port: u16) -> Option<Way> {
        let transport = gone.listen.transport;
        let remote = SocketAddr::new(gone.remote.ip(), port);
        let possible = gone.flow.is_some()
            && !transport.is_websocket()
            && self.peers.knows(remote.ip())
            && !self.peers.is_own(remote);
        let name = self.peers.tls_name(peer, remote);
        possible.then(|| Way { name, ..Way::to(gone.listen, remote) })
    }

    /// Where a response goes whose transaction an earlier run had: by the Via below ours.
    pub(super) fn way_by_via(&self, via: &Via, bytes: &[u8]) -> Option<Way> {
        let transport = Transport::of_word(via.transport.of(bytes)).unwrap_or_default();
        let reply_to = via.reply_to(bytes, transport.default_port())?;
        let (peer, _) = self.peers.of_address(reply_to)?;
        if transport.is_reliable() {
            if let Some(way) = self.flows.way_back(peer, transport, reply_to) {
                return Some(way);
            }
            let port = via.port.unwrap_or(transport.default_port());
            let anew = SocketAddr::new(reply_to.ip(), port);
            let listen = self.peers.listen_for(transport, anew)?;
            let name = self.peers.tls_name(peer, anew);
            return (!transport.is_websocket()).then(|| Way { name, ..Way::to(listen, anew) });
        }
        Some(Way::to(self.peers.listen_for(transport, reply_to)?, reply_to))
    }
}

/// A dialog keeps the listen address that its Record-Route names, though another one may be nearer
/// to where the next hop is.
fn leaving_by(way: Way, recorded: Option<Listen>) -> Way {
    let fits = |l: &Listen| {
        l.transport == way.listen.transport && l.addr.is_ipv4() == way.remote.is_ipv4()
    };
    match recorded.filter(fits).filter(|_| way.flow.is_none()) {
        Some(listen) => Way { listen, ..way },
        None => way,
    }
}

impl Incoming<'_> {
    /// The listen address it came to.
    pub fn listen(&self) -> Listen {
        Listen { transport: self.datagram.transport, addr: self.datagram.local }
    }
}
