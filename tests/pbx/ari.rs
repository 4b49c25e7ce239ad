//! ARI links: dialled by us, and by the PBX.

use crate::ari_server;
use crate::site::{Linked, PASSWORD, wait_of};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

const ARI: &str = "trunks = [\"PJSIP/carrier\"]\n[pbx.asterisk.ari]\n\
                   url = \"http://PBX:8088\"\nuser = \"trunkline\"\n\
                   password_file = \"pbx.password\"\n";
const TWO: &str = "trunks = [\"PJSIP/carrier\"]\n[pbx.asterisk.ari]\n\
                   url = \"http://PBX:8088\"\nuser = \"trunkline\"\n\
                   password_file = \"pbx.password\"\n\
                   [pbx.other]\ntrunks = [\"PJSIP/carrier\"]\n[pbx.other.ari]\n\
                   url = \"http://PBX:8088\"\nuser = \"trunkline\"\n\
                   password_file = \"pbx.password\"\n";
const OUTBOUND: &str = "trunks = [\"PJSIP/carrier\"]\n[pbx.asterisk.ari]\noutbound = true\n\
                        user = \"trunkline\"\npassword_file = \"pbx.password\"\n";

#[test]
fn a_link_comes_up_by_http_and_websocket() {
    let linked = Linked::new(ARI);
    let _server = ari_server::start(linked.pbx(8088));
    let linked = linked.serve();
    let link = linked.until("asterisk/ari", "up", "in step");
    assert_eq!(link["version"], "Asterisk 22.10.0");
    let instance = link["instance"].as_str().unwrap();
    assert!(instance.starts_with("2026-11-23T02:00:00.000+0000"), "{instance}");
}

#[test]
fn a_wrong_password_is_named_and_waited_for() {
    let linked = Linked::new(ARI);
    linked.password("wrong");
    let _server = ari_server::start(linked.pbx(8088));
    let link = linked.serve().until("asterisk/ari", "refused", "refused user trunkline: 401");
    assert!(wait_of(&link) > 44.0);
}

#[test]
fn of_two_links_to_one_application_the_earlier_is_refused_and_says_why() {
    let linked = Linked::new(TWO);
    let _server = ari_server::start(linked.pbx(8088));
    let linked = linked.serve();
    let why = "another client took application trunkline";
    let refused = |name: &str| {
        let link = linked.link(name);
        (link["state"] == "refused").then_some(link)
    };
    let mut found = None;
    let both = ["asterisk/ari", "other/ari"];
    let done = crate::support::process::poll_until(Duration::from_secs(20), || {
        found = both.iter().find_map(|name| Some((*name, refused(name)?)));
        found.is_some()
    });
    assert!(done, "{:#} {:#}", linked.link(both[0]), linked.link(both[1]));
    let (loser, link) = found.unwrap();
    assert_eq!(link["reason"], why);
    assert!(wait_of(&link) > 44.0, "both must not take it from each other for ever");
    let winner = both.into_iter().find(|name| *name != loser).unwrap();
    linked.until(winner, "up", "in step");
}

/// What Asterisk does with `type = outbound_websocket`.
fn dial(linked: &Linked, password: &str) -> Result<WebSocket<TcpStream>, tungstenite::Error> {
    use base64::Engine as _;
    let http = linked.site.net.http();
    let mut request = format!("ws://{http}/v1/ari/asterisk").into_client_request().unwrap();
    let login = base64::engine::general_purpose::STANDARD.encode(format!("trunkline:{password}"));
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Basic {login}").parse().unwrap());
    headers.insert("sec-websocket-protocol", "ari".parse().unwrap());
    let stream = TcpStream::connect(http).unwrap();
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(tungstenite::HandshakeError::Interrupted(_)) => panic!("a blocking socket"),
    }
}

/// Answers `count` requests that come over the WebSocket; their paths.
fn answer(socket: &mut WebSocket<TcpStream>, count: usize) -> Vec<String> {
    let mut paths = Vec::new();
    while paths.len() < count {
        let Message::Text(text) = socket.read().unwrap() else { continue };
        let request: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(request["type"], "RESTRequest");
        let path = request["uri"].as_str().unwrap().to_owned();
        let body = match path.trim_start_matches('/') {
            "asterisk/info" => {
                json!({"system": {"version": "22.10.0"}, "status": {"startup_time": "one"}})
            }
            "channels" | "bridges" | "endpoints" => json!([]),
            _ => json!({}),
        };
        let answer = json!({
            "type": "RESTResponse",
            "request_id": request["request_id"],
            "status_code": 200,
            "reason_phrase": "OK",
            "message_body": body.to_string(),
        });
        socket.send(Message::text(answer.to_string())).unwrap();
        paths.push(path);
    }
    paths
}

#[test]
fn a_pbx_that_connects_to_us_must_know_the_password_and_is_then_a_link() {
    let linked = Linked::new(OUTBOUND).serve();
    let link = linked.until("asterisk/ari", "down", "the PBX has not connected yet");
    assert_eq!(link["next_try_at"], Value::Null);
    for wrong in ["", "wrong"] {
        match dial(&linked, wrong) {
            Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 401),
            other => panic!("{other:?}"),
        }
    }
    let mut pbx = dial(&linked, PASSWORD).unwrap();
    answer(&mut pbx, 7);
    linked.until("asterisk/ari", "up", "in step");
    // It lost us and connects again: the new connection counts, the old one is closed.
    let mut again = dial(&linked, PASSWORD).unwrap();
    let paths = answer(&mut again, 7);
    assert!(paths[0].ends_with("asterisk/info"), "a new session: {paths:?}");
    let closed = loop {
        match pbx.read() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(!matches!(closed, tungstenite::Error::AlreadyClosed), "{closed}");
    linked.until("asterisk/ari", "up", "in step");
    drop(again);
    linked.until("asterisk/ari", "down", "closed");
}
