//! Questions to the gate as they come: JSON, or a form from programs that have no JSON.

use super::body::takes;
use super::door::body;
use crate::io::http::problem::{Refusal, problem, refuse};
use crate::io::http::routes::App;
use axum::body::Body;
use axum::extract::Query as Pairs;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Map, Value, json};
use trunkline_core::gate::{CallFacts, Claim, Claims, ShownCaller, is_purpose, parse_instant};
use trunkline_core::model::Named as _;

/// Longest text of a value, bytes.
const VALUE_BYTES_MAX: usize = 128;
/// Claims as they are written.
const CLAIMS: &str = "consent, running_contract, customer_requested_callback";
/// Text of an instant.
const INSTANT: &str = "RFC 3339 with an offset, e.g. 2026-10-05T10:00:00+08:00";

/// Which question it is, and so which keys it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Check,
    Explain,
    Permit,
}

impl Kind {
    fn keys(self) -> Vec<&'static str> {
        let more: &[&str] = match self {
            Self::Check => &[],
            Self::Explain => &["at", "before", "ruleset"],
            Self::Permit => &["agent", "device"],
        };
        let all = [
            "number", "purpose", "subject", "case", "campaign", "customer", "seller", "zone",
            "claims", "trunk", "caller",
        ];
        [&all, more].concat()
    }
}

/// A question, read.
#[derive(Debug, Default)]
pub(super) struct GateAsk {
    pub(super) number: String,
    /// PBX or trunk whose dial plan reads the number.
    pub(super) trunk: Option<String>,
    /// Number that the callee will see.
    pub(super) caller: Option<String>,
    pub(super) purpose: Option<String>,
    pub(super) facts: CallFacts,
    pub(super) at: Option<String>,
    pub(super) before: Option<String>,
    pub(super) ruleset: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) device: Option<String>,
}

/// How the answer is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// One line, for programs that have no JSON: `allow ..`, `deny ..`.
    Line,
}

/// What the client takes: JSON first.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Refusal> {
    if takes(headers, &["application/json", "application/*", "*/*"]) {
        return Ok(Form::Json);
    }
    if takes(headers, &["text/plain", "text/*"]) {
        return Ok(Form::Line);
    }
    let detail = "answers are application/json or text/plain, which Accept leaves out";
    Err(refuse(StatusCode::NOT_ACCEPTABLE, "UNSUPPORTED", detail))
}

/// A key whose value cannot be used, and what can.
pub(super) fn unusable(key: &str, allowed: &str) -> Refusal {
    let detail = format!("{key}: allowed is {allowed}");
    let more = json!({ "param": key, "allowed": allowed });
    Box::new(problem(StatusCode::UNPROCESSABLE_ENTITY, "BAD_REQUEST", &detail, more))
}

pub(super) async fn read(
    app: &App,
    headers: &HeaderMap,
    sent: Body,
    kind: Kind,
) -> Result<GateAsk, Refusal> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let bytes = match media.as_str() {
        "application/json" | "application/x-www-form-urlencoded" => {
            body(app, sent, "a question").await?
        }
        _ => {
            let detail = "a question is application/json or application/x-www-form-urlencoded";
            return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", detail));
        }
    };
    let pairs = if media == "application/json" { object(&bytes)? } else { pairs(&bytes)? };
    let mut ask = ask(pairs, kind)?;
    if let Some(number) = ask.caller.take() {
        ask.facts.caller = ShownCaller::shown((app.gate.plans)().shown(), &number, "");
    }
    Ok(ask)
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(bytes).map_err(|e| {
        let detail = format!("no JSON object: line {}, column {}", e.line(), e.column());
        refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", &detail)
    })
}

fn pairs(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let unreadable = || {
        let detail = "the form is none of names and values";
        refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail)
    };
    // A form is written as the query of a URL is.
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
    let uri: Uri = format!("/?{text}").parse().map_err(|_| unreadable())?;
    let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| unreadable())?.0;
    let mut object = Map::new();
    for (name, value) in pairs {
        // What a dialplan has no value for comes empty.
        if value.is_empty() {
            continue;
        }
        let value = match name.as_str() {
            "claims" => value.split(',').map(|claim| Value::from(claim.trim())).collect(),
            _ => Value::from(value),
        };
        if object.insert(name, value).is_some() {
            return Err(unusable("form", "each key once"));
        }
    }
    Ok(object)
}

fn ask(object: Map<String, Value>, kind: Kind) -> Result<GateAsk, Refusal> {
    let keys = kind.keys();
    let mut ask = GateAsk::default();
    for (name, value) in object {
        let Some(key) = keys.iter().find(|key| **key == name) else {
            return Err(unusable("keys", &keys.join(", "))); // a name of the client's is no echo
        };
        if value.is_null() {
            continue;
        }
        match *key {
            "number" => ask.number = text(key, value)?,
            "trunk" => ask.trunk = Some(text(key, value)?),
            "caller" => ask.caller = Some(text(key, value)?),
            "purpose" => ask.purpose = Some(purpose(value)?),
            "claims" => ask.facts.claims = claims(value)?,
            "at" => ask.at = Some(instant(key, value)?),
            "before" => ask.before = Some(instant(key, value)?),
            "subject" => ask.facts.subject = Some(text(key, value)?),
            "case" => ask.facts.case = Some(text(key, value)?),
            "campaign" => ask.facts.campaign = Some(text(key, value)?),
            "customer" => ask.facts.customer = Some(text(key, value)?),
            "seller" => ask.facts.seller = Some(text(key, value)?),
            "zone" => ask.facts.zone = Some(text(key, value)?),
            "ruleset" => ask.ruleset = Some(text(key, value)?),
            "agent" => ask.agent = Some(text(key, value)?),
            _ => ask.device = Some(text(key, value)?),
        }
    }
    match ask.number.is_empty() {
        true => Err(unusable("number", "a number as it is dialled at the site; it is needed")),
        false => Ok(ask),
    }
}

fn text(key: &str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) if (1..=VALUE_BYTES_MAX).contains(&text.len()) => Ok(text),
        _ => Err(unusable(key, &format!("text of 1 to {VALUE_BYTES_MAX} bytes"))),
    }
}

fn purpose(value: Value) -> Result<String, Refusal> {
    let allowed = "lower-case words joined by dots, e.g. service, callback.routine";
    let text = text("purpose", value)?;
    if is_purpose(&text) { Ok(text) } else { Err(unusable("purpose", allowed)) }
}

fn instant(key: &str, value: Value) -> Result<String, Refusal> {
    let text = text(key, value)?;
    parse_instant(&text).map(|_| text).map_err(|_| unusable(key, INSTANT))
}

fn claims(value: Value) -> Result<Claims, Refusal> {
    let wrong = || unusable("claims", &format!("a list of {CLAIMS}"));
    let Value::Array(names) = value else { return Err(wrong()) };
    let claim = |name: &Value| name.as_str().and_then(Claim::parse_name).ok_or_else(wrong);
    names.iter().map(claim).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str, kind: Kind) -> Result<GateAsk, (u16, String)> {
        let read = match text.starts_with('{') {
            true => object(text.as_bytes()),
            false => pairs(text.as_bytes()),
        };
        let said = |refusal: Refusal| (refusal.status().as_u16(), String::new());
        read.and_then(|object| ask(object, kind)).map_err(said)
    }

    #[test]
    fn a_form_says_what_json_says() {
        let json = of(
            r#"{"number":"0 138","purpose":"service","case":"c/1","claims":["consent"],"seller":null}"#,
            Kind::Check,
        );
        let form =
            of("number=0+138&purpose=service&case=c%2F1&claims=consent&seller=", Kind::Check);
        let (json, form) = (json.unwrap(), form.unwrap());
        assert_eq!(json.number, "0 138");
        assert_eq!(
            (json.number, json.purpose, json.facts),
            (form.number, form.purpose, form.facts)
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for (text, kind, status) in [
            ("{}", Kind::Check, 422),
            ("purpose=service", Kind::Check, 422),
            ("number=1&number=2", Kind::Check, 422),
            (r#"{"number":1}"#, Kind::Check, 422),
            (r#"{"number":"1","purpose":"Sales"}"#, Kind::Check, 422),
            (r#"{"number":"1","claims":"consent"}"#, Kind::Check, 422),
            (r#"{"number":"1","claims":["trust-me"]}"#, Kind::Check, 422),
            (r#"{"number":"1","at":"2026-10-05T10:00:00Z"}"#, Kind::Check, 422),
            (r#"{"number":"1","at":"2026-10-05"}"#, Kind::Explain, 422),
            (r#"{"number":"1","agent":"anna"}"#, Kind::Explain, 422),
            (r#"{"number":"1","#, Kind::Check, 400),
            ("number=%ff%fe\u{7}", Kind::Check, 400),
        ] {
            assert_eq!(of(text, kind).unwrap_err().0, status, "{text}");
        }
        assert!(of(r#"{"number":"1","agent":"anna","device":"1001"}"#, Kind::Permit).is_ok());
        assert!(of(r#"{"number":"1","at":"2026-10-05T10:00:00Z"}"#, Kind::Explain).is_ok());
    }

    #[test]
    fn the_answer_is_json_unless_only_text_is_taken() {
        let asks = |value: &str| HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())]);
        for (value, expected) in [
            ("*/*", Some(Form::Json)),
            ("text/plain", Some(Form::Line)),
            ("text/plain, application/json", Some(Form::Json)),
            ("text/*;q=0.5", Some(Form::Line)),
            ("image/png", None),
        ] {
            assert_eq!(form(&asks(value)).ok(), expected, "{value}");
        }
        assert_eq!(form(&HeaderMap::new()).ok(), Some(Form::Json));
    }
}
