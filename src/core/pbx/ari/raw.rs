//! Events and answers as Asterisk writes them (its `rest-api/api-docs/*.json`).

use crate::model::Wall;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;

/// Only the type: most messages of an unfiltered application end here.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
}

/// An event; which fields are there depends on its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub channel: Option<Channel<'a>>,
    #[serde(borrow)]
    pub bridge: Option<Bridge<'a>>,
    // Dial
    #[serde(borrow)]
    pub caller: Option<Channel<'a>>,
    #[serde(borrow)]
    pub peer: Option<Channel<'a>>,
    #[serde(borrow)]
    pub dialstring: Cow<'a, str>,
    #[serde(borrow)]
    pub dialstatus: Cow<'a, str>,
    // Ends
    pub cause: Option<i64>,
    pub tech_cause: Option<i64>,
    pub soft: bool,
    #[serde(borrow)]
    pub cause_txt: Cow<'a, str>,
    // Holds, keys, values
    #[serde(borrow)]
    pub musicclass: Cow<'a, str>,
    #[serde(borrow)]
    pub digit: Cow<'a, str>,
    #[serde(borrow)]
    pub variable: Cow<'a, str>,
    #[serde(borrow)]
    pub value: Cow<'a, str>,
    #[serde(borrow)]
    pub eventname: Cow<'a, str>,
    pub userevent: Option<serde_json::Map<String, serde_json::Value>>,
    // Transfers
    #[serde(borrow)]
    pub exten: Cow<'a, str>,
    #[serde(borrow)]
    pub result: Cow<'a, str>,
    #[serde(borrow)]
    pub transferee: Option<Channel<'a>>,
    #[serde(borrow)]
    pub transfer_target: Option<Channel<'a>>,
    #[serde(borrow)]
    pub transferer_first_leg: Option<Channel<'a>>,
    #[serde(borrow)]
    pub replace_channel: Option<Channel<'a>>,
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    #[serde(borrow)]
    pub refer_to: Option<ReferTo<'a>>,
    #[serde(borrow)]
    pub referred_by: Option<ReferredBy<'a>>,
    // Devices
    #[serde(borrow)]
    pub device_state: Option<DeviceStateOf<'a>>,
    #[serde(borrow)]
    pub endpoint: Option<Endpoint<'a>>,
}

/// A channel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Channel<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    #[serde(borrow)]
    pub protocol_id: Cow<'a, str>,
    #[serde(borrow)]
    pub caller: Party<'a>,
    #[serde(borrow)]
    pub dialplan: Dialplan<'a>,
    #[serde(borrow)]
    pub creationtime: Cow<'a, str>,
    #[serde(borrow)]
    pub channelvars: Option<HashMap<Cow<'a, str>, Option<Cow<'a, str>>>>,
}

/// Name and number.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Party<'a> {
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub number: Cow<'a, str>,
}

/// Where a channel is in the dialplan.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dialplan<'a> {
    #[serde(borrow)]
    pub exten: Cow<'a, str>,
    #[serde(borrow)]
    pub app_name: Cow<'a, str>,
    #[serde(borrow)]
    pub app_data: Cow<'a, str>,
}

/// A bridge.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bridge<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub bridge_type: Cow<'a, str>,
    #[serde(borrow)]
    pub channels: Vec<Cow<'a, str>>,
}

impl Bridge<'_> {
    /// Who is in it hears the others: in a holding bridge (parking) nobody does.
    pub(super) fn joins(&self) -> bool {
        !self.bridge_type.split(',').any(|word| word == "holding")
    }
}

/// Who is asked to be called by a REFER.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReferTo<'a> {
    #[serde(borrow)]
    pub requested_destination: Destination<'a>,
    #[serde(borrow)]
    pub connected_channel: Option<Channel<'a>>,
}

/// A number, or the Call-ID of a dialog to take over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Destination<'a> {
    #[serde(borrow)]
    pub protocol_id: Cow<'a, str>,
    #[serde(borrow)]
    pub destination: Cow<'a, str>,
}

/// Who sent a REFER.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReferredBy<'a> {
    #[serde(borrow)]
    pub source_channel: Option<Channel<'a>>,
    #[serde(borrow)]
    pub connected_channel: Option<Channel<'a>>,
}

/// A device's state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeviceStateOf<'a> {
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub state: Cow<'a, str>,
}

/// An endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Endpoint<'a> {
    #[serde(borrow)]
    pub technology: Cow<'a, str>,
    #[serde(borrow)]
    pub resource: Cow<'a, str>,
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    #[serde(borrow)]
    pub channel_ids: Vec<Cow<'a, str>>,
}

/// `GET /asterisk/info`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    pub system: System,
    pub status: Status,
}

/// Part of [`Info`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct System {
    pub version: String,
}

/// Part of [`Info`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub startup_time: String,
}

/// `GET /channels/ID/variable`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Variable {
    pub value: String,
}

/// Why a request was refused: `message`, and in some versions `error`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub message: String,
    pub error: String,
}

/// An answer that came over the WebSocket.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RestResponse {
    pub request_id: String,
    pub status_code: u16,
    pub reason_phrase: String,
    pub message_body: String,
}

/// A stamp like `2026-11-21T21:09:26.326+0000`.
pub(super) fn stamp(text: &str) -> Option<Wall> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    Some(Wall(stamp.as_microsecond()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stamps_keep_milliseconds_and_know_zones() {
        let utc = stamp("2026-11-21T21:09:26.326+0000").unwrap();
        assert_eq!(utc.rfc3339(), "2026-11-21T21:09:26.326000Z");
        assert_eq!(stamp("2026-11-21T22:09:26.326+0100"), Some(utc));
        assert_eq!(stamp("yesterday"), None);
    }

    #[test]
    fn only_a_holding_bridge_keeps_apart() {
        let of = |kind: &str| Bridge { bridge_type: kind.to_owned().into(), ..Bridge::default() };
        assert!(of("mixing").joins() && of("mixing,dtmf_events").joins());
        assert!(!of("holding").joins());
    }
}
