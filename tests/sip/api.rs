//! The HTTP API of the real binary: a command that is carried out once, also over a crash, and
//! what it leads to.

#![allow(clippy::unwrap_used)]

use crate::support::{Site, SiteOptions, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const A_MINUTE_LATER: &str = "2026-11-23T10:01:00+08:00";
const LOGIN: &str = "0198c0de-0000-7000-8000-000000000001";

pub(crate) fn token(site: &Site, user: &[&str]) -> String {
    let minted = site.run(&[&["token", "mint", "--at", WORKDAY_MORNING], user].concat());
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

/// Status and body; the header ends with `extra`.
pub(crate) fn ask(site: &Site, line: &str, token: &str, extra: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(site.net.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n{extra}\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    // The object alone: pieces are framed by their lengths (RFC 9112 §7.1).
    let object = body.find('{').and_then(|from| body.get(from..=body.rfind('}')?));
    (status, serde_json::from_str(object.unwrap_or("null")).unwrap())
}

#[test]
fn a_command_by_http_is_carried_out_once_and_seen_by_http() {
    let sections = "[agent.alice]\nname = \"Alice\"\ndevice = \"PJSIP/1001\"\nteam = \"day\"\n";
    let site = Site::with(&SiteOptions { sections, ..SiteOptions::default() });
    let server = site.serve(WORKDAY_MORNING);
    let alice = ["--subject", "alice", "--agent", "alice", "--devices", "1001", "--role", "agent"];
    let alice = token(&site, &alice);
    let crm = token(&site, &["--subject", "crm", "--role", "service"]);
    let get = |path: &str, token: &str| ask(&site, &format!("GET {path}"), token, "", "");
    let give = |body: &Value| {
        let wait = "Prefer: wait=20\r\n";
        ask(&site, "POST /v1/commands", &alice, wait, &body.to_string())
    };
    let login = json!({"id": LOGIN, "op": "agent.login", "args": {"state": "ready"}});
    let (status, result) = give(&login);
    assert_eq!((status, &result["status"]), (200, &json!("ok")), "{result}");
    let (status, agent) = get("/v1/agents/alice", &alice);
    assert_eq!((status, &agent["state"], &agent["name"]), (200, &json!("ready"), &json!("Alice")));
    let (_, agents) = get("/v1/agents", &crm);
    assert_eq!(agents["agents"], json!([agent]), "the same to whoever may see it");
    let (status, lines) = get("/v1/lines", &crm);
    assert_eq!(status, 200);
    let line = &lines["lines"][0];
    let one = get(&format!("/v1/lines/{}", line["id"].as_str().unwrap()), &crm);
    assert_eq!(one.1["id"], line["id"]);
    assert_eq!(get("/v1/lines", &alice).0, 403);
    server.kill();

    let _server = site.serve(A_MINUTE_LATER);
    let mut tail = site.tail(Some(0));
    let (status, stands) = get(&format!("/v1/commands/{LOGIN}"), &alice);
    assert_eq!((status, &stands["status"]), (200, &json!("ok")));
    assert_eq!(get(&format!("/v1/commands/{LOGIN}"), &crm).0, 404, "another user's");
    let (status, again) = give(&login);
    assert_eq!((status, &again["status"]), (200, &json!("ok")));
    let (status, other) = give(&json!({"id": LOGIN, "op": "agent.logout"}));
    assert_eq!((status, &other["code"]), (422, &json!("IDEMPOTENCY_MISMATCH")));
    assert_eq!(get("/v1/agents/alice", &crm).1["state"], "ready", "the log knows it");
    let events = tail.settle(Duration::from_millis(300));
    let logged_on = events.iter().filter(|e| e["k"] == "agent.logged_on").count();
    assert_eq!(logged_on, 1, "a command is carried out once");
    let metrics = crate::support::server::http_get(site.net.http(), "/metrics");
    let counted = "trunkline_http_requests_total{route=\"/v1/commands\",status=\"200\"} 1\n";
    assert!(metrics.contains(counted), "{metrics}");
}
