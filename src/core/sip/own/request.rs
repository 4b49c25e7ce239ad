//! Requests of our own that begin something: OPTIONS (RFC 3261 §11.1) and REGISTER (§10.2), and
//! either made again (§22.2, §10.2.8).

use super::hop::line;
use super::{no_body, own_header};
use crate::sip::edit::{Edits, via_line};
use crate::sip::message::{Message, Name};
use crate::sip::{Listen, Registration};
use std::io::Write;

/// What requests of our own share.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// Request-URI.
    pub uri: String,
    /// Listen address it leaves from.
    pub listen: Listen,
    /// Our branch.
    pub branch: &'a [u8],
    /// Call-ID.
    pub call_id: &'a str,
    /// From tag.
    pub tag: &'a str,
    /// CSeq number.
    pub cseq: u32,
    /// User-Agent; empty: none.
    pub agent: &'a str,
}

impl Head<'_> {
    /// What every request has (RFC 3261 §8.1.1), Max-Forwards among it (RFC 3261 §8.1.1.8).
    fn write(&self, method: rsip::Method, from: &str, to: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        line(&mut out, method, self.uri.as_bytes());
        via_line(&mut out, self.listen, self.branch);
        own_header(&mut out, &rsip::Header::MaxForwards(rsip::headers::MaxForwards::from(70)));
        let (tag, call_id, cseq) = (self.tag, self.call_id, self.cseq);
        let _ = write!(out, "From: <{from}>;tag={tag}\r\nTo: <{to}>\r\n");
        let _ = write!(out, "Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n");
        if !self.agent.is_empty() {
            own_header(&mut out, &rsip::Header::UserAgent(self.agent.into()));
        }
        out
    }
}

/// Our address as a URI, with a user part if one is named.
pub fn own_uri(listen: Listen, user: &str) -> String {
    let at = if user.is_empty() { "" } else { "@" };
    format!("sip:{user}{at}{}{}", listen.addr, listen.transport.uri_param())
}

/// OPTIONS: are you there?
pub fn options(head: &Head<'_>) -> Vec<u8> {
    let own = own_uri(head.listen, "");
    let mut out = head.write(rsip::Method::Options, &own, &head.uri);
    let _ = write!(out, "Contact: <{own}>\r\n");
    own_header(&mut out, &rsip::Header::Accept("application/sdp".into()));
    no_body(&mut out);
    out
}

/// REGISTER: here we are. `head.uri` is the registrar's.
pub fn register(head: &Head<'_>, registration: &Registration) -> Vec<u8> {
    let aor = &registration.aor;
    let mut out = head.write(rsip::Method::Register, aor, aor);
    let contact = own_uri(head.listen, &registration.contact_user);
    let _ = write!(out, "Contact: <{contact}>\r\nExpires: {}\r\n", registration.expires_s);
    no_body(&mut out);
    out
}

/// The registrar of an address of record: its host (§10.2). `None`: it is no SIP URI, or would
/// break the message.
pub fn registrar_of(aor: &str) -> Option<String> {
    let (scheme, rest) = aor.split_once(':')?;
    let sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split([';', '?']).next().filter(|h| !h.is_empty())?;
    let safe = !aor.contains(|c: char| c.is_control() || c.is_whitespace() || "<>\"".contains(c));
    (sip && safe).then(|| format!("{scheme}:{host}"))
}

/// What changes in a request that is made again.
#[derive(Clone, Copy, Debug)]
pub struct Again<'a> {
    /// Another branch.
    pub branch: &'a [u8],
    /// A higher CSeq number.
    pub cseq: u32,
    /// Answers to challenges: whole lines, which take the place of earlier ones.
    pub answers: Option<&'a [u8]>,
    /// Another Expires.
    pub expires_s: Option<u32>,
}

/// The same request with another branch and CSeq number.
pub fn again(
    request: &Message<'_>,
    listen: Listen,
    change: Again<'_>,
    edits: &mut Edits,
) -> Vec<u8> {
    edits.clear();
    if let Some(via) = request.header(Name::Via) {
        edits.replace(via.line, |text| via_line(text, listen, change.branch));
    }
    if let Some(header) = request.header(Name::CSeq) {
        let method = request.cseq_method();
        edits.replace(header.value, |text| {
            let _ = write!(text, "{} ", change.cseq);
            text.extend_from_slice(method);
        });
    }
    for header in request.all_headers() {
        let label = header.label.of(request.bytes());
        let is = |name: &str| label.eq_ignore_ascii_case(name.as_bytes());
        if change.answers.is_some() && (is("Authorization") || is("Proxy-Authorization")) {
            edits.remove(header.line);
        }
        if let Some(seconds) = change.expires_s.filter(|_| is("Expires")) {
            edits.replace(header.value, |text| {
                let _ = write!(text, "{seconds}");
            });
        }
    }
    if let (Some(answers), Some(last)) = (change.answers, request.header(Name::ContentLength)) {
        edits.insert(last.line.from(), |text| text.extend_from_slice(answers));
    }
    edits.apply(request.bytes(), request.bytes().len())
}

#[cfg(test)]
mod tests {
    use super::registrar_of;

    #[test]
    fn the_registrar_is_the_host() {
        for (aor, registrar) in [
            ("sip:4001@carrier.example", Some("sip:carrier.example")),
            ("SIPS:a:pw@h.example:5071;user=phone?x=y", Some("SIPS:h.example:5071")),
            ("sip:[2001:db8::1]:5062", Some("sip:[2001:db8::1]:5062")),
            ("tel:+861", None),
            ("4001@h", None),
            ("sip:", None),
            ("sip:a@h\r\nX: y", None),
            ("sip:a@h>", None),
        ] {
            assert_eq!(registrar_of(aor).as_deref(), registrar, "{aor}");
        }
    }
}
