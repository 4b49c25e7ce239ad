//! One event, as far as we read it.
//!
//! An event has 150 to 190 fields and we look at some forty: the others are skipped while the
//! JSON is read. A field that was set more than once comes as an array.

use crate::model::Wall;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Prefix of the channel variables that are passed on as data of a call.
pub(super) const DATA_PREFIX: &str = "trunkline_data_";

/// Fields that are kept, sorted.
const KEPT: &[&str] = &[
    "Answer-State",
    "Bridge-A-Unique-ID",
    "Bridge-B-Unique-ID",
    "CC-Action",
    "CC-Agent",
    "CC-Agent-State",
    "CC-Agent-Status",
    "CC-Cancel-Reason",
    "CC-Cause",
    "CC-Hangup-Cause",
    "CC-Member-Session-UUID",
    "CC-Queue",
    "Call-Direction",
    "Caller-Callee-ID-Name",
    "Caller-Callee-ID-Number",
    "Caller-Caller-ID-Name",
    "Caller-Caller-ID-Number",
    "Caller-Channel-Answered-Time",
    "Caller-Channel-Created-Time",
    "Caller-Channel-Progress-Time",
    "Caller-Destination-Number",
    "Channel-Call-State",
    "Channel-Call-UUID",
    "Channel-Name",
    "Core-UUID",
    "DTMF-Digit",
    "Event-Date-Timestamp",
    "Event-Name",
    "Event-Sequence",
    "Event-Subclass",
    "Hangup-Cause",
    "Job-UUID",
    "Old-Unique-ID",
    "Other-Leg-Unique-ID",
    "Unique-ID",
    "_body",
    "from-user",
    "profile-name",
    "user",
    "username",
    "variable_bridge_uuid",
    "variable_cc_agent_bridged",
    "variable_cc_cause",
    "variable_cc_member_session_uuid",
    "variable_cc_queue",
    "variable_cc_side",
    "variable_endpoint_disposition",
    "variable_hangup_cause_q850",
    "variable_originator",
    "variable_other_loopback_leg_uuid",
    "variable_sip_call_id",
    "variable_sip_gateway_name",
    "variable_sip_hangup_disposition",
    "variable_sip_term_status",
    "variable_transfer_destination",
    "variable_transfer_disposition",
    "variable_transfer_history",
    "variable_transfer_to",
    "variable_trunkline_next",
];
const KEPT_PREFIXES: [&str; 2] = ["variable_sip_h_", "variable_trunkline_data_"];

/// A value.
#[derive(Debug, PartialEq, Eq)]
enum Field<'a> {
    One(Cow<'a, str>),
    Many(Vec<Cow<'a, str>>),
}

/// An event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct EslEvent<'a> {
    fields: Vec<(Cow<'a, str>, Field<'a>)>,
}

impl<'a> EslEvent<'a> {
    /// Reads the body of a `text/event-json` frame, or the answer of `uuid_dump U json`.
    pub fn from_json(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Takes the headers of an answer to `connect`: values are percent-encoded there.
    pub fn from_headers(headers: &[(String, String)]) -> EslEvent<'static> {
        let kept = headers.iter().filter(|(name, _)| keeps(name));
        let fields = kept.map(|(name, value)| {
            (Cow::Owned(name.clone()), Field::One(Cow::Owned(percent_decoded(value))))
        });
        EslEvent { fields: fields.collect() }
    }

    /// Value of a field; `None` if it is absent or empty. Of several the last.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, field) = self.fields.iter().find(|(key, _)| key == name)?;
        let text = match field {
            Field::One(text) => text.as_ref(),
            Field::Many(texts) => texts.last()?.as_ref(),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// All values of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        match self.fields.iter().find(|(key, _)| key == name) {
            None => Vec::new(),
            Some((_, Field::One(text))) => several(text),
            Some((_, Field::Many(texts))) => texts.iter().map(AsRef::as_ref).collect(),
        }
    }

    /// Fields whose name begins so: the rest of the name, and the value.
    pub fn with_prefix<'s>(
        &'s self,
        prefix: &'s str,
    ) -> impl Iterator<Item = (&'s str, &'s str)> + 's {
        self.fields.iter().filter_map(move |(key, field)| match field {
            Field::One(text) => Some((key.strip_prefix(prefix)?, text.as_ref())),
            Field::Many(_) => None,
        })
    }

    /// A number of microseconds since 1970; 0 is none.
    pub fn wall(&self, name: &str) -> Option<Wall> {
        self.text(name)?.parse().ok().filter(|micros| *micros > 0).map(Wall)
    }

    /// When FreeSWITCH says it was, in steps of 20 ms.
    pub fn stamp(&self) -> Option<Wall> {
        self.wall("Event-Date-Timestamp")
    }
}

/// Where there is no JSON, several values are written `ARRAY::a|:b`.
fn several(text: &str) -> Vec<&str> {
    match text.strip_prefix("ARRAY::") {
        Some(rest) => rest.split("|:").collect(),
        None => vec![text],
    }
}

fn keeps(name: &str) -> bool {
    KEPT.binary_search(&name).is_ok() || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

impl<'de> Deserialize<'de> for EslEvent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = EslEvent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(32);
        while let Some(Text(key)) = map.next_key()? {
            if keeps(&key) {
                fields.push((key, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(EslEvent { fields })
    }
}

struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(FieldVisitor)? {
            Field::One(text) => Ok(Text(text)),
            Field::Many(_) => Ok(Text(Cow::Borrowed(""))),
        }
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::One(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::One(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Field::One(Cow::Owned(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Field::One(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Field::One(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Field::One(Cow::Owned(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::One(Cow::Borrowed("")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(Text(text)) = seq.next_element()? {
            texts.push(text);
        }
        Ok(Field::Many(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Many(Vec::new()))
    }
}
