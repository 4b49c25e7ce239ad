//! The do-not-call list by HTTP: who may, what is read, and how a fault is told. What it does is
//! shown with the real binary, tests/sip/lists.rs.
#![allow(clippy::unwrap_used)]

use crate::api::fresh;
use crate::kit::list_door::REF;
use crate::kit::*;
use crate::web::{Answer, Ask, get};
use serde_json::json;
use trunkline_core::hub::{Principal, Role};

fn token(site: &Site, user: &str, role: Role) -> String {
    let (devices, teams) = (Vec::new(), Vec::new());
    let who = Principal { user: user.to_owned(), role, devices, agent: String::new(), teams };
    fresh(site, &who, 0)
}

async fn post(site: &Site, token: &str, body: &str) -> Answer {
    let ask = Ask { method: "POST", body: body.to_owned(), ..Ask::get("/v1/dnc", token) };
    ask.with("content-type", "application/json").of(site).await
}

async fn delete(site: &Site, token: &str, path: &str) -> Answer {
    Ask { method: "DELETE", ..Ask::get(path, token) }.of(site).await
}

#[tokio::test]
async fn roles_decide_who_blocks_who_looks_and_who_removes() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    for (role, block, look, remove) in [
        (Role::Agent, 201, 403, 403),
        (Role::Supervisor, 201, 200, 202),
        (Role::Service, 201, 200, 403),
        (Role::Auditor, 403, 200, 403),
        (Role::Ops, 403, 403, 403),
        (Role::Wallboard, 403, 403, 403),
    ] {
        let token = token(&site, "anna", role);
        let blocked = post(&site, &token, r#"{"number":"13800138000"}"#).await;
        let looked = get(&site, "/v1/dnc/13800138000", &token).await;
        let removed = delete(&site, &token, "/v1/dnc/13800138000?reason=moved").await;
        let found = (blocked.status, looked.status, removed.status);
        assert_eq!(found, (block, look, remove), "{role:?}");
        if block == 201 {
            assert_eq!(blocked.body["blocks"][0]["until"], "user:anna-0");
            assert_eq!(blocked.header("cache-control"), "private, no-store");
        }
    }
    assert_eq!(get(&site, "/v1/dnc/13800138000", "nonsense").await.status, 401);
}

#[tokio::test]
async fn faults_are_problems_and_echo_nothing() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let token = token(&site, "anna", Role::Supervisor);
    for (body, status, code) in [
        (r#"{"number":"1"}"#, 400, "BAD_REQUEST"),
        (r#"{"number":"2"}"#, 503, "INTERNAL"),
        (r#"{"number":5}"#, 400, "BAD_REQUEST"),
        (r#"{"number":"13800138000","cmd":"keys.shred"}"#, 400, "BAD_REQUEST"),
        (r#"["13800138000"]"#, 400, "BAD_REQUEST"),
        ("{", 400, "BAD_REQUEST"),
    ] {
        let answer = post(&site, &token, body).await;
        assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{body}");
        assert!(!answer.body.to_string().contains("shred"), "{answer:?}");
    }
    let plain = Ask { method: "POST", body: "{}".to_owned(), ..Ask::get("/v1/dnc", &token) };
    assert_eq!(plain.of(&site).await.status, 415);
    let large = format!(r#"{{"reason":"{}"}}"#, "x".repeat(1 << 20));
    assert_eq!(post(&site, &token, &large).await.status, 413);
    for (path, status) in [
        ("/v1/dnc/3", 404),
        ("/v1/dnc/4", 409),
        ("/v1/dnc/4?reason=agreed", 200),
        ("/v1/dnc/4?why=moved", 400),
    ] {
        assert_eq!(delete(&site, &token, path).await.status, status, "{path}");
    }
}

/// A path names a number, a customer or a reference.
#[tokio::test]
async fn whom_a_path_names() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let token = token(&site, "crm", Role::Service);
    for (path, whom) in [
        ("+8613800138000".to_owned(), json!({"number": "+8613800138000"})),
        ("%2B8613800138000".to_owned(), json!({"number": "+8613800138000"})),
        ("customer:C-1".to_owned(), json!({"customer": "C-1"})),
        (REF.to_owned(), json!({"ref": REF})),
    ] {
        let answer = get(&site, &format!("/v1/dnc/{path}"), &token).await;
        assert_eq!(answer.body["entries"][0]["reason"], whom.to_string());
        assert_eq!(answer.body["entries"][0]["added_by"], "user:crm-0");
    }
}
