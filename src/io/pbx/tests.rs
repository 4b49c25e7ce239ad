//! Drivers against scripted peers on real sockets, with a session that says what it hears.

#![allow(clippy::unwrap_used)]

use super::rig::Rig;
use super::*;
use crate::io::clock::Clock;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use trunkline_core::engine::{LinkIx, PbxIx};
use trunkline_core::model::{Mono, Now};
use trunkline_core::pbx::{
    Close, HttpRequest, Lane, LinkOutputs, LinkReport, Method, News, Order, OrderId, OrderResult,
    PbxIdentity, Session,
};

/// Says what it hears as warnings. `up` logs it in, `refuse` and `close` end it, `get PATH` asks.
#[derive(Default)]
struct Parrot {
    tickets: u64,
}

impl Parrot {
    fn say(text: String, out: &mut LinkOutputs) {
        out.reports.push(LinkReport::News(News::Warning(text)));
    }
}

impl Session for Parrot {
    fn connected(&mut self, _now: Now, lane: Lane, out: &mut LinkOutputs) {
        out.sends.push((lane, format!("hello {lane:?}\n").into_bytes()));
    }

    fn received(&mut self, _now: Now, _lane: Lane, bytes: &[u8], out: &mut LinkOutputs) {
        let text = String::from_utf8_lossy(bytes).trim().to_owned();
        match text.split_once(' ') {
            Some(("get", path)) => {
                self.tickets += 1;
                out.requests.push(HttpRequest {
                    ticket: self.tickets,
                    method: Method::Get,
                    path: path.to_owned(),
                    body: String::new(),
                });
            }
            _ if text == "up" => {
                out.reports.push(LinkReport::News(News::Up(PbxIdentity::default())));
            }
            _ if text == "refuse" => out.close = Some(Close::Refused("go away".into())),
            _ if text == "close" => out.close = Some(Close::Retry("come again".into())),
            _ => Self::say(text, out),
        }
    }

    fn responded(&mut self, _: Now, ticket: u64, status: u16, body: &[u8], out: &mut LinkOutputs) {
        Self::say(format!("{ticket}: {status} {}", String::from_utf8_lossy(body)), out);
    }

    /// A snapshot is asked for by nothing, a hang-up by a line.
    fn order(&mut self, _now: Now, id: OrderId, order: &Order, out: &mut LinkOutputs) {
        if !matches!(order, Order::Snapshot) {
            out.sends.push((Lane::Events, format!("order {}\n", id.0).into_bytes()));
        }
    }

    fn dropped(&mut self, _now: Now, events: u64, out: &mut LinkOutputs) {
        out.reports.push(LinkReport::News(News::Lost(events, "queue".into())));
    }

    fn tick(&mut self, _now: Now, _out: &mut LinkOutputs) {}

    fn next_deadline(&self) -> Option<Mono> {
        None
    }
}

/// Short times, so that a test waits little for what must happen.
fn limits() -> LinkLimits {
    LinkLimits {
        retry_min: Duration::from_millis(20),
        retry_max: Duration::from_millis(100),
        answer: Duration::from_millis(300),
        ..LinkLimits::default()
    }
}

fn rig(wire: Wire, limits: LinkLimits, reports_max: usize) -> Rig {
    let config = LinkConfig {
        name: "test".into(),
        pbx: PbxIx(0),
        link: LinkIx(0),
        wire,
        limits,
        make: Box::new(|| Box::new(Parrot::default())),
        seed: 1,
    };
    let (sender, reports) = mpsc::channel(reports_max);
    let link = spawn(config, Clock::system(), sender, Arc::new(|| {}));
    Rig::new(link, reports)
}

impl Rig {
    async fn down(&mut self) -> (String, bool) {
        loop {
            if let LinkReport::Down { reason, refused, .. } = self.next().await {
                return (reason, refused);
            }
        }
    }

    async fn until_up(&mut self) {
        while !matches!(self.next().await, LinkReport::News(News::Up(_))) {}
    }

    async fn done(&mut self) -> (OrderId, OrderResult) {
        loop {
            if let LinkReport::News(News::Done(id, result)) = self.next().await {
                return (id, result);
            }
        }
    }
}

async fn listener() -> (TcpListener, HostPort) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, HostPort { host: "127.0.0.1".into(), port })
}

fn stream(address: &HostPort, two: bool) -> Wire {
    Wire::Stream { address: address.clone(), tls: None, two }
}

fn web(address: &HostPort) -> Wire {
    Wire::Web(WebWire {
        address: address.clone(),
        tls: None,
        base: "/ari".into(),
        events: "/events?app=a".into(),
        login: BasicLogin { user: "u".into(), password: zeroize::Zeroizing::new("p".into()) },
    })
}

async fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    timeout(Duration::from_secs(10), stream.read_line(&mut line)).await.unwrap().unwrap();
    line.trim().to_owned()
}

/// Takes the next connection and its greeting.
async fn greeted(listener: &TcpListener) -> BufReader<TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    assert_eq!(line(&mut stream).await, "hello Events");
    stream
}

#[tokio::test]
async fn a_link_comes_back_after_each_loss_and_says_why_it_went() {
    let (listener, address) = listener().await;
    let mut rig = rig(stream(&address, false), limits(), 64);
    assert_eq!(rig.next().await, LinkReport::Connecting);
    let mut peer = greeted(&listener).await;
    peer.write_all(b"up").await.unwrap();
    rig.until_up().await;
    drop(peer);
    let (why, refused) = rig.down().await;
    assert!(!refused && why.contains("closed") || why.contains("reset"), "{why}");
    assert_eq!(rig.next().await, LinkReport::Connecting);
    let mut peer = greeted(&listener).await;
    peer.write_all(b"refuse").await.unwrap();
    assert_eq!(rig.down().await, ("go away".to_owned(), true));
}

#[tokio::test]
async fn two_lanes_are_two_connections() {
    let (listener, address) = listener().await;
    let _rig = rig(stream(&address, true), limits(), 64);
    let mut greetings = Vec::new();
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut peer = BufReader::new(listener.accept().await.unwrap().0);
        greetings.push(line(&mut peer).await);
        open.push(peer);
    }
    greetings.sort();
    assert_eq!(greetings, ["hello Commands", "hello Events"]);
}

#[tokio::test]
async fn orders_at_a_loss_are_answered_by_what_may_have_happened() {
    let (listener, address) = listener().await;
    let mut rig = rig(stream(&address, false), limits(), 64);
    let hangup = || Order::Hangup { channel: trunkline_core::pbx::ChannelId("1".into()), q850: 16 };
    let mut peer = greeted(&listener).await;
    rig.link.orders.send((OrderId(1), hangup())).await.unwrap();
    assert_eq!(rig.done().await, (OrderId(1), OrderResult::LinkDown), "not logged in");
    peer.write_all(b"up").await.unwrap();
    rig.until_up().await;
    rig.link.orders.send((OrderId(2), hangup())).await.unwrap();
    rig.link.orders.send((OrderId(3), Order::Snapshot)).await.unwrap();
    assert_eq!(line(&mut peer).await, "order 2");
    // Both orders are with the session when it ends: the second is told before the close.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(peer);
    assert_eq!(rig.done().await, (OrderId(2), OrderResult::TimedOut), "it was sent");
    assert_eq!(rig.done().await, (OrderId(3), OrderResult::LinkDown), "nothing was sent for it");
    drop(listener);
    rig.down().await;
    rig.link.orders.send((OrderId(4), hangup())).await.unwrap();
    assert_eq!(rig.done().await, (OrderId(4), OrderResult::LinkDown));
}

#[tokio::test]
async fn nobody_there_is_no_refusal_but_a_wrong_protocol_is() {
    let (listener, address) = listener().await;
    drop(listener);
    let mut nobody = rig(stream(&address, false), limits(), 64);
    let (why, refused) = nobody.down().await;
    assert!(why.starts_with(&format!("cannot connect to {address}")) && !refused, "{why}");

    let (listener, address) = self::listener().await;
    let tls = Some(StreamTls::load(None).unwrap());
    let wire = Wire::Stream { address, tls, two: false };
    let mut plain = rig(wire, limits(), 64);
    let (mut peer, _) = listener.accept().await.unwrap();
    peer.write_all(b"Asterisk Call Manager/11.0.0\r\n").await.unwrap();
    let (why, refused) = plain.down().await;
    assert!(why.contains("does that port speak TLS?") && refused, "{why}");
}

#[tokio::test]
async fn who_never_logs_in_is_given_up() {
    let (listener, address) = listener().await;
    let limits = LinkLimits { login: Duration::from_millis(100), ..limits() };
    let mut rig = rig(stream(&address, false), limits, 64);
    let _peer = greeted(&listener).await;
    let (why, refused) = rig.down().await;
    assert!(why.contains("did not let us in") && !refused, "{why}");
}

#[tokio::test]
async fn a_stream_that_is_not_handled_in_time_is_read_on_and_then_given_up() {
    let (listener, address) = listener().await;
    let limits = LinkLimits { spill_bytes_max: 1 << 20, ..limits() };
    let mut rig = rig(stream(&address, false), limits, 1);
    let mut peer = greeted(&listener).await;
    // Nobody takes reports: the driver waits, the queue is full soon, the reader goes on.
    let chunk = vec![b'x'; 64 << 10];
    let flood = async {
        for _ in 0..1000 {
            peer.write_all(&chunk).await.unwrap();
        }
    };
    timeout(Duration::from_secs(20), flood).await.expect("the PBX is not kept waiting");
    while !matches!(rig.next().await, LinkReport::News(News::Lost(1, _))) {}
    let (why, refused) = rig.down().await;
    assert_eq!((why.as_str(), refused), ("the queue of unread events is full", false));
}

/// A WebSocket server's end; ARI's handshake is answered whatever it says.
async fn socket(stream: TcpStream) -> tokio_tungstenite::WebSocketStream<TcpStream> {
    use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
    #[allow(clippy::result_large_err)] // tungstenite's own type
    let choose = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let said = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(request.uri().to_string(), "/ari/events?app=a");
        assert_eq!(said("authorization"), "Basic dTpw");
        let chosen = said("sec-websocket-protocol").parse().unwrap();
        response.headers_mut().insert("sec-websocket-protocol", chosen);
        Ok(response)
    };
    tokio_tungstenite::accept_hdr_async(stream, choose).await.unwrap()
}

#[tokio::test]
async fn a_stalled_engine_does_not_stall_the_reader_and_every_loss_is_counted() {
    use futures_util::SinkExt as _;
    const MESSAGES: u64 = 5000;
    let (listener, address) = listener().await;
    let limits = LinkLimits { spill_messages_max: 100, ..limits() };
    let mut rig = rig(web(&address), limits, 1);
    let mut peer = socket(listener.accept().await.unwrap().0).await;
    let text = "x".repeat(8 << 10); // in all far beyond what socket buffers take
    let flood = async {
        for _ in 0..MESSAGES {
            peer.send(Message::text(text.clone())).await.unwrap();
        }
    };
    timeout(Duration::from_secs(20), flood).await.expect("the reader reads on");
    peer.send(Message::text("last")).await.unwrap();
    let (mut heard, mut lost, mut losses) = (0, 0, 0);
    loop {
        match rig.next().await {
            LinkReport::News(News::Warning(text)) if text == "last" => break,
            LinkReport::News(News::Warning(_)) => heard += 1,
            LinkReport::News(News::Lost(count, _)) => (lost, losses) = (lost + count, losses + 1),
            _ => {}
        }
        if heard + lost == MESSAGES + 1 {
            break; // the last one was dropped too
        }
    }
    assert!(heard + lost >= MESSAGES, "{heard} heard, {lost} lost");
    assert!(lost > MESSAGES / 2 && losses < 100, "{lost} lost in {losses} pieces");
    assert_eq!(rig.link.stats.counters()[3].2, lost);
}

#[tokio::test]
async fn refusals_of_the_web_server_name_what_is_wrong() {
    for (status, expected, for_long) in [
        ("401 Unauthorized", "refused user u: 401 Unauthorized", true),
        ("404 Not Found", "is ARI enabled there? (404)", false),
    ] {
        let (listener, address) = listener().await;
        let mut rig = rig(web(&address), limits(), 64);
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let _ = peer.read(&mut request).await.unwrap();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        peer.write_all(answer.as_bytes()).await.unwrap();
        let (why, refused) = rig.down().await;
        assert!(why.ends_with(expected), "{why}");
        assert_eq!(refused, for_long, "{why}");
    }
}

/// Serves HTTP as told: `/slow` is never answered, `/once` closes after its answer. Notes the
/// peer's port of each request.
async fn serve(stream: TcpStream, from: SocketAddr, seen: Arc<Mutex<Vec<(String, u16)>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let first = line(&mut stream).await;
        let Some(path) = first.split(' ').nth(1).map(str::to_owned) else { return };
        while !line(&mut stream).await.is_empty() {}
        seen.lock().unwrap().push((path.clone(), from.port()));
        if path == "/ari/slow" {
            continue;
        }
        let body = format!("at {path}");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        if path == "/ari/once" {
            return;
        }
    }
}

#[tokio::test]
async fn requests_keep_their_connections_and_an_absent_answer_is_told() {
    use futures_util::SinkExt as _;
    let (listener, address) = listener().await;
    let limits = LinkLimits { requests_max: 1, ..limits() };
    let mut rig = rig(web(&address), limits, 64);
    let mut events = socket(listener.accept().await.unwrap().0).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let seen = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                tokio::spawn(serve(stream, from, seen.clone()));
            }
        })
    };
    for (path, expected) in [
        ("/a", "1: 200 at /ari/a"),
        ("/once", "2: 200 at /ari/once"),
        ("/b", "3: 200 at /ari/b"), // by a new connection: the server has closed the old one
        ("/slow", "4: 0 no answer in 300ms"),
        ("/c", "5: 200 at /ari/c"),
    ] {
        events.send(Message::text(format!("get {path}"))).await.unwrap();
        assert_eq!(rig.warning().await, expected);
    }
    server.abort();
    let seen = seen.lock().unwrap();
    let port = |path: &str| seen.iter().find(|(p, _)| p == path).unwrap().1;
    assert_eq!(port("/ari/a"), port("/ari/once"), "kept");
    assert_ne!(port("/ari/slow"), port("/ari/c"), "an answer that is late is nobody's");
}

#[tokio::test]
async fn a_pbx_that_connects_to_us_again_is_heard_on_its_new_connection() {
    use futures_util::SinkExt as _;
    use tokio_tungstenite::tungstenite::protocol::Role;
    let (door, accepted) = handed_over();
    let mut rig = rig(Wire::Accepted(accepted), limits(), 64);
    assert_eq!(rig.down().await, ("the PBX has not connected yet".to_owned(), false));
    let mut pbxs = Vec::new();
    for word in ["one", "two"] {
        let (ours, theirs) = tokio::io::duplex(4096);
        let incoming = Incoming { stream: Box::new(ours), read: Vec::new() };
        door.send(incoming).await.map_err(|_| "gone").unwrap();
        let mut pbx =
            tokio_tungstenite::WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        pbx.send(Message::text(word)).await.unwrap();
        assert_eq!(rig.warning().await, word);
        pbxs.push(pbx);
    }
}
