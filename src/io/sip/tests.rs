//! Connections on the loopback network, seen from the SIP thread's side.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::io::clock::Clock;
use crate::io::wake::Waker;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trunkline_core::sip::{FlowId, FlowOpened, Listen, Outgoing, Transport};

const OPTIONS: &str = "OPTIONS sip:x SIP/2.0\r\nContent-Length: 2\r\n\r\nhi";

/// News that outlives its call.
#[derive(Debug)]
enum News {
    Opened(FlowOpened),
    Message(FlowId, Vec<u8>),
    Closed(FlowId),
    Unsent(u64, String),
}

struct Rig {
    flows: Flows,
    streams: Streams,
    waker: Waker,
}

impl Rig {
    async fn start(transport: Transport, set: impl FnOnce(&mut StreamConfig)) -> Self {
        let addr = "127.0.62.1:0".parse().unwrap();
        let mut config = StreamConfig {
            listen: vec![Listen { transport, addr }],
            known: [addr.ip(), "127.0.0.1".parse().unwrap()].into(),
            ..StreamConfig::default()
        };
        set(&mut config);
        let waker = Waker::new().unwrap();
        let (flows, streams) = start(config, waker.clone(), Clock::system()).await.unwrap();
        Self { flows, streams, waker }
    }

    fn local(&self) -> Listen {
        self.streams.listen[0]
    }

    /// The next piece of news.
    fn news(&mut self) -> News {
        self.news_within(Duration::from_secs(10)).expect("news")
    }

    fn news_within(&mut self, within: Duration) -> Option<News> {
        let deadline = Instant::now() + within;
        loop {
            let mut got = None;
            self.flows.receive(1, |heard| {
                got = Some(match heard {
                    Heard::Opened(opened) => News::Opened(opened),
                    Heard::Message(m) => News::Message(m.flow.unwrap(), m.bytes.to_vec()),
                    Heard::Closed(flow) => News::Closed(flow),
                    Heard::Unsent { ticket, why } => News::Unsent(ticket, why),
                });
            });
            let left = deadline.saturating_duration_since(Instant::now());
            if got.is_some() || left.is_zero() {
                return got;
            }
            self.waker.wait(&[], Some(left));
        }
    }

    fn opened(&mut self) -> FlowOpened {
        match self.news() {
            News::Opened(opened) => opened,
            other => panic!("{other:?}"),
        }
    }

    fn message(&mut self) -> (FlowId, String) {
        match self.news() {
            News::Message(flow, bytes) => (flow, String::from_utf8(bytes).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn unsent(&mut self) -> (u64, String) {
        match self.news() {
            News::Unsent(ticket, why) => (ticket, why),
            other => panic!("{other:?}"),
        }
    }

    fn closed(&mut self) -> FlowId {
        match self.news() {
            News::Closed(flow) => flow,
            other => panic!("{other:?}"),
        }
    }

    fn to(&self, remote: SocketAddr, ticket: u64, bytes: impl Into<Vec<u8>>) -> Outgoing {
        let Listen { transport, addr: local } = self.local();
        let (flow, name, bytes) = (None, None, bytes.into());
        Outgoing { transport, local, remote, flow, name, ticket: Some(ticket), bytes }
    }

    fn on(&self, flow: FlowId, ticket: u64, bytes: impl Into<Vec<u8>>) -> Outgoing {
        Outgoing { flow: Some(flow), ..self.to(self.local().addr, ticket, bytes) }
    }
}

async fn read_text(stream: &mut (impl tokio::io::AsyncRead + Unpin), length: usize) -> String {
    let mut bytes = vec![0; length];
    let read = stream.read_exact(&mut bytes);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("bytes in time").unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_another_is_told_heard_answered_and_its_end_told() {
    let mut rig = Rig::start(Transport::Tcp, |_| ()).await;
    let mut peer = TcpStream::connect(rig.local().addr).await.unwrap();
    let opened = rig.opened();
    assert_eq!((opened.remote, opened.ours), (peer.local_addr().unwrap(), false));
    peer.write_all(&OPTIONS.as_bytes()[..10]).await.unwrap();
    peer.write_all(format!("{}{OPTIONS}", &OPTIONS[10..]).as_bytes()).await.unwrap();
    assert_eq!(rig.message(), (opened.flow, OPTIONS.to_owned()));
    assert_eq!(rig.message(), (opened.flow, OPTIONS.to_owned()));
    rig.flows.send(rig.on(opened.flow, 1, "answer"));
    // Its source address is a way to it too.
    rig.flows.send(rig.to(opened.remote, 2, "request"));
    assert_eq!(read_text(&mut peer, 13).await, "answerrequest");
    drop(peer);
    assert_eq!(rig.closed(), opened.flow);
    rig.flows.send(rig.on(opened.flow, 3, "late"));
    assert_eq!(rig.unsent(), (3, "the connection is closed".to_owned()));
    assert_eq!(rig.streams.stats.of(Transport::Tcp).open.value(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_of_ours_carries_everything_to_a_target_and_is_opened_anew() {
    let mut rig = Rig::start(Transport::Tcp, |_| ()).await;
    let peer = TcpListener::bind("127.0.62.2:0").await.unwrap();
    let target = peer.local_addr().unwrap();
    for n in 0..3 {
        rig.flows.send(rig.to(target, n, format!("{n}")));
    }
    let (mut stream, from) = peer.accept().await.unwrap();
    assert_eq!(from.ip(), rig.local().addr.ip());
    assert_eq!(read_text(&mut stream, 3).await, "012");
    let opened = rig.opened();
    assert_eq!((opened.ours, opened.remote), (true, target));
    stream.write_all(OPTIONS.as_bytes()).await.unwrap();
    assert_eq!(rig.message().0, opened.flow);
    drop(stream);
    assert_eq!(rig.closed(), opened.flow);
    rig.flows.send(rig.to(target, 9, "again"));
    let (mut stream, _) = peer.accept().await.unwrap();
    assert_eq!(read_text(&mut stream, 5).await, "again");
    assert_ne!(rig.opened().flow, opened.flow);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_connection_that_does_not_open_is_told_unsent() {
    let mut rig = Rig::start(Transport::Tcp, |_| ()).await;
    let closed = TcpListener::bind("127.0.62.3:0").await.unwrap().local_addr().unwrap();
    rig.flows.send(rig.to(closed, 1, "a"));
    let (ticket, why) = rig.unsent();
    assert_eq!(ticket, 1);
    assert!(why.contains("refused"), "{why}");
    assert_eq!(rig.streams.stats.of(Transport::Tcp).connect_failures.value(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_is_closed_and_the_rest_told_unsent() {
    let mut rig = Rig::start(Transport::Tcp, |c| c.limits.queue_bytes_max = 400_000).await;
    let _peer = TcpStream::connect(rig.local().addr).await.unwrap();
    let flow = rig.opened().flow;
    let sent = 1000;
    for n in 0..sent {
        rig.flows.send(rig.on(flow, n, vec![b'x'; 50_000]));
        tokio::task::yield_now().await;
    }
    let (mut unsent, mut closed) = (0, false);
    while let Some(news) = rig.news_within(Duration::from_millis(500)) {
        match news {
            News::Unsent(..) => unsent += 1,
            News::Closed(id) => closed = id == flow,
            other => panic!("{other:?}"),
        }
    }
    assert!(closed, "the connection is closed");
    assert!(unsent > sent / 2 && unsent < sent, "{unsent} of {sent} unsent");
    assert_eq!(rig.streams.stats.closed_slow.value(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_halves_end_a_connection_but_a_slow_message_passes() {
    let mut rig = Rig::start(Transport::Tcp, |c| {
        c.limits.message = Duration::from_millis(400);
        c.limits.idle = Duration::from_millis(1500);
    })
    .await;
    let mut half = TcpStream::connect(rig.local().addr).await.unwrap();
    let first = rig.opened().flow;
    half.write_all(&OPTIONS.as_bytes()[..20]).await.unwrap();
    assert_eq!(rig.closed(), first);
    assert_eq!(rig.streams.stats.closed_stalled.value(), 1);
    let mut slow = TcpStream::connect(rig.local().addr).await.unwrap();
    let second = rig.opened().flow;
    for byte in OPTIONS.as_bytes() {
        slow.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(rig.message(), (second, OPTIONS.to_owned()));
    assert_eq!(rig.closed(), second);
    assert_eq!(rig.streams.stats.closed_idle.value(), 1);
}

// proves: RFC 5626 §3.5.1
// proves: RFC 3261 §18.3 stream
#[tokio::test(flavor = "multi_thread")]
async fn garbage_ends_a_connection_and_pings_are_answered() {
    let mut rig = Rig::start(Transport::Tcp, |_| ()).await;
    let mut peer = TcpStream::connect(rig.local().addr).await.unwrap();
    let flow = rig.opened().flow;
    peer.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read_text(&mut peer, 2).await, "\r\n");
    let _ = peer.write_all(&vec![b'x'; 10 << 20]).await; // it ends long before
    assert_eq!(rig.closed(), flow);
    assert_eq!(rig.streams.stats.closed_framing.value(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_too_many_are_closed_at_accept() {
    let mut rig = Rig::start(Transport::Tcp, |c| c.limits.per_source_max = 1).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.62.66:0".parse().unwrap()).unwrap();
    let mut stranger = socket.connect(rig.local().addr).await.unwrap();
    let socket = || async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.62.1:0".parse().unwrap()).unwrap();
        socket.connect(rig.streams.listen[0].addr).await.unwrap()
    };
    let (_first, mut second) = (socket().await, socket().await);
    for stream in [&mut stranger, &mut second] {
        let end = stream.read(&mut [0; 8]).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
    rig.opened();
    assert!(rig.news_within(Duration::from_millis(100)).is_none());
    let stats = &rig.streams.stats;
    assert_eq!((stats.refused_unknown.value(), stats.refused_limit.value()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_ring_stops_the_reading_and_loses_nothing() {
    let mut rig = Rig::start(Transport::Tcp, |_| ()).await;
    let mut peer = TcpStream::connect(rig.local().addr).await.unwrap();
    let flow = rig.opened().flow;
    let count = super::event::RING * 20;
    let body = "b".repeat(1000);
    let writer = tokio::spawn(async move {
        for n in 0..count {
            let text = format!("OPTIONS sip:{n} SIP/2.0\r\nl: {}\r\n\r\n{body}", body.len());
            peer.write_all(text.as_bytes()).await.unwrap();
        }
        peer
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!writer.is_finished(), "the peer is held back");
    for n in 0..count {
        let (from, text) = rig.message();
        assert_eq!(from, flow);
        assert!(text.starts_with(&format!("OPTIONS sip:{n} ")), "{n}: {}", &text[..30]);
    }
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_sends_what_waits() {
    let mut rig = Rig::start(Transport::Tcp, |_| ()).await;
    let mut peer = TcpStream::connect(rig.local().addr).await.unwrap();
    let flow = rig.opened().flow;
    rig.flows.send(rig.on(flow, 1, "last words"));
    let Rig { flows, streams, .. } = rig;
    drop(flows);
    streams.stop().await;
    let mut text = String::new();
    peer.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "last words");
}

/// An authority and files signed by it.
struct Pki {
    dir: tempfile::TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        Self { dir, ca }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn issue(&self, name: &str, sans: Vec<SanType>) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = sans;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.ca).unwrap();
        write(&self.path(&format!("{name}.pem")), &certificate.pem());
        write(&self.path(&format!("{name}.key")), &key.serialize_pem());
    }

    fn files(&self, name: &str) -> TlsFiles {
        TlsFiles {
            cert: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
            client_ca: Some(self.path("ca.pem")),
            require_client_cert: true,
            ca: Some(self.path("ca.pem")),
        }
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

async fn tls_rig(pki: &Pki, name: &str, transport: Transport) -> Rig {
    let files = pki.files(name);
    Rig::start(transport, |c| c.tls = Some(files)).await
}

/// What `from` says to `to`, and the names each side learns; or why it could not.
fn talk(from: &mut Rig, to: &mut Rig, name: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let target = to.local().addr;
    let out = Outgoing { name: Some(Arc::from(name)), ..from.to(target, 7, OPTIONS) };
    from.flows.send(out);
    let server = match from.news() {
        News::Opened(opened) => opened.names,
        News::Unsent(7, why) => return Err(why),
        other => panic!("{other:?}"),
    };
    let client = match to.news() {
        News::Opened(opened) => opened.names,
        other => panic!("{other:?}"),
    };
    assert_eq!(to.message().1, OPTIONS);
    Ok((server, client))
}

// proves: RFC 5922 §7.1
// proves: RFC 5922 §7.3
// proves: RFC 5922 §7.4
#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_tls_prove_their_names() {
    let pki = Pki::new();
    pki.issue("pbx", vec![dns("pbx.example")]);
    let sip = SanType::URI("sip:carrier.example".try_into().unwrap());
    pki.issue("carrier", vec![sip, dns("gw.carrier.example")]);
    for transport in [Transport::Tls, Transport::Wss] {
        let mut pbx = tls_rig(&pki, "pbx", transport).await;
        let mut carrier = tls_rig(&pki, "carrier", transport).await;
        let names = talk(&mut pbx, &mut carrier, "Carrier.example").unwrap();
        assert_eq!(names, (vec!["carrier.example".to_owned()], vec!["pbx.example".to_owned()]));
        let refused = talk(&mut pbx, &mut carrier, "gw.carrier.example").unwrap_err();
        assert!(refused.contains("certificate"), "{refused}");
    }
}

// proves: RFC 5922 §7.2
// proves: RFC 5922 §7.3
#[tokio::test(flavor = "multi_thread")]
async fn wildcards_and_other_authorities_are_refused() {
    let (pki, other) = (Pki::new(), Pki::new());
    pki.issue("wild", vec![dns("*.carrier.example")]);
    pki.issue("pbx", vec![dns("pbx.example")]);
    other.issue("fake", vec![dns("gw.carrier.example")]);
    let mut pbx = tls_rig(&pki, "pbx", Transport::Tls).await;
    for (pki, name) in [(&pki, "wild"), (&other, "fake")] {
        let mut carrier = tls_rig(pki, name, Transport::Tls).await;
        let refused = talk(&mut pbx, &mut carrier, "gw.carrier.example").unwrap_err();
        assert!(refused.contains("certificate"), "{name}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_new_files_keeps_connections_and_survives_bad_ones() {
    let pki = Pki::new();
    pki.issue("pbx", vec![dns("pbx.example")]);
    pki.issue("carrier", vec![dns("old.example")]);
    let mut pbx = tls_rig(&pki, "pbx", Transport::Tls).await;
    let mut carrier = tls_rig(&pki, "carrier", Transport::Tls).await;
    talk(&mut pbx, &mut carrier, "old.example").unwrap();
    pki.issue("carrier", vec![dns("new.example")]);
    let tls = carrier.streams.tls.clone().unwrap();
    tls.reload().unwrap();
    talk(&mut pbx, &mut carrier, "new.example").unwrap();
    let out =
        Outgoing { name: Some("old.example".into()), ..pbx.to(carrier.local().addr, 8, OPTIONS) };
    pbx.flows.send(out);
    assert_eq!(carrier.message().1, OPTIONS, "the connection of before is still used");
    write(&pki.path("carrier.pem"), "no certificate");
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("[sip.tls] cert") && error.contains("carrier.pem"), "{error}");
    let mut third = tls_rig(&pki, "pbx", Transport::Tls).await;
    talk(&mut third, &mut carrier, "new.example").unwrap();
}

// proves: RFC 7118 §4.2
#[tokio::test(flavor = "multi_thread")]
async fn websocket_messages_pass_both_ways_text_and_binary() {
    let mut server = Rig::start(Transport::Ws, |_| ()).await;
    let mut client = Rig::start(Transport::Ws, |_| ()).await;
    let text = "OPTIONS sip:without-length SIP/2.0\r\n\r\n";
    client.flows.send(client.to(server.local().addr, 1, text));
    let flow = server.opened().flow;
    assert!(client.opened().ours);
    assert_eq!(server.message(), (flow, text.to_owned()));
    server.flows.send(server.on(flow, 2, b"\xff\xfe".to_vec()));
    assert!(matches!(client.news(), News::Message(_, bytes) if bytes == b"\xff\xfe"));
    server.flows.close(flow);
    assert!(matches!(client.news(), News::Closed(_)));
    assert_eq!(server.closed(), flow);
}

// proves: RFC 7118 §4.1
#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_without_the_subprotocol_sip_is_refused() {
    use tokio_tungstenite::tungstenite::Error;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    const PROTOCOL: &str = "sec-websocket-protocol";
    let server = Rig::start(Transport::Ws, |_| ()).await;
    let address = server.local().addr;
    for (offered, taken) in [(None, false), (Some("chat"), false), (Some("chat, sip"), true)] {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}/").into_client_request().unwrap();
        if let Some(offered) = offered {
            request.headers_mut().insert(PROTOCOL, offered.parse().unwrap());
        }
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((_, answer)) => assert!(taken && answer.headers()[PROTOCOL] == "sip"),
            Err(Error::Http(answer)) => assert!(!taken && answer.status() == 400, "{answer:?}"),
            Err(other) => panic!("{offered:?}: {other}"),
        }
    }
}
