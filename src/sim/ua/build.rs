//! Writes SIP messages with `rsip`, and the session descriptions that go with them.

use super::message::{Message, param};
use rsip::headers::{self, Header};
use std::net::SocketAddr;

/// The target of a request cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sip request target is no uri")]
pub struct BadTarget;

/// What the caller of [`request`] decides; Via, Max-Forwards and Content-Length are added.
pub(super) struct Head<'a> {
    pub method: rsip::Method,
    pub target: &'a str,
    pub local: SocketAddr,
    pub branch: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub call_id: &'a str,
    pub cseq: u32,
    pub route: &'a [String],
}

/// A request as bytes.
pub(super) fn request(
    head: &Head<'_>,
    extra: Vec<Header>,
    sdp: Option<String>,
) -> Result<Vec<u8>, BadTarget> {
    let uri: rsip::Uri = head.target.to_owned().try_into().map_err(|_| BadTarget)?;
    let via = format!("SIP/2.0/UDP {};branch={};rport", head.local, head.branch);
    let mut all = rsip::Headers::default();
    all.push(Header::Via(headers::Via::from(via)));
    for route in head.route {
        all.push(Header::Route(headers::Route::from(route.clone())));
    }
    all.push(Header::MaxForwards(headers::MaxForwards::from("70".to_owned())));
    all.push(Header::From(headers::From::from(head.from.to_owned())));
    all.push(Header::To(headers::To::from(head.to.to_owned())));
    all.push(Header::CallId(headers::CallId::from(head.call_id.to_owned())));
    let cseq = format!("{} {}", head.cseq, head.method);
    all.push(Header::CSeq(headers::CSeq::from(cseq)));
    all.push(Header::UserAgent(headers::UserAgent::from("trunkline-sim".to_owned())));
    all.extend(extra);
    let body = finish(&mut all, sdp);
    let version = rsip::Version::V2;
    let request = rsip::Request { method: head.method, uri, version, headers: all, body };
    Ok(request.to_string().into_bytes())
}

/// A response to `request` that came from `source`, as bytes. Via, Record-Route, From, To, Call-ID
/// and CSeq are copied (RFC 3261 §8.2.6.2, §12.1.1); `to_tag` is added where To has none.
pub(super) fn response(
    request: &Message,
    source: SocketAddr,
    status: (u16, &str),
    to_tag: Option<&str>,
    extra: Vec<Header>,
    sdp: Option<String>,
) -> Vec<u8> {
    let mut all = rsip::Headers::default();
    for (n, via) in request.list("Via").into_iter().enumerate() {
        let via = if n == 0 { with_source(via, source) } else { via };
        all.push(Header::Via(headers::Via::from(via)));
    }
    for route in request.list("Record-Route") {
        all.push(Header::RecordRoute(headers::RecordRoute::from(route)));
    }
    let value = |name| request.header(name).unwrap_or_default().to_owned();
    all.push(Header::From(headers::From::from(value("From"))));
    let to = match to_tag {
        Some(tag) if request.tag("To").is_empty() => format!("{};tag={tag}", value("To")),
        _ => value("To"),
    };
    all.push(Header::To(headers::To::from(to)));
    all.push(Header::CallId(headers::CallId::from(value("Call-ID"))));
    all.push(Header::CSeq(headers::CSeq::from(value("CSeq"))));
    all.push(Header::Server(headers::Server::from("trunkline-sim".to_owned())));
    all.extend(extra);
    let body = finish(&mut all, sdp);
    // The named variants of rsip print as identifiers (`BusyHere`), so the phrase is ours.
    let status_code = rsip::StatusCode::Other(status.0, status.1.to_owned());
    let version = rsip::Version::V2;
    let response = rsip::Response { status_code, version, headers: all, body };
    response.to_string().into_bytes()
}

fn finish(all: &mut rsip::Headers, sdp: Option<String>) -> Vec<u8> {
    let body = sdp.unwrap_or_default().into_bytes();
    if !body.is_empty() {
        let sdp_type = headers::ContentType::from("application/sdp".to_owned());
        all.push(Header::ContentType(sdp_type));
    }
    let length = headers::ContentLength::from(body.len().to_string());
    all.push(Header::ContentLength(length));
    body
}

/// Contact header of a user at this address.
pub(super) fn contact(user: &str, local: SocketAddr) -> Header {
    Header::Contact(headers::Contact::from(format!("<sip:{user}@{local}>")))
}

/// `received` and `rport` as RFC 3261 §18.2.1 and RFC 3581 §4 ask of a server.
fn with_source(via: String, source: SocketAddr) -> String {
    let mut text = String::new();
    let wants_port = param(&via, "rport").is_some();
    for part in via.split(';') {
        let name = part.split('=').next().unwrap_or_default().trim();
        if !name.eq_ignore_ascii_case("rport") && !name.eq_ignore_ascii_case("received") {
            if !text.is_empty() {
                text.push(';');
            }
            text.push_str(part);
        }
    }
    let sent_by = via.split(';').next().and_then(|v| v.split_whitespace().nth(1));
    let same_host = sent_by.and_then(super::message::host_addr).map(|a| a.ip());
    if wants_port || same_host != Some(source.ip()) {
        text.push_str(&format!(";received={}", source.ip()));
    }
    if wants_port {
        text.push_str(&format!(";rport={}", source.port()));
    }
    text
}

/// Where responses to a request from `source` go (RFC 3261 §18.2.2, RFC 3581 §4).
pub(super) fn reply_addr(request: &Message, source: SocketAddr) -> SocketAddr {
    let via = request.list("Via").into_iter().next().unwrap_or_default();
    if param(&via, "rport").is_some() {
        return source;
    }
    let sent_by = via.split(';').next().and_then(|v| v.split_whitespace().nth(1));
    let port = sent_by.and_then(super::message::host_addr).map_or(5060, |a| a.port());
    SocketAddr::new(source.ip(), port)
}

/// A session description of one G.711 stream. No media is sent: the port is the discard port.
pub(super) fn sdp(local: SocketAddr, version: u32, direction: &str) -> String {
    let (family, ip) = (if local.is_ipv4() { "IP4" } else { "IP6" }, local.ip());
    format!(
        "v=0\r\no=- 1 {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio 9 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

/// Direction that answers an offered one (RFC 3264 §6.1).
pub(super) fn answer_direction(offered: Option<&str>) -> &'static str {
    match offered {
        Some("sendonly") => "recvonly",
        Some("recvonly") => "sendonly",
        Some("inactive") => "inactive",
        _ => "sendrecv",
    }
}

/// A Reason header (RFC 3326), from its value.
pub(super) fn reason(value: &str) -> Header {
    Header::Other("Reason".to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_response_repeats_what_the_request_said() {
        let bytes = b"INVITE sip:8001@127.0.0.1:5060 SIP/2.0\r\n\
            Via: SIP/2.0/UDP 127.0.0.9:5061;branch=z9hG4bKtop;rport\r\n\
            Via: SIP/2.0/UDP 127.0.0.8;branch=z9hG4bKlow\r\n\
            Record-Route: <sip:127.0.0.9:5061;lr;mac=x>\r\n\
            From: <sip:a@127.0.0.8>;tag=f\r\nTo: <sip:8001@127.0.0.1>\r\n\
            Call-ID: c\r\nCSeq: 3 INVITE\r\nContent-Length: 0\r\n\r\n";
        let invite = Message::read(bytes).unwrap();
        let source = "127.0.0.7:5099".parse().unwrap();
        let bytes = response(&invite, source, (486, "Busy Here"), Some("t"), vec![], None);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("SIP/2.0 486 Busy Here\r\n"), "{text}");
        let top = "Via: SIP/2.0/UDP 127.0.0.9:5061;branch=z9hG4bKtop;received=127.0.0.7;rport=5099";
        assert!(text.contains(top), "{text}");
        let back = Message::read(text.as_bytes()).unwrap();
        assert_eq!(back.list("Via")[1], invite.list("Via")[1]);
        assert_eq!(back.list("Record-Route"), invite.list("Record-Route"));
        assert_eq!((back.tag("From"), back.tag("To"), back.cseq()), ("f", "t", 3));
        assert_eq!(reply_addr(&invite, source), source);
    }

    #[test]
    fn a_request_reads_back() {
        let local = "127.0.0.2:5070".parse().unwrap();
        let head = Head {
            method: rsip::Method::Invite,
            target: "sip:+8613800138000@127.0.0.1:5060",
            local,
            branch: "z9hG4bKx",
            from: "<sip:8001@127.0.0.2:5070>;tag=a",
            to: "<sip:+8613800138000@127.0.0.1:5060>",
            call_id: "id",
            cseq: 1,
            route: &["<sip:127.0.0.1:5060;lr>".to_owned()],
        };
        let body = sdp(local, 1, "sendonly");
        let bytes = request(&head, vec![contact("8001", local)], Some(body.clone())).unwrap();
        let back = Message::read(&bytes).unwrap();
        assert_eq!((back.method(), back.branch().as_str()), ("INVITE", "z9hG4bKx"));
        assert_eq!(back.list("Route"), ["<sip:127.0.0.1:5060;lr>"]);
        assert_eq!((back.media_direction(), back.body.len()), (Some("sendonly"), body.len()));
    }
}
