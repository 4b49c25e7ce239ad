//! A dialog (RFC 3261 §12) as one of its ends keeps it.

use super::{
    build::{self, BadTarget, Head},
    message::{Message, uri_addr, uri_of},
};
use std::net::SocketAddr;

/// State that a request inside the dialog is made from.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub call_id: String,
    /// From of our requests, tag included.
    pub local: String,
    pub local_tag: String,
    /// To of our requests; its tag is there once the peer has given one.
    pub remote: String,
    pub remote_tag: String,
    pub local_cseq: u32,
    pub remote_cseq: u32,
    /// Route set in the order in which our requests carry it.
    route: Vec<String>,
    /// Request-URI of our requests.
    pub target: String,
    /// Our own user and address.
    pub user: String,
    pub addr: SocketAddr,
    /// Version of our session description; grows with each (RFC 3264 §8).
    pub sdp_version: u32,
}

impl Dialog {
    /// Before the first INVITE of a caller.
    pub fn calling(
        (from, to): (&str, &str),
        (addr, server): (SocketAddr, SocketAddr),
        (call_id, tag): (String, String),
    ) -> Self {
        let target = format!("sip:{to}@{server}");
        Self {
            call_id,
            local: format!("<sip:{from}@{addr}>;tag={tag}"),
            local_tag: tag,
            remote: format!("<{target}>"),
            remote_tag: String::new(),
            local_cseq: 1,
            remote_cseq: 0,
            route: Vec::new(),
            target,
            user: from.to_owned(),
            addr,
            sdp_version: 1,
        }
    }

    /// Made by an INVITE that came in (RFC 3261 §12.1.1).
    pub fn called(invite: &Message, user: &str, addr: SocketAddr, tag: String) -> Self {
        let value = |name| invite.header(name).unwrap_or_default();
        Self {
            call_id: invite.call_id().to_owned(),
            local: format!("{};tag={tag}", value("To")),
            local_tag: tag,
            remote: value("From").to_owned(),
            remote_tag: invite.tag("From").to_owned(),
            local_cseq: 0,
            remote_cseq: invite.cseq(),
            route: invite.list("Record-Route"),
            target: uri_of(value("Contact")).to_owned(),
            user: user.to_owned(),
            addr,
            sdp_version: 1,
        }
    }

    /// What a caller learns from a 2xx (RFC 3261 §12.1.2): peer's tag, route set, target.
    pub fn confirmed_by(&mut self, ok: &Message) {
        self.remote = ok.header("To").unwrap_or_default().to_owned();
        self.remote_tag = ok.tag("To").to_owned();
        self.route = ok.list("Record-Route");
        self.route.reverse();
        self.refresh(ok);
    }

    /// Target refresh by a request or response inside the dialog (RFC 3261 §12.2).
    pub fn refresh(&mut self, message: &Message) {
        if let Some(contact) = message.header("Contact") {
            self.target = uri_of(contact).to_owned();
        }
    }

    /// Where the next request of this dialog is sent: the first route, else the target. Hosts are
    /// IP literals here.
    pub fn next_hop(&self) -> Option<SocketAddr> {
        let uri = self.route.first().map_or(self.target.as_str(), |route| uri_of(route));
        uri_addr(uri)
    }

    /// A request of this dialog.
    pub fn request(
        &self,
        method: rsip::Method,
        (cseq, branch): (u32, &str),
        extra: Vec<rsip::Header>,
        sdp: Option<String>,
    ) -> Result<Vec<u8>, BadTarget> {
        let head = Head {
            method,
            target: &self.target,
            local: self.addr,
            branch,
            from: &self.local,
            to: &self.remote,
            call_id: &self.call_id,
            cseq,
            route: &self.route,
        };
        build::request(&head, extra, sdp)
    }

    /// Session description of our end.
    pub fn sdp(&self, direction: &str) -> String {
        build::sdp(self.addr, self.sdp_version, direction)
    }

    /// Whether a request belongs to this dialog: its From is our remote end.
    pub fn owns_request(&self, request: &Message) -> bool {
        self.call_id == request.call_id()
            && self.local_tag == request.tag("To")
            && self.remote_tag == request.tag("From")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// §12.1.2: a caller goes back through the proxies in the reverse order of Record-Route; §12.1.1:
    /// a callee in the order in which they stand.
    #[test]
    fn the_route_set_follows_the_side() {
        let head = "Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKa\r\n\
            Record-Route: <sip:127.0.0.8:5068;lr>, <sip:127.0.0.7:5067;lr>\r\n\
            From: <sip:a@127.0.0.2>;tag=f\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n";
        let local = "127.0.0.2:5060".parse().unwrap();
        let ok = format!(
            "SIP/2.0 200 OK\r\n{head}To: <sip:b@127.0.0.3>;tag=t\r\nContact: <sip:b@127.0.0.3:5063>\r\n\r\n"
        );
        let ids = ("c".to_owned(), "f".to_owned());
        let mut caller = Dialog::calling(("a", "b"), (local, local), ids);
        caller.confirmed_by(&Message::read(ok.as_bytes()).unwrap());
        assert_eq!(caller.next_hop().unwrap().to_string(), "127.0.0.7:5067");
        assert_eq!(
            (caller.target.as_str(), caller.remote_tag.as_str()),
            ("sip:b@127.0.0.3:5063", "t")
        );
        let invite = format!(
            "INVITE sip:b@127.0.0.3 SIP/2.0\r\n{head}To: <sip:b@127.0.0.3>\r\nContact: <sip:a@127.0.0.2>\r\n\r\n"
        );
        let invite = Message::read(invite.as_bytes()).unwrap();
        let callee = Dialog::called(&invite, "b", local, "t".to_owned());
        assert_eq!(callee.next_hop().unwrap().to_string(), "127.0.0.8:5068");
    }
}
