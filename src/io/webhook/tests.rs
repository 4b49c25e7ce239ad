//! Webhooks against a receiver on loopback, with a log in memory.

#![allow(clippy::unwrap_used)]

use super::config::{Webhook, WebhookConfig, WebhookStats};
use super::{Log, Place, Places, spawn};
use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use trunkline_core::model::{
    Detail, Entity, Epoch, Event, EventKind, Pos, SystemState, SystemStatus, Wall,
};
use trunkline_core::wire::View;

const SECRET: &[u8] = b"thirty-two bytes of a secret key";

fn epoch(n: u128) -> Epoch {
    Epoch(uuid::Uuid::from_u128(n))
}

fn event(pos: u64) -> Event {
    let status =
        SystemStatus { state: SystemState::Normal, reason: format!("event {pos}"), lost: 0 };
    Event {
        pos: Pos(pos),
        ts: Wall(1_767_580_200_000_000),
        kind: EventKind::SystemStatus,
        entity: Entity::System(status.into()),
        detail: Detail::default(),
    }
}

/// What a request was answered with, and what it said.
struct Got {
    status: u16,
    id: String,
    events: Vec<Value>,
}

#[derive(Default)]
struct Receiver {
    /// Answers to the next requests; 200 when there are no more. 0: none, until it is given up.
    script: Mutex<VecDeque<u16>>,
    got: Mutex<Vec<Got>>,
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signed = format!("{id}.{at}.{body}");
    let signature = header("webhook-signature");
    let tag = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    let batch = header("content-type").starts_with("application/cloudevents-batch+json");
    assert!(batch == body.is_array());
    let events = body.as_array().cloned().unwrap_or_else(|| vec![body]);
    let status = receiver.script.lock().unwrap().pop_front().unwrap_or(200);
    receiver.got.lock().unwrap().push(Got { status, id, events });
    match status {
        0 => std::future::pending().await,
        302 => (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response(),
        status => StatusCode::from_u16(status).unwrap().into_response(),
    }
}

#[derive(Default)]
struct Memory(Mutex<HashMap<String, Place>>);

impl Places for Memory {
    fn load(&self, name: &str) -> Result<Option<Place>, String> {
        Ok(self.0.lock().unwrap().get(name).copied())
    }

    fn save(&self, name: &str, place: Place) -> Result<(), String> {
        self.0.lock().unwrap().insert(name.to_owned(), place);
        Ok(())
    }
}

/// A log, a receiver and where the webhook stands; outlives the webhook's tasks.
struct World {
    log: Arc<Mutex<Vec<Event>>>,
    told: watch::Sender<Place>,
    places: Arc<Memory>,
    receiver: Arc<Receiver>,
    url: String,
}

impl World {
    async fn new(script: &[u16]) -> Self {
        let receiver = Arc::new(Receiver::default());
        receiver.script.lock().unwrap().extend(script);
        let app = Router::new()
            .route("/hook", post(receive))
            .route("/elsewhere", any(|| async { StatusCode::OK }))
            .with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let told = watch::channel(Place { epoch: epoch(1), pos: Pos(0) }).0;
        Self { log: Arc::default(), told, places: Arc::default(), receiver, url }
    }

    fn commit(&self, upto: u64) {
        let mut log = self.log.lock().unwrap();
        let next = log.last().map_or(1, |e| e.pos.0 + 1);
        log.extend((next..=upto).map(event));
        self.told.send_modify(|place| place.pos = Pos(upto));
    }

    fn start(&self, change: impl FnOnce(&mut WebhookConfig)) -> Running {
        let mut config = WebhookConfig {
            name: "crm".into(),
            url: self.url.parse().unwrap(),
            ca: None,
            secret: SECRET.to_vec().into(),
            kinds: Vec::new(),
            view: View::Masked,
            batch_max: 1,
            answer_max: Duration::from_millis(300),
            retry: (Duration::from_millis(5), Duration::from_millis(20)),
            site: "main".into(),
        };
        change(&mut config);
        let log = self.log.clone();
        let read = move |from: Pos, limit| {
            let log = log.lock().unwrap();
            Ok(log.iter().filter(|e| e.pos > from).take(limit).cloned().collect())
        };
        let log = Log {
            read: Arc::new(read),
            head: self.told.subscribe(),
            places: self.places.clone(),
            clock: Arc::new(|| Wall(1_767_580_200_000_000)),
        };
        let (stop, stopped) = watch::channel(false);
        let stats = Arc::new(WebhookStats::default());
        let task = spawn(Webhook::new(config).unwrap(), log, stopped, stats.clone());
        Running { stop, task, stats }
    }

    /// Events of the requests that were answered by 2xx.
    fn delivered(&self) -> Vec<Value> {
        let got = self.receiver.got.lock().unwrap();
        let good = got.iter().filter(|g| (200..300).contains(&g.status));
        good.flat_map(|g| g.events.clone()).collect()
    }

    async fn until_delivered(&self, count: usize) -> Vec<Value> {
        for _ in 0..1000 {
            let delivered = self.delivered();
            if delivered.len() >= count {
                return delivered;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} events came", self.delivered().len());
    }
}

struct Running {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    stats: Arc<WebhookStats>,
}

impl Running {
    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }

    fn figure(&self, name: &str) -> u64 {
        self.stats.rows().iter().find(|row| row.0 == name).unwrap().3
    }
}

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|e| e["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn events_come_in_order_signed_and_as_cloud_events() {
    let world = World::new(&[]).await;
    let running = world.start(|_| {});
    world.commit(3);
    let events = world.until_delivered(3).await;
    assert_eq!(positions(&events), [1, 2, 3]);
    let expected = serde_json::json!({
        "specversion": "1.0",
        "id": format!("{}:2", epoch(1)),
        "source": "/trunkline/main",
        "type": "system.status",
        "time": "2026-01-05T02:30:00.000000Z",
        "datacontenttype": "application/json",
        "sequence": "2",
        "data": { "o": { "status": "normal", "reason": "event 2" } },
    });
    assert_eq!(events[1], expected);
    assert_eq!((running.figure("events_total"), running.figure("failing")), (3, 0));
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_delivery_again_and_misses_nothing() {
    let world = World::new(&[500, 302, 0, 404, 200, 503]).await;
    let running = world.start(|_| {});
    world.commit(4);
    let events = world.until_delivered(4).await;
    assert_eq!(positions(&events), [1, 2, 3, 4]);
    let tries: Vec<(u16, String)> = {
        let got = world.receiver.got.lock().unwrap();
        got.iter().map(|g| (g.status, g.id.rsplit(':').next().unwrap().to_owned())).collect()
    };
    let tries: Vec<(u16, &str)> = tries.iter().map(|(status, id)| (*status, id.as_str())).collect();
    let expected = [
        (500, "1"),
        (302, "1"),
        (0, "1"),
        (404, "1"),
        (200, "1"),
        (503, "2"),
        (200, "2"),
        (200, "3"),
        (200, "4"),
    ];
    assert_eq!(tries, expected);
    assert_eq!(running.figure("failures_total"), 5);
    running.stop().await;
}

#[tokio::test]
async fn a_new_webhook_begins_at_the_head_and_a_known_one_where_it_stood() {
    let world = World::new(&[]).await;
    world.commit(5);
    let running = world.start(|_| {});
    world.commit(7);
    assert_eq!(positions(&world.until_delivered(2).await), [6, 7]);
    running.stop().await;
    assert_eq!(world.places.0.lock().unwrap()["crm"].pos, Pos(7), "kept by the stop");
    world.commit(9);
    let running = world.start(|_| {});
    assert_eq!(positions(&world.until_delivered(4).await), [6, 7, 8, 9]);
    running.stop().await;
}

#[tokio::test]
async fn many_events_come_in_batches() {
    let world = World::new(&[]).await;
    let running = world.start(|config| config.batch_max = 100);
    world.commit(600);
    let events = world.until_delivered(600).await;
    assert_eq!(positions(&events), (1..=600).collect::<Vec<_>>());
    assert!(running.figure("requests_total") <= 9, "{}", running.figure("requests_total"));
    running.stop().await;
}

#[tokio::test]
async fn what_the_journal_lost_is_told_once() {
    let world = World::new(&[]).await;
    let running = world.start(|_| {});
    world.commit(2);
    world.until_delivered(2).await;
    running.stop().await;
    world.commit(9);
    world.log.lock().unwrap().retain(|e| e.pos.0 > 7);
    let running = world.start(|_| {});
    let events = world.until_delivered(5).await;
    assert_eq!(events[2]["type"], "trunkline.gap");
    assert_eq!(events[2]["data"]["delivered_to"]["pos"], "2");
    assert_eq!(events[2]["data"]["goes_on_at"]["pos"], "7");
    assert_eq!(positions(&events[3..]), [8, 9]);

    // Another incarnation of the log begins anew.
    *world.log.lock().unwrap() = Vec::new();
    world.told.send_replace(Place { epoch: epoch(2), pos: Pos(0) });
    world.commit(1);
    let events = world.until_delivered(7).await;
    assert_eq!(events[5]["type"], "trunkline.gap");
    assert_eq!(events[6]["id"], format!("{}:1", epoch(2)));
    running.stop().await;
}

#[tokio::test]
async fn kinds_that_nobody_asked_for_are_passed_over() {
    let world = World::new(&[]).await;
    let running = world.start(|config| config.kinds = vec![EventKind::CallCleared]);
    world.commit(3);
    for _ in 0..500 {
        if running.figure("position") == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((running.figure("position"), world.delivered().len()), (3, 0));
    running.stop().await;
    assert_eq!(world.places.0.lock().unwrap()["crm"].pos, Pos(3));
}
