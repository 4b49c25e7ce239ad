//! Claims on record by HTTP: who may, what is read, and how a fault is told. What they do is shown
//! with the real binary, tests/sip/on_record.rs.
#![allow(clippy::unwrap_used)]

use crate::api::fresh;
use crate::kit::list_door::REF;
use crate::kit::*;
use crate::web::{Answer, Ask, get};
use serde_json::{Value, json};
use trunkline_core::hub::{Principal, Role};

const CLAIM: &str = r#"{"number":"13800138000","claim":"consent","evidence":"form 7"}"#;
const ID: &str = "01a2c0de-0000-7000-8000-000000000001";

fn token(site: &Site, role: Role) -> String {
    let (devices, teams, agent) = (Vec::new(), Vec::new(), "anna".to_owned());
    let who = Principal { user: "anna".to_owned(), role, devices, agent, teams };
    fresh(site, &who, 0)
}

async fn post(site: &Site, token: &str, body: &str) -> Answer {
    let ask = Ask { method: "POST", body: body.to_owned(), ..Ask::get("/v1/claims", token) };
    ask.with("content-type", "application/json").of(site).await
}

async fn delete(site: &Site, token: &str, path: &str) -> Answer {
    Ask { method: "DELETE", ..Ask::get(path, token) }.of(site).await
}

#[tokio::test]
async fn roles_decide_who_records_who_looks_and_who_withdraws() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    for (role, record, look, withdraw) in [
        (Role::Agent, 201, 403, 200),
        (Role::Supervisor, 201, 200, 200),
        (Role::Service, 201, 200, 200),
        (Role::Auditor, 403, 200, 403),
        (Role::Ops, 403, 403, 403),
        (Role::Wallboard, 403, 403, 403),
    ] {
        let token = token(&site, role);
        let recorded = post(&site, &token, CLAIM).await;
        let looked = get(&site, "/v1/claims/13800138000", &token).await;
        let withdrawn = delete(&site, &token, &format!("/v1/claims/{ID}?reason=moved")).await;
        let found = (recorded.status, looked.status, withdrawn.status);
        assert_eq!(found, (record, look, withdraw), "{role:?}");
        if record == 201 {
            // An agent's word is taken with the agent's name, so that the call can be checked.
            let expected = if role == Role::Agent { "anna" } else { "user:anna-0" };
            assert_eq!(recorded.body["id"], expected);
            assert_eq!(recorded.header("cache-control"), "private, no-store");
        }
        if withdraw == 200 {
            let asked: Value =
                serde_json::from_str(withdrawn.body["pos"].as_str().unwrap()).unwrap();
            assert_eq!(asked, json!({"id": ID, "reason": "moved"}));
        }
    }
    assert_eq!(get(&site, "/v1/claims/13800138000", "nonsense").await.status, 401);
}

#[tokio::test]
async fn whose_claims_are_asked_for_is_read_from_the_path() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let token = token(&site, Role::Supervisor);
    for (path, asked) in [
        ("13800138000", json!({"number": "13800138000"})),
        ("customer:K7", json!({"customer": "K7"})),
        (REF, json!({"ref": REF})),
    ] {
        let found = get(&site, &format!("/v1/claims/{path}"), &token).await;
        let told: Value =
            serde_json::from_str(found.body["claims"][0]["evidence"].as_str().unwrap()).unwrap();
        assert_eq!(told, asked);
        let gone = delete(&site, &token, &format!("/v1/claims/{path}")).await;
        let mut told: Value = serde_json::from_str(gone.body["pos"].as_str().unwrap()).unwrap();
        assert_eq!(told.as_object_mut().unwrap().remove("reason"), Some(Value::Null));
        assert_eq!(told, asked, "{path}: all of it");
    }
}

#[tokio::test]
async fn faults_are_problems_and_echo_nothing() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let token = token(&site, Role::Service);
    for (body, status, code) in [
        (r#"{"number":"1"}"#, 400, "BAD_REQUEST"),
        (r#"{"number":"2"}"#, 409, "CONFLICT"),
        (r#"{"number":5}"#, 400, "BAD_REQUEST"),
        (r#"{"number":"13800138000","source":"forged"}"#, 400, "BAD_REQUEST"),
        (r#"["consent"]"#, 400, "BAD_REQUEST"),
        ("{", 400, "BAD_REQUEST"),
    ] {
        let answer = post(&site, &token, body).await;
        assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{body}");
        assert!(!answer.body.to_string().contains("forged"), "{answer:?}");
    }
    for (path, status) in [("/v1/claims/3", 404), ("/v1/claims/4?why=moved", 400)] {
        assert_eq!(delete(&site, &token, path).await.status, status, "{path}");
    }
}
