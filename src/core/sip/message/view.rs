//! Typed questions to a message.

use super::span::decimal;
use super::{Address, Header, Index, Name, Span, Start, Uri, Values, Via, reason, sdp};
use crate::sip::{DialogIds, MediaDirection, Reason};

/// A message: its bytes, and where things are in them.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    index: &'a Index,
}

/// CSeq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// Method.
    pub method: Span,
}

/// Max-Forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxForwards {
    /// No such header.
    Absent,
    /// Hops left.
    Hops(u8),
    /// No number up to 255.
    Malformed,
}

/// What is wrong with a request that can still be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 505.
    Version,
    /// 400 with this phrase.
    Bad(&'static str),
    /// 416.
    Scheme,
}

impl<'a> Message<'a> {
    /// `index` must have read these `bytes`.
    pub fn new(bytes: &'a [u8], index: &'a Index) -> Self {
        Self { bytes, index }
    }

    /// The whole datagram.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// First line.
    pub fn start(&self) -> Start {
        self.index.start
    }

    /// First byte after the first line.
    pub fn headers_at(&self) -> usize {
        self.index.headers_at as usize
    }

    /// Header lines in order.
    pub fn all_headers(&self) -> &'a [Header] {
        &self.index.headers
    }

    /// First header of that name.
    pub fn header(&self, name: Name) -> Option<&'a Header> {
        self.index.first(name)
    }

    /// All headers of that name.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = &'a Header> + use<'a> {
        let first = self.index.first[name as usize];
        let rest = self.index.headers.get(usize::from(first)..).unwrap_or(&[]);
        rest.iter().filter(move |h| h.name == name)
    }

    /// Values of all headers of that name, lists taken apart.
    pub fn values(&self, name: Name) -> impl Iterator<Item = Span> + use<'a> {
        let bytes = self.bytes;
        self.headers(name).flat_map(move |h| Values::new(bytes, h.value))
    }

    /// Bytes of the value of the first header of that name; empty if there is none.
    pub fn value(&self, name: Name) -> &'a [u8] {
        self.header(name).map_or(&[], |h| h.value.of(self.bytes))
    }

    /// Value of the first header with that label.
    pub fn labelled(&self, label: &str) -> Option<&'a [u8]> {
        let matches = |h: &&Header| h.label.of(self.bytes).eq_ignore_ascii_case(label.as_bytes());
        self.all_headers().iter().find(matches).map(|h| h.value.of(self.bytes))
    }

    /// Values of all headers with that label, as written.
    pub fn all_labelled(&self, label: &str) -> impl Iterator<Item = Span> {
        let bytes = self.bytes;
        let headers = self.index.headers.iter();
        let fits = move |h: &&Header| h.label.of(bytes).eq_ignore_ascii_case(label.as_bytes());
        headers.filter(fits).map(|h| h.value)
    }

    /// Method of a request; empty for a response.
    pub fn method(&self) -> &'a [u8] {
        match self.index.start {
            Start::Request { method, .. } => method.of(self.bytes),
            Start::Response { .. } => &[],
        }
    }

    /// Request-URI of a request; empty for a response.
    pub fn uri(&self) -> Span {
        match self.index.start {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => Span::default(),
        }
    }

    /// Parts of the Request-URI.
    pub fn uri_parts(&self) -> Option<Uri> {
        Uri::parse(self.bytes, self.uri())
    }

    /// Topmost Via.
    pub fn via(&self) -> Option<Via> {
        self.index.known.via
    }

    /// From.
    pub fn from(&self) -> Option<Address> {
        self.index.known.from
    }

    /// To.
    pub fn to(&self) -> Option<Address> {
        self.index.known.to
    }

    /// From tag; empty if there is none.
    pub fn tag_of_from(&self) -> &'a [u8] {
        self.index.known.from_tag.of(self.bytes)
    }

    /// To tag; empty if there is none.
    pub fn tag_of_to(&self) -> &'a [u8] {
        self.index.known.to_tag.of(self.bytes)
    }

    /// Call-ID; empty if there is none.
    pub fn call_id(&self) -> &'a [u8] {
        self.value(Name::CallId)
    }

    /// CSeq, if it is well formed.
    pub fn cseq(&self) -> Option<CSeq> {
        let value = self.header(Name::CSeq)?.value;
        let text = value.of(self.bytes);
        let digits = text.iter().position(|b| !b.is_ascii_digit())?;
        // Leading zeros are legal; the number itself is below 2^31 (RFC 3261 §8.1.1.5).
        let zeros = text[..digits].iter().take_while(|b| **b == b'0').count();
        let number = decimal(&text[zeros.min(digits.saturating_sub(1))..digits])?;
        let rest = Span::new(value.from() + digits, value.to());
        let method = super::trim(self.bytes, rest);
        let spaced = method.start > rest.start;
        let number = u32::try_from(number).ok().filter(|n| *n < 1 << 31)?;
        (spaced && !method.is_empty()).then_some(CSeq { number, method })
    }

    /// Method named by CSeq; empty if that is malformed.
    pub fn cseq_method(&self) -> &'a [u8] {
        self.cseq().map_or(&[], |c| c.method.of(self.bytes))
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> MaxForwards {
        let Some(header) = self.header(Name::MaxForwards) else { return MaxForwards::Absent };
        let number = decimal(header.value.of(self.bytes)).and_then(|n| u8::try_from(n).ok());
        number.map_or(MaxForwards::Malformed, MaxForwards::Hops)
    }

    /// Call-ID and tags as text.
    pub fn ids(&self) -> DialogIds {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        DialogIds {
            call_id: text(self.call_id()),
            from_tag: text(self.tag_of_from()),
            to_tag: text(self.tag_of_to()),
        }
    }

    /// Reason header.
    pub fn reason(&self) -> Option<Reason> {
        self.header(Name::Reason)?;
        reason::read(self)
    }

    /// The body. Over UDP it ends with Content-Length (RFC 3261 §18.3) or with
    /// the datagram (§18.3 none);
    /// `None` if Content-Length is malformed, contradicts itself or lies beyond the datagram.
    pub fn body(&self) -> Option<Span> {
        let rest = self.index.rest;
        let mut lengths = self.headers(Name::ContentLength).map(|h| h.value.of(self.bytes));
        let Some(first) = lengths.next() else { return Some(rest) };
        let length = decimal(first)?;
        if lengths.any(|other| decimal(other) != Some(length)) {
            return None;
        }
        let length = usize::try_from(length).ok()?;
        let end = rest.from().checked_add(length)?;
        (end <= rest.to()).then(|| Span::new(rest.from(), end))
    }

    /// The session description, if there is one.
    fn sdp(&self) -> Option<&'a [u8]> {
        let body = self.body()?.of(self.bytes);
        sdp::find(self.value(Name::ContentType), body)
    }

    /// Is there a session description?
    pub fn has_sdp(&self) -> bool {
        self.sdp().is_some()
    }

    /// Direction of the session description.
    pub fn media(&self) -> Option<MediaDirection> {
        self.sdp().map(sdp::direction)
    }

    /// Can this message be answered or forwarded at all? A request needs a Via to answer along; a
    /// response that lacks what identifies it is dropped (RFC 4475 §3.1.2.5).
    pub fn is_identified(&self) -> bool {
        let is_request = matches!(self.index.start, Start::Request { .. });
        let whole = || {
            self.from().is_some()
                && self.to().is_some()
                && self.is_call_id()
                && self.cseq().is_some()
        };
        self.via().is_some() && (is_request || whole())
    }

    /// There is one, and it is one word: whoever unfolds it would read another.
    fn is_call_id(&self) -> bool {
        let id = self.call_id();
        !id.is_empty() && !id.iter().any(|b| super::span::is_lws(*b))
    }

    /// Reasonable syntax of a request (RFC 3261 §16.3 item 1 and what RFC 4475 §3.1.2 adds).
    pub fn fault(&self) -> Option<Fault> {
        let Start::Request { version_ok, tidy, .. } = self.index.start else { return None };
        if !version_ok {
            return Some(Fault::Version);
        }
        let bad = self.fault_of_headers();
        if bad.is_some() || !tidy {
            return Some(Fault::Bad(bad.unwrap_or("Malformed Request Line")));
        }
        match self.uri_parts() {
            None => Some(Fault::Bad("Malformed Request-URI")),
            // RFC 3261 §16.3 item 2.
            Some(uri) if uri.kind == super::UriKind::Other => Some(Fault::Scheme),
            // RFC 3261 §19.1.1 allows no headers there; passed on, they might become real ones.
            Some(uri) if uri.params.to() < self.uri().to() => {
                Some(Fault::Bad("Headers In Request-URI"))
            }
            Some(_) => None,
        }
    }

    fn fault_of_headers(&self) -> Option<&'static str> {
        let once = [Name::From, Name::To, Name::CallId, Name::CSeq, Name::MaxForwards];
        if once.iter().any(|name| self.headers(*name).nth(1).is_some()) {
            return Some("Header Field Twice");
        }
        if !self.is_one_address(Name::From, self.from()) {
            return Some("Malformed Or Missing From");
        }
        if !self.is_one_address(Name::To, self.to()) {
            return Some("Malformed Or Missing To");
        }
        if !self.is_call_id() {
            return Some("Malformed Or Missing Call-ID");
        }
        match self.cseq() {
            None => return Some("Malformed Or Missing CSeq"),
            Some(cseq) if cseq.method.of(self.bytes) != self.method() => {
                return Some("CSeq Method Differs");
            }
            Some(_) => {}
        }
        let mut below = self.values(Name::Via).skip(1);
        if self.via().is_none() || !below.all(|value| Via::parse(self.bytes, value).is_some()) {
            return Some("Malformed Via");
        }
        if self.via().is_some_and(|via| via.branch(self.bytes) == b"z9hG4bK") {
            // Prefix without an identifier (RFC 4475 §3.2.1): no transaction could be told by it.
            return Some("Empty Branch");
        }
        if self.body().is_none() {
            return Some("Content-Length Mismatch");
        }
        let hops = self.max_forwards();
        (hops == MaxForwards::Malformed).then_some("Malformed Max-Forwards")
    }

    /// From or To: one value, its quotes and brackets closed, and a URI without white space. What
    /// else stands in a display name is the reader's affair (RFC 4475 §3.1.2.6, §3.1.2.15).
    fn is_one_address(&self, name: Name, address: Option<Address>) -> bool {
        let Some(header) = self.header(name) else { return false };
        let mut values = Values::new(self.bytes, header.value);
        let one = values.next() == Some(header.value) && values.next().is_none();
        let odd = |b: &u8| super::span::is_lws(*b) || matches!(b, b'"' | b'<');
        let closed = super::span::quotes_close(header.value.of(self.bytes));
        one && closed
            && address.is_some_and(|a| !a.uri.is_empty() && !a.uri.of(self.bytes).iter().any(odd))
    }
}
