//! Requests: by HTTP, or as messages of the WebSocket.

use super::raw::Refusal;
use crate::model::Mono;
use crate::pbx::{ChannelId, Fact, HttpRequest, Lane, LinkOutputs, Method, OrderId};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of the PBX's own words in a result.
const WORDS_MAX: usize = 200;

/// A request to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub method: Method,
    /// Below `/ari`, percent-encoded.
    pub path: String,
    /// JSON or empty. Numbers of people belong here and not into the path, which servers log.
    pub body: String,
}

impl Request {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: String::new() }
    }

    pub(super) fn body(self, body: &serde_json::Value) -> Self {
        Self { body: body.to_string(), ..self }
    }
}

/// A request, and what has happened when it was taken: ARI tells of no hold and no transfer that
/// it was asked for.
#[derive(Debug)]
pub(super) struct Step {
    pub request: Request,
    pub means: Option<Box<Fact>>,
}

/// What a request was made for.
#[derive(Debug)]
pub(super) enum Ask {
    Info,
    /// Which run of the PBX it is.
    Run,
    /// This run has no name yet and gets this one.
    NameRun(String),
    Filter,
    Ping,
    Channels,
    Bridges,
    Endpoints,
    /// Does the party at this channel hold?
    OnHold(ChannelId),
    /// What did it dial? Empty: the PBX called it.
    Dialed(ChannelId),
    /// A step of an order: what it means when it was taken, and what follows.
    Step {
        order: OrderId,
        means: Option<Box<Fact>>,
        rest: VecDeque<Step>,
    },
}

/// Requests without an answer.
#[derive(Debug, Default)]
pub(super) struct Asked {
    next: u64,
    open: BTreeMap<u64, (Mono, Ask)>,
}

impl Asked {
    /// Sends a request; its answer must be there by `due`.
    pub(super) fn ask(
        &mut self,
        request: Request,
        ask: Ask,
        due: Mono,
        over_websocket: bool,
        out: &mut LinkOutputs,
    ) {
        let ticket = self.next;
        self.next += 1;
        self.open.insert(ticket, (due, ask));
        let Request { method, path, body } = request;
        if over_websocket {
            out.sends.push((Lane::Events, message(ticket, method, &path, &body)));
        } else {
            out.requests.push(HttpRequest { ticket, method, path, body });
        }
    }

    /// What was asked with this ticket; once.
    pub(super) fn take(&mut self, ticket: u64) -> Option<Ask> {
        self.open.remove(&ticket).map(|(_, ask)| ask)
    }

    /// What was due by `now`.
    pub(super) fn overdue(&mut self, now: Mono) -> Vec<Ask> {
        let late: Vec<u64> =
            self.open.iter().filter(|(_, (due, _))| *due <= now).map(|(t, _)| *t).collect();
        late.into_iter().filter_map(|ticket| self.take(ticket)).collect()
    }

    pub(super) fn next_due(&self) -> Option<Mono> {
        self.open.values().map(|(due, _)| *due).min()
    }
}

/// A request as a message (Asterisk's `res/ari/ari_websocket_requests.c`): the path has no slash
/// at its start.
fn message(ticket: u64, method: Method, path: &str, body: &str) -> Vec<u8> {
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    };
    let mut message = serde_json::json!({
        "type": "RESTRequest",
        "transaction_id": "trunkline",
        "request_id": ticket.to_string(),
        "method": method,
        "uri": path.trim_start_matches('/'),
    });
    if !body.is_empty() {
        message["content_type"] = "application/json".into();
        message["message_body"] = body.into();
    }
    message.to_string().into_bytes()
}

/// Why Asterisk refused, in its words.
pub(super) fn words(status: u16, body: &[u8]) -> String {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let said = if refusal.message.is_empty() { refusal.error } else { refusal.message };
    let mut said = match said.trim() {
        "" if status == 0 => String::from_utf8_lossy(body).into_owned(),
        "" => format!("status {status}"),
        said => said.to_owned(),
    };
    said.retain(|c| !c.is_control());
    if said.len() > WORDS_MAX {
        let end = (0..=WORDS_MAX).rev().find(|&at| said.is_char_boundary(at)).unwrap_or(0);
        said.truncate(end);
    }
    said
}

/// One segment of a path, or one value of a query (RFC 3986 §2.3: the unreserved stay).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_would_end_a_segment_is_escaped() {
        assert_eq!(escaped("1795295366.2"), "1795295366.2");
        assert_eq!(escaped("a/b?c=d&é%"), "a%2Fb%3Fc%3Dd%26%C3%A9%25");
        assert_eq!(escaped("CHANNEL(onhold)"), "CHANNEL%28onhold%29");
    }

    #[test]
    fn a_request_becomes_a_message() {
        let sent = message(7, Method::Put, "/applications/a/eventFilter", "{}");
        let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent["uri"], "applications/a/eventFilter");
        assert_eq!(sent["request_id"], "7");
        assert_eq!((&sent["method"], &sent["message_body"]), (&"PUT".into(), &"{}".into()));
        let bare: serde_json::Value =
            serde_json::from_slice(&message(8, Method::Get, "/channels", "")).unwrap();
        assert!(bare.get("message_body").is_none() && bare.get("content_type").is_none());
    }

    #[test]
    fn a_refusal_is_told_in_asterisks_words_and_short() {
        assert_eq!(words(404, br#"{"message":"Channel not found"}"#), "Channel not found");
        assert_eq!(words(500, b"<html>"), "status 500");
        assert_eq!(words(0, b"no answer in 5 s"), "no answer in 5 s");
        let long = format!(r#"{{"message":"{}"}}"#, "é".repeat(500));
        assert_eq!(words(400, long.as_bytes()).len(), WORDS_MAX);
    }
}
