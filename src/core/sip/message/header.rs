//! Header lines and the names that the proxy looks at.

use super::Span;

macro_rules! names {
    ($($name:ident = $long:literal $(/ $short:literal)?),* $(,)?) => {
        /// A header name, as far as we care.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Name { $($name),*, Other }

        impl Name {
            /// Number of members.
            pub const COUNT: usize = Self::Other as usize + 1;

            /// By long or compact form, without regard to case (RFC 3261 §7.3.3).
            pub fn of(text: &[u8]) -> Self {
                let Some(first) = text.first().map(u8::to_ascii_lowercase) else {
                    return Self::Other;
                };
                if text.len() == 1 {
                    $($(if first == $short { return Self::$name; })?)*
                    return Self::Other;
                }
                $(
                    const { assert!($long.len() > 1) };
                    if text.len() == $long.len()
                        && first == $long[0]
                        && text.eq_ignore_ascii_case($long)
                    {
                        return Self::$name;
                    }
                )*
                Self::Other
            }
        }
    };
}

names! {
    Via = b"via" / b'v',
    From = b"from" / b'f',
    To = b"to" / b't',
    CallId = b"call-id" / b'i',
    CSeq = b"cseq",
    MaxForwards = b"max-forwards",
    Contact = b"contact" / b'm',
    Route = b"route",
    RecordRoute = b"record-route",
    ContentLength = b"content-length" / b'l',
    ContentType = b"content-type" / b'c',
    ProxyRequire = b"proxy-require",
    ProxyAuthorization = b"proxy-authorization",
    Reason = b"reason",
    PAssertedIdentity = b"p-asserted-identity",
    UserAgent = b"user-agent",
    Timestamp = b"timestamp",
    RetryAfter = b"retry-after",
    PPreferredIdentity = b"p-preferred-identity",
    Privacy = b"privacy",
}

/// One header line, folded lines included.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Which.
    pub name: Name,
    /// The name as written.
    pub label: Span,
    /// Value, trimmed; a fold inside stays.
    pub value: Span,
    /// The whole line with its line end.
    pub line: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: RFC 3261 §7.3.1 case
    // proves: RFC 3261 §7.3.3
    #[test]
    fn knows_long_and_compact_forms() {
        for (text, name) in [
            ("Via", Name::Via),
            ("V", Name::Via),
            ("f", Name::From),
            ("i", Name::CallId),
            ("CALL-ID", Name::CallId),
            ("l", Name::ContentLength),
            ("m", Name::Contact),
            ("P-Asserted-Identity", Name::PAssertedIdentity),
            ("x", Name::Other),
            ("", Name::Other),
            ("Vi", Name::Other),
        ] {
            assert_eq!(Name::of(text.as_bytes()), name, "{text}");
        }
    }
}
