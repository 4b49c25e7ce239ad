//! Asking the gate over HTTP: forms, roles, faults. What it answers is the engine's (tests/sip).
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use crate::web::{Answer, Ask};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use trunkline::io::http::GateOrder;
use trunkline_core::engine::{PermitAnswer, PermitRequest};
use trunkline_core::gate::{Book, DncList, ExemptReason, Slice};
use trunkline_core::hub::Role;
use trunkline_core::model::*;
use uuid::Uuid;

const NUMBER: &str = "13800138000";
/// START is Monday 10:30 in China, a workday.
const SERVICE: &str = r#"{"number":"13800138000","purpose":"service"}"#;

struct Gate {
    site: Site,
    asked: Arc<Mutex<Vec<PermitRequest>>>,
}

/// A gate that knows the norm, lists one number, and answers requests for permits so.
async fn gate(answer: PermitAnswer) -> Gate {
    let book = Arc::new(Book::shipped().unwrap());
    let refs = crate::kit::site::gate(Arc::new(|_| false)).list_refs;
    let mut list = DncList::default();
    list.insert(refs.number_ref("+8613900139000"), Some("2026-02-01")).unwrap();
    let asked: Arc<Mutex<Vec<PermitRequest>>> = Arc::default();
    let requests = asked.clone();
    let give = GiveGate(Arc::new(move |order| match order {
        GateOrder::Look { key, done, .. } => {
            let slice = Slice {
                book: book.clone(),
                ruleset: Some("cn-seed-service".to_owned()),
                list: list.only([key, None]),
                customer_ref: None,
                list_version: list.version(),
                recorded: Vec::new(),
                past: Vec::new(),
                known_since: None,
                clock: None,
            };
            done.send(slice).is_ok()
        }
        GateOrder::Permit { request, done } => {
            requests.lock().unwrap().push(*request);
            done.send(answer.clone()).is_ok()
        }
    }));
    Gate { site: Site::start(Setup { gate: give, ..Setup::default() }).await, asked }
}

impl Gate {
    fn token(&self, role: Role) -> String {
        self.site.token("crm", role, &[])
    }

    async fn ask(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let token = self.token(Role::Service);
        let kind = if body.starts_with('{') { "json" } else { "x-www-form-urlencoded" };
        let ask = Ask { method: "POST", body: body.to_owned(), ..Ask::get(path, &token) };
        let ask = ask.with("content-type", &format!("application/{kind}"));
        headers.iter().fold(ask, |ask, (name, value)| ask.with(name, value)).of(&self.site).await
    }

    async fn line(&self, path: &str, body: &str) -> Value {
        let answer = self.ask(path, body, &[("accept", "text/plain")]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        answer.body
    }
}

fn granted() -> PermitAnswer {
    PermitAnswer::Granted {
        permit: "permit-1".to_owned(),
        decision: DecisionId(Uuid::from_u128(1)),
        expires_at: Wall(START.0 + 5_000_000),
    }
}

#[tokio::test]
async fn a_check_is_one_line_or_json() {
    let gate = gate(granted()).await;
    let answer = gate.ask("/v1/gate/check", SERVICE, &[]).await;
    assert_eq!((answer.status, &answer.body["verdict"]), (200, &json!("allow")), "{answer:?}");
    assert_eq!(answer.body["local_time"], "2026-01-05T10:30:00+08:00");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    for (body, expected) in [
        ("number=13800138000&purpose=service", "allow"),
        ("number=13800138000&purpose=sales", "deny purpose -"),
        ("number=13800138000", "deny purpose -"),
        ("number=13900139000&purpose=service", "deny dnc 2026-02-02T08:30:00+08:00"),
        ("number=120", "allow exempt"),
        ("number=no+number&purpose=service", "deny number -"),
    ] {
        assert_eq!(gate.line("/v1/gate/check", body).await, expected, "{body}");
    }
    let told = gate.ask("/v1/gate/check", "number=13900139000&purpose=service", &[]).await;
    assert_eq!(told.body["refused_by"], json!(["dnc"]));
    assert!(!told.body.to_string().contains("139"), "no number in it: {}", told.body);
}

#[tokio::test]
async fn an_explanation_names_every_rule() {
    let gate = gate(granted()).await;
    let body = json!({
        "number": NUMBER, "purpose": "callback.routine",
        "at": "2026-02-14T16:00:00+08:00", "before": "2026-02-15T16:00:00+08:00",
    });
    let answer = gate.ask("/v1/gate/explain", &body.to_string(), &[]).await;
    assert_eq!((answer.status, &answer.body["verdict"]), (200, &json!("allow")), "{answer:?}");
    assert_eq!(answer.body["day_class"], "makeup");
    assert_eq!(answer.body["latest_allowed_before"], "2026-02-14T17:30:00+08:00");
    assert!(answer.body["list_version"].as_str().unwrap().starts_with("1-"), "the whole list");
    let body = json!({"number": NUMBER, "purpose": "service", "at": "2026-10-05T10:00:00+08:00"});
    let answer = gate.ask("/v1/gate/explain", &body.to_string(), &[]).await;
    assert_eq!(answer.body["next_allowed_at"], "2026-10-08T08:30:00+08:00");
    let rules = answer.body["rules"].as_array().unwrap();
    let said = |rule: &Value| format!("{} {}", rule["id"], rule["verdict"]);
    assert!(rules.iter().map(said).any(|r| r == "\"statutory-holiday\" \"deny\""), "{rules:?}");
    let text = gate.line("/v1/gate/explain", SERVICE).await;
    assert!(text.as_str().unwrap().starts_with("ALLOW  138****8000 purpose service"), "{text}");
    let one = json!({"number": "+33123456789", "purpose": "sales", "ruleset": "fr"});
    let answer = gate.ask("/v1/gate/explain", &one.to_string(), &[]).await;
    assert_eq!(answer.body["ruleset"], "fr");
}

#[tokio::test]
async fn a_permit_says_what_the_engine_says() {
    let denied = PermitAnswer::Denied {
        decision: DecisionId(Uuid::from_u128(2)),
        rule: "statutory-holiday".to_owned(),
        next_allowed_at: Some("2026-10-08T08:30:00+08:00".to_owned()),
    };
    for (answer, line, verdict) in [
        (granted(), "allow permit-1", "allow"),
        (denied, "deny statutory-holiday 2026-10-08T08:30:00+08:00", "deny"),
        (PermitAnswer::Exempt(ExemptReason::Emergency), "allow exempt", "allow"),
    ] {
        let gate = gate(answer).await;
        assert_eq!(gate.line("/v1/gate/permit", "number=13800138000").await, line);
        let told = gate.ask("/v1/gate/permit", SERVICE, &[]).await;
        assert_eq!((told.status, &told.body["verdict"]), (200, &json!(verdict)));
    }
    for answer in [PermitAnswer::NotDurable, PermitAnswer::Full] {
        let gate = gate(answer).await;
        let told = gate.ask("/v1/gate/permit", SERVICE, &[]).await;
        assert_eq!((told.status, told.header("retry-after")), (503, "1"));
    }
    let gate = gate(granted()).await;
    let body = "number=13800138000&purpose=service&case=c1&claims=consent&agent=anna&device=1001";
    gate.line("/v1/gate/permit", body).await;
    let asked = gate.asked.lock().unwrap();
    let [request] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(request.number.reveal(), NUMBER);
    assert_eq!((request.purpose.as_deref(), request.who.as_str()), (Some("service"), "crm"));
    assert_eq!((request.agent.as_deref(), request.device.as_deref()), (Some("anna"), Some("1001")));
    assert_eq!(request.facts.case.as_deref(), Some("c1"));
    assert_eq!(request.facts.claims.iter().map(|c| c.name()).collect::<Vec<_>>(), ["consent"]);
}

#[tokio::test]
async fn roles_decide_who_may_ask() {
    let gate = gate(granted()).await;
    let status = async |role: Role, path: &'static str| {
        let token = gate.token(role);
        let ask = Ask { method: "POST", body: SERVICE.to_owned(), ..Ask::get(path, &token) };
        ask.with("content-type", "application/json").of(&gate.site).await.status
    };
    for (role, check, permit) in [
        (Role::Service, 200, 200),
        (Role::Supervisor, 200, 403),
        (Role::Ops, 200, 403),
        (Role::Auditor, 200, 403),
        (Role::Agent, 403, 403),
        (Role::Wallboard, 403, 403),
    ] {
        assert_eq!(status(role, "/v1/gate/check").await, check, "{role:?}");
        assert_eq!(status(role, "/v1/gate/explain").await, check, "{role:?}");
        assert_eq!(status(role, "/v1/gate/permit").await, permit, "{role:?}");
    }
    let ask = Ask { headers: Vec::new(), ..Ask::get("/v1/gate/check", "") };
    let ask = Ask { method: "POST", body: SERVICE.to_owned(), ..ask };
    assert_eq!(ask.of(&gate.site).await.status, 401);
}

#[tokio::test]
async fn what_cannot_be_used_is_told_and_not_echoed() {
    let gate = gate(granted()).await;
    for (path, body, status, param) in [
        ("check", r#"{"number":"13800138000","purpose":"SALES"}"#, 422, "purpose"),
        ("check", r#"{"purpose":"service"}"#, 422, "number"),
        ("check", r#"{"number":"13800138000","price":"SALES"}"#, 422, "keys"),
        ("check", r#"{"number":"13800138000","claims":["SALES"]}"#, 422, "claims"),
        ("explain", r#"{"number":"13800138000","at":"SALES"}"#, 422, "at"),
        ("explain", r#"{"number":"13800138000","ruleset":"SALES"}"#, 422, "ruleset"),
        ("permit", r#"{"number":"13800138000","at":"2026-10-05T10:00:00Z"}"#, 422, "keys"),
        ("permit", "{\"number\":SALES", 400, ""),
    ] {
        let told = gate.ask(&format!("/v1/gate/{path}"), body, &[]).await;
        assert_eq!(told.status, status, "{body}: {told:?}");
        assert_eq!(told.body["param"].as_str().unwrap_or_default(), param, "{body}");
        assert_eq!(param.is_empty(), told.body["allowed"].is_null(), "{body}");
        let text = told.body.to_string();
        assert!(!text.contains("SALES") && !text.contains("138"), "{text}");
    }
    assert!(gate.asked.lock().unwrap().is_empty());
    let sent = |kind: &str, accept: &str| {
        [("content-type", kind.to_owned()), ("accept", accept.to_owned())]
    };
    for (kind, accept, status) in [("text/xml", "*/*", 415), ("application/json", "image/png", 406)]
    {
        let token = gate.token(Role::Service);
        let mut ask = Ask { method: "POST", ..Ask::get("/v1/gate/check", &token) };
        ask.body = SERVICE.to_owned();
        for (name, value) in sent(kind, accept) {
            ask = ask.with(name, &value);
        }
        assert_eq!(ask.of(&gate.site).await.status, status, "{kind} {accept}");
    }
}

#[tokio::test]
async fn without_an_engine_the_answer_is_not_allow() {
    let site = Site::start(Setup::default()).await;
    let token = site.token("crm", Role::Service, &[]);
    for path in ["/v1/gate/check", "/v1/gate/explain", "/v1/gate/permit"] {
        let ask = Ask { method: "POST", body: SERVICE.to_owned(), ..Ask::get(path, &token) };
        let ask = ask.with("content-type", "application/json").with("accept", "text/plain");
        let told = ask.of(&site).await;
        assert_eq!((told.status, &told.body), (503, &json!("error INTERNAL")), "{path}");
        assert_eq!(told.header("retry-after"), "1", "{path}");
    }
}
