//! The door against FreeSWITCHes and strangers on real sockets.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::io::pbx::rig::Rig;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpSocket;
use trunkline_core::engine::{LinkIx, PbxIx};
use trunkline_core::pbx::esl::EslSettings;
use trunkline_core::pbx::{Fact, Observed};

/// With a buffer that does not grow: on some machines the system holds 32 MB of a connection.
fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(8).unwrap()
}

/// Where calls connect: at most two at once, and troubles are told each time.
async fn calls_rig(reports_max: usize) -> (Rig, SocketAddr) {
    let listener = listener();
    let listen = listener.local_addr().unwrap();
    let limits = CallLimits { sockets_max: 2, warn_every: Duration::ZERO, ..CallLimits::default() };
    let config = CallsConfig {
        name: "test".into(),
        pbx: PbxIx(0),
        link: LinkIx(0),
        listen,
        allowed: vec![listen.ip()],
        limits,
        make: Box::new(|| EslCalls::new(EslSettings::default(), true)),
    };
    let (sender, reports) = mpsc::channel(reports_max);
    let (wake, stats) = (Arc::new(|| {}), Arc::default());
    let link = spawn_calls(config, listener, Clock::system(), sender, wake, stats);
    (Rig::new(link, reports), listen)
}

/// A connection that was asked for its call.
async fn calling(listen: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect(listen).await.unwrap());
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "connect\n");
    stream
}

#[tokio::test]
async fn too_many_calls_are_refused_until_one_is_over() {
    let (mut rig, listen) = calls_rig(64).await;
    let (first, _second) = (calling(listen).await, calling(listen).await);
    let mut third = TcpStream::connect(listen).await.unwrap();
    assert_eq!(rig.warning().await, "more than 2 calls connect at once");
    assert_eq!(third.read(&mut [0; 8]).await.unwrap_or(0), 0, "nothing is said to it");
    assert_eq!(rig.link.stats.counters()[6].2, 1);
    drop(first);
    while rig.link.stats.call_sockets() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    calling(listen).await;
}

#[tokio::test]
async fn what_is_no_event_socket_is_closed_and_named() {
    let (mut rig, listen) = calls_rig(64).await;
    let mut stranger = calling(listen).await;
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let told = rig.warning().await;
    assert!(told.contains("no FreeSWITCH event socket: it says `GET / HTTP/1.1`"), "{told}");
    assert_eq!(stranger.read(&mut [0; 16]).await.unwrap_or(0), 1, "the end of `connect`");
    assert_eq!(stranger.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

/// While the engine takes no reports, a flood is bounded: the peer waits, and all of it arrives.
#[tokio::test]
async fn a_flood_waits_for_a_stalled_engine_and_is_not_lost() {
    const KEYS: usize = 20_000;
    let (mut rig, listen) = calls_rig(1).await;
    let mut stream = calling(listen).await;
    let call = "Unique-ID: u1\nCore-UUID: c\nEvent-Name: CHANNEL_DATA\nSocket-Mode: async\n\
                Control: full\nChannel-Name: sofia/internal/1001\n\
                Content-Type: command/reply\nReply-Text: %2BOK%0A\n\n";
    stream.write_all(call.as_bytes()).await.unwrap();
    let writer = tokio::spawn(async move {
        let key = r#"{"Event-Name":"DTMF","Unique-ID":"u1","DTMF-Digit":"5","x":"PAD"}"#;
        let key = key.replace("PAD", &"y".repeat(1000));
        let head = format!("Content-Length: {}\nContent-Type: text/event-json\n\n", key.len());
        let frame = format!("{head}{key}");
        for _ in 0..KEYS {
            stream.write_all(frame.as_bytes()).await.unwrap();
        }
        stream
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!writer.is_finished(), "20 MB wait at the peer");
    let mut heard = 0;
    while heard < KEYS {
        if let LinkReport::Fact(Observed { fact: Fact::Dtmf(..), .. }) = rig.next().await {
            heard += 1;
        }
    }
    drop(writer.await.unwrap());
}
