//! Spans, and the three lexical rules everything else is made of: linear white space, lists with
//! commas, parameters with semicolons (RFC 3261 §25.1).

use memchr::{memchr, memchr2};

/// A range of bytes of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From offsets; a message is far below 4 GiB.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end);
        Self { start: start as u32, end: end as u32 }
    }

    /// First byte as index.
    pub fn from(self) -> usize {
        self.start as usize
    }

    /// End as index.
    pub fn to(self) -> usize {
        self.end as usize
    }

    /// The bytes; empty if the span belongs to another, longer message.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.from()..self.to()).unwrap_or(&[])
    }

    /// No bytes.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// Linear white space; a folded line is white space.
pub fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// RFC 3261 `token`.
pub fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Asked for each byte of each header's name.
const TOKEN: [bool; 256] = {
    let (mut table, mut byte, marks) = ([false; 256], 0, b"-.!%*_+`'~");
    while byte < table.len() {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};

/// The span without white space at either end.
pub fn trim(bytes: &[u8], span: Span) -> Span {
    let (mut start, mut end) = (span.from(), span.to().min(bytes.len()));
    while start < end && is_lws(bytes[start]) {
        start += 1;
    }
    while end > start && is_lws(bytes[end - 1]) {
        end -= 1;
    }
    Span::new(start.min(end), end)
}

/// One past the closing quote of the quoted string that starts at `at`.
pub fn skip_quoted(bytes: &[u8], at: usize, end: usize) -> usize {
    let mut i = at + 1;
    while i < end {
        match bytes[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    end
}

/// Is every quoted string closed? What is written behind an open one would become part of it.
pub fn quotes_close(mut bytes: &[u8]) -> bool {
    while let Some(open) = memchr(b'"', bytes) {
        let mut at = open + 1;
        loop {
            match bytes.get(at) {
                None => return false,
                Some(b'"') => break,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
            }
        }
        bytes = &bytes[at + 1..];
    }
    true
}

/// Decimal digits only, at most ten of them.
pub fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 10 {
        return None;
    }
    bytes.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

/// Values of a header that allows a list (RFC 3261 §7.3.1 list): split at commas outside quotes
/// and angle brackets.
pub struct Values<'a> {
    bytes: &'a [u8],
    rest: Span,
}

impl<'a> Values<'a> {
    /// Values in `span`.
    pub fn new(bytes: &'a [u8], span: Span) -> Self {
        Self { bytes, rest: span }
    }
}

impl Iterator for Values<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        loop {
            let (start, end) = (self.rest.from(), self.rest.to().min(self.bytes.len()));
            if start >= end {
                return None;
            }
            let (mut i, mut angle) = (start, false);
            if memchr(b',', &self.bytes[start..end]).is_none() {
                i = end; // one value, the usual case: quotes and brackets do not matter
            }
            while i < end {
                match self.bytes[i] {
                    b'"' => {
                        i = skip_quoted(self.bytes, i, end);
                        continue;
                    }
                    b'<' => angle = true,
                    b'>' => angle = false,
                    b',' if !angle => break,
                    _ => {}
                }
                i += 1;
            }
            let i = i.min(end);
            self.rest = Span::new((i + 1).min(end), end);
            let value = trim(self.bytes, Span::new(start, i));
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
}

/// A parameter `;name` or `;name=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name.
    pub name: Span,
    /// Value without quotes.
    pub value: Option<Span>,
    /// Name to end of the value, quotes and what wrongly follows them included.
    pub whole: Span,
}

/// Parameters of a URI or header value.
pub struct Params<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Params<'a> {
    /// `span` starts at the first semicolon, or is empty.
    pub fn new(bytes: &'a [u8], span: Span) -> Self {
        Self { bytes, at: span.from(), end: span.to().min(bytes.len()) }
    }

    /// The first parameter of that name, without regard to case.
    pub fn find(mut self, name: &str) -> Option<Param> {
        let bytes = self.bytes;
        Iterator::find(&mut self, |p| p.name.of(bytes).eq_ignore_ascii_case(name.as_bytes()))
    }

    fn skip_lws(&mut self) {
        while self.at < self.end && is_lws(self.bytes[self.at]) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Span {
        self.skip_lws();
        let start = self.at;
        if self.at < self.end && self.bytes[self.at] == b'"' {
            self.at = skip_quoted(self.bytes, start, self.end);
            let closed = self.at > start + 1 && self.bytes[self.at - 1] == b'"';
            return Span::new(start + 1, if closed { self.at - 1 } else { self.at });
        }
        self.seek_semicolon();
        trim(self.bytes, Span::new(start, self.at))
    }

    /// Semicolons in quotes do not count, wherever the quotes stand.
    fn seek_semicolon(&mut self) {
        loop {
            let rest = self.bytes.get(self.at..self.end).unwrap_or(&[]);
            let Some(found) = memchr2(b';', b'"', rest) else {
                self.at = self.end;
                return;
            };
            self.at += found;
            if rest[found] == b';' {
                return;
            }
            self.at = skip_quoted(self.bytes, self.at, self.end);
        }
    }
}

impl Iterator for Params<'_> {
    type Item = Param;

    fn next(&mut self) -> Option<Param> {
        self.seek_semicolon();
        if self.at >= self.end {
            return None;
        }
        self.at += 1;
        self.skip_lws();
        let start = self.at;
        let rest = &self.bytes[start..self.end];
        let length = rest.iter().position(|b| matches!(b, b';' | b'=' | b'"'));
        self.at = length.map_or(self.end, |length| start + length);
        let name = trim(self.bytes, Span::new(start, self.at));
        let mut value = None;
        if self.at < self.end && self.bytes[self.at] == b'=' {
            self.at += 1;
            value = Some(self.value());
        }
        // What stands behind a closing quote, or quoted behind a name, belongs to no value; who
        // replaces the parameter replaces it too.
        self.seek_semicolon();
        let whole = trim(self.bytes, Span::new(name.from(), self.at));
        Some(Param { name, value, whole })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(text: &str) -> Span {
        Span::new(0, text.len())
    }

    fn values(text: &str) -> Vec<String> {
        Values::new(text.as_bytes(), all(text))
            .map(|s| String::from_utf8_lossy(s.of(text.as_bytes())).into_owned())
            .collect()
    }

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        assert_eq!(values("a, b ,,c"), ["a", "b", "c"]);
        assert_eq!(
            values(r#""x, \" y" <sip:a,b@c>;p="q,r" , d"#),
            [r#""x, \" y" <sip:a,b@c>;p="q,r""#, "d"]
        );
        assert_eq!(values(r#""never closed, a"#), [r#""never closed, a"#]);
        assert!(values(" , ,").is_empty());
    }

    #[test]
    fn open_quotes_are_seen() {
        for (text, closed) in [
            ("", true),
            (r#"a="b";c="d\"e""#, true),
            (r#"a="b\\";c"#, true),
            (r#"a="b"#, false),
            (r#"a="b\""#, false),
            (r#"a="b";c=""#, false),
            (r#"""#, false),
        ] {
            assert_eq!(quotes_close(text.as_bytes()), closed, "{text}");
        }
    }

    #[test]
    fn parameters_allow_space_case_and_quotes() {
        let text = " ;rport ; Branch = z9 ;\r\n x=\"a;b\\\"c\";lr";
        let get = |name: &str| {
            let p = Params::new(text.as_bytes(), all(text)).find(name)?;
            Some(p.value.map(|v| String::from_utf8_lossy(v.of(text.as_bytes())).into_owned()))
        };
        assert_eq!(get("RPORT"), Some(None));
        assert_eq!(get("branch"), Some(Some("z9".into())));
        assert_eq!(get("x"), Some(Some("a;b\\\"c".into())));
        assert_eq!(get("lr"), Some(None));
        assert_eq!(get("none"), None);
        let inner = "; a=1\"x;b=2\";c=3";
        let names = Params::new(inner.as_bytes(), all(inner)).map(|p| p.name.of(inner.as_bytes()));
        assert_eq!(names.collect::<Vec<_>>(), [b"a", b"c"], "a quote inside a value");
        for broken in [";", "=", ";=", ";a=\"", ";a=\"\\", ";;a"] {
            assert!(Params::new(broken.as_bytes(), all(broken)).count() < 3, "{broken}");
        }
    }
}
