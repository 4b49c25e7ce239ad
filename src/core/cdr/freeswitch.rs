//! `mod_json_cdr`: one object a channel.
//!
//! Fields as `switch_ivr_generate_json_cdr` of FreeSWITCH 1.10 writes them: `channel_data`,
//! `variables` (URL-encoded unless `encode-values` is off) and `callflow`, newest first, each with
//! its `caller_profile`, the profiles of the channels it dialled, and `times` in microseconds.

use super::reader::Bad;
use super::row::{Row, Way};
use crate::model::{Pii, Wall};
use serde_json::Value;

/// Channels that one call dialled and that are looked at.
const DIALLED_MAX: usize = 64;

/// The rows of one object: the channel itself if FreeSWITCH dialled it, else each that it dialled.
pub(super) fn rows(line: u64, text: &str) -> Result<Vec<Row>, Bad> {
    let cdr: Value = serde_json::from_str(text).map_err(|error| {
        (error.column(), String::new(), format!("no JSON object: {}", kind(&error)))
    })?;
    let no = |name: &str, why: &str| (0, name.to_owned(), why.to_owned());
    let flow = cdr["callflow"].as_array().filter(|flow| !flow.is_empty());
    let flow = flow.ok_or_else(|| no("callflow", "is not there"))?;
    let (Some(newest), Some(oldest)) = (flow.first(), flow.last()) else { return Ok(Vec::new()) };
    let time = |entry: &Value, name: &str| micros(&entry["times"][name]);
    let at = time(oldest, "created_time").ok_or_else(|| no("created_time", "no microseconds"))?;
    let answered = flow.iter().find_map(|entry| time(entry, "answered_time"));
    let ended = time(newest, "hangup_time");
    let length = ended.map_or(0, |ended| ended.ms_since(at) / 1000);
    let profile = &oldest["caller_profile"];
    let variables = &cdr["variables"];
    let named = |name: &str| variables[name].as_str().map(decoded).unwrap_or_default();
    let own = Row {
        line,
        at,
        answered: answered.is_some(),
        length_s: u32::try_from(length).unwrap_or(u32::MAX),
        dialed: Pii::new(short(&profile["destination_number"])),
        caller: Pii::new(short(&profile["caller_id_number"])),
        context: short(&profile["context"]),
        ids: vec![named("uuid"), named("sip_call_id"), named("call_uuid"), short(&profile["uuid"])],
        ..Row::default()
    };
    let channel = match named("channel_name") {
        name if name.is_empty() => short(&profile["chan_name"]),
        name => name,
    };
    let id = short(&profile["uuid"]);
    if cdr["channel_data"]["direction"] == "outbound" {
        return Ok(vec![Row { to_channel: channel, leg: id, way: Way::Out, ..own }.clean()]);
    }
    let bridged = named("last_bridge_to");
    let of_entry = |entry: &'_ Value| {
        let all = entry["caller_profile"]["originatee"]["originatee_caller_profiles"].clone();
        all.as_array().cloned().unwrap_or_default()
    };
    let dialled: Vec<Value> = flow.iter().flat_map(of_entry).take(DIALLED_MAX).collect();
    if dialled.is_empty() {
        return Ok(vec![Row { from_channel: channel, from_leg: id, ..own }.clean()]);
    }
    let row = |there: Value| {
        let leg = short(&there["uuid"]);
        let mut ids = own.ids.clone();
        ids.push(leg.clone());
        let answered = own.answered && (bridged.is_empty() || bridged == leg);
        let dialed = Pii::new(short(&there["destination_number"]));
        let to_channel = short(&there["chan_name"]);
        let (from_channel, from_leg) = (channel.clone(), id.clone());
        let way = Way::Out;
        Row { dialed, to_channel, leg, from_channel, from_leg, ids, answered, way, ..own.clone() }
            .clean()
    };
    Ok(dialled.into_iter().map(row).collect())
}

impl Row {
    fn clean(mut self) -> Self {
        self.ids.retain(|id| !id.is_empty());
        self.ids.dedup();
        self
    }
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it is cut off",
        _ => "its form is wrong",
    }
}

fn micros(value: &Value) -> Option<Wall> {
    let micros = value.as_str().and_then(|text| text.parse().ok()).or(value.as_i64());
    micros.filter(|micros| (1..1 << 60).contains(micros)).map(Wall)
}

fn short(value: &Value) -> String {
    value.as_str().filter(|text| text.len() <= 256).unwrap_or_default().to_owned()
}

/// `%40` is `@`; what is no such code stays.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len().min(256));
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|two| {
            let two = std::str::from_utf8(two).ok()?;
            u8::from_str_radix(two, 16).ok()
        });
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
        if out.len() > 256 {
            return String::new();
        }
    }
    String::from_utf8(out).unwrap_or_default()
}
