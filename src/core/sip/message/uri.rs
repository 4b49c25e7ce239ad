//! URIs, as far as a proxy reads them (RFC 3261 §19.1, RFC 3966).

use super::span::decimal;
use super::{Params, Span};
use crate::sip::Transport;
use memchr::memchr;
use std::net::{IpAddr, SocketAddr};

/// Scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriKind {
    /// `sip:` or `sips:`.
    Sip,
    /// `tel:`.
    Tel,
    /// Anything else; only the scheme is known.
    Other,
}

/// Parts of a URI.
#[derive(Clone, Copy, Debug)]
pub struct Uri {
    /// Scheme.
    pub kind: UriKind,
    /// `sips:`.
    pub secure: bool,
    /// User part with its parameters and password, still escaped; for `tel:` the number.
    pub user: Option<Span>,
    /// Host; an IPv6 reference keeps its brackets.
    pub host: Span,
    /// Host and port.
    pub host_port: Span,
    /// Port, if written.
    pub port: Option<u16>,
    /// From the first semicolon to the headers.
    pub params: Span,
}

impl Uri {
    /// Reads a URI without brackets around it.
    pub fn parse(bytes: &[u8], span: Span) -> Option<Self> {
        let text = span.of(bytes);
        let colon = memchr(b':', text)?;
        let at = span.from() + colon + 1;
        let scheme = &text[..colon];
        if scheme.eq_ignore_ascii_case(b"tel") {
            return Some(Self::tel(bytes, at, span.to()));
        }
        let secure = scheme.eq_ignore_ascii_case(b"sips");
        if !secure && !scheme.eq_ignore_ascii_case(b"sip") {
            let scheme_ok = scheme.first().is_some_and(u8::is_ascii_alphabetic);
            return scheme_ok.then(|| Self::opaque(UriKind::Other, span.to()));
        }
        let rest = Span::new(at, span.to());
        let user = memchr(b'@', rest.of(bytes)).map(|i| Span::new(at, at + i));
        let host_at = user.map_or(at, |u| u.to() + 1);
        let (host, end) = host(bytes, host_at, span.to())?;
        let (port, end) = port(bytes, end, span.to())?;
        let headers = memchr(b'?', &bytes[end..span.to()]).map_or(span.to(), |i| end + i);
        let params = Span::new(end, headers);
        if !params.is_empty() && bytes[end] != b';' {
            return None;
        }
        let host_port = Span::new(host_at, end);
        Some(Self { kind: UriKind::Sip, secure, user, host, host_port, port, params })
    }

    fn opaque(kind: UriKind, end: usize) -> Self {
        let none = Span::new(end, end);
        let (user, port, secure) = (None, None, false);
        Self { kind, secure, user, host: none, host_port: none, port, params: none }
    }

    fn tel(bytes: &[u8], at: usize, end: usize) -> Self {
        let number_end = memchr(b';', &bytes[at..end]).map_or(end, |i| at + i);
        let user = Some(Span::new(at, number_end));
        Self { user, params: Span::new(number_end, end), ..Self::opaque(UriKind::Tel, end) }
    }

    /// A URI parameter.
    pub fn params<'a>(&self, bytes: &'a [u8]) -> Params<'a> {
        Params::new(bytes, self.params)
    }

    /// The transport that it asks for (RFC 3263 §4.1); `None`: it says nothing.
    pub fn transport(&self, bytes: &[u8]) -> Option<Transport> {
        let param = self.params(bytes).find("transport").and_then(|p| p.value);
        let asked = param.and_then(|v| Transport::of_word(v.of(bytes)));
        match asked {
            None | Some(Transport::Tcp) if self.secure => Some(Transport::Tls),
            Some(Transport::Ws) if self.secure => Some(Transport::Wss),
            asked => asked,
        }
    }

    /// The address, if the host is a literal; the transport's port where none is written.
    pub fn literal(&self, bytes: &[u8]) -> Option<SocketAddr> {
        let ip = literal(self.host.of(bytes))?;
        let usual = || self.transport(bytes).unwrap_or_default().default_port();
        Some(SocketAddr::new(ip, self.port.unwrap_or_else(usual)))
    }

    /// User part, unescaped, without parameters and password; empty if there is none.
    pub fn user_text(&self, bytes: &[u8]) -> String {
        let user = self.user.map_or(&[][..], |u| u.of(bytes));
        let end = user.iter().position(|b| matches!(b, b';' | b':')).unwrap_or(user.len());
        String::from_utf8_lossy(&unescape(&user[..end])).into_owned()
    }
}

/// An IP address, with or without brackets.
pub fn literal(host: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(host).ok()?;
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// The host at `at`, and what follows it.
pub fn host(bytes: &[u8], at: usize, end: usize) -> Option<(Span, usize)> {
    let stop = if bytes.get(at..end)?.first() == Some(&b'[') {
        at + memchr(b']', &bytes[at..end])? + 1
    } else {
        let known = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        at + bytes[at..end].iter().position(|b| !known(b)).unwrap_or(end - at)
    };
    (stop > at).then(|| (Span::new(at, stop), stop))
}

/// A port at `at`, if there is a colon, and what follows it.
pub fn port(bytes: &[u8], at: usize, end: usize) -> Option<(Option<u16>, usize)> {
    if at >= end || bytes[at] != b':' {
        return Some((None, at));
    }
    let digits = &bytes[at + 1..end];
    let n = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let port = u16::try_from(decimal(&digits[..n])?).ok()?;
    Some((Some(port), at + 1 + n))
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        match (text[i], hex(text.get(i + 1)), hex(text.get(i + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                i += 3;
            }
            (byte, ..) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_users_hosts_and_ports() {
        for (uri, user, host, port) in [
            ("sip:+8613800138000@192.0.2.1", "+8613800138000", "192.0.2.1", None),
            ("sip:a%20b%40c:pw@h.example:5070;lr", "a b@c", "h.example", Some(5070)),
            ("sips:user;par=u%40example.net@example.com", "user", "example.com", None),
            ("sip:[2001:db8::1]:5062;transport=udp?x=y", "", "[2001:db8::1]", Some(5062)),
            ("SIP:example.com", "", "example.com", None),
            ("tel:+86-10-1234;phone-context=x", "+86-10-1234", "", None),
            ("sip:%2G@h", "%2G", "h", None),
        ] {
            let all = Span::new(0, uri.len());
            let parsed = Uri::parse(uri.as_bytes(), all).unwrap();
            assert_eq!(parsed.user_text(uri.as_bytes()), user, "{uri}");
            assert_eq!(parsed.host.of(uri.as_bytes()), host.as_bytes(), "{uri}");
            assert_eq!(parsed.port, port, "{uri}");
        }
        for bad in ["sip:", "sip:@", "example.com", "sip:[::1", "sip:h:70000", "sip:h:x", "sip:a b"]
        {
            assert!(Uri::parse(bad.as_bytes(), Span::new(0, bad.len())).is_none(), "{bad}");
        }
    }
}
