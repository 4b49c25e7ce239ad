//! Requests that we send ourselves, each made from a message at hand: ACK and CANCEL from the
//! INVITE as it left (RFC 3261 §9.1, §17.1.1.3), ACK and BYE of an unwanted call from its 2xx
//! (§13.2.2.4, §15.1.1).

use super::{mirror, mirror_all, no_body, own_header};
use crate::sip::Listen;
use crate::sip::edit::via_line;
use crate::sip::message::{Address, Message, Name, Span};
use std::net::SocketAddr;

pub(super) fn line(out: &mut Vec<u8>, method: rsip::Method, uri: &[u8]) {
    out.extend_from_slice(format!("{method} ").as_bytes());
    out.extend_from_slice(uri);
    out.extend_from_slice(format!(" {}\r\n", rsip::Version::V2).as_bytes());
}

fn hops_and_cseq(out: &mut Vec<u8>, method: rsip::Method, number: u32) {
    own_header(out, &rsip::Header::MaxForwards(rsip::headers::MaxForwards::from(70)));
    out.extend_from_slice(format!("CSeq: {number} {method}\r\n").as_bytes());
}

fn top_via(out: &mut Vec<u8>, invite: &Message<'_>) {
    if let Some(via) = invite.via() {
        out.extend_from_slice(b"Via: ");
        out.extend_from_slice(via.value.of(invite.bytes()));
        out.extend_from_slice(b"\r\n");
    }
}

/// ACK for a final answer other than 2xx, on the INVITE's branch.
pub fn ack(invite: &Message<'_>, answer: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    line(&mut out, rsip::Method::Ack, invite.uri().of(invite.bytes()));
    top_via(&mut out, invite);
    mirror_all(&mut out, invite, Name::From);
    mirror_all(&mut out, answer, Name::To);
    mirror_all(&mut out, invite, Name::CallId);
    hops_and_cseq(&mut out, rsip::Method::Ack, invite.cseq().map_or(0, |c| c.number));
    mirror_all(&mut out, invite, Name::Route);
    no_body(&mut out);
    out
}

/// ACK for a late final answer whose INVITE is forgotten: the branch is what its sender matches,
/// the URI is that of To.
pub fn ack_late(answer: &Message<'_>) -> Option<Vec<u8>> {
    let bytes = answer.bytes();
    let to = answer.to()?;
    let via = answer.via()?;
    let mut out = Vec::with_capacity(512);
    line(&mut out, rsip::Method::Ack, to.uri.of(bytes));
    out.extend_from_slice(b"Via: SIP/2.0/");
    out.extend_from_slice(via.transport.of(bytes));
    out.push(b' ');
    out.extend_from_slice(via.sent_by.of(bytes));
    out.extend_from_slice(b";rport;branch=");
    out.extend_from_slice(via.branch(bytes));
    out.extend_from_slice(b"\r\n");
    mirror_all(&mut out, answer, Name::From);
    mirror_all(&mut out, answer, Name::To);
    mirror_all(&mut out, answer, Name::CallId);
    hops_and_cseq(&mut out, rsip::Method::Ack, answer.cseq()?.number);
    no_body(&mut out);
    Some(out)
}

/// CANCEL of an INVITE that we sent; `reasons` is the CANCEL that asked for it, if one did.
pub fn cancel(invite: &Message<'_>, reasons: Option<&Message<'_>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    line(&mut out, rsip::Method::Cancel, invite.uri().of(invite.bytes()));
    top_via(&mut out, invite);
    mirror_all(&mut out, invite, Name::From);
    mirror_all(&mut out, invite, Name::To);
    mirror_all(&mut out, invite, Name::CallId);
    hops_and_cseq(&mut out, rsip::Method::Cancel, invite.cseq().map_or(0, |c| c.number));
    mirror_all(&mut out, invite, Name::Route);
    if let Some(asked) = reasons {
        for header in asked.headers(Name::Reason) {
            mirror(&mut out, asked, header);
        }
    }
    no_body(&mut out);
    out
}

/// What a request in the dialog of a 2xx needs, seen from the caller's side at this proxy.
struct Dialog<'a> {
    target: Span,
    /// Record-Route values of those below us, nearest first.
    route: Vec<Span>,
    answer: &'a Message<'a>,
}

impl<'a> Dialog<'a> {
    /// `is_own` tells our Record-Route values.
    fn new(answer: &'a Message<'a>, is_own: impl Fn(Span) -> bool) -> Option<Self> {
        let bytes = answer.bytes();
        let contact = answer.values(Name::Contact).next()?;
        let target = Address::parse(bytes, contact)?.uri;
        let mut route: Vec<Span> =
            answer.values(Name::RecordRoute).take_while(|v| !is_own(*v)).collect();
        route.reverse();
        Some(Self { target, route, answer })
    }

    fn request(&self, method: rsip::Method, number: u32, listen: Listen, branch: &[u8]) -> Vec<u8> {
        let bytes = self.answer.bytes();
        let mut out = Vec::with_capacity(512);
        line(&mut out, method, self.target.of(bytes));
        via_line(&mut out, listen, branch);
        mirror_all(&mut out, self.answer, Name::From);
        mirror_all(&mut out, self.answer, Name::To);
        mirror_all(&mut out, self.answer, Name::CallId);
        hops_and_cseq(&mut out, method, number);
        for value in &self.route {
            out.extend_from_slice(b"Route: ");
            out.extend_from_slice(value.of(bytes));
            out.extend_from_slice(b"\r\n");
        }
        no_body(&mut out);
        out
    }

    fn next_hop(&self) -> Option<SocketAddr> {
        let bytes = self.answer.bytes();
        let uri = match self.route.first() {
            Some(value) => Address::parse(bytes, *value)?.uri,
            None => self.target,
        };
        crate::sip::message::Uri::parse(bytes, uri)?.literal(bytes)
    }
}

/// A request and, if it is an address, where it goes.
pub type OwnRequest = (Vec<u8>, Option<SocketAddr>);

/// ACK of a 2xx that nobody above us wants.
pub fn ack_success(
    answer: &Message<'_>,
    listen: Listen,
    branch: &[u8],
    is_own: impl Fn(Span) -> bool,
) -> Option<OwnRequest> {
    let dialog = Dialog::new(answer, is_own)?;
    let number = answer.cseq()?.number;
    let bytes = dialog.request(rsip::Method::Ack, number, listen, branch);
    Some((bytes, dialog.next_hop()))
}

/// BYE that releases it.
pub fn bye(
    answer: &Message<'_>,
    listen: Listen,
    branch: &[u8],
    is_own: impl Fn(Span) -> bool,
) -> Option<OwnRequest> {
    let dialog = Dialog::new(answer, is_own)?;
    let number = answer.cseq()?.number.saturating_add(1);
    let bytes = dialog.request(rsip::Method::Bye, number, listen, branch);
    Some((bytes, dialog.next_hop()))
}
