//! What an initial INVITE says beyond who calls whom: privacy, diversion, campaign data, session,
//! attestation, replacement. Nothing here is verified; each header passes to the byte.

use super::message::{Address, Message, Name, Params, Span, Values, trim};
use super::{Attest, Diversion, Privacy, Replaces, Transfer, WireFacts};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest PASSporT payload that is read, in its encoded form.
const PAYLOAD_MAX: usize = 8192;

impl WireFacts {
    /// One pass over the headers that the proxy itself does not look at.
    pub(super) fn read(message: &Message<'_>) -> Self {
        let mut facts = Self::default();
        let mut history = Vec::new();
        for header in message.all_headers() {
            let unknown = matches!(header.name, Name::Other | Name::Privacy);
            if unknown {
                facts.note(message, header.label, header.value, &mut history);
            }
        }
        if facts.diversion.is_none() {
            facts.diversion = diversion_of(message, &history);
        }
        facts
    }

    fn note(&mut self, message: &Message<'_>, label: Span, value: Span, history: &mut Vec<Span>) {
        let bytes = message.bytes();
        let label = label.of(bytes);
        let is = |name: &str| label.eq_ignore_ascii_case(name.as_bytes());
        match label.len() {
            1 if is("y") => self.note_identity(value.of(bytes)),
            7 if is("Privacy") => self.privacy.extend(privacy(value.of(bytes))),
            8 if is("Identity") => self.note_identity(value.of(bytes)),
            8 if is("Replaces") && self.replaces.is_none() => {
                self.replaces = replaces(bytes, value);
            }
            9 if is("Diversion") && self.diversion.is_none() => {
                self.diversion = Values::new(bytes, value).find_map(|v| diversion(bytes, v));
            }
            10 if is("Session-ID") && self.session_id.is_none() => {
                self.session_id = session_id(value.of(bytes));
            }
            12 if is("User-to-User") && self.user_to_user.is_none() => {
                self.user_to_user = Some(text(value.of(bytes)));
            }
            12 if is("History-Info") => history.extend(Values::new(bytes, value)),
            _ => {}
        }
    }

    fn note_identity(&mut self, value: &[u8]) {
        self.identity = true;
        self.attest = self.attest.or_else(|| attest(value));
    }
}

/// What a REFER asks for (RFC 3515): attended if it names the dialog to be replaced (RFC 3891 §3).
pub(super) fn transfer(message: &Message<'_>) -> Option<Transfer> {
    if message.method() != b"REFER" {
        return None;
    }
    let bytes = message.bytes();
    let value = message.labelled("Refer-To").or_else(|| message.labelled("r"))?;
    let from = value.as_ptr() as usize - bytes.as_ptr() as usize;
    let address = Address::parse(bytes, Span::new(from, from + value.len()))?;
    let uri = address.uri.of(bytes);
    let headers = uri.iter().position(|b| *b == b'?').map_or(&[][..], |i| &uri[i + 1..]);
    let mut headers = headers.split(|b| *b == b'&');
    let attended = headers.any(|h| {
        let name = h.split(|b| *b == b'=').next().unwrap_or(&[]);
        name.eq_ignore_ascii_case(b"replaces")
    });
    Some(if attended { Transfer::Attended } else { Transfer::Blind })
}

/// How far a REFER has come: the status in the body of its NOTIFY (RFC 3515 §2.4.5).
pub(super) fn refer_progress(message: &Message<'_>) -> Option<u16> {
    let notify = message.method() == b"NOTIFY";
    let body = message.body().filter(|_| notify)?.of(message.bytes());
    let status = body.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    number(status).filter(|s| (100..700).contains(s))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §10.1. Values of other documents are left out.
fn privacy(value: &[u8]) -> impl Iterator<Item = Privacy> {
    value.split(|b| matches!(b, b';' | b',')).filter_map(|word| {
        Some(match word.trim_ascii().to_ascii_lowercase().as_slice() {
            b"none" => Privacy::None,
            b"id" => Privacy::Id,
            b"user" => Privacy::User,
            b"header" => Privacy::Header,
            b"session" => Privacy::Session,
            b"history" => Privacy::History,
            b"critical" => Privacy::Critical,
            _ => return None,
        })
    })
}

/// One value of Diversion (RFC 5806 §4).
fn diversion(bytes: &[u8], value: Span) -> Option<Diversion> {
    let address = Address::parse(bytes, value)?;
    let reason = address.param(bytes, "reason").and_then(|p| p.value);
    let reason = reason.map(|v| text(v.of(bytes)).to_ascii_lowercase());
    Some(Diversion { user: address.user_text(bytes), reason })
}

/// The last diversion that History-Info tells of (RFC 7044): the newest target with a `cause`
/// (RFC 4458 §2) was diverted by the entry that its `mp` or `rc` names, else by the one before it;
/// or the newest entry that failed with an escaped Reason diverted the call itself.
fn diversion_of(message: &Message<'_>, history: &[Span]) -> Option<Diversion> {
    let bytes = message.bytes();
    let entries: Vec<Address> =
        history.iter().filter_map(|value| Address::parse(bytes, *value)).collect();
    let made = |by: &Address, cause: u16| {
        let reason = Some(reason_of(cause).to_owned());
        Some(Diversion { user: by.user_text(bytes), reason })
    };
    for (i, entry) in entries.iter().enumerate().rev() {
        let uri = entry.parts(bytes);
        let cause = uri.and_then(|uri| uri.params(bytes).find("cause")).and_then(|p| p.value);
        if let Some(cause) = cause.and_then(|v| number(v.of(bytes))) {
            let named = ["mp", "rc"].iter().find_map(|name| entry.param(bytes, name)?.value);
            let index = |e: &&Address| {
                let index = e.param(bytes, "index").and_then(|p| p.value);
                named.is_some_and(|n| index.is_some_and(|i| i.of(bytes) == n.of(bytes)))
            };
            let by = entries.iter().find(index).or_else(|| entries.get(i.checked_sub(1)?));
            return made(by?, cause);
        }
        if let Some(cause) = escaped_cause(entry.uri.of(bytes)) {
            return made(entry, cause);
        }
    }
    None
}

/// SIP cause of a Reason header that is escaped in a URI: `?Reason=SIP%3Bcause%3D302`.
fn escaped_cause(uri: &[u8]) -> Option<u16> {
    let lower = uri.to_ascii_lowercase();
    let headers = lower.split(|b| *b == b'?').nth(1)?;
    let reason = headers.split(|b| *b == b'&').find_map(|h| h.strip_prefix(b"reason="))?;
    let reason = reason.strip_prefix(b"sip")?;
    let at = memchr::memmem::find(reason, b"cause")? + b"cause".len();
    let rest = reason[at..].strip_prefix(b"%3d").or(reason[at..].strip_prefix(b"="))?;
    number(&rest[..rest.iter().take_while(|b| b.is_ascii_digit()).count()])
}

fn number(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

/// Causes of RFC 4458 §2 in the words of RFC 5806 §4.
fn reason_of(cause: u16) -> &'static str {
    match cause {
        302 => "unconditional",
        408 => "no-answer",
        480 | 487 => "deflection",
        486 => "user-busy",
        503 => "unavailable",
        _ => "unknown",
    }
}

/// The sender's half (RFC 7989 §5): 32 lower-case hex digits; other forms mean nothing.
fn session_id(value: &[u8]) -> Option<String> {
    let half = value.split(|b| *b == b';').next()?.trim_ascii();
    let hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    (half.len() == 32 && half.iter().all(hex)).then(|| text(half))
}

/// RFC 3891 §6.1.
fn replaces(bytes: &[u8], value: Span) -> Option<Replaces> {
    let whole = value.of(bytes);
    let end = whole.iter().position(|b| *b == b';')?;
    let call_id = trim(bytes, Span::new(value.from(), value.from() + end));
    let params = || Params::new(bytes, Span::new(value.from() + end, value.to()));
    let tag = |name| params().find(name).and_then(|p| p.value).map(|v| text(v.of(bytes)));
    Some(Replaces {
        call_id: text(call_id.of(bytes)),
        to_tag: tag("to-tag")?,
        from_tag: tag("from-tag")?,
        early_only: params().find("early-only").is_some(),
    })
}

/// The claim `attest` of a PASSporT (RFC 8225, RFC 8588 §4): second part of the JWS in an Identity
/// value (RFC 8224 §4), read and not verified.
fn attest(value: &[u8]) -> Option<Attest> {
    let jws = value.split(|b| *b == b';').next()?.trim_ascii();
    let payload = jws.split(|b| *b == b'.').nth(1).filter(|p| p.len() <= PAYLOAD_MAX)?;
    let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&json).ok()?;
    match claims.get("attest")?.as_str()? {
        "A" => Some(Attest::A),
        "B" => Some(Attest::B),
        "C" => Some(Attest::C),
        _ => None,
    }
}
