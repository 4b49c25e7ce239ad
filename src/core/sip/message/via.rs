//! One Via value (RFC 3261 §20.42, RFC 3581).

use super::span::{is_lws, is_token, quotes_close};
use super::uri::{host, literal};
use super::{Params, Span};
use crate::sip::text::{push_ip, push_number};
use std::net::SocketAddr;

/// Parts of a Via value.
#[derive(Clone, Copy, Debug)]
pub struct Via {
    /// The whole value.
    pub value: Span,
    /// `UDP`, `TCP`, ...
    pub transport: Span,
    /// Host of sent-by; an IPv6 reference keeps its brackets.
    pub host: Span,
    /// Port of sent-by, if written.
    pub port: Option<u16>,
    /// sent-by as written.
    pub sent_by: Span,
    /// From the first semicolon on.
    pub params: Span,
    /// Value of its branch; empty if there is none.
    branch: Span,
}

impl Via {
    /// Reads one value of the list.
    pub fn parse(bytes: &[u8], value: Span) -> Option<Self> {
        let end = value.to();
        // Protocol and version are any tokens: a request of another version is answered with 505.
        let at = slash(bytes, token(bytes, skip(bytes, value.from(), end), end)?, end)?;
        let at = slash(bytes, token(bytes, at, end)?, end)?;
        let stop = bytes[at..end].iter().position(|b| is_lws(*b))? + at;
        let transport = Span::new(at, stop);
        let sent_by_at = skip(bytes, stop, end);
        let (host, at) = host(bytes, sent_by_at, end)?;
        let mut sent_by_end = at;
        let mut number = None;
        let mut at = skip(bytes, at, end);
        if bytes.get(at) == Some(&b':') && at < end {
            let digits = skip(bytes, at + 1, end);
            let (read, after) = port_after_space(bytes, digits, end)?;
            number = Some(read);
            sent_by_end = after;
            at = skip(bytes, after, end);
        }
        if at < end && (bytes[at] != b';' || !quotes_close(&bytes[at..end])) {
            return None;
        }
        let sent_by = Span::new(sent_by_at, sent_by_end);
        let params = Span::new(at, end);
        let branch = Params::new(bytes, params).find("branch").and_then(|p| p.value);
        (!transport.is_empty()).then_some(Self {
            value,
            transport,
            host,
            port: number,
            sent_by,
            params,
            branch: branch.unwrap_or_default(),
        })
    }

    /// Parameters.
    pub fn params<'a>(&self, bytes: &'a [u8]) -> Params<'a> {
        Params::new(bytes, self.params)
    }

    /// The branch; empty if there is none.
    pub fn branch<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.branch.of(bytes)
    }

    /// Where a response goes that finds this value on top (RFC 3261 §18.2.2, RFC 3581 §4). A
    /// host name has no address here.
    pub fn reply_to(&self, bytes: &[u8], default_port: u16) -> Option<SocketAddr> {
        let value = |name| self.params(bytes).find(name).and_then(|p| p.value);
        let ip = match value("received") {
            Some(received) => literal(received.of(bytes))?,
            None => literal(self.host.of(bytes))?,
        };
        let rport = value("rport").and_then(|v| super::span::decimal(v.of(bytes)));
        let rport = rport.and_then(|p| u16::try_from(p).ok());
        Some(SocketAddr::new(ip, rport.or(self.port).unwrap_or(default_port)))
    }

    /// Where responses to a request from `source` go: back to it; without rport to the port that
    /// sent-by names.
    /// RFC 3261 §18.2.2 received, RFC 3581 §4 reply.
    pub fn reply_to_source(&self, bytes: &[u8], source: SocketAddr) -> SocketAddr {
        if self.params(bytes).find("rport").is_some() {
            return source;
        }
        SocketAddr::new(source.ip(), self.port.unwrap_or(5060))
    }

    /// Do `received` and `rport` of the true source change the value?
    pub fn needs_note(&self, bytes: &[u8], source: SocketAddr) -> bool {
        let has = |name| self.params(bytes).find(name).is_some();
        let same_host = || literal(self.host.of(bytes)) == Some(source.ip().to_canonical());
        has("rport") || has("received") || !same_host()
    }

    /// Writes the value with `received` and `rport` of the true source to the end of `out`.
    /// Whatever the sender wrote into these parameters is overwritten.
    pub fn note(&self, bytes: &[u8], source: SocketAddr, out: &mut Vec<u8>) {
        let (mut rport, mut received) = (None, None);
        for param in self.params(bytes) {
            let place = match param.name.of(bytes) {
                name if name.eq_ignore_ascii_case(b"rport") => &mut rport,
                name if name.eq_ignore_ascii_case(b"received") => &mut received,
                _ => continue,
            };
            if place.is_none() {
                *place = Some(param.whole);
            }
        }
        let write_received = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"received=");
            push_ip(out, source.ip().to_canonical());
        };
        let mut cuts = [rport.map(|at| (at, false)), received.map(|at| (at, true))];
        cuts.sort_by_key(|c| c.map_or(0, |(span, _)| span.start));
        let mut at = self.value.from();
        for (span, is_received) in cuts.into_iter().flatten() {
            out.extend_from_slice(&bytes[at..span.from()]);
            if is_received {
                write_received(out);
            } else {
                out.extend_from_slice(b"rport=");
                push_number(out, source.port().into());
            }
            at = span.to();
        }
        out.extend_from_slice(&bytes[at..self.value.to()]);
        if received.is_none() {
            out.push(b';');
            write_received(out);
        }
    }
}

fn skip(bytes: &[u8], mut at: usize, end: usize) -> usize {
    while at < end && is_lws(bytes[at]) {
        at += 1;
    }
    at
}

fn token(bytes: &[u8], at: usize, end: usize) -> Option<usize> {
    let length = bytes[at..end].iter().take_while(|b| is_token(**b)).count();
    (length > 0).then_some(at + length)
}

fn slash(bytes: &[u8], at: usize, end: usize) -> Option<usize> {
    let at = skip(bytes, at, end);
    (at < end && bytes[at] == b'/').then(|| skip(bytes, at + 1, end))
}

fn port_after_space(bytes: &[u8], digits: usize, end: usize) -> Option<(u16, usize)> {
    let n = bytes[digits..end].iter().take_while(|b| b.is_ascii_digit()).count();
    let number = super::span::decimal(&bytes[digits..digits + n])?;
    Some((u16::try_from(number).ok()?, digits + n))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::trim;
    use super::*;

    fn parse(text: &str) -> Option<Via> {
        Via::parse(text.as_bytes(), trim(text.as_bytes(), Span::new(0, text.len())))
    }

    #[test]
    fn reads_spaced_and_ipv6_values() {
        let text = "SIP / 2.0\r\n /UDP  [2001:db8::9] : 5070 ; branch = z9hG4bKa;rport";
        let via = parse(text).unwrap();
        assert_eq!(via.transport.of(text.as_bytes()), b"UDP");
        assert_eq!(via.host.of(text.as_bytes()), b"[2001:db8::9]");
        assert_eq!(via.port, Some(5070));
        assert_eq!(via.branch(text.as_bytes()), b"z9hG4bKa");
        for bad in [
            "",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP//UDP h",
            "/2.0/UDP h",
            "SIP/2.0/UDP h x",
            ";",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn notes_the_true_source() {
        let source: SocketAddr = "192.0.2.7:5099".parse().unwrap();
        let note = |text: &str| {
            let via = parse(text).unwrap();
            let mut noted = Vec::new();
            via.note(text.as_bytes(), source, &mut noted);
            let needed = via.needs_note(text.as_bytes(), source);
            needed.then(|| String::from_utf8(noted).unwrap())
        };
        assert_eq!(note("SIP/2.0/UDP 192.0.2.7:5060;branch=a"), None);
        assert_eq!(
            note("SIP/2.0/UDP h:1;rport;branch=a").unwrap(),
            "SIP/2.0/UDP h:1;rport=5099;branch=a;received=192.0.2.7"
        );
        assert_eq!(
            note("SIP/2.0/UDP h;received=6.6.6.6;rport=1 ;branch=a").unwrap(),
            "SIP/2.0/UDP h;received=192.0.2.7;rport=5099 ;branch=a"
        );
        assert_eq!(
            note("SIP/2.0/UDP h;received=\"x\"y ;rport=\"\";branch=a").unwrap(),
            "SIP/2.0/UDP h;received=192.0.2.7 ;rport=5099;branch=a"
        );
        assert_eq!(
            note("SIP/2.0/UDP h;received\"x;y\";rport\"1\";branch=a").unwrap(),
            "SIP/2.0/UDP h;received=192.0.2.7;rport=5099;branch=a"
        );
        let via = "SIP/2.0/UDP h:1;rport=5099;received=192.0.2.7";
        assert_eq!(parse(via).unwrap().reply_to(via.as_bytes(), 5060), Some(source));
    }
}
