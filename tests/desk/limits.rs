//! Every way a desk is refused or closed, with its code.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use futures_util::SinkExt as _;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use trunkline::io::desk::{DeskConfig, Health, token::TokenKey};
use trunkline_core::hub::Role;
use trunkline_core::model::Wall;

pub async fn site(desk: DeskConfig) -> Site {
    Site::start(Setup { desk, ..Setup::default() }).await
}

/// The code of the `err` frame, if there was one, and the close code.
pub async fn answer(desk: &mut Desk) -> (Option<String>, u16) {
    let (frames, code) = desk.until_close().await;
    let err = of(&frames, "err").last().map(|e| e["code"].as_str().unwrap().to_owned());
    (err, code)
}

#[tokio::test]
async fn bad_tokens_are_refused_for_good() {
    let site = site(quick()).await;
    let who = |site: &str, key: u8, iat: i64| {
        let who = principal("u", Role::Agent, &["100"]);
        TokenKey::new(site, &[key; 32])
            .mint(&who, Wall(START.0 + iat * 1_000_000), Duration::from_secs(60))
            .unwrap()
    };
    let tampered = {
        let token = who("s", 7, 0);
        let (head, signature) = token.rsplit_once('.').unwrap();
        let (front, _) = head.rsplit_once('.').unwrap();
        let other = who("s", 7, 1);
        let claims = other.split('.').nth(1).unwrap();
        format!("{front}.{claims}.{signature}")
    };
    let cases = [
        ("", "UNAUTHENTICATED"),
        ("nonsense", "UNAUTHENTICATED"),
        (&who("s", 8, 0), "UNAUTHENTICATED"), // another secret
        (&who("other", 7, 0), "UNAUTHENTICATED"), // another site
        (&who("s", 7, -91), "UNAUTHENTICATED"), // 31 s past its end
        (&tampered, "UNAUTHENTICATED"),
    ];
    for (token, code) in cases {
        let mut desk = Desk::connect(site.addr).await;
        desk.say(&hello(token, OWN, None)).await;
        assert_eq!(answer(&mut desk).await, (Some(code.to_owned()), 4500), "{token}");
    }
    let within_leeway = who("s", 7, -89);
    let (_desk, first) = Desk::open(site.addr, &hello(&within_leeway, OWN, None)).await;
    assert_eq!(first[0]["t"], "welcome");
    assert_eq!(site.hub.stats().auth_failed_total, cases.len() as u64);
}

#[tokio::test]
async fn a_token_that_ends_ends_the_socket() {
    let site = site(DeskConfig { heartbeat_ms: 50, ..quick() }).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    site.clock.fetch_add(3624 * 1_000_000, SeqCst);
    // 24 s past its end the socket still serves.
    desk.next_of("auth.expiring").await;
    site.commit(1, &["100"]);
    desk.next_of("ev").await;
    site.clock.fetch_add(2 * 1_000_000, SeqCst);
    assert_eq!(answer(&mut desk).await, (Some("UNAUTHENTICATED".into()), 4100));
}

#[tokio::test]
async fn unknown_frames_are_ignored_and_bad_requests_named() {
    let site = site(quick()).await;
    let mut say = hello(&site.agent(), OWN, None);
    say["later"] = json!({"a": [1, 2]});
    say["caps"] = json!(["batch"]);
    let (mut desk, _) = Desk::open(site.addr, &say).await;
    desk.say(&json!({"t": "from.the.future", "id": "x"})).await;
    desk.say(&json!({"t": "cmd", "id": "no uuid"})).await;
    let err = desk.next().await.frame();
    assert_eq!((&err["ref"], &err["code"]), (&"no uuid".into(), &"BAD_REQUEST".into()), "{err}");
    let subs = [
        ("1", "nonsense", ""),
        ("2", "team:7", ""),
        ("3", "calls:own", "aggregate"),
        ("4", "calls:own", "x-ray"),
        ("5", "calls:own", "masked"),
        ("5", "calls:own", ""),
        ("", "calls:own", ""),
    ];
    let (_desk, first) = Desk::open(site.addr, &hello(&site.agent(), &subs, None)).await;
    let codes: Vec<_> = of(&first, "err").iter().map(|e| e["code"].as_str().unwrap()).collect();
    let want =
        ["NOT_FOUND", "FORBIDDEN", "UNSUPPORTED", "BAD_REQUEST", "BAD_REQUEST", "BAD_REQUEST"];
    assert_eq!(codes, want);
    assert_eq!(of(&first, "sub.ok").len(), 1);
}

#[tokio::test]
async fn a_socket_without_hello_is_closed() {
    let site = site(DeskConfig { hello_ms: 100, ..quick() }).await;
    let mut mute = Desk::connect(site.addr).await;
    assert_eq!(answer(&mut mute).await, (Some("TIMEOUT".into()), 4000));
}

#[tokio::test]
async fn a_desk_without_a_sign_of_life_is_closed_and_any_traffic_is_one() {
    let config = DeskConfig { heartbeat_ms: 100, heartbeat_reply_ms: 1000, ..quick() };
    let site = site(config).await;
    let (mut alive, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        alive.next_of("hb").await;
        alive.ws.send(Message::Ping(Vec::new().into())).await.unwrap();
    }
    drop(alive);
    let (mut frozen, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let began = Instant::now();
    assert_eq!(answer(&mut frozen).await.1, 4001);
    assert!(began.elapsed() >= Duration::from_millis(1080), "{:?}", began.elapsed());
    assert_eq!(site.hub.stats().heartbeat_lost_total, 1);
}

#[tokio::test]
async fn a_reader_that_stops_is_closed_and_resumes_without_a_gap() {
    let config = DeskConfig { close_ms: 3000, ..quick() };
    let site = site(config).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let stream = socket.connect(site.addr).await.unwrap();
    let mut desk = Desk::over(site.addr, stream).await.unwrap();
    desk.say(&hello(&site.agent(), OWN, None)).await;
    let first = desk.until_live(1).await;
    // Other desks do not notice a reader that has stopped.
    let (mut other, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    for round in 0..40 {
        site.commit(50, &["100"]);
        for want in round * 50 + 1..=round * 50 + 50 {
            assert_eq!(pos(&other.next_of("ev").await), want);
        }
    }
    site.until("slow", |s| s.hub.stats().slow_total == 1).await;
    let (frames, code) = desk.until_close().await;
    assert_eq!(code, 4008);
    let seen: Vec<_> = of(&frames, "ev").into_iter().map(pos).collect();
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    assert!(seen.len() < 2000);
    let epoch = first[0]["epoch"].as_str().unwrap();
    let from = seen.len() as u64;
    let (_desk, first) =
        Desk::open(site.addr, &hello(&site.agent(), OWN, Some((epoch, from)))).await;
    let rest: Vec<_> = of(&first, "ev").into_iter().map(pos).collect();
    assert_eq!(rest, (from + 1..=2000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flood_of_messages_is_closed() {
    let site = site(DeskConfig { messages_burst: 5, messages_per_s: 1, ..quick() }).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    for _ in 0..6 {
        desk.say(&json!({"t": "hb", "pos": "0", "n": 0})).await;
    }
    assert_eq!(answer(&mut desk).await, (Some("RATE_LIMITED".into()), 4529));
}

#[tokio::test]
async fn one_user_has_five_sockets_and_one_desktop_has_one() {
    let site = site(quick()).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await.0);
    }
    let mut sixth = Desk::connect(site.addr).await;
    sixth.say(&hello(&site.agent(), OWN, None)).await;
    assert_eq!(answer(&mut sixth).await, (Some("LIMIT_EXCEEDED".into()), 4529));
    drop(open);
    site.until("gone", |s| s.hub.stats().sockets == 0).await;
    let mut with_inst = hello(&site.agent(), OWN, None);
    with_inst["client"]["inst"] = "desktop-1".into();
    let (mut old, _) = Desk::open(site.addr, &with_inst).await;
    let (_new, _) = Desk::open(site.addr, &with_inst).await;
    assert_eq!(answer(&mut old).await, (None, 4509));
    site.until("hub let go", |s| s.hub.stats().sockets == 1).await;
}

#[tokio::test]
async fn a_drain_says_goaway_then_closes_1001() {
    let site = site(quick()).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    site.shutdown.send(true).unwrap();
    let (frames, code) = desk.until_close().await;
    let goaway = of(&frames, "goaway")[0];
    assert_eq!((&goaway["why"], &goaway["spread_ms"]), (&json!("drain"), &json!(100)));
    assert_eq!(code, 1001);
    tokio::time::timeout(WAIT, site.server.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(site.addr).await.is_err(), "the port is closed");
}

/// Sends one request as it is written; gives the status line, the header and the body.
pub async fn http(site: &Site, request: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 8192];
    let mut text = String::new();
    while !text.contains("\r\n\r\n") || (!text.contains("101") && !text.ends_with(['}', '\n'])) {
        let n = tokio::time::timeout(WAIT, stream.read(&mut answer)).await.unwrap().unwrap();
        if n == 0 {
            break;
        }
        text.push_str(std::str::from_utf8(&answer[..n]).unwrap());
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
    (status, head.to_lowercase(), body)
}

fn upgrade(extra: &str) -> String {
    format!(
        "GET /v1/events HTTP/1.1\nHost: x\nConnection: keep-alive, Upgrade\nUpgrade: websocket\n\
         Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n{extra}\n"
    )
}

#[tokio::test]
async fn the_upgrade_is_refused_with_a_reason_before_it_happens() {
    let config = DeskConfig { origins: vec!["https://desk.example".into()], ..quick() };
    let site = site(config).await;
    let ours = "Sec-WebSocket-Protocol: x, trunkline.v1.json\n";
    let cases = [
        (upgrade(ours), 101, ""),
        (upgrade(&format!("{ours}Origin: https://desk.example\n")), 101, ""),
        (upgrade(&format!("{ours}Origin: https://evil.example\n")), 403, "FORBIDDEN"),
        (upgrade(&format!("{ours}Origin: null\n")), 403, "FORBIDDEN"),
        (upgrade(""), 400, "UNSUPPORTED"),
        (upgrade("Sec-WebSocket-Protocol: trunkline.v2.json\n"), 400, "UNSUPPORTED"),
        (upgrade(ours).replace("Version: 13", "Version: 8"), 426, "UNSUPPORTED"),
        (upgrade(ours).replace("dGhl", ""), 400, "BAD_REQUEST"),
        ("GET /v1/events HTTP/1.1\nHost: x\n\n".into(), 400, "BAD_REQUEST"),
        ("POST /v1/events HTTP/1.1\nHost: x\nContent-Length: 0\n\n".into(), 405, "UNSUPPORTED"),
        ("GET /nothing HTTP/1.1\nHost: x\n\n".into(), 404, "NOT_FOUND"),
    ];
    for (request, status, code) in cases {
        let (got, head, body) = http(&site, &request).await;
        assert_eq!(got, status, "{request}");
        match status {
            101 => {
                assert!(head.contains("sec-websocket-protocol: trunkline.v1.json"), "{head}");
                assert!(head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}"); // RFC 6455 §1.3
            }
            _ => assert_eq!(body["code"], code, "{request}"),
        }
        if code == "UNSUPPORTED" && status == 400 {
            let msg = body["msg"].as_str().unwrap();
            assert!(msg.contains("trunkline.v1.json") && msg.contains("trunkline.v1.pb"), "{msg}");
        }
    }
    // Whoever offers both gets what it names first.
    for (offer, chosen) in [
        ("trunkline.v1.pb", "trunkline.v1.pb"),
        ("y, trunkline.v1.pb, trunkline.v1.json", "trunkline.v1.pb"),
        ("trunkline.v1.json\nSec-WebSocket-Protocol: trunkline.v1.pb", "trunkline.v1.json"),
    ] {
        let request = upgrade(&format!("Sec-WebSocket-Protocol: {offer}\n"));
        let (status, head, _) = http(&site, &request).await;
        assert_eq!(status, 101, "{offer}");
        assert!(head.contains(&format!("sec-websocket-protocol: {chosen}\r")), "{head}");
    }
}

#[tokio::test]
async fn crowds_are_told_to_come_back() {
    let config = DeskConfig { waiting_per_ip_max: 2, sockets_max: 3, ..quick() };
    let site = site(config).await;
    let request = upgrade("Sec-WebSocket-Protocol: trunkline.v1.json\n");
    let a = Desk::connect(site.addr).await;
    let _b = Desk::connect(site.addr).await;
    let (status, head, body) = http(&site, &request).await;
    assert_eq!((status, &body["code"]), (503, &json!("LIMIT_EXCEEDED")));
    assert!(head.contains("retry-after: 5"), "{head}");
    drop(a);
    site.until("place", |s| s.hub.stats().sockets == 1).await;
    let (_c, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let (_d, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let (status, _, body) = http(&site, &request).await;
    assert_eq!((status, &body["msg"]), (503, &json!("too many desks")));
    assert_eq!(site.hub.stats().refused_total, 2);
}

#[tokio::test]
async fn health_and_metrics_answer() {
    let site = site(quick()).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\nHost: x\nConnection: close\n\n");
    let (status, _, body) = http(&site, &get("/healthz")).await;
    assert_eq!((status, body), (200, json!({"status": "enabled", "links": {}})));
    site.health.send(Health::Degraded { reason: "journal".into() }).unwrap();
    let (status, _, body) = http(&site, &get("/healthz")).await;
    let degraded = json!({"status": "degraded", "reason": "journal", "links": {}});
    assert_eq!((status, body), (503, degraded));
    let (status, head, body) = http(&site, &get("/metrics")).await;
    assert_eq!((status, body), (200, json!("trunkline_up 1\n")));
    assert!(head.contains("text/plain; version=0.0.4"));
}
