//! How addresses are written: where we listen, and where a neighbour is.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::net::{IpAddr, SocketAddr};
use trunkline_core::sip::{Endpoint, Listen, Transport};

const TRANSPORTS: &str = "udp, tcp, tls, ws, wss";

/// `tcp:REST`; without a known transport in front: `None` and all of it.
fn prefixed(text: &str) -> (Option<Transport>, &str) {
    match text.split_once(':').map(|(t, rest)| (Transport::of_word(t.as_bytes()), rest)) {
        Some((Some(transport), rest)) => (Some(transport), rest),
        Some((None, _)) | None => (None, text),
    }
}

/// A list of `IP:port` with or without a transport in front.
pub(super) fn listen_list<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Listen>, D::Error> {
    let texts = Vec::<String>::deserialize(input)?;
    texts.iter().map(|text| listen(text).map_err(D::Error::custom)).collect()
}

fn listen(text: &str) -> Result<Listen, String> {
    let (transport, rest) = prefixed(text);
    let addr = rest.parse().map_err(|_| {
        format!("{text:?}: expected IP:port, with one of {TRANSPORTS} and a colon in front")
    })?;
    Ok(Listen { transport: transport.unwrap_or_default(), addr })
}

/// Where a neighbour is reached: `192.0.2.1:5060`, `tcp:192.0.2.1:5060`, `sip.carrier.example`,
/// `tls:sip.carrier.example`, `sip:carrier.example:5070;transport=tcp`, `sips:carrier.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address; nothing has to be looked up.
    Literal(Endpoint),
    /// A name, looked up by RFC 3263.
    Name(HostName),
}

/// What a lookup starts from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName {
    /// In lower case, without a final dot. It is also what a certificate must say.
    pub host: String,
    /// With a port only addresses are looked up (RFC 3263 §4.2).
    pub port: Option<u16>,
    /// Without one, NAPTR and SRV decide (RFC 3263 §4.1).
    pub transport: Option<Transport>,
}

impl Address {
    /// The IP address, if it is one.
    pub fn literal(&self) -> Option<&Endpoint> {
        match self {
            Self::Literal(endpoint) => Some(endpoint),
            Self::Name(_) => None,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "{text:?}: expected IP:port or a host name, with one of {TRANSPORTS} and a colon \
                 in front, or a sip: URI without a user"
            )
        };
        let (transport, rest) = match text.split_once(':') {
            Some((s, rest)) if s.eq_ignore_ascii_case("sip") => uri(false, rest),
            Some((s, rest)) if s.eq_ignore_ascii_case("sips") => uri(true, rest),
            Some(_) | None => Some(prefixed(text)),
        }
        .ok_or_else(refuse)?;
        if let Some((ip, port)) = ip_and_port(rest) {
            let transport = transport.unwrap_or_default();
            let addr = SocketAddr::new(ip, port.unwrap_or(transport.default_port()));
            return Ok(Self::Literal(Endpoint { transport, addr, name: None }));
        }
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| refuse())?)),
            None => (rest, None),
        };
        if !is_host(host) || port == Some(0) {
            return Err(refuse());
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        Ok(Self::Name(HostName { host, port, transport }))
    }
}

/// `HOST;transport=T` behind `sip:` or `sips:`.
fn uri(secure: bool, rest: &str) -> Option<(Option<Transport>, &str)> {
    let Some((host, parameter)) = rest.split_once(';') else {
        return Some((secure.then_some(Transport::Tls), rest));
    };
    let (name, value) = parameter.split_once('=')?;
    let asked = Transport::of_word(value.as_bytes())?;
    if !name.eq_ignore_ascii_case("transport") {
        return None;
    }
    let transport = match (secure, asked) {
        (false, asked) => asked,
        (true, Transport::Tls | Transport::Tcp) => Transport::Tls,
        (true, Transport::Ws | Transport::Wss) => Transport::Wss,
        (true, Transport::Udp) => return None, // a sips URI never goes over UDP
    };
    Some((Some(transport), host))
}

fn ip_and_port(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Some((addr.ip(), Some(addr.port())));
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().map(|ip| (ip, None))
}

/// Letters, digits and hyphens in labels (RFC 3261 §25.1 `hostname`).
fn is_host(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = text.rsplit('.').next().unwrap_or("");
    text.len() <= 253
        && text.split('.').all(label)
        && top.starts_with(|c: char| c.is_ascii_alphabetic())
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(input)?).map_err(D::Error::custom)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(endpoint) => endpoint.fmt(f),
            Self::Name(name) => {
                if let Some(transport) = name.transport {
                    write!(f, "{}:", transport.via_name().to_ascii_lowercase())?;
                }
                f.write_str(&name.host)?;
                name.port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use Transport::{Tcp, Tls, Udp, Ws, Wss};

    fn name(host: &str, port: Option<u16>, transport: Option<Transport>) -> Address {
        Address::Name(HostName { host: host.to_owned(), port, transport })
    }

    fn literal(transport: Transport, addr: &str) -> Address {
        Address::Literal(Endpoint { transport, addr: addr.parse().unwrap(), name: None })
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        for (text, expected) in [
            ("192.0.2.1:5070", literal(Udp, "192.0.2.1:5070")),
            ("192.0.2.1", literal(Udp, "192.0.2.1:5060")),
            ("tls:192.0.2.1", literal(Tls, "192.0.2.1:5061")),
            ("TCP:[2001:db8::1]:5060", literal(Tcp, "[2001:db8::1]:5060")),
            ("ws:[2001:db8::1]", literal(Ws, "[2001:db8::1]:80")),
            ("2001:db8::1", literal(Udp, "[2001:db8::1]:5060")),
            ("sip:192.0.2.1;transport=tcp", literal(Tcp, "192.0.2.1:5060")),
            ("sips:192.0.2.1", literal(Tls, "192.0.2.1:5061")),
            ("sip.Carrier.example.", name("sip.carrier.example", None, None)),
            ("sip.carrier.example:5070", name("sip.carrier.example", Some(5070), None)),
            ("tls:carrier.example", name("carrier.example", None, Some(Tls))),
            ("sip:carrier.example", name("carrier.example", None, None)),
            ("sip:c.example:5061;transport=tls", name("c.example", Some(5061), Some(Tls))),
            ("sips:carrier.example", name("carrier.example", None, Some(Tls))),
            ("sips:carrier.example;transport=ws", name("carrier.example", None, Some(Wss))),
            ("pbx", name("pbx", None, None)),
        ] {
            assert_eq!(Address::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "a b",
            "-a.example",
            "a..example",
            "1.2.3.4.5",
            "a.example:0",
            "a.example:70000",
            "sip:bob@a.example",
            "sip:a.example;transport=sctp",
            "sip:a.example;lr",
            "sips:a.example;transport=udp",
            "sctp:192.0.2.1:5060",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.contains("expected IP:port or a host name"), "{text}: {error}");
        }
    }

    #[test]
    fn listen_addresses_have_a_transport() {
        assert_eq!(listen("192.0.2.1:5060"), Ok(Listen::udp("192.0.2.1:5060".parse().unwrap())));
        let v6 = Listen { transport: Wss, addr: "[2001:db8::1]:443".parse().unwrap() };
        assert_eq!(listen("wss:[2001:db8::1]:443"), Ok(v6));
        for text in ["192.0.2.1", "tcp:", "sctp:192.0.2.1:5060", "host:5060"] {
            assert!(listen(text).unwrap_err().contains("udp, tcp, tls, ws, wss"), "{text}");
        }
    }
}
