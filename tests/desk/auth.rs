//! Refresh, tickets, revocation, certificates.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use crate::limits::http;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use trunkline::io::desk::{DeskConfig, Revocation, Revoked, token::TokenKey};
use trunkline_core::hub::Role;
use trunkline_core::model::Wall;

async fn site() -> Site {
    Site::start(Setup { desk: quick(), ..Setup::default() }).await
}

async fn refresh(desk: &mut Desk, token: &str) -> Vec<Value> {
    desk.say(&json!({"t": "auth.refresh", "token": token})).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|f: &Value| f["t"] != "auth.ok") {
        seen.push(desk.next().await.frame());
    }
    seen
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|f| f["t"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_token_is_renewed_on_the_open_socket() {
    let config = DeskConfig { heartbeat_ms: 50, ..quick() };
    let site = Site::start(Setup { desk: config, ..Setup::default() }).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    site.clock.fetch_add(3541 * 1_000_000, SeqCst);
    assert_eq!(desk.next_of("auth.expiring").await["in_ms"], 59_000);
    let told = refresh(&mut desk, &site.agent()).await;
    let told: Vec<_> = kinds(&told).into_iter().filter(|t| *t != "hb").collect();
    assert_eq!(told, ["auth.ok"], "the same rights: nothing else changes");
    site.clock.fetch_add(3500 * 1_000_000, SeqCst);
    site.commit(1, &["100"]);
    desk.next_of("ev").await;
    // Asked once more, not renewed, and 25 s after its end the socket goes.
    site.clock.fetch_add(41 * 1_000_000, SeqCst);
    desk.next_of("auth.expiring").await;
    site.clock.fetch_add(90 * 1_000_000, SeqCst);
    assert_eq!(desk.until_close().await.1, 4100);
}

#[tokio::test]
async fn a_refresh_with_other_rights_takes_and_gives_at_one_position() {
    let site = site().await;
    let mine = site.begin_call("100", |_| {});
    let other = site.begin_call("200", |_| {});
    let subs = [("own", "calls:own", ""), ("all", "site:calls", "")];
    let token = site.token("anna", Role::Agent, &["100"]);
    let (mut desk, first) = Desk::open(site.addr, &hello(&token, &subs, None)).await;
    assert_eq!(of(&first, "err")[0]["ref"], "all");
    // More: what was refused is given, in the view of the new role.
    let told = refresh(&mut desk, &site.token("anna", Role::Supervisor, &["100"])).await;
    assert_eq!(
        kinds(&told),
        ["sub.ok", "sub.ok", "snap", "snap", "scope", "auth.ok"],
        "own comes again in the wider view"
    );
    let all = told.iter().find(|f| f["t"] == "snap" && f["sub"] == "all").unwrap();
    assert_eq!(all["objs"].as_array().unwrap().len(), 2);
    assert!(all["objs"][0]["from"]["raw"].is_string(), "a supervisor sees numbers");
    // Another device and less.
    let told = refresh(&mut desk, &site.token("anna", Role::Agent, &["200"])).await;
    assert_eq!(kinds(&told), ["gone", "err", "sub.ok", "snap", "scope", "auth.ok"]);
    assert_eq!((&told[0]["id"], &told[0]["why"]), (&json!(mine.to_string()), &json!("scope")));
    assert_eq!((&told[1]["ref"], &told[1]["code"]), (&json!("all"), &json!("FORBIDDEN")));
    assert_eq!(told[3]["objs"][0]["id"], other.to_string());
    assert!(told[3]["objs"][0]["from"]["raw"].is_null());
    site.change_call(mine, |_| {});
    let pos = site.change_call(other, |_| {});
    assert_eq!(desk.next_of("ev").await["pos"], pos.to_string());
    // The scope that closed the change is that of a socket opened with the same token.
    let token = site.token("anna", Role::Agent, &["200"]);
    let (_desk, again) = Desk::open(site.addr, &hello(&token, &subs, None)).await;
    assert_eq!(again[0]["scope"], told[4]["scope"]);
}

#[tokio::test]
async fn a_refresh_for_another_user_or_site_ends_the_socket() {
    let site = site().await;
    let foreign = TokenKey::new("other", &SECRET)
        .mint(&principal("anna", Role::Agent, &["100"]), START, Duration::from_secs(60))
        .unwrap();
    for token in [site.token("ben", Role::Agent, &["100"]), foreign, "nonsense".into()] {
        let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
        desk.say(&json!({"t": "auth.refresh", "token": token})).await;
        assert_eq!(desk.until_close().await.1, 4500);
    }
}

fn ticket_request(token: &str, extra: &str) -> String {
    format!(
        "POST /v1/ws-ticket HTTP/1.1\nHost: x\nAuthorization: Bearer {token}\n\
         Content-Length: 0\n{extra}\n"
    )
}

fn with_ticket(ticket: &Value) -> Value {
    let mut say = hello("", OWN, None);
    say["auth"] = json!({"ticket": ticket});
    say
}

#[tokio::test]
async fn a_ticket_opens_one_socket_of_its_origin() {
    let origins = vec!["https://desk.example".to_owned(), "https://other.example".to_owned()];
    let site =
        Site::start(Setup { desk: DeskConfig { origins, ..quick() }, ..Setup::default() }).await;
    let ours = "Origin: https://desk.example\n";
    let (status, head, body) = http(&site, &ticket_request(&site.agent(), ours)).await;
    assert_eq!((status, &body["expires_in_ms"]), (200, &json!(30_000)));
    assert!(head.contains("access-control-allow-origin: https://desk.example"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    let (_, _, plain) = http(&site, &ticket_request(&site.agent(), "")).await;
    // Without an origin: a ticket of a page is no good.
    let mut desk = Desk::connect(site.addr).await;
    desk.say(&with_ticket(&body["ticket"])).await;
    assert_eq!(desk.until_close().await.1, 4500);
    // Used up by that. One without an origin is good where there is none, once.
    for (ticket, code) in
        [(&body["ticket"], Some(4100)), (&plain["ticket"], None), (&plain["ticket"], Some(4100))]
    {
        let mut desk = Desk::connect(site.addr).await;
        desk.say(&with_ticket(ticket)).await;
        match code {
            Some(code) => assert_eq!(desk.until_close().await.1, code),
            None => assert_eq!(desk.until_live(1).await[0]["t"], "welcome"),
        }
    }
    let (_, _, late) = http(&site, &ticket_request(&site.agent(), "")).await;
    site.clock.fetch_add(30_000_001, SeqCst);
    let mut desk = Desk::connect(site.addr).await;
    desk.say(&with_ticket(&late["ticket"])).await;
    assert_eq!(desk.until_close().await.1, 4100);
}

#[tokio::test]
async fn who_may_not_have_a_ticket_is_told_why() {
    let origins = vec!["https://desk.example".to_owned()];
    let desk = DeskConfig { origins, ..quick() };
    let site = Site::start(Setup { desk, ..Setup::default() }).await;
    let evil = "Origin: https://evil.example\n";
    let ours = "Origin: https://desk.example\n";
    let bare = "POST /v1/ws-ticket HTTP/1.1\nHost: x\nContent-Length: 0\n\n".to_owned();
    let ask = |origin: &str| {
        format!(
            "OPTIONS /v1/ws-ticket HTTP/1.1\nHost: x\n{origin}\
             Access-Control-Request-Method: POST\nConnection: close\n\n"
        )
    };
    for (request, status) in [
        (ticket_request("nonsense", ""), 401),
        (ticket_request(&site.agent(), evil), 403),
        (bare, 401),
        ("GET /v1/ws-ticket HTTP/1.1\nHost: x\n\n".to_owned(), 405),
        (ask(ours), 204),
        (ask(evil), 403),
    ] {
        let (got, head, _) = http(&site, &request).await;
        assert_eq!(got, status, "{request}");
        if status == 204 {
            assert!(head.contains("access-control-allow-headers: authorization"), "{head}");
        }
    }
}

#[tokio::test]
async fn a_revocation_closes_at_once_and_refuses_later() {
    let site = site().await;
    let old = site.agent();
    let id = {
        let body = old.split('.').nth(1).unwrap();
        let json = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, body).unwrap();
        serde_json::from_slice::<Value>(&json).unwrap()["jti"].as_str().unwrap().to_owned()
    };
    let other = site.token("ben", Role::Agent, &["100"]);
    let (mut anna, _) = Desk::open(site.addr, &hello(&old, OWN, None)).await;
    let (mut twice, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let (mut ben, _) = Desk::open(site.addr, &hello(&other, OWN, None)).await;
    let now = |s: i64| Wall(site.clock.load(SeqCst) + s * 1_000_000);
    let began = Instant::now();
    assert_eq!(site.auth.revoke(Revocation::of(Revoked::Id, &id, now(0))), 1);
    assert_eq!(anna.until_close().await.1, 4503);
    assert_eq!(site.auth.revoke(Revocation::of(Revoked::Subject, "anna", now(0))), 1);
    assert_eq!(twice.until_close().await.1, 4503);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let mut again = Desk::connect(site.addr).await;
    again.say(&hello(&old, OWN, None)).await;
    let (frames, code) = again.until_close().await;
    assert_eq!((code, &frames[0]["code"]), (4503, &json!("UNAUTHENTICATED")));
    assert_eq!(http(&site, &ticket_request(&old, "")).await.0, 403);
    site.commit(1, &["100"]);
    ben.next_of("ev").await; // others go on
}

#[tokio::test]
async fn a_token_of_after_the_revocation_is_good() {
    let site = site().await;
    let now = Wall(site.clock.load(SeqCst));
    site.auth.revoke(Revocation::of(Revoked::Subject, "anna", now));
    let mut same_second = Desk::connect(site.addr).await;
    same_second.say(&hello(&site.agent(), OWN, None)).await;
    assert_eq!(same_second.until_close().await.1, 4503);
    site.clock.fetch_add(1_000_000, SeqCst);
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    site.commit(1, &["100"]);
    desk.next_of("ev").await;
}
