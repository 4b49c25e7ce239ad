//! The socket layer of desks under Autobahn's cases (RFC 6455), played by kosoku.
//!
//! Our sockets answer no echo, so the layer is driven by one here: same library, same sizes, same
//! writing. Only the limit of a message is Autobahn's (16 MiB).

#![allow(clippy::unwrap_used)]

use super::config::DeskConfig;
use super::queue::DeskQueue;
use super::writer::{send_all, ws_config};
use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// Cases without the compression that `trunkline.v1` does not offer (12, 13).
const CASES: usize = 301;
/// Bad UTF-8 in a long frame is refused at the frame's end and not in its middle: Autobahn calls
/// that non-strict.
const NON_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];

async fn echo(stream: TcpStream) {
    let config = ws_config(32 << 20);
    let Ok(mut ws) = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await else {
        return;
    };
    let queue = DeskQueue::new(&DeskConfig::default());
    while let Some(Ok(message)) = ws.next().await {
        let sent = match message {
            Message::Text(_) | Message::Binary(_) => {
                let deadline = Instant::now() + Duration::from_secs(30);
                send_all(&mut ws, std::iter::once(message), deadline, &queue).await.is_ok()
            }
            _ => ws.flush().await.is_ok(), // the library has its pong or close ready
        };
        if !sent {
            return;
        }
    }
    let _ = ws.close(None).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kosoku: tests/desk/autobahn brings it and runs this"]
async fn every_case_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    let reports = tempfile::tempdir().unwrap();
    let tools = std::env::var_os("KOSOKU").expect("KOSOKU names what runs kosoku");
    let mut kosoku = tokio::process::Command::new(tools);
    kosoku
        .args(["kosoku", "-p", "4", "-x", "12.*", "-x", "13.*", "-o"])
        .arg(reports.path())
        .arg(&address);
    let status = kosoku.stdout(Stdio::null()).status().await.unwrap();

    let index = std::fs::read(reports.path().join("index.json")).unwrap();
    let index: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
        serde_json::from_slice(&index).unwrap();
    let cases = index.values().next().unwrap();
    assert_eq!(cases.len(), CASES, "{status}");
    for (case, result) in cases {
        for part in ["behavior", "behaviorClose"] {
            let got = result[part].as_str().unwrap();
            let known = NON_STRICT.contains(&case.as_str()) && got == "NON-STRICT";
            assert!(known || matches!(got, "OK" | "INFORMATIONAL"), "{case}: {part} {got}");
        }
    }
}
