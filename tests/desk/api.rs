//! The HTTP API: what a socket of the same caller would show, and nothing else.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use crate::web::{Ask, get};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use trunkline::io::desk::{DeskConfig, Revocation, Revoked};
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::*;
use uuid::Uuid;

fn line(id: &str, state: LineState) -> Entity {
    Entity::Line(Box::new(Line {
        id: id.into(),
        rev: 1,
        role: LineRole::Primary,
        state,
        since: START,
        reason: "probes".into(),
        last_failure: String::new(),
        order: LineOrder::Serve,
        ordered_by: String::new(),
        registration: None,
        calls_in: 0,
        calls_out: 1,
        calls_max: Some(30),
        calls_in_max: None,
        calls_out_max: None,
        rtt_us: Some(900),
        probe_failures: 0,
        call_failures: 0,
        next_probe_at: None,
        seizures: 0,
        answer_seizure_permille: None,
        network_effectiveness_permille: None,
        late_answers: 0,
        penalty: 0,
        probes: Vec::new(),
    }))
}

fn link(id: &str) -> Entity {
    Entity::Link(Box::new(Link {
        id: id.into(),
        rev: 1,
        pbx: "asterisk".into(),
        kind: LinkKind::Ami,
        state: LinkState::Up,
        since: START,
        reason: String::new(),
        next_try_at: None,
        version: String::new(),
        instance: String::new(),
        lost: 0,
        clock_skew_ms: None,
        warning: String::new(),
    }))
}

fn duty(subject: &str) -> Entity {
    Entity::Duty(Box::new(Duty {
        id: DutyId(Uuid::from_u128(5)),
        rev: 1,
        kind: DutyKind::BackupLine,
        subject: subject.into(),
        agent: "".into(),
        started: START,
        due_at: START,
        state: DutyState::Running,
        met_at: None,
        reason: String::new(),
    }))
}

fn agent(settings: AgentSettings) -> Entity {
    Entity::Agent(Box::new(Agent { rev: 1, ..Agent::new(settings.into(), START) }))
}

fn staff() -> Vec<AgentSettings> {
    vec![works("anna", "north", &["support"]), works("ben", "south", &["sales"])]
}

/// A site with some of everything.
async fn furnished(desk: DeskConfig) -> Site {
    let site = Site::start(Setup { desk, staff: staff(), ..Setup::default() }).await;
    staff().into_iter().for_each(|a| site.commit_entity(EventKind::AgentReady, agent(a)));
    site.commit_entity(EventKind::LineStateChanged, line("carrier-a", LineState::InService));
    site.commit_entity(EventKind::LineStateChanged, line("carrier-b", LineState::OutOfService));
    site.commit_entity(EventKind::DutyStarted, duty("carrier-b"));
    site.commit_entity(EventKind::LinkStateChanged, link("asterisk/ami"));
    site.begin_call("100", |call| call.queue = Some("support".into()));
    site.begin_call("200", |call| call.legs.push(leg(2, "200", Some("ben"))));
    site.begin_call("300", |call| {
        call.state = ConnectionState::Alerting;
        call.legs.push(leg(2, "300", Some("anna")));
    });
    applied(&site).await;
    site
}

/// The hub has all that was committed.
async fn applied(site: &Site) {
    site.until("applied", |s| s.hub.stats().hub.ring_events as u64 == s.head()).await;
}

fn who(user: &str, role: Role, teams: &[&str]) -> Principal {
    let teams = teams.iter().map(|t| (*t).to_owned()).collect();
    Principal { agent: "anna".into(), teams, ..principal(user, role, &["100"]) }
}

fn everybody() -> Vec<Principal> {
    vec![
        who("agent", Role::Agent, &[]),
        who("boss", Role::Supervisor, &[]),
        who("chief", Role::Supervisor, &["south"]),
        who("crm", Role::Service, &[]),
        who("ops", Role::Ops, &[]),
        who("auditor", Role::Auditor, &[]),
        who("screen", Role::Wallboard, &[]),
        who("board", Role::Wallboard, &["north"]),
    ]
}

const TOPICS: [&str; 12] = [
    "calls:own",
    "agent:self",
    "site:calls",
    "site:agents",
    "site:lines",
    "site:links",
    "site:health",
    "queue:support",
    "line:carrier-a",
    "team:north",
    "team:south",
    "nonsense",
];

/// What a socket's pages of one subscription hold together.
fn pages(frames: &[Value], sub: &str) -> Value {
    let mut whole = json!({ "objs": [] });
    for snap in of(frames, "snap").iter().filter(|s| s["sub"] == sub) {
        whole["objs"].as_array_mut().unwrap().extend(snap["objs"].as_array().unwrap().clone());
        for name in ["lines", "duties", "agents", "links", "figures"] {
            if let Some(objects) = snap[name].as_array().filter(|all| !all.is_empty()) {
                whole[name] = json!(objects);
            }
        }
    }
    whole
}

/// As a user of its own, so that no limit of a user is met.
pub fn fresh(site: &Site, who: &Principal, n: usize) -> String {
    site.token_of(&Principal { user: format!("{}-{n}", who.user), ..who.clone() })
}

#[tokio::test]
async fn a_snapshot_is_what_a_socket_begins_with_for_every_role() {
    let site = furnished(quick()).await;
    let (mut shown, mut refused) = (0, 0);
    for who in everybody() {
        for view in ["", "masked", "full", "aggregate"] {
            let subs: Vec<_> = TOPICS.iter().map(|topic| (*topic, *topic, view)).collect();
            let token = fresh(&site, &who, view.len());
            let (_desk, frames) = Desk::open(site.addr, &hello(&token, &subs, None)).await;
            for topic in TOPICS {
                let ask = match view {
                    "" => format!("/v1/snapshot?topic={topic}"),
                    view => format!("/v1/snapshot?topic={topic}&view={view}"),
                };
                let answer = get(&site, &ask, &token).await;
                let granted = of(&frames, "sub.ok").into_iter().find(|f| f["id"] == topic);
                let Some(granted) = granted else {
                    let err = of(&frames, "err").into_iter().find(|f| f["ref"] == topic).unwrap();
                    let status = if err["code"] == "FORBIDDEN" { 403 } else { 400 };
                    assert_eq!(answer.status, status, "{who:?} {ask}: {err}");
                    refused += 1;
                    continue;
                };
                assert_eq!(answer.status, 200, "{who:?} {ask}: {answer:?}");
                let mut want = pages(&frames, topic);
                (want["topic"], want["view"]) = (topic.into(), granted["view"].clone());
                assert_eq!(answer.body["subs"], json!([want]), "{who:?} {ask}");
                assert_eq!(answer.body["resume"]["pos"], frames[0]["pos"]);
                shown += 1;
            }
        }
    }
    assert!(shown > 100 && refused > 100, "{shown} shown, {refused} refused");
}

#[tokio::test]
async fn lists_are_what_all_subscriptions_of_the_caller_show() {
    let site = furnished(quick()).await;
    for who in everybody() {
        let token = fresh(&site, &who, 0);
        let topics = ["site:calls", "site:agents", "site:lines", "site:links", "calls:own"];
        let topics = topics.into_iter().chain(["agent:self", "team:south", "team:north"]);
        let own =
            |topic: &&str| !topic.starts_with("team:") || who.teams.contains(&topic[5..].into());
        let subs: Vec<_> = topics.filter(own).map(|topic| (topic, topic, "")).collect();
        let (_desk, frames) = Desk::open(site.addr, &hello(&token, &subs, None)).await;
        for (path, member) in [
            ("/v1/calls", "objs"),
            ("/v1/agents", "agents"),
            ("/v1/lines", "lines"),
            ("/v1/links", "links"),
        ] {
            let name = &path[4..];
            let of_kind = |topic: &str| match name {
                "calls" | "agents" => topic.ends_with(name) || topic.contains(':'),
                _ => topic.ends_with(name),
            };
            let mut want: Vec<Value> = Vec::new();
            for snap in of(&frames, "snap") {
                if of_kind(snap["sub"].as_str().unwrap()) {
                    want.extend(snap[member].as_array().into_iter().flatten().cloned());
                }
            }
            want.sort_by_key(|o| o["id"].as_str().unwrap().to_owned());
            want.dedup();
            let answer = get(&site, path, &token).await;
            if answer.status == 403 {
                assert!(want.is_empty(), "{who:?} {path}");
                continue;
            }
            assert_eq!(answer.status, 200, "{who:?} {path}");
            assert_eq!(answer.body[name], json!(want), "{who:?} {path}");
            assert!(answer.body.get("next").is_none());
            // One by one, as in the list; what is not in it is not there.
            if name == "links" {
                continue; // there is no path for one
            }
            for object in &want {
                let one = format!("{path}/{}", object["id"].as_str().unwrap());
                assert_eq!(get(&site, &one, &token).await.body, *object);
            }
        }
    }
}

#[tokio::test]
async fn what_the_caller_may_not_see_is_not_there() {
    let site = furnished(quick()).await;
    let agent = fresh(&site, &who("agent", Role::Agent, &[]), 0);
    let chief = fresh(&site, &who("chief", Role::Supervisor, &["south"]), 0);
    let mine = Uuid::from_u128(1);
    let bens = Uuid::from_u128(2);
    let call = |id: Uuid| format!("/v1/calls/{id}");
    for (token, path, status) in [
        (&agent, call(mine), 200),
        (&agent, call(bens), 404),
        (&agent, call(Uuid::from_u128(99)), 404),
        (&agent, "/v1/calls/nonsense".into(), 404),
        (&agent, "/v1/agents/anna".into(), 200),
        (&agent, "/v1/agents/ben".into(), 404),
        (&agent, "/v1/lines/carrier-a".into(), 403),
        (&agent, "/v1/links".into(), 403),
        (&chief, call(bens), 200),
        (&chief, "/v1/agents/ben".into(), 200),
        (&chief, "/v1/agents/anna".into(), 200), // its own
        (&chief, call(Uuid::from_u128(3)), 404),
        (&chief, "/v1/lines/carrier-a".into(), 200),
        (&chief, "/v1/lines/none".into(), 404),
    ] {
        let answer = get(&site, &path, token).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    let screen = fresh(&site, &who("screen", Role::Wallboard, &[]), 0);
    for path in ["/v1/calls", "/v1/calls?queue=support", "/v1/agents/anna", "/v1/lines"] {
        let answer = get(&site, path, &screen).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("FORBIDDEN")), "{path}");
    }
    let full = get(&site, &format!("{}?view=full", call(mine)), &agent).await;
    assert_eq!((full.status, &full.body["code"]), (403, &json!("FORBIDDEN")));
    // Masked for an agent, full for the chief; and the chief may ask for less.
    let body = get(&site, &call(mine), &agent).await.body;
    assert!(body["from"]["raw"].is_null() && body["from"]["masked"].is_string());
    assert!(get(&site, &call(bens), &chief).await.body["from"]["raw"].is_string());
    let masked = get(&site, &format!("{}?view=masked", call(bens)), &chief).await;
    assert!(masked.body["from"]["raw"].is_null());
}

#[tokio::test]
async fn a_call_that_has_ended_leaves_the_list_and_is_known_by_its_id() {
    let site = furnished(quick()).await;
    let crm = fresh(&site, &who("crm", Role::Service, &[]), 0);
    let id = CallId(Uuid::from_u128(2));
    site.change_call(id, |call| step(call, EventKind::CallCleared, START));
    applied(&site).await;
    let calls = get(&site, "/v1/calls", &crm).await.body;
    assert_eq!(calls["calls"].as_array().unwrap().len(), 2);
    let call = get(&site, &format!("/v1/calls/{id}"), &crm).await;
    assert_eq!((call.status, &call.body["state"]), (200, &json!("null")));
}

#[tokio::test]
async fn pages_follow_each_other_and_filters_narrow() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    for n in 0..25 {
        site.begin_call("100", |call| {
            call.queue = Some(["a", "b, c", "d"][n % 3].into());
            call.state = [ConnectionState::Queued, ConnectionState::Alerting][n % 2];
        });
    }
    applied(&site).await;
    let crm = site.token("crm", Role::Service, &[]);
    let (mut after, mut ids) = (String::new(), Vec::new());
    for want in [10, 10, 5] {
        let page = get(&site, &format!("/v1/calls?limit=10{after}"), &crm).await.body;
        let calls = page["calls"].as_array().unwrap();
        assert_eq!(calls.len(), want);
        ids.extend(calls.iter().map(|c| c["id"].as_str().unwrap().to_owned()));
        assert_eq!(page.get("next").is_some(), want == 10);
        after = format!("&after={}", page["next"].as_str().unwrap_or_default());
    }
    assert_eq!(ids.len(), 25);
    assert!(ids.is_sorted() && ids.iter().collect::<BTreeSet<_>>().len() == 25);
    let exact = get(&site, "/v1/calls?limit=25", &crm).await.body;
    assert!(exact.get("next").is_none(), "there is nothing after the last");
    let of = async |query: &str| {
        let body = get(&site, &format!("/v1/calls?{query}"), &crm).await.body;
        body["calls"].as_array().unwrap().len()
    };
    assert_eq!(of("queue=a").await, 9);
    assert_eq!(of("queue=a&queue=b%2C%20c").await, 17);
    assert_eq!(of("queue=a&state=queued").await, 5);
    assert_eq!(of("kind=agent").await, 0);
    assert_eq!(of("trunk=carrier-a&device=100&direction=inbound&limit=3").await, 3);
    let bad = get(&site, "/v1/calls?after=x", &crm).await;
    assert_eq!((bad.status, &bad.body["param"]), (400, &json!("after")));
}

#[tokio::test]
async fn a_screen_goes_on_by_socket_from_its_snapshot() {
    let site = furnished(quick()).await;
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    let topics = ["site:calls", "site:agents", "queue:sales"];
    let ask = "/v1/snapshot?topic=site:calls&topic=site:agents&topic=queue:sales&state=ready\
               &state=initiated&state=logged_out";
    let snapshot = get(&site, ask, &token).await.body;
    let subs = snapshot["subs"].as_array().unwrap();
    assert_eq!(subs.iter().map(|s| s["topic"].clone()).collect::<Vec<_>>(), topics);
    assert_eq!(subs[0]["objs"].as_array().unwrap().len(), 2, "one of the three is alerting");
    assert_eq!(subs[1]["agents"].as_array().unwrap().len(), 2);
    let missed = site.begin_call("400", |_| {});
    applied(&site).await;
    let mut say = hello(&token, &topics.map(|topic| (topic, topic, "")), None);
    for sub in say["subs"].as_array_mut().unwrap() {
        sub["filter"] = json!({"state": ["ready", "initiated", "logged_out"]});
    }
    say["resume"] = snapshot["resume"].clone();
    let (_desk, first) = Desk::open(site.addr, &say).await;
    assert_eq!((&first[0]["resumed"], &first[0]["why"]), (&json!(true), &json!("ok")));
    assert_eq!(first[0]["pos"], snapshot["resume"]["pos"]);
    let told: Vec<_> = of(&first, "ev").iter().map(|f| f["o"]["id"].clone()).collect();
    assert_eq!(told, [missed.to_string()]);
}

#[tokio::test]
async fn a_body_that_the_client_has_is_not_sent_again() {
    let site = furnished(quick()).await;
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    for path in ["/v1/snapshot?topic=site:calls", "/v1/calls", "/v1/agents/anna", "/v1/lines"] {
        let first = get(&site, path, &token).await;
        let tag = first.header("etag").to_owned();
        let epoch = epoch(0).to_string();
        assert!(tag.starts_with(&format!("W/\"{epoch}:{}:full:", site.head())), "{tag}");
        assert_eq!(first.header("cache-control"), "private, no-store");
        let vary: Vec<_> = first.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["accept-encoding, authorization", "origin"]);
        let again = Ask::get(path, &token).with("if-none-match", &tag).of(&site).await;
        assert_eq!((again.status, again.header("etag")), (304, tag.as_str()));
        // Another caller sees other things at the same position.
        let ops = fresh(&site, &who("ops", Role::Ops, &[]), path.len());
        let other = Ask::get(path, &ops).with("if-none-match", &tag).of(&site).await;
        assert_eq!(other.status, 200);
        let packed = Ask::get(path, &token).with("accept-encoding", "gzip, br").of(&site).await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert_eq!((packed.header("etag"), &packed.body), (tag.as_str(), &first.body));
        site.begin_call("900", |_| {});
        applied(&site).await;
        let later = Ask::get(path, &token).with("if-none-match", &tag).of(&site).await;
        assert_eq!(later.status, 200, "another position");
    }
    let screen = fresh(&site, &who("screen", Role::Wallboard, &[]), 0);
    let figures = get(&site, "/v1/snapshot?topic=site:calls", &screen).await;
    assert_eq!(figures.header("cache-control"), "private, no-cache", "figures name nobody");
    assert!(!figures.body.to_string().contains("138"));
}

#[tokio::test]
async fn a_large_snapshot_is_whole_and_compresses_well() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    for n in 0..3000 {
        site.begin_call(&n.to_string(), |_| {});
    }
    applied(&site).await;
    let token = site.token("crm", Role::Service, &[]);
    let path = "/v1/snapshot?topic=site:calls";
    let plain = get(&site, path, &token).await;
    let ids: Vec<_> =
        plain.body["subs"][0]["objs"].as_array().unwrap().iter().map(|o| &o["id"]).collect();
    assert_eq!(ids.len(), 3000);
    assert!(ids.is_sorted_by_key(|id| id.as_str()));
    let packed = Ask::get(path, &token).with("accept-encoding", "gzip").of(&site).await;
    assert_eq!(packed.body, plain.body);
    assert!(packed.bytes.len() * 5 < plain.bytes.len(), "{} bytes", packed.bytes.len());
}

#[tokio::test]
async fn a_request_that_cannot_be_served_says_why() {
    let site = furnished(quick()).await;
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    for (path, param, allowed) in [
        ("/v1/snapshot", "topic", "at least one"),
        ("/v1/snapshot?topic=nonsense", "topic", "site:calls"),
        ("/v1/snapshot?topic=site:calls&limit=1", "query", "topic, view"),
        ("/v1/calls?topic=site:calls", "query", "limit"),
        ("/v1/calls?view=aggregate", "view", "full, masked"),
        ("/v1/calls?limit=0", "limit", "1 to 1000"),
        ("/v1/calls/00000000-0000-0000-0000-000000000001?state=queued", "query", "view"),
    ] {
        let answer = get(&site, path, &token).await;
        assert_eq!((answer.status, &answer.body["param"]), (400, &json!(param)), "{path}");
        assert!(answer.body["allowed"].as_str().unwrap().contains(allowed), "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.body["code"], "BAD_REQUEST");
    }
    for (path, code) in [
        ("/v1/snapshot?topic=site:lines&view=aggregate", "UNSUPPORTED"),
        ("/v1/snapshot?topic=site:calls&view=aggregate&state=queued", "UNSUPPORTED"),
    ] {
        let answer = get(&site, path, &token).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!(code)), "{path}");
    }
    let accept = Ask::get("/v1/calls", &token).with("accept", "text/html").of(&site).await;
    assert_eq!(accept.status, 406);
    for (method, path, allow) in [
        ("DELETE", "/v1/calls", "GET,HEAD,OPTIONS"),
        ("POST", "/v1/snapshot", "GET,HEAD,OPTIONS"),
        ("GET", "/v1/commands", "POST,OPTIONS"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let answer = Ask { method, ..Ask::get(path, &token) }.of(&site).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
        assert_eq!(answer.body["code"], "UNSUPPORTED");
    }
    let head = Ask { method: "HEAD", ..Ask::get("/v1/calls", &token) }.of(&site).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert!(head.header("etag").starts_with("W/"));
    let none = get(&site, "/v1/nothing", &token).await;
    assert_eq!((none.status, &none.body["code"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn who_does_not_say_who_it_is_is_asked() {
    let site = furnished(quick()).await;
    let paths = ["/v1/calls", "/v1/agents/anna", "/v1/links", "/v1/snapshot?topic=site:calls"];
    for path in paths.into_iter().chain(["/v1/commands/0198c0de-0000-7000-8000-000000000001"]) {
        let nobody = Ask { headers: Vec::new(), ..Ask::get(path, "") }.of(&site).await;
        assert_eq!(nobody.status, 401);
        assert_eq!(nobody.header("www-authenticate"), "Bearer realm=\"trunkline\"");
        let wrong = get(&site, path, "nonsense").await;
        assert_eq!((wrong.status, &wrong.body["code"]), (401, &json!("UNAUTHENTICATED")));
        assert!(wrong.header("www-authenticate").contains("error=\"invalid_token\""));
    }
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    site.clock.fetch_add(3631 * 1_000_000, SeqCst);
    assert_eq!(get(&site, "/v1/calls", &token).await.status, 401, "its time is over");
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    assert_eq!(get(&site, "/v1/calls", &token).await.status, 200);
    let now = Wall(site.clock.load(SeqCst));
    site.auth.revoke(Revocation::of(Revoked::Subject, "crm-0", now));
    assert_eq!(get(&site, "/v1/calls", &token).await.status, 403);
}

#[tokio::test]
async fn pages_of_the_allowed_origins_may_ask_and_others_not() {
    let origins = vec!["https://desk.example".to_owned()];
    let site = furnished(DeskConfig { origins, ..quick() }).await;
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    let ours = Ask::get("/v1/calls", &token).with("origin", "https://desk.example").of(&site).await;
    assert_eq!(ours.header("access-control-allow-origin"), "https://desk.example");
    assert!(ours.header("access-control-expose-headers").contains("etag"));
    let evil = Ask::get("/v1/calls", &token).with("origin", "https://evil.example").of(&site).await;
    assert_eq!((evil.status, evil.header("access-control-allow-origin")), (403, ""));
    // The page of ours reads why it was refused, too.
    let refused = Ask::get("/v1/calls", "x").with("origin", "https://desk.example").of(&site).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("access-control-allow-origin"), "https://desk.example");
    for (path, method) in
        [("/v1/calls", "GET"), ("/v1/commands", "POST"), ("/v1/ws-ticket", "POST")]
    {
        let ask = |origin: &str| {
            let ask = Ask { method: "OPTIONS", headers: Vec::new(), ..Ask::get(path, "") };
            ask.with("origin", origin).with("access-control-request-method", method)
        };
        let answer = ask("https://desk.example").of(&site).await;
        assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, method));
        assert!(answer.header("access-control-allow-headers").starts_with("authorization"));
        assert_eq!(ask("https://evil.example").of(&site).await.status, 403);
    }
}

#[tokio::test]
async fn a_user_who_asks_too_often_waits_and_others_do_not() {
    let config = DeskConfig { messages_burst: 3, messages_per_s: 1, ..quick() };
    let site = furnished(config).await;
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(get(&site, "/v1/lines", &token).await);
    }
    let limited = statuses.iter().find(|a| a.status == 429).expect("more than three in a second");
    assert_eq!(
        (limited.header("retry-after"), &limited.body["code"]),
        ("1", &json!("RATE_LIMITED"))
    );
    assert!(statuses[..3].iter().all(|a| a.status == 200));
    let other = fresh(&site, &who("crm", Role::Service, &[]), 1);
    assert_eq!(get(&site, "/v1/lines", &other).await.status, 200);
}

#[tokio::test]
async fn a_token_in_the_upgrade_stands_for_that_of_hello() {
    let site = furnished(quick()).await;
    let open = async |token: &str| {
        let mut request = request(site.addr, crate::CODEC);
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        let stream = tokio::net::TcpStream::connect(site.addr).await.unwrap();
        Desk::ask(request, stream, crate::CODEC).await
    };
    let mut desk = open(&site.agent()).await.unwrap();
    let mut say = hello("", OWN, None);
    say.as_object_mut().unwrap().remove("auth");
    desk.say(&say).await;
    let first = desk.until_live(1).await;
    assert_eq!(of(&first, "snap")[0]["objs"].as_array().unwrap().len(), 1);
    // What hello says comes first, and a refresh is of the same user.
    let mut desk = open(&site.agent()).await.unwrap();
    desk.say(&hello("nonsense", OWN, None)).await;
    assert_eq!(desk.until_close().await.1, 4500);
    let refused = open("nonsense").await.err().unwrap();
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status(), 401);
    let now = Wall(site.clock.load(SeqCst));
    site.auth.revoke(Revocation::of(Revoked::Subject, "anna", now));
    let refused = open(&site.agent()).await.err().unwrap();
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn every_route_answers_its_method_and_is_counted() {
    let site = furnished(quick()).await;
    let token = fresh(&site, &who("crm", Role::Service, &[]), 0);
    let others = ["GET", "POST", "PUT", "DELETE", "PATCH"];
    for (method, path) in trunkline::io::http::routes() {
        let of_path: Vec<_> =
            trunkline::io::http::routes().filter(|r| r.1 == path).map(|r| r.0).collect();
        let path = path.replace("{id}", "x").replace("{name}", "x").replace("{number}", "x");
        for other in others.into_iter().filter(|m| !of_path.contains(m)) {
            let answer = Ask { method: other, ..Ask::get(&path, &token) }.of(&site).await;
            assert_eq!(answer.status, 405, "{other} {path}");
        }
        let answer = Ask { method, ..Ask::get(&path, &token) }.of(&site).await;
        assert!(answer.status != 405, "{method} {path}");
        let unknown = answer.body["detail"] == "no such path";
        assert!(!unknown, "{method} {path}");
    }
    let served = get(&site, "/v1/openapi.json", &token).await.body;
    let published = include_str!("../../proto/schema/openapi.json");
    assert_eq!(served, serde_json::from_str::<Value>(published).unwrap());
    let metrics = get(&site, "/metrics", &token).await.body;
    let metrics = metrics.as_str().unwrap();
    for line in [
        "trunkline_http_requests_total{route=\"/v1/calls\",status=\"200\"} 1\n",
        "trunkline_http_requests_total{route=\"/v1/calls\",status=\"405\"} 4\n",
        "trunkline_http_requests_total{route=\"/v1/calls/{id}\",status=\"404\"} 1\n",
        "trunkline_http_requests_total{route=\"/v1/ari/{name}\",status=\"401\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    get(&site, "/no/such/path", &token).await;
    let metrics = get(&site, "/metrics", &token).await.body;
    let none = "trunkline_http_requests_total{route=\"none\",status=\"404\"} 1\n";
    assert!(metrics.as_str().unwrap().contains(none), "{metrics}");
}

/// Asks for a large body and reads no more than its beginning.
async fn stalled(site: &Site, token: &str) -> tokio::net::TcpStream {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let mut stream = socket.connect(site.addr).await.unwrap();
    let ask = format!(
        "GET /v1/snapshot?topic=site:calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[tokio::test]
async fn readers_that_stop_hold_up_no_desk_and_are_not_too_many() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    for n in 0..1500 {
        site.begin_call(&n.to_string(), |_| {});
    }
    applied(&site).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let token = |n: usize| fresh(&site, &who("crm", Role::Service, &[]), n);
    let mut readers = Vec::new();
    for n in 0..64 {
        readers.push(stalled(&site, &token(n)).await);
    }
    let (path, last) = ("/v1/snapshot?topic=site:calls", token(64));
    let full = get(&site, path, &last).await;
    assert_eq!((full.status, full.header("retry-after")), (503, "1"));
    assert_eq!(full.body["code"], "LIMIT_EXCEEDED");
    let call = site.begin_call("100", |_| {});
    assert_eq!(desk.next_of("ev").await["o"]["id"], call.to_string());
    // Whoever leaves makes room.
    readers.pop();
    let mut tries = 0;
    while get(&site, path, &last).await.status == 503 {
        tries += 1;
        assert!(tries < 30, "the place is not given back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
