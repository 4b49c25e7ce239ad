//! JSON answers as lines for people.

use serde_json::Value;

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

fn clock(rfc3339: &str) -> &str {
    rfc3339.get(11..23).unwrap_or(rfc3339)
}

/// `tail`: position, time, kind, who, figures.
pub(super) fn event(line: &Value) -> String {
    if line["t"] == "tail" {
        return format!("tail after position {}", text(line, "/pos"));
    }
    let number = |party: &str| {
        let full = text(line, &format!("/o/{party}/e164"));
        if full.is_empty() { text(line, &format!("/o/{party}/raw")) } else { full }.to_owned()
    };
    let kind = text(line, "/k");
    let mut out = format!("{:>8}  {}  {kind:<24}", text(line, "/pos"), clock(text(line, "/ts")));
    match kind.split('.').next() {
        Some("call") => {
            out +=
                &format!(" {} {} -> {}", text(line, "/o/direction"), number("from"), number("to"));
            for (name, path) in [("ring", "/o/ring_ms"), ("talk", "/o/talk_ms")] {
                if let Some(ms) = line.pointer(path) {
                    out += &format!("  {name} {ms} ms");
                }
            }
            if kind == "call.cleared" {
                out += &format!(
                    "  {} by {}",
                    text(line, "/o/cause/csta"),
                    text(line, "/o/released_by")
                );
            }
        }
        Some("outbound") => {
            let denied = line["o"]["rules"]
                .as_array()
                .and_then(|rules| rules.iter().find(|r| r["verdict"] == "deny"));
            out += &format!(" to {}", number("to"));
            if let Some(rule) = denied {
                let next = text(line, "/o/next_allowed_at");
                let next = if next.is_empty() { "unknown" } else { next };
                out += &format!("  rule {}  next allowed {next}", text(rule, "/id"));
            }
        }
        Some("line") => {
            let (from, to) = (text(line, "/d/shift/from"), text(line, "/d/shift/to"));
            out += &format!(" {}", text(line, "/o/id"));
            if from != to {
                out += &format!("  {from} -> {to}");
            }
            out += &format!("  {}", text(line, "/d/shift/reason"));
        }
        Some("duty") => {
            out += &format!(
                " {} of {}  due {}  {}",
                text(line, "/o/kind"),
                text(line, "/o/subject"),
                text(line, "/o/due_at"),
                text(line, "/o/reason")
            );
        }
        Some("system") => {
            out += &format!(" {}: {}", text(line, "/o/status"), text(line, "/o/reason"));
        }
        _ => {}
    }
    out
}

/// Head of the record list.
pub(super) const RECORD_HEAD: &str = "id                                    started (UTC)       \
 direction from             to               device      ring     talk cause";

/// One record.
pub(super) fn record(row: &Value) -> String {
    let ms = |name: &str| match row[name].as_u64() {
        Some(ms) => format!("{}.{:03}s", ms / 1000, ms % 1000),
        None => "-".to_owned(),
    };
    format!(
        "{}  {}  {:<9} {:<16} {:<16} {:<8} {:>8} {:>8} {}",
        text(row, "/id"),
        text(row, "/started").get(..19).unwrap_or(""),
        text(row, "/direction"),
        text(row, "/from"),
        text(row, "/to"),
        text(row, "/device"),
        ms("ring_ms"),
        ms("talk_ms"),
        text(row, "/cause/csta"),
    )
}

/// One do-not-call entry.
pub(super) fn dnc(row: &Value) -> String {
    let until = match row["until"].as_str() {
        Some(day) => format!("through {day}"),
        None => "for ever".to_owned(),
    };
    let whom = match row["customer"].as_str() {
        Some(customer) => format!("customer {customer}"),
        None => text(row, "/number").to_owned(),
    };
    let purpose = row["purpose"].as_str().map(|p| format!(" for {p}")).unwrap_or_default();
    let removed = match row["removed"].is_object() {
        true => format!(
            "  REMOVED {} by {} and {}: {}",
            text(row, "/removed/at"),
            text(row, "/removed/by"),
            text(row, "/removed/approved_by"),
            text(row, "/removed/reason")
        ),
        false => String::new(),
    };
    format!(
        "{whom:<16} {until}{purpose}  {} (asked {}, {}){removed}",
        text(row, "/reason"),
        text(row, "/asked_at"),
        text(row, "/added_by")
    )
}

/// One edition of a register.
pub(super) fn edition(row: &Value) -> String {
    format!(
        "{:<20} issued {}  {:>9} numbers  imported {} by {}{}",
        text(row, "/name"),
        text(row, "/issued"),
        row["numbers"],
        text(row, "/imported_at"),
        text(row, "/by"),
        if row["usable"] == true { "" } else { "  CANNOT BE READ" }
    )
}

/// Indented JSON.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
