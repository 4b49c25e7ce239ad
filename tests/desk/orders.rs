//! Commands by HTTP: durable before they are acknowledged, and never carried out twice.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use crate::web::{Answer, Ask, get};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use trunkline::io::desk::{DeskConfig, DeskOrder};
use trunkline_core::engine::{CommandAnswer, CommandRequest, Current};
use trunkline_core::hub::Role;
use trunkline_core::model::*;

const ID: &str = "0198c0de-0000-7000-8000-000000000001";

type Given = (CommandRequest, tokio::sync::oneshot::Sender<CommandAnswer>);

/// A site whose engine is the test.
struct Engine {
    site: Site,
    given: mpsc::UnboundedReceiver<Given>,
    standing: Arc<Mutex<Option<Command>>>,
}

fn command(request: &CommandRequest, status: CommandStatus) -> Command {
    Command {
        id: request.id,
        rev: 1,
        user: request.who.user.clone(),
        op: request.op,
        call_id: None,
        leg: None,
        agent: String::new(),
        to: None,
        digest: request.digest,
        accepted_at: START,
        not_after: START,
        status,
        error: None,
        done_at: None,
    }
}

impl Engine {
    async fn start() -> Self {
        let (to_test, given) = mpsc::unbounded_channel();
        let standing: Arc<Mutex<Option<Command>>> = Arc::default();
        let known = standing.clone();
        let give = Give(Arc::new(move |order| match order {
            DeskOrder::Command { request, done } => to_test.send((*request, done)).is_ok(),
            DeskOrder::Standing { ids, done, .. } => {
                let known = known.lock().unwrap().clone();
                let all = ids.into_iter().map(|id| (id, known.clone().filter(|c| c.id == id)));
                done.send(CommandAnswer::Standing(all.collect())).is_ok()
            }
            DeskOrder::Applied { .. } | DeskOrder::Presence { .. } => true,
        }));
        let desk = DeskConfig { message_bytes_max: 2048, ..quick() };
        let site = Site::start(Setup { desk, give, ..Setup::default() }).await;
        Self { site, given, standing }
    }

    /// Commits an event of the command.
    fn say(&self, request: &CommandRequest, status: CommandStatus) {
        let kind = match status {
            CommandStatus::Accepted => EventKind::CommandAccepted,
            _ => EventKind::CommandDone,
        };
        let entity = Entity::Command(Box::new(command(request, status)));
        self.site.commit_entity(kind, entity);
    }
}

fn order<'a>(token: &str, body: &Value) -> Ask<'a> {
    let ask = Ask { method: "POST", body: body.to_string(), ..Ask::get("/v1/commands", token) };
    ask.with("content-type", "application/json")
}

fn hold() -> Value {
    json!({"id": ID, "op": "call.hold", "target": {"call": "0198c0de-0000-7000-8000-0000000000aa"}})
}

fn at(addr: std::net::SocketAddr, ask: Ask<'static>) -> tokio::task::JoinHandle<Answer> {
    tokio::spawn(async move { ask.over(tokio::net::TcpStream::connect(addr).await.unwrap()).await })
}

#[tokio::test]
async fn a_command_is_answered_when_it_is_durable_and_not_before() {
    let mut engine = Engine::start().await;
    let token = engine.site.agent();
    let asked = at(engine.site.addr, order(&token, &hold()));
    let (request, done) = engine.given.recv().await.unwrap();
    assert_eq!((request.op, request.who.user.as_str()), (CommandOp::CallHold, "anna"));
    done.send(CommandAnswer::Accepted).unwrap();
    // Accepted, and another command of the same user is durable: nothing is said of this one.
    let other = CommandRequest { id: CommandId(uuid::Uuid::from_u128(7)), ..request.clone() };
    engine.say(&other, CommandStatus::Accepted);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!asked.is_finished(), "the journal has not spoken");
    engine.say(&request, CommandStatus::Accepted);
    let answer = asked.await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (202, &*format!("/v1/commands/{ID}")));
    assert_eq!(answer.body, json!({"id": ID, "status": "accepted", "pos": "2"}));
    let deaf = |site: &Site| {
        site.commit(1, &["900"]); // sizes are told with events
        site.hub.stats().hub.slots == 0
    };
    engine.site.until("nobody listens", deaf).await;
}

#[tokio::test]
async fn who_prefers_to_wait_gets_the_result() {
    let mut engine = Engine::start().await;
    let token = engine.site.agent();
    let asked = at(engine.site.addr, order(&token, &hold()).with("prefer", "wait=20"));
    let (request, done) = engine.given.recv().await.unwrap();
    done.send(CommandAnswer::Accepted).unwrap();
    engine.say(&request, CommandStatus::Accepted);
    engine.say(&request, CommandStatus::Ok);
    let answer = asked.await.unwrap();
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("ok")));
    // Sent again: as it stands, without a second time.
    let asked = at(engine.site.addr, order(&token, &hold()));
    let (request, done) = engine.given.recv().await.unwrap();
    let known = command(&request, CommandStatus::Ok);
    done.send(CommandAnswer::Known(Box::new(known), Some(Pos(2)))).unwrap();
    let again = asked.await.unwrap();
    assert_eq!((again.status, again.body), (200, answer.body));
}

#[tokio::test]
async fn a_command_that_is_not_accepted_is_a_problem() {
    let mut engine = Engine::start().await;
    let token = engine.site.agent();
    let busy = call(9, "100", START);
    for (code, current, status) in [
        (CommandCode::Conflict, Current::Call(Arc::new(busy)), 409),
        (CommandCode::Forbidden, Current::None, 403),
        (CommandCode::NotFound, Current::None, 404),
        (CommandCode::IdempotencyMismatch, Current::None, 422),
        (CommandCode::Expired, Current::None, 409),
        (CommandCode::RateLimited, Current::None, 429),
        (CommandCode::LimitExceeded, Current::None, 409),
        (CommandCode::Unsupported, Current::None, 422),
        (CommandCode::SwitchUnavailable, Current::None, 503),
        (CommandCode::Internal, Current::None, 503),
    ] {
        let asked = at(engine.site.addr, order(&token, &hold()));
        let (_, done) = engine.given.recv().await.unwrap();
        let error = CommandError::plain(code, "why");
        let conflict = matches!(current, Current::Call(_));
        done.send(CommandAnswer::Refused(error, current)).unwrap();
        let answer = asked.await.unwrap();
        assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code.name())));
        assert_eq!(answer.body["detail"], "why");
        assert_eq!(answer.body["details"]["device"] == "100", conflict);
        assert!(!answer.body.to_string().contains("13800138000"), "numbers are masked");
        assert_eq!(answer.header("retry-after") == "1", [429, 503].contains(&status));
    }
}

#[tokio::test]
async fn what_is_no_command_is_refused_before_the_engine_hears_of_it() {
    let mut engine = Engine::start().await;
    let token = engine.site.agent();
    let large = json!({"id": ID, "op": "call.data", "args": {"value": "x".repeat(2048)}});
    let kind = |ask: Ask<'static>, kind: &str| {
        let headers = ask.headers.into_iter().filter(|(name, _)| *name != "content-type").collect();
        Ask { headers, ..ask }.with("content-type", kind)
    };
    for (ask, status, code) in [
        (order(&token, &json!({"id": "7", "op": "call.hold"})), 400, "BAD_REQUEST"),
        (order(&token, &json!({"id": ID, "op": "call.fax"})), 400, "BAD_REQUEST"),
        (order(&token, &json!([])), 400, "BAD_REQUEST"),
        (order(&token, &large), 413, "LIMIT_EXCEEDED"),
        (kind(order(&token, &hold()), "text/plain"), 415, "UNSUPPORTED"),
        (order("nonsense", &hold()), 401, "UNAUTHENTICATED"),
        (order(&token, &hold()).with("accept", "text/html"), 406, "UNSUPPORTED"),
    ] {
        let answer = ask.of(&engine.site).await;
        assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{answer:?}");
    }
    assert!(engine.given.try_recv().is_err());
    let utf8 = kind(order(&token, &hold()), "Application/JSON; charset=utf-8");
    let asked = at(engine.site.addr, utf8);
    let (_, done) = engine.given.recv().await.unwrap();
    drop(done); // an engine that does not answer
    let answer = asked.await.unwrap();
    assert_eq!((answer.status, &answer.body["code"]), (503, &json!("INTERNAL")));
}

#[tokio::test]
async fn how_a_command_stands_is_asked_by_its_id() {
    let mut engine = Engine::start().await;
    let token = engine.site.token("anna", Role::Agent, &["100"]);
    let path = format!("/v1/commands/{ID}");
    assert_eq!(get(&engine.site, &path, &token).await.status, 404);
    assert_eq!(get(&engine.site, "/v1/commands/x", &token).await.status, 404);
    let asked = at(engine.site.addr, order(&token, &hold()));
    let (request, done) = engine.given.recv().await.unwrap();
    *engine.standing.lock().unwrap() = Some(command(&request, CommandStatus::Expired));
    drop(done);
    asked.await.unwrap();
    let answer = get(&engine.site, &path, &token).await;
    assert_eq!((answer.status, answer.body), (200, json!({"id": ID, "status": "expired"})));
}
