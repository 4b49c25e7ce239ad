//! A hand-driven SIP user agent for tests that need the moment of every datagram.

use super::wire::{Datagrams, Stream, Wire, Ws};
use rustls::ClientConfig;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// An offer or answer with PCMA.
pub fn session(address: SocketAddr, direction: &str) -> String {
    let (ip, family) = (address.ip(), if address.is_ipv6() { "IP6" } else { "IP4" });
    format!(
        "v=0\r\no=- 7 7 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na={direction}\r\n"
    )
}

/// One socket or connection that talks to one proxy.
pub struct Ua {
    wire: Box<dyn Wire>,
    /// As a Via writes its transport.
    over: &'static str,
    pub address: SocketAddr,
    proxy: SocketAddr,
}

/// A message as received.
#[derive(Clone, Debug)]
pub struct Message {
    pub text: String,
}

impl Ua {
    pub fn bind(address: SocketAddr, proxy: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        Self { wire: Box::new(Datagrams { socket, proxy }), over: "UDP", address, proxy }
    }

    /// Connects over TCP from the IP of `from`.
    pub fn connect(from: SocketAddr, proxy: SocketAddr) -> Self {
        let (stream, address) = Stream::connect(from, proxy);
        Self { wire: Box::new(stream), over: "TCP", address, proxy }
    }

    /// Is connected to over TCP.
    pub fn listen(address: SocketAddr, proxy: SocketAddr) -> Self {
        Self { wire: Box::new(Stream::listen(address)), over: "TCP", address, proxy }
    }

    /// Connects under TLS; the handshake happens with the first message.
    pub fn tls(from: SocketAddr, proxy: SocketAddr, name: &str, config: Arc<ClientConfig>) -> Self {
        let (stream, address) = Stream::tls(from, proxy, name, config);
        Self { wire: Box::new(stream), over: "TLS", address, proxy }
    }

    /// Connects over WebSocket.
    pub fn websocket(from: SocketAddr, proxy: SocketAddr) -> Self {
        let (ws, address) = Ws::connect(from, proxy);
        Self { wire: Box::new(ws), over: "WS", address, proxy }
    }

    /// Ends the connection as a broken network does not: with FIN.
    pub fn cut(&self) {
        self.wire.cut();
    }

    fn contact(&self) -> String {
        contact(self.address, self.over)
    }

    /// Sends, and tells the moment just before.
    pub fn send(&self, text: &str) -> SystemTime {
        self.send_bytes(text.as_bytes())
    }

    pub fn send_bytes(&self, bytes: &[u8]) -> SystemTime {
        let at = SystemTime::now();
        self.wire.send(bytes);
        at
    }

    /// The next datagram, if one comes in time.
    pub fn receive(&self, within: Duration) -> Option<Message> {
        let bytes = self.wire.receive(within)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Some(Message { text })
    }

    /// The next message whose first line begins so; others are passed over and named on failure.
    pub fn expect(&self, start: &str) -> Message {
        self.expect_within(start, Duration::from_secs(5))
    }

    pub fn expect_within(&self, start: &str, within: Duration) -> Message {
        let deadline = Instant::now() + within;
        let mut passed = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let next = (!left.is_zero()).then(|| self.receive(left)).flatten();
            match next {
                Some(message) if message.text.starts_with(start) => return message,
                Some(message) => passed.push(message.first_line().to_owned()),
                None => panic!("{}: no {start:?} in {within:?}, but {passed:?}", self.address),
            }
        }
    }

    /// Everything that comes until nothing came for so long: first lines.
    pub fn drain(&self, quiet: Duration) -> Vec<String> {
        std::iter::from_fn(|| self.receive(quiet)).map(|m| m.first_line().to_owned()).collect()
    }

    /// Answers a request. A 2xx or 180 makes or keeps the dialog of `tag`.
    pub fn answer(&self, request: &Message, status: &str, tag: &str, body: &str) -> SystemTime {
        let mut lines = vec![format!("SIP/2.0 {status}")];
        for name in ["Via", "Record-Route", "From"] {
            lines.extend(request.values(name).iter().map(|v| format!("{name}: {v}")));
        }
        let to = request.value("To");
        let tagged = to.contains(";tag=") || tag.is_empty();
        lines.push(if tagged { format!("To: {to}") } else { format!("To: {to};tag={tag}") });
        for name in ["Call-ID", "CSeq"] {
            lines.push(format!("{name}: {}", request.value(name)));
        }
        lines.push(format!("Contact: {}", self.contact()));
        self.send(&finish(lines, body))
    }
}

impl Message {
    pub fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or("")
    }

    /// Values of a header, one for each line, in order.
    pub fn values(&self, name: &str) -> Vec<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or("");
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines
            .filter(|(n, _)| n.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    pub fn value(&self, name: &str) -> String {
        let mut values = self.values(name);
        assert!(!values.is_empty(), "no {name} in\n{}", self.text);
        values.remove(0)
    }

    fn uri_in(&self, header: &str) -> String {
        let value = self.value(header);
        value.split('<').nth(1).and_then(|v| v.split('>').next()).unwrap_or(&value).to_owned()
    }

    /// Route set as the message lists it.
    fn record_routes(&self) -> Vec<String> {
        let values = self.values("Record-Route");
        values.iter().flat_map(|v| v.split(',')).map(|v| v.trim().to_owned()).collect()
    }
}

/// One side of a dialog: what its requests carry.
#[derive(Clone, Debug)]
pub struct Dialog {
    local: SocketAddr,
    over: &'static str,
    call_id: String,
    from: String,
    to: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    branch: u32,
    extra: Vec<String>,
}

impl Dialog {
    /// A call to be made by `ua` from `user` to `number`.
    pub fn caller(ua: &Ua, user: &str, number: &str, name: &str) -> Self {
        let local = ua.address;
        Self {
            local,
            over: ua.over,
            call_id: format!("{name}-{}@{}", std::process::id(), local.ip()),
            from: format!("<sip:{user}@{local}>;tag=from-{name}"),
            to: format!("<sip:{number}@{}>", ua.proxy),
            target: format!("sip:{number}@{}", ua.proxy),
            routes: Vec::new(),
            cseq: 1,
            branch: 0,
            extra: Vec::new(),
        }
    }

    /// The callee's side of a dialog, from the INVITE that it answered with `tag`.
    pub fn callee(ua: &Ua, invite: &Message, tag: &str) -> Self {
        Self {
            local: ua.address,
            over: ua.over,
            call_id: invite.value("Call-ID"),
            from: format!("{};tag={tag}", invite.value("To")),
            to: invite.value("From"),
            target: invite.uri_in("Contact"),
            routes: invite.record_routes(),
            cseq: 100,
            branch: 0,
            extra: Vec::new(),
        }
    }

    pub fn header(mut self, line: &str) -> Self {
        self.extra.push(line.to_owned());
        self
    }

    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The same INVITE each time it is called: for retransmissions.
    pub fn invite(&self) -> String {
        self.request("INVITE", self.cseq, 0, &session(self.local, "sendrecv"))
    }

    /// ACK of a refusal: the INVITE's branch and the refusal's To (RFC 3261 §17.1.1.3).
    pub fn ack_refusal(&self, response: &Message) -> String {
        let this = Self { to: response.value("To"), ..self.clone() };
        this.request("ACK", self.cseq, 0, "")
    }

    /// The same dialog from another place: a connection that was made anew.
    pub fn moved_to(mut self, ua: &Ua) -> Self {
        (self.local, self.over) = (ua.address, ua.over);
        self
    }

    /// Learns remote tag, target and routes from a 2xx.
    pub fn confirm(&mut self, response: &Message) {
        self.to = response.value("To");
        self.target = response.uri_in("Contact");
        self.routes = response.record_routes();
        self.routes.reverse(); // RFC 3261 §12.1.2
        self.branch = 1;
        self.extra.clear();
    }

    /// ACK of the 2xx: a transaction of its own.
    pub fn ack(&self) -> String {
        self.request("ACK", self.cseq, 1, "")
    }

    /// The newest request in the dialog once more, byte for byte.
    pub fn again(&self, method: &str) -> String {
        self.request(method, self.cseq, self.branch, "")
    }

    /// The next request in the dialog.
    pub fn next(&mut self, method: &str, body: &str) -> String {
        self.cseq += 1;
        self.branch += 1;
        self.request(method, self.cseq, self.branch, body)
    }

    fn request(&self, method: &str, cseq: u32, branch: u32, body: &str) -> String {
        let Self { local, over, call_id, from, to, target, .. } = self;
        let key: String = call_id.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut lines = vec![
            format!("{method} {target} SIP/2.0"),
            format!("Via: SIP/2.0/{over} {local};rport;branch=z9hG4bK{key}{cseq}x{branch}"),
        ];
        lines.extend(self.routes.iter().map(|r| format!("Route: {r}")));
        lines.push("Max-Forwards: 70".into());
        lines.push(format!("From: {from}"));
        lines.push(format!("To: {to}"));
        lines.push(format!("Call-ID: {call_id}"));
        lines.push(format!("CSeq: {cseq} {method}"));
        lines.push(format!("Contact: {}", contact(*local, over)));
        lines.extend(self.extra.iter().cloned());
        finish(lines, body)
    }
}

fn contact(address: SocketAddr, over: &str) -> String {
    let parameter = match over {
        "UDP" => String::new(),
        other => format!(";transport={}", other.to_ascii_lowercase()),
    };
    format!("<sip:ua@{address}{parameter}>")
}

fn finish(mut lines: Vec<String>, body: &str) -> String {
    if !body.is_empty() {
        lines.push("Content-Type: application/sdp".into());
    }
    lines.push(format!("Content-Length: {}", body.len()));
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}
