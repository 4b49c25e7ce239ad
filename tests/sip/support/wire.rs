//! What a hand-driven user agent speaks over: datagrams, a connection of its own, connections
//! that are made to it, TLS, a WebSocket. The framing here is independent of the product's.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, WebSocket};

/// One way to send and receive messages.
pub trait Wire: Send + Sync {
    fn send(&self, bytes: &[u8]);
    /// The next message, if one comes in time; `None` too when the connection has ended.
    fn receive(&self, within: Duration) -> Option<Vec<u8>>;
    /// Ends the connection, if there is one.
    fn cut(&self) {}
}

pub struct Datagrams {
    pub socket: UdpSocket,
    pub proxy: SocketAddr,
}

impl Wire for Datagrams {
    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.proxy).unwrap();
    }

    fn receive(&self, within: Duration) -> Option<Vec<u8>> {
        self.socket.set_read_timeout(Some(within.max(Duration::from_millis(1)))).unwrap();
        let mut buffer = vec![0; 65_536];
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        buffer.truncate(length);
        Some(buffer)
    }
}

pub trait Io: Read + Write + Send {}
impl<T: Read + Write + Send> Io for T {}

struct Connection {
    io: Box<dyn Io>,
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn message(&mut self) -> Option<Vec<u8>> {
        let skip = self.buffer.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.buffer.drain(..skip);
        let head = self.buffer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let line = text.lines().find(|l| l.starts_with("content-length:") || l.starts_with("l:"));
        let length = line.expect("Content-Length on a stream").split(':').nth(1).unwrap();
        let length = head + length.trim().parse::<usize>().unwrap();
        (self.buffer.len() >= length).then(|| self.buffer.drain(..length).collect())
    }
}

/// A byte stream.
#[derive(Default)]
pub struct Stream {
    connection: Mutex<Option<Connection>>,
    listener: Option<TcpListener>,
}

impl Stream {
    /// Connects from this IP.
    pub fn connect(from: SocketAddr, to: SocketAddr) -> (Self, SocketAddr) {
        let socket = tcp(from, to);
        let address = socket.local_addr().unwrap();
        (Self::over(Box::new(socket.try_clone().unwrap()), socket), address)
    }

    /// Waits for connections.
    pub fn listen(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        listener.set_nonblocking(true).unwrap();
        Self { listener: Some(listener), ..Self::default() }
    }

    /// Connects under TLS. The handshake happens with the first message.
    pub fn tls(
        from: SocketAddr,
        to: SocketAddr,
        name: &str,
        config: Arc<ClientConfig>,
    ) -> (Self, SocketAddr) {
        let socket = tcp(from, to);
        let address = socket.local_addr().unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let client = ClientConnection::new(config, name).unwrap();
        let io = StreamOwned::new(client, socket.try_clone().unwrap());
        (Self::over(Box::new(io), socket), address)
    }

    fn over(io: Box<dyn Io>, socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        let connection = Connection { io, socket, buffer: Vec::new() };
        Self { connection: Mutex::new(Some(connection)), listener: None }
    }

    fn accept(&self, deadline: Instant) {
        let Some(listener) = &self.listener else { return };
        while self.connection.lock().unwrap().is_none() && Instant::now() < deadline {
            match listener.accept() {
                Ok((socket, _)) => {
                    socket.set_nonblocking(false).unwrap();
                    let accepted = Self::over(Box::new(socket.try_clone().unwrap()), socket);
                    *self.connection.lock().unwrap() = accepted.connection.into_inner().unwrap();
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Writes as it is; `false` if the other side has ended it.
    pub fn try_send(&self, bytes: &[u8]) -> bool {
        let mut connection = self.connection.lock().unwrap();
        connection
            .as_mut()
            .is_some_and(|c| c.io.write_all(bytes).and_then(|()| c.io.flush()).is_ok())
    }
}

pub fn tcp(from: SocketAddr, to: SocketAddr) -> TcpStream {
    use nix::sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket,
    };
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let from = SocketAddr::new(from.ip(), 0);
    use std::os::fd::AsRawFd;
    bind(fd.as_raw_fd(), &SockaddrStorage::from(from)).unwrap();
    connect(fd.as_raw_fd(), &SockaddrStorage::from(to)).unwrap_or_else(|e| panic!("{to}: {e}"));
    TcpStream::from(fd)
}

impl Wire for Stream {
    fn send(&self, bytes: &[u8]) {
        self.accept(Instant::now() + Duration::from_secs(5));
        assert!(self.try_send(bytes), "the connection has ended");
    }

    fn receive(&self, within: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + within;
        loop {
            self.accept(deadline);
            let mut slot = self.connection.lock().unwrap();
            let connection = slot.as_mut()?;
            if let Some(message) = connection.message() {
                return Some(message);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            connection.socket.set_read_timeout(Some(left)).unwrap();
            let mut part = [0; 4096];
            match connection.io.read(&mut part) {
                Ok(0) => *slot = None,
                Ok(count) => connection.buffer.extend_from_slice(&part[..count]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return None;
                }
                Err(_) => *slot = None,
            }
        }
    }

    fn cut(&self) {
        if let Some(connection) = self.connection.lock().unwrap().take() {
            let _ = connection.socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// SIP over WebSocket (RFC 7118).
pub struct Ws(Mutex<WebSocket<TcpStream>>);

impl Ws {
    pub fn connect(from: SocketAddr, to: SocketAddr) -> (Self, SocketAddr) {
        let socket = tcp(from, to);
        let address = socket.local_addr().unwrap();
        let mut request = format!("ws://{to}/").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
        let (ws, answer) = tungstenite::client(request, socket).unwrap();
        assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "sip");
        (Self(Mutex::new(ws)), address)
    }
}

impl Wire for Ws {
    fn send(&self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap();
        self.0.lock().unwrap().send(tungstenite::Message::text(text)).unwrap();
    }

    fn receive(&self, within: Duration) -> Option<Vec<u8>> {
        let mut ws = self.0.lock().unwrap();
        ws.get_ref().set_read_timeout(Some(within.max(Duration::from_millis(1)))).unwrap();
        match ws.read() {
            Ok(message) if message.is_text() || message.is_binary() => {
                Some(message.into_data().to_vec())
            }
            Ok(_) | Err(_) => None,
        }
    }
}
