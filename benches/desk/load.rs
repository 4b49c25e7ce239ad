//! Desks of all kinds, and what they measure.

use crate::server::token;
use crate::{Fan, Options, now_ns};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use trunkline_core::hub::Role;

/// Desks that connect at once.
const CONNECTING_MAX: usize = 64;
/// In a storm, desks that stay and whose events are timed.
const STAY: usize = 100;
/// In a storm, events that a desk misses on average.
const MISSED: u64 = 20;

trait Socket: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Socket for S {}
type Desk = WebSocketStream<Box<dyn Socket>>;

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    addr: SocketAddr,
    tls: Option<tokio_rustls::TlsConnector>,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(std::env::args().skip(1))
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let first = line(&mut lines);
        let (addr, cert) = first.split_once(' ').unwrap_or((&first, ""));
        let tls = (!cert.is_empty()).then(|| connector(cert));
        Self { child, addr: addr.parse().unwrap(), lines, tls }
    }

    fn tell(&mut self, order: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{order}").unwrap();
    }

    /// CPU time of all its threads so far.
    fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let ran = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(ran.sum())
    }

    fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn line(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

fn connector(cert: &str) -> tokio_rustls::TlsConnector {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cert).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config).into()
}

/// What all desks have seen together.
#[derive(Default)]
struct Seen {
    micros: RefCell<Vec<u32>>,
    /// Events of which the stamp is older than this are not timed.
    from_ns: Cell<u64>,
    deliveries: Cell<u64>,
    bytes: Cell<u64>,
    live: Cell<usize>,
    wrong: Cell<u64>,
    closed: Cell<u64>,
}

fn add(cell: &Cell<u64>, n: u64) {
    cell.set(cell.get() + n);
}

#[derive(Clone)]
struct Who {
    name: String,
    role: Role,
    topic: &'static str,
    device: Option<String>,
    freezes: bool,
    timed: bool,
}

/// Everybody's position, for the next resume.
type Positions = Rc<RefCell<Vec<(String, u64)>>>;

pub fn run(options: &Options) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(measure(options)));
}

fn people(options: &Options) -> Vec<Who> {
    let wide = options.fan() == Fan::All;
    let one = |name: String, role, topic, device, at: usize| Who {
        freezes: at + options.frozen >= options.desks && name.starts_with('u'),
        timed: options.fan() != Fan::Storm || at < STAY,
        name,
        role,
        topic,
        device,
    };
    let desk = |at: usize| match wide {
        true => one(format!("u{at}"), Role::Service, "site:calls", None, at),
        false => one(format!("u{at}"), Role::Agent, "calls:own", Some(format!("d{at}")), at),
    };
    let board = |at| one(format!("b{at}"), Role::Service, "site:calls", None, at);
    let boards = if matches!(options.fan(), Fan::Target) { options.boards } else { 0 };
    (0..options.desks).map(desk).chain((0..boards).map(board)).collect()
}

async fn measure(options: &Options) {
    let mut server = Server::start();
    let people = people(options);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (cpu, resident, began) = (server.cpu(), server.resident_kb(), Instant::now());
    let seen = Rc::new(Seen::default());
    let positions = Positions::new(vec![(String::new(), 0); people.len()].into());
    let mut tasks = connect_all(&server, &people, &seen, &positions, options).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let count = people.len() as u64;
    println!(
        "{count} connected in {:.1} s, {} us CPU each, {:.1} kB each",
        began.elapsed().as_secs_f64() - 1.0,
        (server.cpu() - cpu).as_micros() as u64 / count,
        (server.resident_kb() - resident) as f64 / count as f64,
    );
    match options.fan() {
        Fan::Idle => return,
        Fan::Storm => storm(&mut server, &people, &seen, &positions, &mut tasks, options).await,
        Fan::Target | Fan::All => {
            let cpu = server.cpu();
            let sent = published(&mut server, options.rate, options.secs, 0, options.desks).await;
            report(&server, &seen, cpu, "");
            let each = if options.fan() == Fan::All { count } else { options.boards as u64 + 1 };
            println!("expected {}, less what frozen desks did not read", sent * each);
            if options.fan.is_none() {
                while seen.deliveries.get() < sent * each {
                    tokio::time::sleep(Duration::from_millis(5)).await; // a busy machine
                }
                assert_eq!((seen.deliveries.get(), seen.wrong.get()), (sent * each, 0));
            }
        }
    }
    tasks.into_iter().for_each(|task| task.abort());
}

async fn published(server: &mut Server, rate: u32, secs: u64, from: usize, to: usize) -> u64 {
    server.tell(&format!("go {rate} {secs} {from} {to}"));
    tokio::time::sleep(Duration::from_millis(secs * 1000 + 1500)).await;
    line(&mut server.lines).parse().unwrap()
}

fn report(server: &Server, seen: &Seen, cpu: Duration, what: &str) {
    let mut micros = seen.micros.borrow().clone();
    micros.sort_unstable();
    let at = |q: f64| micros.get(((micros.len() as f64 - 1.0) * q) as usize).copied().unwrap_or(0);
    let deliveries = seen.deliveries.get();
    println!(
        "{what}{deliveries} deliveries of {} bytes; timed {}: p50 {} p90 {} p99 {} p99.9 {} max {} us; \
         {:.2} us CPU a delivery; {} wrong, {} closed",
        seen.bytes.get() / deliveries.max(1),
        micros.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0),
        (server.cpu() - cpu).as_nanos() as f64 / 1000.0 / deliveries.max(1) as f64,
        seen.wrong.get(),
        seen.closed.get(),
    );
}

type Tasks = Vec<tokio::task::JoinHandle<()>>;

async fn connect_all(
    server: &Server,
    people: &[Who],
    seen: &Rc<Seen>,
    positions: &Positions,
    options: &Options,
) -> Tasks {
    let wanted = seen.live.get() + people.len();
    let gate = Rc::new(tokio::sync::Semaphore::new(CONNECTING_MAX));
    let mut tasks = Tasks::new();
    for who in people {
        let at: usize = who.name[1..].parse().unwrap();
        let at = if who.name.starts_with('b') { options.desks + at } else { at };
        let (gate, seen, positions) = (gate.clone(), seen.clone(), positions.clone());
        let (addr, tls, who) = (server.addr, server.tls.clone(), who.clone());
        let peer = options.peer;
        tasks.push(tokio::task::spawn_local(async move {
            let permit = gate.acquire().await.unwrap();
            let mut desk = open(addr, tls).await;
            let from = positions.borrow()[at].clone();
            desk.send(Message::text(hello(&who, &from, peer))).await.unwrap();
            let mut permit = Some(permit);
            read(&mut desk, &who, &seen, &positions, at, &mut || drop(permit.take())).await;
        }));
    }
    while seen.live.get() < wanted {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tasks
}

async fn open(addr: SocketAddr, tls: Option<tokio_rustls::TlsConnector>) -> Desk {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let stream: Box<dyn Socket> = match tls {
        Some(tls) => Box::new(tls.connect("localhost".try_into().unwrap(), stream).await.unwrap()),
        None => Box::new(stream),
    };
    let mut request = format!("ws://{addr}/v1/events").into_client_request().unwrap();
    let protocol = "trunkline.v1.json".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
    opened.unwrap().0
}

fn hello(who: &Who, from: &(String, u64), peer: bool) -> String {
    if peer {
        return who.name.clone();
    }
    let devices: Vec<_> = who.device.iter().map(String::as_str).collect();
    let mut hello = json!({
        "t": "hello", "auth": {"token": token(&who.name, who.role, &devices)},
        "client": {"name": "bench", "ver": "1"},
        "subs": [{"id": "1", "topic": who.topic}],
    });
    if from.1 > 0 {
        hello["resume"] = json!({"epoch": from.0, "pos": from.1.to_string()});
    }
    hello.to_string()
}

/// The digits after `key` in a frame.
fn digits<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = &text[text.find(key)? + key.len()..];
    rest.split('"').next()
}

async fn read(
    desk: &mut Desk,
    who: &Who,
    seen: &Seen,
    positions: &Positions,
    at: usize,
    live: &mut dyn FnMut(),
) {
    let (mut events, mut last, mut is_live) = (0_u64, positions.borrow()[at].1, false);
    while let Some(Ok(message)) = desk.next().await {
        let now = now_ns();
        let Message::Text(text) = message else { continue };
        let pos = digits(&text, "\"pos\":\"").and_then(|pos| pos.parse().ok()).unwrap_or(0);
        if text.starts_with("{\"t\":\"ev\"")
            && let Some(stamp) = digits(&text, "\"mono\":\"")
        {
            events += 1;
            add(&seen.deliveries, 1);
            add(&seen.bytes, text.len() as u64);
            let stamp: u64 = stamp.parse().unwrap();
            if who.timed && stamp >= seen.from_ns.get() {
                seen.micros.borrow_mut().push(((now - stamp) / 1000) as u32);
            }
            // A position comes once, and later ones after it. The peer has none.
            if pos != 0 && pos <= last {
                eprintln!("{} has {pos} after {last}", who.name);
                add(&seen.wrong, 1);
            }
        }
        last = last.max(pos);
        positions.borrow_mut()[at].1 = last;
        if text.starts_with("{\"t\":\"welcome\"") {
            positions.borrow_mut()[at].0 = digits(&text, "\"epoch\":\"").unwrap().to_owned();
        }
        if text.starts_with("{\"t\":\"hb\"") {
            let n = text.rsplit("\"n\":").next().unwrap().split([',', '}']).next().unwrap();
            if n.parse() != Ok(events) {
                eprintln!("{} has seen {events} events of {n}", who.name);
                add(&seen.wrong, 1);
            }
            let pos = last.to_string();
            let beat = json!({"t": "hb", "pos": pos, "n": events}).to_string();
            if desk.send(Message::text(beat)).await.is_err() {
                break;
            }
        }
        let cut = text.starts_with("{\"t\":\"snap\"") && text.contains("\"last\":true");
        let replayed = text.starts_with("{\"t\":\"replayed\"");
        if !is_live && (cut || replayed || *text == *"live") {
            is_live = true;
            seen.live.set(seen.live.get() + 1);
            live();
            if who.freezes {
                std::future::pending::<()>().await;
            }
        }
    }
    add(&seen.closed, 1);
}

/// All desks but some go, miss events, and come back together while the others go on.
async fn storm(
    server: &mut Server,
    people: &[Who],
    seen: &Rc<Seen>,
    positions: &Positions,
    tasks: &mut Tasks,
    options: &Options,
) {
    let leaving = tasks.split_off(STAY);
    leaving.into_iter().for_each(|task| task.abort());
    seen.live.set(STAY);
    let all = options.desks;
    let rate = (all as u64 * MISSED).div_ceil(10) as u32;
    let missed = published(server, rate, 10, STAY, all).await;
    seen.deliveries.set(0);
    server.tell(&format!("go {} {} 0 {STAY}", options.rate, options.secs));
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen.from_ns.set(now_ns());
    let (cpu, began) = (server.cpu(), Instant::now());
    tasks.extend(connect_all(server, &people[STAY..], seen, positions, options).await);
    println!(
        "{} back and live in {:.1} s, {} us CPU each",
        all - STAY,
        began.elapsed().as_secs_f64(),
        (server.cpu() - cpu).as_micros() as usize / (all - STAY),
    );
    let left = Duration::from_secs(options.secs).saturating_sub(began.elapsed());
    tokio::time::sleep(left + Duration::from_millis(500)).await;
    line(&mut server.lines);
    report(server, seen, cpu, "replays and live: ");
    println!("missed {missed}, lived {}", u64::from(options.rate) * options.secs);
}
