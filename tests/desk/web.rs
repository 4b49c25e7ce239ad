//! A client of the HTTP API. Every answer is held against the published OpenAPI document, member
//! by member.

use crate::kit::*;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{HeaderMap, HeaderName};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::io::Read as _;
use std::sync::LazyLock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The published document lets unknown members pass, as clients must; a test must not.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../proto/schema/openapi.json");
    let mut document: Value = serde_json::from_str(text).unwrap();
    for (_, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
        if schema.get("properties").is_some() {
            schema["additionalProperties"] = json!(false);
        }
    }
    document
});

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// As it was sent.
    pub bytes: Bytes,
    /// Null where it is empty; text where it is no JSON.
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// One request as it is written.
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: Vec<(&'a str, String)>,
    pub body: String,
}

impl<'a> Ask<'a> {
    pub fn get(path: &'a str, token: &str) -> Self {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        Self { method: "GET", path, headers, body: String::new() }
    }

    pub fn with(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub async fn of(self, site: &Site) -> Answer {
        let stream = TcpStream::connect(site.addr).await.unwrap();
        self.over(stream).await
    }

    pub async fn over<S>(self, stream: S) -> Answer
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(self.method).uri(self.path);
        request = request.header("host", "x");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(self.body))).unwrap();
        let answer = tokio::time::timeout(WAIT, sender.send_request(request)).await.unwrap();
        let (head, body) = answer.unwrap().into_parts();
        let bytes = match head.status.as_u16() {
            101 => Bytes::new(),
            _ => body.collect().await.unwrap().to_bytes(),
        };
        connection.abort();
        let mut text = String::new();
        match head.headers.get("content-encoding").map(|v| v.to_str().unwrap()) {
            Some("gzip") => drop(GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap()),
            Some(other) => panic!("{other} was not asked for"),
            None => text.push_str(std::str::from_utf8(&bytes).unwrap()),
        }
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
        };
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, bytes, body };
        check(self.method, self.path, &answer);
        answer
    }
}

pub async fn get(site: &Site, path: &str, token: &str) -> Answer {
    Ask::get(path, token).of(site).await
}

/// The operation of a path, if the document has one.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        let (a, b): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // A path that is written out comes before one with a place for an id.
    let found = paths.get_key_value(path).or_else(|| paths.iter().find(|(t, _)| fits(t)));
    found.and_then(|(_, item)| item.get(method.to_ascii_lowercase()))
}

/// Panics if an answer is not what the document allows.
pub fn check(method: &str, path: &str, answer: &Answer) {
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let kind = answer.header("content-type");
    let schema = match operation(method, path) {
        Some(operation) => {
            let mut said = &operation["responses"][answer.status.to_string()];
            assert!(!said.is_null(), "{method} {path}: {} is not told", answer.status);
            if let Some(reference) = said["$ref"].as_str() {
                said = DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap();
            }
            for (name, _) in said["headers"].as_object().into_iter().flatten() {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                assert!(answer.headers.contains_key(&name), "{method} {path}: no {name}");
            }
            let Some(content) = said.get("content") else {
                return assert!(answer.bytes.is_empty(), "{method} {path}: {answer:?}");
            };
            let kind = kind.split(';').next().unwrap();
            assert!(content.get(kind).is_some(), "{method} {path}: {kind} is not told");
            content[kind]["schema"].clone()
        }
        // Of no route: preflights and HEAD are empty, the others are problems.
        None if answer.bytes.is_empty() => return,
        None => problem,
    };
    let root = json!({ "components": DOCUMENT["components"], "allOf": [schema] });
    let strict: Validator =
        jsonschema::options().should_validate_formats(true).build(&root).unwrap();
    let wrong: Vec<String> = strict.iter_errors(&answer.body).map(|e| e.to_string()).collect();
    assert!(
        wrong.is_empty(),
        "{method} {path}: {}\nis not what the document allows: {wrong:#?}",
        answer.body
    );
}

#[test]
fn the_check_can_refuse() {
    let answer = |status, body: Value| {
        let kind = if status == 200 { "application/json" } else { "application/problem+json" };
        let mut headers =
            HeaderMap::from_iter([("content-type".parse().unwrap(), kind.parse().unwrap())]);
        headers.insert("etag", "x".parse().unwrap());
        Answer { status, headers, bytes: Bytes::from(body.to_string()), body }
    };
    let refused = |status, body| {
        let answer = answer(status, body);
        std::panic::catch_unwind(|| check("GET", "/v1/lines/a", &answer)).is_err()
    };
    assert!(!refused(200, json!({"id": "a", "rev": 1})));
    assert!(refused(200, json!({"id": 1})));
    assert!(refused(200, json!({"id": "a", "other": 1})));
    assert!(refused(204, json!({"id": "a"})));
    assert!(refused(404, json!({"code": "NOT_FOUND"})));
}
