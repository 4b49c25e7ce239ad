//! The least a WebSocket server can do: each desk says which one it is, and is sent texts.

use crate::server::{announce, certificate, obey, sample};
use crate::{Fan, Options, now_ns};
use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use trunkline::io::http::TlsFiles;

type Desks = Arc<Mutex<HashMap<String, mpsc::Sender<Utf8Bytes>>>>;

pub fn serve(options: &Options) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let desks = Desks::default();
    let certificate = options.tls.then(certificate);
    let tls = certificate.as_ref().map(|(_, files)| acceptor(files));
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        announce(listener.local_addr().unwrap(), certificate.as_ref().map(|(_, files)| files));
        let all = desks.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (desks, tls) = (all.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => desk(tls.accept(stream).await.unwrap(), desks).await,
                        None => desk(stream, desks).await,
                    }
                });
            }
        });
        let options = options.clone();
        let publisher = move || obey(|at| publish(&options, &desks, at));
        tokio::task::spawn_blocking(publisher).await.unwrap();
    });
}

fn acceptor(files: &TlsFiles) -> tokio_rustls::TlsAcceptor {
    use rustls::pki_types::pem::PemObject as _;
    let cert = rustls::pki_types::CertificateDer::from_pem_file(&files.cert).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .unwrap();
    Arc::new(config).into()
}

#[allow(clippy::result_large_err)] // the type is the library's
async fn desk(stream: impl AsyncRead + AsyncWrite + Unpin, desks: Desks) {
    let config = WebSocketConfig::default().read_buffer_size(2048).write_buffer_size(0);
    let protocol = |request: &Request, mut response: Response| {
        let asked = request.headers()["sec-websocket-protocol"].clone();
        response.headers_mut().insert("sec-websocket-protocol", asked);
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async_with_config(stream, protocol, Some(config));
    let Ok(socket) = socket.await else { return };
    let (mut write, mut read) = socket.split();
    let Some(Ok(Message::Text(hello))) = read.next().await else { return };
    let (queue, mut frames) = mpsc::channel::<Utf8Bytes>(256);
    desks.lock().unwrap().insert(hello.as_str().to_owned(), queue);
    write.send(Message::text("live")).await.unwrap();
    loop {
        tokio::select! {
            frame = frames.recv() => {
                let Some(frame) = frame else { return };
                write.feed(Message::Text(frame)).await.unwrap();
                while let Ok(frame) = frames.try_recv() {
                    write.feed(Message::Text(frame)).await.unwrap();
                }
                write.flush().await.unwrap();
            }
            message = read.next() => if !matches!(message, Some(Ok(_))) { return },
        }
    }
}

fn publish(options: &Options, desks: &Desks, at: usize) {
    let text = sample_text(at);
    let desks = desks.lock().unwrap();
    if options.fan() == Fan::All {
        desks.values().for_each(|desk| drop(desk.try_send(text.clone())));
        return;
    }
    let boards = (0..options.boards).map(|n| format!("b{n}"));
    for name in std::iter::once(format!("u{at}")).chain(boards) {
        if let Some(desk) = desks.get(&name) {
            drop(desk.try_send(text.clone()));
        }
    }
}

/// As long as an event of ours, and made without an encoder.
fn sample_text(at: usize) -> Utf8Bytes {
    static LENGTH: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let length = *LENGTH.get_or_init(|| {
        let entity = trunkline_core::model::Entity::Call(sample(at).into());
        let event = trunkline_core::model::Event {
            pos: trunkline_core::model::Pos(1_000_000),
            ts: crate::site::START,
            kind: trunkline_core::model::EventKind::CallEstablished,
            entity,
            detail: Default::default(),
        };
        trunkline_core::wire::event_to_json(&event, trunkline_core::wire::View::Full).len()
    });
    let head = format!("{{\"t\":\"ev\",\"desk\":{at},\"mono\":\"{:020}\",\"pad\":\"", now_ns());
    let pad = "x".repeat(length.saturating_sub(head.len() + 2));
    format!("{head}{pad}\"}}").into()
}
