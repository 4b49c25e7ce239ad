//! `name-addr` and `addr-spec` with header parameters: From, To, Contact, Route, identities.

use super::span::skip_quoted;
use super::{Param, Params, Span, Uri, trim};
use memchr::memchr;

/// One value of an address header.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// Display name with its quotes.
    pub display: Option<Span>,
    /// URI without brackets.
    pub uri: Span,
    /// Header parameters, from their first semicolon on.
    pub params: Span,
}

impl Address {
    /// Reads one value.
    pub fn parse(bytes: &[u8], value: Span) -> Option<Self> {
        let (start, end) = (value.from(), value.to().min(bytes.len()));
        let mut at = start;
        while at < end && bytes[at] != b'<' {
            at = if bytes[at] == b'"' { skip_quoted(bytes, at, end) } else { at + 1 };
        }
        if at < end {
            let close = at + memchr(b'>', &bytes[at..end])?;
            let uri = trim(bytes, Span::new(at + 1, close));
            let display = trim(bytes, Span::new(start, at));
            let params = Span::new(close + 1, end);
            return Some(Self { display: (!display.is_empty()).then_some(display), uri, params });
        }
        // Without brackets the parameters are the header's, not the URI's (RFC 3261 §20.10).
        let semicolon = memchr(b';', &bytes[start..end]).map_or(end, |i| start + i);
        let uri = trim(bytes, Span::new(start, semicolon));
        let params = Span::new(semicolon, end);
        (!uri.is_empty()).then_some(Self { display: None, uri, params })
    }

    /// A header parameter.
    pub fn param(&self, bytes: &[u8], name: &str) -> Option<Param> {
        Params::new(bytes, self.params).find(name)
    }

    /// The tag; empty if there is none.
    pub fn tag<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.param(bytes, "tag").and_then(|p| p.value).map_or(&[], |v| v.of(bytes))
    }

    /// The URI's parts.
    pub fn parts(&self, bytes: &[u8]) -> Option<Uri> {
        Uri::parse(bytes, self.uri)
    }

    /// User part of the URI; empty if there is none.
    pub fn user_text(&self, bytes: &[u8]) -> String {
        self.parts(bytes).map_or_else(String::new, |uri| uri.user_text(bytes))
    }

    /// Display name without quotes and escapes; empty if there is none.
    pub fn display_text(&self, bytes: &[u8]) -> String {
        let text = self.display.map_or(&[][..], |d| d.of(bytes));
        let quoted = text.len() >= 2 && text[0] == b'"' && text[text.len() - 1] == b'"';
        if !quoted {
            return String::from_utf8_lossy(text).into_owned();
        }
        let mut plain = Vec::with_capacity(text.len());
        let mut rest = text[1..text.len() - 1].iter();
        while let Some(byte) = rest.next() {
            let escaped = if *byte == b'\\' { rest.next() } else { Some(byte) };
            plain.extend(escaped);
        }
        String::from_utf8_lossy(&plain).into_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tells_display_uri_and_tag_apart() {
        for (text, display, user, tag) in [
            (r#""J \"x\" <y>" <sip:a;b@h;lr>;tag=1"#, r#"J "x" <y>"#, "a", "1"),
            ("sip:a@h;tag=2", "", "a", "2"),
            ("Watson <tel:+49301234> ; x=y ;\r\n TAG = 3", "Watson", "+49301234", "3"),
            ("<sip:h>", "", "", ""),
        ] {
            let bytes = text.as_bytes();
            let address = Address::parse(bytes, Span::new(0, bytes.len())).unwrap();
            assert_eq!(address.display_text(bytes), display, "{text}");
            assert_eq!(address.user_text(bytes), user, "{text}");
            assert_eq!(address.tag(bytes), tag.as_bytes(), "{text}");
        }
        for bad in ["", "<sip:a", "\"x"] {
            let parsed = Address::parse(bad.as_bytes(), Span::new(0, bad.len()));
            assert!(parsed.and_then(|a| a.parts(bad.as_bytes())).is_none(), "{bad}");
        }
    }
}
