//! Route information preprocessing and the next hop (RFC 3261 §16.4, §16.6 items 6 and 7).
//!
//! Carries out §16.4 pop, §16.6 item 6, §16.6 item 7, §16.12 item 2, §16.12 item 3; the loop part
//! of the branch is §16.6 item 8b, RFC 5393 §4.2.1.

use super::Core;
use crate::sip::edit::{Edits, RouteEdits, replace_uri, route_edits, value_uri};
use crate::sip::mark::RouteMark;
use crate::sip::message::{Message, Name, Params, Span, Uri, Via};
use crate::sip::{Listen, Transport};
use std::net::SocketAddr;

/// Where a request's Route values and URI lead.
#[derive(Clone, Copy, Debug)]
pub struct Routing {
    /// Our Record-Route parameter, if one stands there and is genuine.
    pub mark: Option<RouteMark>,
    /// Changes of the Route values.
    pub route: RouteEdits,
    /// The Request-URI that leaves.
    pub uri: Span,
    /// The Request-URI that came names a listen address of ours.
    pub own: bool,
    /// Next hop, if it is written as an address.
    pub next: Option<NextHop>,
    /// Listen address in the last Route value of ours: the side that the dialog leaves by.
    pub leaves: Option<Listen>,
}

/// A next hop written as an address.
#[derive(Clone, Copy, Debug)]
pub struct NextHop {
    /// What its URI asks for.
    pub transport: Option<Transport>,
    /// Address.
    pub addr: SocketAddr,
}

impl Routing {
    /// Edits that carry it out.
    pub fn edit(&self, edits: &mut Edits, message: &Message<'_>) {
        if self.uri != message.uri() {
            replace_uri(edits, message.uri(), self.uri.of(message.bytes()));
        }
        if self.route != RouteEdits::default() {
            route_edits(edits, message, self.route);
        }
    }
}

impl Core {
    /// Does this URI name one of our listen addresses?
    pub(super) fn is_own_uri(&self, message: &Message<'_>, uri: Span) -> bool {
        self.own_uri(message, uri).is_some()
    }

    /// The listen address of ours that a URI names, and our parameter in it.
    fn own_uri<'a>(&self, message: &Message<'a>, uri: Span) -> Option<(Listen, Option<&'a [u8]>)> {
        let bytes = message.bytes();
        let parts = Uri::parse(bytes, uri)?;
        let listen = self.peers.own_listener(parts.transport(bytes), parts.literal(bytes)?)?;
        let param = Params::new(bytes, parts.params).find("tl").and_then(|p| p.value);
        Some((listen, param.map(|v| v.of(bytes))))
    }

    fn read_mark(&self, message: &Message<'_>, value: &[u8]) -> Option<RouteMark> {
        let (from, to) = (message.tag_of_from(), message.tag_of_to());
        self.marks.read_route(value, message.call_id(), from, to)
    }

    /// Reads Route values and Request-URI.
    pub(super) fn routing(&self, message: &Message<'_>) -> Routing {
        let bytes = message.bytes();
        let has_route = message.header(Name::Route).is_some();
        let values: Vec<Span> =
            if has_route { message.values(Name::Route).collect() } else { Vec::new() };
        let uri_of = |i: usize| values.get(i).and_then(|v| value_uri(message, *v));
        let (mut uri, mut mark, mut route) = (message.uri(), None, RouteEdits::default());
        let own = self.own_uri(message, uri);
        if let Some((_, Some(value))) = own {
            // A strict router put our Record-Route value into the Request-URI (§16.4).
            mark = self.read_mark(message, value);
            if let Some(last) = values.len().checked_sub(1).and_then(uri_of) {
                uri = last;
                route.drop_last = true;
            }
        }
        let count = values.len() - usize::from(route.drop_last);
        let mut leaves = None;
        while route.pop < count
            && let Some((listen, value)) = uri_of(route.pop).and_then(|u| self.own_uri(message, u))
        {
            mark = mark.or_else(|| self.read_mark(message, value?));
            leaves = Some(listen);
            route.pop += 1;
        }
        let mut next = uri;
        if let Some(top) = uri_of(route.pop).filter(|_| route.pop < count) {
            next = top;
            let parts = Uri::parse(bytes, top);
            let loose = parts.is_some_and(|p| p.params(bytes).find("lr").is_some());
            if !loose {
                route.append = Some(uri); // §16.6 item 6: the next hop is a strict router
                route.pop += 1;
                uri = top;
            }
        }
        let next = Uri::parse(bytes, next).and_then(|uri| {
            Some(NextHop { transport: uri.transport(bytes), addr: uri.literal(bytes)? })
        });
        Routing { mark, route, uri, own: own.is_some(), next, leaves }
    }

    /// Hash of all that decides the way of a request here (RFC 5393 §4.2.2). The sender counts:
    /// a call that leaves to a carrier and comes back from it goes another way.
    pub(super) fn loop_hash(&self, message: &Message<'_>, sender: crate::sip::PeerId) -> u32 {
        let number = message.cseq().map_or(0, |c| c.number).to_be_bytes();
        self.marks.loop_hash(&[
            message.uri().of(message.bytes()),
            message.value(Name::Route),
            message.call_id(),
            message.tag_of_from(),
            message.tag_of_to(),
            &number,
            message.value(Name::ProxyRequire),
            message.value(Name::ProxyAuthorization),
            &sender.0.to_be_bytes(),
        ])
    }

    /// Did this request come by here before, on the same way?
    pub(super) fn is_loop(&self, message: &Message<'_>, sender: crate::sip::PeerId) -> bool {
        let bytes = message.bytes();
        let ours = |via: Via| self.marks.read_branch(via.branch(bytes));
        // The topmost is of who sent it to us.
        let below = message.values(Name::Via).skip(1).filter_map(|v| Via::parse(bytes, v));
        let mut vias = message.via().into_iter().chain(below).filter_map(ours).peekable();
        // Most requests bring none: the hash is not needed then.
        if vias.peek().is_none() {
            return false;
        }
        let hash = self.loop_hash(message, sender);
        vias.any(|branch| branch.loop_hash == hash)
    }
}
