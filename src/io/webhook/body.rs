//! Requests: CloudEvents 1.0 in JSON, signed as the Standard Webhooks specification has it.

use super::config::WebhookConfig;
use super::place::Place;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Value, json};
use trunkline_core::model::{Epoch, Event, Named as _, Pos, Wall};
use trunkline_core::wire::event_to_json;

/// Media types of the CloudEvents JSON format, of one event and of a batch.
const ONE: &str = "application/cloudevents+json; charset=utf-8";
const BATCH: &str = "application/cloudevents-batch+json; charset=utf-8";

/// Type of the event that says that others are missing.
const GAP: &str = "trunkline.gap";

/// What one request carries, the same in each attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Key of the request: the same delivery has the same.
    pub id: String,
    pub content_type: &'static str,
    pub body: String,
    /// Events in it.
    pub events: usize,
}

/// One event as a CloudEvent.
fn cloud_event(config: &WebhookConfig, epoch: Epoch, event: &Event) -> Value {
    let text = event_to_json(event, config.view);
    // It is our own text, and an object.
    let mut frame: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut data = json!({ "o": frame["o"].take() });
    for member in ["d", "caused_by"] {
        if let Some(value) = frame.get_mut(member) {
            data[member] = value.take();
        }
    }
    let mut cloud = json!({
        "specversion": "1.0",
        "id": format!("{epoch}:{}", event.pos),
        "source": source(config),
        "type": event.kind.name(),
        "time": event.ts.rfc3339(),
        "datacontenttype": "application/json",
        "sequence": event.pos.to_string(),
    });
    if let Some(id) = data["o"].get("id").filter(|id| id.is_string()) {
        cloud["subject"] = id.clone();
    }
    cloud["data"] = data;
    cloud
}

fn source(config: &WebhookConfig) -> String {
    format!("/trunkline/{}", config.site)
}

/// A delivery of these events, which are one at least.
pub(super) fn of_events(
    config: &WebhookConfig,
    epoch: Epoch,
    events: &[&Event],
) -> Option<Delivery> {
    let (first, last) = (events.first()?.pos, events.last()?.pos);
    let all: Vec<Value> = events.iter().map(|e| cloud_event(config, epoch, e)).collect();
    Some(match config.batch_max {
        1 => Delivery {
            id: format!("{epoch}:{first}"),
            content_type: ONE,
            body: all.first()?.to_string(),
            events: 1,
        },
        _ => Delivery {
            id: format!("{epoch}:{first}-{last}"),
            content_type: BATCH,
            events: all.len(),
            body: Value::Array(all).to_string(),
        },
    })
}

/// Says that the events after `from` and before `next` cannot be delivered any more.
pub(super) fn of_gap(config: &WebhookConfig, from: Place, next: Place, now: Wall) -> Delivery {
    let id = format!("{}:{}-{}:{}", from.epoch, from.pos, next.epoch, next.pos);
    let place =
        |epoch: Epoch, pos: Pos| json!({ "epoch": epoch.to_string(), "pos": pos.to_string() });
    let event = json!({
        "specversion": "1.0",
        "id": id,
        "source": source(config),
        "type": GAP,
        "time": now.rfc3339(),
        "datacontenttype": "application/json",
        "data": {
            "delivered_to": place(from.epoch, from.pos),
            "goes_on_at": place(next.epoch, next.pos),
        },
    });
    let (content_type, body) = match config.batch_max {
        1 => (ONE, event.to_string()),
        _ => (BATCH, Value::Array(vec![event]).to_string()),
    };
    Delivery { id, content_type, body, events: 0 }
}

/// Headers of one attempt at `now`.
pub(super) fn headers(
    delivery: &Delivery,
    secret: &[u8],
    now: Wall,
) -> [(HeaderName, HeaderValue); 4] {
    let at = now.0.div_euclid(1_000_000).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signed = [delivery.id.as_str(), &at, &delivery.body].join(".");
    let signature = format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes())));
    // Ids, numbers and base64 are visible ASCII.
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    [
        (CONTENT_TYPE, HeaderValue::from_static(delivery.content_type)),
        (HeaderName::from_static("webhook-id"), value(&delivery.id)),
        (HeaderName::from_static("webhook-timestamp"), value(&at)),
        (HeaderName::from_static("webhook-signature"), value(&signature)),
    ]
}
