//! A scripted Asterisk that speaks ARI: its lists are empty, one client has an application.

use crate::manager::listen;
use crate::site::PASSWORD;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

const REPLACED: &str = r#"{"type":"ApplicationReplaced","application":"trunkline"}"#;

type Holder = Arc<Mutex<Option<WebSocket<TcpStream>>>>;

/// Listens until it is dropped.
pub struct AriServer {
    at: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Drop for AriServer {
    /// Its address belongs to another test then.
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.at); // wakes the one who listens
    }
}

/// Starts one.
pub fn start(at: SocketAddr) -> AriServer {
    let listener = listen(at);
    let holder = Holder::default();
    let server = AriServer { at, over: Arc::default() };
    let over = server.over.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if over.load(Ordering::SeqCst) {
                return;
            }
            let holder = holder.clone();
            std::thread::spawn(move || serve(stream, &holder));
        }
    });
    server
}

fn authorized(value: Option<&str>) -> bool {
    use base64::Engine as _;
    let login = format!("trunkline:{PASSWORD}");
    let coded = base64::engine::general_purpose::STANDARD.encode(login);
    value == Some(&format!("Basic {coded}"))
}

fn serve(stream: TcpStream, holder: &Holder) {
    let mut head = [0; 2048];
    let mut text = String::new();
    while !text.contains("\r\n\r\n") {
        let Ok(count) = stream.peek(&mut head) else { return };
        if count == 0 {
            return;
        }
        text = String::from_utf8_lossy(&head[..count]).to_ascii_lowercase();
        std::thread::sleep(Duration::from_millis(1));
    }
    match text.contains("upgrade: websocket") {
        true => socket(stream, holder),
        false => http(stream),
    }
}

/// The newest client of the application has it; the one before is told.
fn socket(stream: TcpStream, holder: &Holder) {
    #[allow(clippy::result_large_err)] // tungstenite's own type
    let check = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let said = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
        if !authorized(said("authorization")) {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::UNAUTHORIZED;
            return Err(refusal);
        }
        response.headers_mut().insert("sec-websocket-protocol", "ari".parse().unwrap());
        Ok(response)
    };
    let Ok(socket) = accept_hdr(stream, check) else { return };
    let before = holder.lock().unwrap().replace(socket);
    if let Some(mut before) = before {
        before.send(Message::text(REPLACED)).unwrap();
        std::thread::sleep(Duration::from_secs(60)); // Asterisk leaves it open, and silent
    }
}

fn http(stream: TcpStream) {
    let mut out = stream.try_clone().unwrap();
    let mut input = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let value = |name: &str| {
            let found = lines.iter().filter_map(|line| line.split_once(": "));
            found.clone().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let length = value("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        input.read_exact(&mut body).unwrap();
        let words: Vec<&str> = lines[0].split(' ').collect();
        let (status, body) = match authorized(value("authorization")) {
            true => answer(words[0], words[1]),
            false => ("401 Unauthorized", r#"{"message":"Authentication required"}"#),
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        if out.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(method: &str, path: &str) -> (&'static str, &'static str) {
    match (method, path) {
        ("GET", "/ari/asterisk/info") => (
            "200 OK",
            r#"{"system":{"version":"22.10.0"},"status":{"startup_time":"2026-11-23T02:00:00.000+0000"}}"#,
        ),
        ("GET", "/ari/asterisk/ping") => ("200 OK", r#"{"ping":"pong"}"#),
        ("PUT", "/ari/applications/trunkline/eventFilter") => ("200 OK", "{}"),
        ("GET", "/ari/channels" | "/ari/bridges" | "/ari/endpoints") => ("200 OK", "[]"),
        _ => ("404 Not Found", r#"{"message":"Resource not found"}"#),
    }
}
