//! Challenges (RFC 7616 §3.3, RFC 8760 §2.6).

use crate::sip::message::{Span, trim};

/// Hash functions that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 1321; what a challenge without a name means.
    Md5,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4, RFC 7616 §3.2.
    Sha512Trunc256,
}

/// One challenge that we can answer. Texts are those between the quotes, escapes left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Of Proxy-Authenticate.
    pub proxy: bool,
    /// Who asks.
    pub realm: &'a [u8],
    /// Theirs, to be given back.
    pub nonce: &'a [u8],
    /// To be given back, if it stands there.
    pub opaque: Option<&'a [u8]>,
    /// Hash.
    pub algorithm: Algorithm,
    /// A `-sess` algorithm.
    pub session: bool,
    /// Algorithm as written, to be given back; `None`: it said nothing.
    pub algorithm_text: Option<&'a [u8]>,
    /// `qop` names `auth`; otherwise the old form without a count is used.
    pub counted: bool,
    /// Our credentials were right, only their nonce was too old.
    pub stale: bool,
}

/// Parameters of a challenge as they are read.
#[derive(Clone, Default)]
struct Draft<'a> {
    realm: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    opaque: Option<&'a [u8]>,
    algorithm: Option<&'a [u8]>,
    qop: Option<&'a [u8]>,
    stale: bool,
}

/// Challenges of one header value that we can answer, in its order. The RFC allows one in a value
/// (RFC 3261 §7.3.1); several are taken apart all the same.
pub fn read(bytes: &[u8], value: Span, proxy: bool) -> Vec<Challenge<'_>> {
    let mut found = Vec::new();
    let mut draft: Option<Draft<'_>> = None;
    for item in (Items { bytes, rest: value }) {
        let (scheme, name, text) = split(bytes, item);
        if let Some(scheme) = scheme {
            found.extend(draft.take().and_then(|d| d.finish(proxy)));
            draft = scheme.eq_ignore_ascii_case(b"digest").then(Draft::default);
        }
        if let Some(draft) = &mut draft {
            draft.take_param(name, text);
        }
    }
    found.extend(draft.and_then(|d| d.finish(proxy)));
    found
}

impl<'a> Draft<'a> {
    fn take_param(&mut self, name: &[u8], text: &'a [u8]) {
        match name.to_ascii_lowercase().as_slice() {
            b"realm" => self.realm = Some(text),
            b"nonce" => self.nonce = Some(text),
            b"opaque" => self.opaque = Some(text),
            b"algorithm" => self.algorithm = Some(text),
            b"qop" => self.qop = Some(text),
            b"stale" => self.stale = text.eq_ignore_ascii_case(b"true"),
            _ => {} // domain, charset, userhash, ...: not ours to answer
        }
    }

    /// The challenge, if it is whole, of a known algorithm, and does not insist on auth-int.
    fn finish(self, proxy: bool) -> Option<Challenge<'a>> {
        let text = self.algorithm.unwrap_or(b"MD5").to_ascii_uppercase();
        let (name, session) = match text.strip_suffix(b"-SESS") {
            Some(name) => (name, true),
            None => (text.as_slice(), false),
        };
        let algorithm = match name {
            b"MD5" => Algorithm::Md5,
            b"SHA-256" => Algorithm::Sha256,
            b"SHA-512-256" => Algorithm::Sha512Trunc256,
            _ => return None,
        };
        let words = self.qop.map(|qop| qop.split(|b| *b == b','));
        let counted = match words {
            None => false,
            Some(mut words) => {
                words.any(|w| w.trim_ascii().eq_ignore_ascii_case(b"auth")).then_some(true)?
            }
        };
        Some(Challenge {
            proxy,
            realm: self.realm?,
            nonce: self.nonce?,
            opaque: self.opaque,
            algorithm,
            session,
            algorithm_text: self.algorithm,
            counted,
            stale: self.stale,
        })
    }
}

/// Pieces between commas outside of quotes.
struct Items<'a> {
    bytes: &'a [u8],
    rest: Span,
}

impl Iterator for Items<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let (start, end) = (self.rest.from(), self.rest.to().min(self.bytes.len()));
        if start >= end {
            return None;
        }
        let (mut at, mut quoted) = (start, false);
        while at < end && (quoted || self.bytes[at] != b',') {
            match self.bytes[at] {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                _ => {}
            }
            at += 1;
        }
        let at = at.min(end);
        self.rest = Span::new((at + 1).min(end), end);
        Some(trim(self.bytes, Span::new(start, at)))
    }
}

/// `[scheme] name=value`: scheme, name, and value without quotes.
fn split(bytes: &[u8], item: Span) -> (Option<&[u8]>, &[u8], &[u8]) {
    let text = item.of(bytes);
    let equals = text.iter().position(|b| *b == b'=').unwrap_or(text.len());
    let (head, value) = text.split_at(equals);
    let head = head.trim_ascii();
    let value = value.get(1..).unwrap_or(&[]).trim_ascii();
    let bare = value.strip_prefix(b"\"").map(|v| v.strip_suffix(b"\"").unwrap_or(v));
    let gap = head.iter().position(u8::is_ascii_whitespace);
    match gap {
        Some(gap) => (Some(&head[..gap]), head[gap..].trim_ascii(), bare.unwrap_or(value)),
        None if equals == text.len() && !head.is_empty() => (Some(head), &[], &[]),
        None => (None, head, bare.unwrap_or(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<Challenge<'_>> {
        read(text.as_bytes(), Span::new(0, text.len()), false)
    }

    #[test]
    fn commas_quotes_and_several_in_one_line() {
        let text = "Digest realm=\"a, \\\" b\" , nonce=\"n=1,2\",\r\n qop=\"auth-int, AUTH\",\
                    algorithm=SHA-256,stale=TRUE, Basic realm=\"x\", DIGEST  Realm=r,nonce=m";
        let found = all(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].realm, found[0].nonce), (&b"a, \\\" b"[..], &b"n=1,2"[..]));
        assert_eq!((found[0].counted, found[0].stale), (true, true));
        assert_eq!(found[0].algorithm, Algorithm::Sha256);
        assert_eq!(
            (found[1].realm, found[1].nonce, found[1].counted),
            (&b"r"[..], &b"m"[..], false)
        );
        assert_eq!((found[1].algorithm, found[1].algorithm_text), (Algorithm::Md5, None));
    }

    #[test]
    fn what_cannot_be_answered_is_left_out() {
        for (text, answers) in [
            ("Digest realm=\"r\",nonce=\"n\",algorithm=MD5-sess,qop=auth", 1),
            ("Digest realm=\"r\",nonce=\"n\",algorithm=\"SHA-512-256\"", 1),
            ("Digest realm=\"r\",nonce=\"n\",algorithm=AKAv1-MD5", 0),
            ("Digest realm=\"r\",nonce=\"n\",qop=\"auth-int\"", 0),
            ("Digest realm=\"r\"", 0),
            ("Digest nonce=\"n\"", 0),
            ("Basic realm=\"r\",nonce=\"n\"", 0),
            ("realm=\"r\",nonce=\"n\"", 0),
            ("Digest", 0),
            ("", 0),
            ("Digest realm=\"r", 0),
        ] {
            assert_eq!(all(text).len(), answers, "{text}");
        }
    }

    proptest! {
        /// No value panics.
        #[test]
        fn any_value_is_read(text in "[Digestrealmnonc=\",\\\\ \r\n-]{0,80}") {
            prop_assert!(all(&text).len() <= text.len());
        }
    }
}
