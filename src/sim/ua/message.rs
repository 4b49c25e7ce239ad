//! Reads a SIP message: just enough of RFC 3261 §7 for a peer that must understand a proxy.

/// First line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Method and Request-URI.
    Request {
        /// As written.
        method: String,
        /// As written.
        uri: String,
    },
    /// Status code and reason phrase.
    Response {
        /// 100-699.
        status: u16,
        /// As written.
        phrase: String,
    },
}

/// Why bytes are no SIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No empty line after the headers.
    #[error("sip message has no end of headers")]
    NoEnd,
    /// First line is neither a request line nor a status line.
    #[error("sip start line is malformed")]
    StartLine,
    /// A header line has no colon.
    #[error("sip header line has no name")]
    HeaderLine,
    /// Content-Length exceeds the datagram.
    #[error("sip body is shorter than its Content-Length")]
    ShortBody,
    /// One of Via, From, To, Call-ID, CSeq is missing or malformed.
    #[error("sip message lacks {0}")]
    Lacks(&'static str),
}

/// A message as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// First line.
    pub start: Start,
    /// Names in their long form, values unfolded and trimmed, in order.
    headers: Vec<(String, String)>,
    /// What follows the empty line.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads one datagram. The headers that every message needs (RFC 3261 §8.1.1) are checked, so
    /// that the accessors below cannot miss them.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").ok_or(ReadError::NoEnd)?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let start = read_start(lines.next().unwrap_or_default())?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let last = headers.last_mut().ok_or(ReadError::HeaderLine)?;
                last.1.push(' ');
                last.1.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or(ReadError::HeaderLine)?;
            headers.push((long_name(name.trim()), value.trim().to_owned()));
        }
        let mut body = bytes[end + 4..].to_vec();
        let message = Self { start, headers, body: Vec::new() };
        if let Some(length) = message.header("Content-Length").and_then(|v| v.parse().ok()) {
            if body.len() < length {
                return Err(ReadError::ShortBody);
            }
            body.truncate(length);
        }
        message.check()?;
        Ok(Self { body, ..message })
    }

    fn check(&self) -> Result<(), ReadError> {
        for name in ["Via", "From", "To", "Call-ID"] {
            if self.header(name).is_none() {
                return Err(ReadError::Lacks(name));
            }
        }
        if self.branch().is_empty() {
            return Err(ReadError::Lacks("branch"));
        }
        if self.cseq_parts().is_none() {
            return Err(ReadError::Lacks("CSeq"));
        }
        Ok(())
    }

    /// Method of a request, or of the request that a response answers.
    pub fn method(&self) -> &str {
        match &self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => self.cseq_parts().map_or("", |(_, method)| method),
        }
    }

    /// Status, if it is a response.
    pub fn status(&self) -> Option<u16> {
        match &self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(*status),
        }
    }

    /// Reason phrase; empty for a request.
    pub fn phrase(&self) -> &str {
        match &self.start {
            Start::Request { .. } => "",
            Start::Response { phrase, .. } => phrase,
        }
    }

    /// First value of a header, by its long name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All values of a list header (Via, Route, Record-Route), commas split.
    pub fn list(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.flat_map(|(_, value)| split_commas(value)).collect()
    }

    /// Names of the extension headers (`X-...`), for checks of what a proxy lets through.
    pub fn extension_names(&self) -> Vec<String> {
        let named = self.headers.iter().map(|(n, _)| n);
        named.filter(|n| n.len() > 2 && n[..2].eq_ignore_ascii_case("x-")).cloned().collect()
    }

    /// Call-ID.
    pub fn call_id(&self) -> &str {
        self.header("Call-ID").unwrap_or_default()
    }

    /// CSeq number.
    pub fn cseq(&self) -> u32 {
        self.cseq_parts().map_or(0, |(number, _)| number)
    }

    fn cseq_parts(&self) -> Option<(u32, &str)> {
        let (number, method) = self.header("CSeq")?.split_once([' ', '\t'])?;
        Some((number.trim().parse().ok()?, method.trim()))
    }

    /// Branch of the top Via.
    pub fn branch(&self) -> String {
        let top = self.list("Via").into_iter().next().unwrap_or_default();
        param(&top, "branch").unwrap_or_default().to_owned()
    }

    /// Tag of From or To; empty if there is none.
    pub fn tag(&self, name: &str) -> &str {
        let value = self.header(name).unwrap_or_default();
        let after = value.rfind('>').map_or(value, |at| &value[at..]);
        param(after, "tag").unwrap_or_default()
    }

    /// User part of the URI of From, To or Contact.
    pub fn user(&self, name: &str) -> String {
        self.header(name).and_then(|v| uri_user(uri_of(v))).unwrap_or_default().to_owned()
    }

    /// Media direction of the session description (RFC 3264 §5.1); `sendrecv` if it names none,
    /// `None` without a description.
    pub fn media_direction(&self) -> Option<&'static str> {
        if self.body.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(&self.body);
        let known = ["sendonly", "recvonly", "inactive", "sendrecv"];
        let found = text.lines().filter_map(|l| l.strip_prefix("a=")).find_map(|attribute| {
            known.into_iter().find(|direction| attribute.trim_end() == *direction)
        });
        Some(found.unwrap_or("sendrecv"))
    }
}

fn read_start(line: &str) -> Result<Start, ReadError> {
    let mut parts = line.splitn(3, ' ');
    let (Some(first), Some(second)) = (parts.next(), parts.next()) else {
        return Err(ReadError::StartLine);
    };
    if first == "SIP/2.0" {
        let status = second.parse().map_err(|_| ReadError::StartLine)?;
        let phrase = parts.next().unwrap_or_default().to_owned();
        return match status {
            100..=699 => Ok(Start::Response { status, phrase }),
            _ => Err(ReadError::StartLine),
        };
    }
    match parts.next() {
        Some("SIP/2.0") => Ok(Start::Request { method: first.to_owned(), uri: second.to_owned() }),
        _ => Err(ReadError::StartLine),
    }
}

/// Compact forms of RFC 3261 §7.3.3.
fn long_name(name: &str) -> String {
    let long = match name {
        "i" | "I" => "Call-ID",
        "m" | "M" => "Contact",
        "l" | "L" => "Content-Length",
        "c" | "C" => "Content-Type",
        "f" | "F" => "From",
        "t" | "T" => "To",
        "v" | "V" => "Via",
        "k" | "K" => "Supported",
        other => other,
    };
    long.to_owned()
}

fn split_commas(value: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted, mut from) = (Vec::new(), 0_u32, false, 0);
    for (at, c) in value.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                parts.push(value[from..at].trim().to_owned());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value[from..].trim().to_owned());
    parts.retain(|p| !p.is_empty());
    parts
}

/// Value of `;name=value`, or `""` for a bare `;name`.
pub(super) fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|part| {
        let (key, text) = part.split_once('=').unwrap_or((part, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| text.trim().trim_end_matches('>'))
    })
}

/// The URI inside `"name" <uri>;params`, or the bare URI.
pub(super) fn uri_of(value: &str) -> &str {
    match (value.find('<'), value.rfind('>')) {
        (Some(open), Some(close)) if open < close => &value[open + 1..close],
        _ => value.split(';').next().unwrap_or_default().trim(),
    }
}

/// User part of a SIP URI, without parameters of its own.
pub(super) fn uri_user(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("sip:").or_else(|| uri.strip_prefix("sips:"))?;
    let (user, _) = rest.split_once('@')?;
    user.split([';', ':']).next()
}

/// Address of a SIP URI whose host is an IP literal; port 5060 if it names none.
pub(super) fn uri_addr(uri: &str) -> Option<std::net::SocketAddr> {
    let rest = uri.strip_prefix("sip:").or_else(|| uri.strip_prefix("sips:"))?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    host_addr(host.split([';', '?']).next()?)
}

/// `host[:port]` with an IP literal.
pub(super) fn host_addr(text: &str) -> Option<std::net::SocketAddr> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        Some(std::net::SocketAddr::new(bare.parse().ok()?, 5060))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RESPONSE: &str = "SIP/2.0 180 Ringing there\r\n\
        v: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa;rport, SIP/2.0/UDP 127.0.0.2;branch=z9hG4bKb\r\n\
        Record-Route: <sip:127.0.0.1:5060;lr;trk=a,b>\r\n\
        f: \"Li, Lei\" <sip:8001@127.0.0.2;user=phone>;tag=one\r\n\
        t: <sip:1380@127.0.0.3>\r\n ;tag=two\r\n\
        i: abc\r\nCSeq: 7 INVITE\r\nX-Secret: 1\r\nl: 26\r\n\r\nv=0\r\na=sendonly\r\nm=audio 1\r\nTRAILING";

    #[test]
    fn reads_compact_folded_and_joined_headers() {
        let m = Message::read(RESPONSE.as_bytes()).unwrap();
        assert_eq!((m.status(), m.phrase(), m.method()), (Some(180), "Ringing there", "INVITE"));
        assert_eq!(m.list("via").len(), 2);
        assert_eq!(m.list("Record-Route"), ["<sip:127.0.0.1:5060;lr;trk=a,b>"]);
        assert_eq!((m.tag("From"), m.tag("To"), m.branch().as_str()), ("one", "two", "z9hG4bKa"));
        assert_eq!((m.user("From").as_str(), m.call_id(), m.cseq()), ("8001", "abc", 7));
        assert_eq!(m.media_direction(), Some("sendonly"));
        assert_eq!(m.extension_names(), ["X-Secret"]);
        assert_eq!(m.body.len(), 26);
    }

    #[test]
    fn refuses_what_is_no_message() {
        let cases: [(&[u8], ReadError); 6] = [
            (b"", ReadError::NoEnd),
            (b"hello\r\n\r\n", ReadError::StartLine),
            (b"SIP/2.0 99 No\r\n\r\n", ReadError::StartLine),
            (b"BYE sip:a SIP/2.0\r\nnonsense\r\n\r\n", ReadError::HeaderLine),
            (b"BYE sip:a SIP/2.0\r\nl: 9\r\n\r\nshort", ReadError::ShortBody),
            (b"BYE sip:a SIP/2.0\r\nFrom: a\r\n\r\n", ReadError::Lacks("Via")),
        ];
        for (bytes, error) in cases {
            assert_eq!(Message::read(bytes), Err(error));
        }
    }

    #[test]
    fn finds_addresses() {
        let addr = |uri| uri_addr(uri).map(|a| a.to_string()).unwrap_or_default();
        assert_eq!(addr("sip:+861380@127.0.0.2:5070;lr"), "127.0.0.2:5070");
        assert_eq!(addr("sip:127.0.0.2"), "127.0.0.2:5060");
        assert_eq!(addr("sip:x@[::1]:5070"), "[::1]:5070");
        assert_eq!(addr("sip:x@host.example"), "");
    }
}
