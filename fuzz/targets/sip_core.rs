//! A core with neighbours and a script of datagrams, decisions and time. Whatever is sent: no
//! panic, tables no larger than what was sent, every byte string that leaves is a message, and
//! when everybody is silent every table is empty.
//!
//! A script is a list of steps; the first byte of each says what it does, see `Script::step`.

use std::net::SocketAddr;
use std::time::Duration;
use trunkline_core::model::{Mono, Now, Wall};
use trunkline_core::sip::message::{Index, Message};
use trunkline_core::sip::*;
use zeroize::Zeroizing;

const US: [&str; 2] = ["10.9.9.9:5060", "[2001:db8::9]:5060"];
const PEERS: [&str; 4] = ["10.0.0.1:5060", "10.0.1.1:5060", "10.0.2.1:5080", "[2001:db8::b]:5060"];
const STEPS_MAX: usize = 200;
const SENT_MAX: usize = 400;
const METHODS: [&str; 8] =
    ["INVITE", "CANCEL", "ACK", "BYE", "OPTIONS", "SUBSCRIBE", "REGISTER", "UPDATE"];
const STATUSES: [&str; 12] = [
    "100 Trying",
    "180 Ringing",
    "183 Progress",
    "200 OK",
    "302 Moved",
    "401 Unauthorized",
    "407 Proxy Authentication Required",
    "408 Request Timeout",
    "486 Busy Here",
    "487 Request Terminated",
    "503 Service Unavailable",
    "603 Decline",
];
const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\
    Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256\r\n";

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn config() -> CoreConfig {
    let peer = |id, kind, addrs: &[&str]| Peer {
        id: PeerId(id),
        kind,
        name: format!("peer{id}"),
        sources: addrs.iter().map(|a| (addr(a).ip(), None)).collect(),
        tls_names: Vec::new(),
        endpoints: addrs.iter().map(|a| Endpoint::udp(addr(a))).collect(),
        credentials: (kind == PeerKind::Carrier).then(|| Credentials {
            user: "u".into(),
            password: Zeroizing::new("p".into()),
            realm: None,
        }),
        trusted_identity: true,
    };
    CoreConfig {
        listen: US.iter().map(|a| Listen::udp(addr(a))).collect(),
        peers: vec![
            peer(1, PeerKind::Pbx, &PEERS[..1]),
            peer(2, PeerKind::Carrier, &PEERS[1..2]),
            peer(3, PeerKind::Carrier, &PEERS[2..]),
        ],
        timers: Timers::default(),
        limits: Limits::default(),
        secret: *b"0123456789abcdef",
        epoch: 1,
        purpose_header: Some("X-Purpose".into()),
        server_name: "trunkline".into(),
    }
}

/// The bytes of a script that were not read.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

struct World {
    core: Core,
    now: Now,
    out: Outputs,
    /// What left, for answers and echoes.
    sent: Vec<Outgoing>,
    asks: Vec<AskId>,
}

/// Plays `data`.
pub fn run(data: &[u8]) {
    let now = Now { mono: Mono(77_000_000_000_000), wall: Wall(1_767_600_000_000_000) };
    let core = Core::new(config());
    let mut world =
        World { core, now, out: Outputs::default(), sent: Vec::new(), asks: Vec::new() };
    let mut script = Script(data);
    let mut steps = 0;
    while !script.0.is_empty() && steps < STEPS_MAX {
        steps += 1;
        world.step(&mut script);
        world.collect();
        let sizes = world.core.sizes();
        // A step opens one server and its client, an abandoned target a BYE; timers are three an
        // entry and a stale one each.
        assert!(sizes.servers <= steps && sizes.clients <= 3 * steps, "{sizes:?} after {steps}");
        assert!(sizes.pending <= sizes.servers && sizes.keys <= 2 * sizes.servers, "{sizes:?}");
        assert!(sizes.timers <= 24 * steps, "{sizes:?} after {steps}");
    }
    // Timer C, then a CANCEL, a BYE and what remains of each.
    world.wait(Duration::from_secs(190 + 4 * 33));
    assert_eq!(world.core.sizes(), Sizes::default());
}

impl World {
    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 13 {
            0 => {
                let who = script.byte();
                let length = script.word();
                let bytes = script.bytes(length).to_vec();
                self.says(who, &bytes);
            }
            1 => {
                let who = script.byte();
                let mut bytes = request(script).into_bytes();
                damage(script, &mut bytes);
                self.says(who, &bytes);
            }
            2 | 3 => self.answer(script),
            4 => self.echo(script),
            5 => {
                let Some(ask) = self.asks.pop() else { return };
                let which = script.byte();
                let ids = [PeerId(1), PeerId(2), PeerId(3)];
                let chosen = ids.iter().enumerate().filter(|(i, _)| which >> i & 1 == 1);
                let plan = RoutePlan {
                    targets: chosen.map(|(_, id)| *id).collect(),
                    post_dial_max: (which & 8 != 0).then_some(Duration::from_secs(6)),
                    strip: vec!["X-Purpose".into()],
                };
                self.core.route(self.now, ask, plan, &mut self.out);
            }
            6 => {
                let Some(ask) = self.asks.pop() else { return };
                let status = 300 + u16::from(script.byte()) * 2;
                let headers = vec!["Reason: Q.850;cause=21".to_owned()];
                let refusal = Refusal { status, phrase: "No".into(), headers };
                self.core.refuse(self.now, ask, refusal, &mut self.out);
            }
            7 => self.wait(Duration::from_millis(script.word() as u64)),
            8 => {
                let draining = script.byte() & 1 == 1;
                self.core.set_draining(draining);
            }
            9 => {
                let peer = usize::from(script.byte()) % 3;
                let (id, endpoint) = (PeerId(1 + peer as u16), Endpoint::udp(addr(PEERS[peer])));
                let patience = Duration::from_millis(script.word() as u64);
                let own = OwnId(script.byte().into());
                self.core.probe(self.now, own, id, &endpoint, patience, &mut self.out);
            }
            10 => {
                let registration = Registration {
                    aor: "sip:4001@carrier.example".into(),
                    contact_user: "4001".into(),
                    expires_s: script.byte().into(),
                };
                let own = OwnId(script.byte().into());
                self.core.register(self.now, own, PeerId(2), &registration, &mut self.out);
            }
            11 => {
                let Some(at) = self.pick(script) else { return };
                if let Some(ticket) = self.sent[at].ticket {
                    self.core.unsent(self.now, ticket, "refused", &mut self.out);
                }
            }
            _ => {
                let peer = usize::from(script.byte()) % 3;
                let endpoints = PEERS[peer + 1..].iter().map(|a| Endpoint::udp(addr(a))).collect();
                self.core.set_endpoints(PeerId(1 + peer as u16), endpoints);
            }
        }
    }

    fn pick(&self, script: &mut Script<'_>) -> Option<usize> {
        let back = usize::from(script.byte());
        let count = self.sent.len();
        (count > 0).then(|| count - 1 - back % count)
    }

    /// An answer to something that left, from where it went.
    fn answer(&mut self, script: &mut Script<'_>) {
        let Some(at) = self.pick(script) else { return };
        let choice = script.byte();
        let status = STATUSES[usize::from(choice) % STATUSES.len()];
        let tag = ["", "b", "c"][usize::from(choice) / 16 % 3];
        let sent = self.sent[at].clone();
        let Some(mut bytes) = answer(&sent.bytes, status, tag) else { return };
        damage(script, &mut bytes);
        self.from(sent.remote, &bytes);
    }

    /// Something that left comes back, from whom you like; a request as one inside its dialog.
    fn echo(&mut self, script: &mut Script<'_>) {
        let Some(at) = self.pick(script) else { return };
        let who = script.byte();
        let mut text = String::from_utf8_lossy(&self.sent[at].bytes).into_owned();
        if who & 0x10 != 0 {
            let method = METHODS[usize::from(who >> 5)];
            text = text.replacen("Record-Route:", "Route:", 1).replace("INVITE", method);
            text = text.replacen("To: <sip:t@example.com>", "To: <sip:t@example.com>;tag=b", 1);
        }
        let mut bytes = text.into_bytes();
        damage(script, &mut bytes);
        self.says(who, &bytes);
    }

    fn says(&mut self, who: u8, bytes: &[u8]) {
        self.from(addr(PEERS[usize::from(who) % PEERS.len()]), bytes);
    }

    fn from(&mut self, remote: SocketAddr, bytes: &[u8]) {
        let local = addr(US[usize::from(remote.is_ipv6())]);
        let (transport, flow) = (Transport::Udp, None);
        let received = Received { transport, local, remote, flow, bytes, at: self.now };
        self.core.receive(self.now, received, &mut self.out);
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now.mono.after(span);
        while let Some(next) = self.core.next_deadline().filter(|next| *next <= until) {
            self.pass(next);
        }
        self.pass(until);
        self.collect();
    }

    fn pass(&mut self, until: Mono) {
        let step = until.since(self.now.mono);
        self.now = Now { mono: until, wall: self.now.wall.after(step) };
        self.core.tick(self.now, &mut self.out);
    }

    /// What went out must be readable: a proxy that sends what it would drop itself is broken.
    fn collect(&mut self) {
        for sent in self.out.sends.drain(..) {
            let mut index = Index::default();
            let read = index.read(&sent.bytes, 255);
            let text = || String::from_utf8_lossy(&sent.bytes).into_owned();
            assert!(read.is_ok(), "{read:?}: {}", text());
            // A response has below ours what its sender wrote.
            let message = Message::new(&sent.bytes, &index);
            assert!(message.via().is_some() || message.method().is_empty(), "{}", text());
            if self.sent.len() < SENT_MAX {
                self.sent.push(sent);
            }
        }
        for signal in self.out.signals.drain(..) {
            if let Signal::Ask { ask, .. } = signal {
                self.asks.push(ask);
            }
        }
        self.out.close.clear();
    }
}

/// A request of one of eight calls.
fn request(script: &mut Script<'_>) -> String {
    let (choice, shape) = (script.byte(), script.byte());
    let method = METHODS[usize::from(choice) % METHODS.len()];
    let call = choice >> 3 & 7;
    let uri = ["sip:13800138000@10.9.9.9", "sip:a@example.com", "tel:+8613800138000"]
        [usize::from(shape) % 3];
    let to_tag = if shape & 0x10 != 0 { ";tag=b" } else { "" };
    let route =
        if shape & 0x20 != 0 { "Route: <sip:10.9.9.9;lr>, <sip:x.example>\r\n" } else { "" };
    let sdp = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n";
    let body = if shape & 0x40 != 0 { sdp } else { "" };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let number = 1 + (shape >> 2 & 3);
    let branch = if method == "ACK" && shape & 0x80 != 0 { "ack" } else { "" };
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{branch}{call}{number};rport\r\n\
         Max-Forwards: 70\r\n\
         {route}From: <sip:f@example.com>;tag=f{call}\r\n\
         To: <sip:t@example.com>{to_tag}\r\n\
         Call-ID: {call}@fuzz\r\n\
         CSeq: {number} {method}\r\n\
         Contact: <sip:f@10.0.0.1:5060>\r\n\
         X-Purpose: sales\r\n\
         {kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A response with the lines of a request that it must mirror; `None` if that is a response.
fn answer(request: &[u8], status: &str, tag: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(request);
    if text.starts_with("SIP/2.0") {
        return None;
    }
    let mut out = format!("SIP/2.0 {status}\r\n");
    for line in text.split("\r\n").skip(1).take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "via" | "v" | "from" | "f" | "call-id" | "i" | "cseq" | "record-route" => {
                out += &format!("{line}\r\n");
            }
            "to" | "t" if line.contains("tag=") || tag.is_empty() => out += &format!("{line}\r\n"),
            "to" | "t" => out += &format!("{line};tag={tag}\r\n"),
            _ => {}
        }
    }
    if status.starts_with("401") || status.starts_with("407") {
        out += CHALLENGE;
    }
    out += "Contact: <sip:t@10.0.1.1:5060>\r\nContent-Length: 0\r\n\r\n";
    Some(out.into_bytes())
}

/// Up to three changed, doubled or lost bytes.
fn damage(script: &mut Script<'_>, bytes: &mut Vec<u8>) {
    let changes = script.byte();
    if changes < 0xc0 {
        return;
    }
    for _ in 0..changes & 3 {
        let (at, with) = (script.word(), script.byte());
        if bytes.is_empty() {
            return;
        }
        let at = at % bytes.len();
        match changes >> 2 & 3 {
            0 => bytes[at] = with,
            1 => bytes.insert(at, with),
            2 => {
                bytes.remove(at);
            }
            _ => bytes.truncate(at),
        }
    }
}
