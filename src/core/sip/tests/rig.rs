//! A core with neighbours and a clock.

use crate::model::{Mono, Now, Wall};
use crate::sip::message::{Index, Message, Name};
use crate::sip::*;
use std::net::SocketAddr;
use std::time::Duration;

pub const US: &str = "10.9.9.9:5060";
pub const US6: &str = "[2001:db8::9]:5060";
pub const PBX: &str = "10.0.0.1:5060";
pub const ALPHA: &str = "10.0.1.1:5060";
pub const BETA: &str = "10.0.2.1:5080";
pub const BETA6: &str = "[2001:db8::b]:5060";
pub const PBX_ID: PeerId = PeerId(1);
pub const ALPHA_ID: PeerId = PeerId(2);
pub const BETA_ID: PeerId = PeerId(3);

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn config(epoch: u32) -> CoreConfig {
    let peer = |id, kind, name: &str, addrs: &[&str]| Peer {
        id,
        kind,
        name: name.to_owned(),
        sources: addrs.iter().map(|a| (addr(a).ip(), None)).collect(),
        tls_names: Vec::new(),
        endpoints: vec![Endpoint::udp(addr(addrs[0]))],
        trusted_identity: true,
        credentials: None,
    };
    CoreConfig {
        listen: vec![Listen::udp(addr(US)), Listen::udp(addr(US6))],
        peers: vec![
            peer(PBX_ID, PeerKind::Pbx, "pbx", &[PBX]),
            peer(ALPHA_ID, PeerKind::Carrier, "alpha", &[ALPHA]),
            peer(BETA_ID, PeerKind::Carrier, "beta", &[BETA, BETA6]),
        ],
        timers: Timers::default(),
        limits: Limits::default(),
        secret: *b"0123456789abcdef",
        epoch,
        purpose_header: Some("X-Purpose".into()),
        server_name: "trunkline".into(),
    }
}

pub struct Rig {
    pub core: Core,
    pub now: Now,
    pub out: Outputs,
    /// Open connections: transport, listen address and the other side.
    flows: Vec<(FlowId, Listen, SocketAddr)>,
}

/// A datagram that came out, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub to: String,
    pub from: String,
    /// Transport; `tcp#3`: connection 3; `tls=name`: a certificate with that name.
    pub over: String,
    pub ticket: Option<u64>,
    pub bytes: Vec<u8>,
}

impl Sent {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn first_line(&self) -> String {
        self.text().lines().next().unwrap().to_owned()
    }

    /// Values of a header, as lines.
    pub fn all(&self, name: Name) -> Vec<String> {
        let mut index = Index::default();
        index.read(&self.bytes, 200).unwrap();
        let message = Message::new(&self.bytes, &index);
        let text = |v: &[u8]| String::from_utf8_lossy(v).into_owned();
        message.headers(name).map(|h| text(h.value.of(&self.bytes))).collect()
    }

    pub fn one(&self, name: Name) -> String {
        self.all(name).first().cloned().unwrap_or_default()
    }

    pub fn branch(&self) -> String {
        let mut index = Index::default();
        index.read(&self.bytes, 200).unwrap();
        let via = Message::new(&self.bytes, &index).via().unwrap();
        String::from_utf8_lossy(via.branch(&self.bytes)).into_owned()
    }

    /// An answer to this request, with its Vias, tags and Record-Routes, in one of many styles.
    pub fn answer(&self, status: &str, to_tag: &str, rest: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for via in self.all(Name::Via) {
            text += &format!("Via: {via}\r\n");
        }
        for route in self.all(Name::RecordRoute) {
            text += &format!("Record-Route: {route}\r\n");
        }
        let to = self.one(Name::To);
        let to = match to.contains(";tag=") || to_tag.is_empty() {
            true => to,
            false => format!("{to};tag={to_tag}"),
        };
        let (from, call, cseq) =
            (self.one(Name::From), self.one(Name::CallId), self.one(Name::CSeq));
        text += &format!("From: {from}\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq}\r\n{rest}");
        if !rest.contains("\r\n\r\n") {
            text += "Content-Length: 0\r\n\r\n";
        }
        text
    }
}

impl Rig {
    pub fn new() -> Self {
        Self::with(config(1))
    }

    pub fn with(config: CoreConfig) -> Self {
        let now = Now { mono: Mono(77_000_000_000_000), wall: Wall(1_767_600_000_000_000) };
        Self { core: Core::new(config), now, out: Outputs::default(), flows: Vec::new() }
    }

    /// The core of the next run of the process, with the same clock.
    pub fn restarted(self, epoch: u32) -> Self {
        self.restarted_with(config(epoch))
    }

    pub fn restarted_with(self, config: CoreConfig) -> Self {
        Self { now: self.now, ..Self::with(config) }
    }

    /// A connection opens; false if it is closed again at once.
    pub fn opens(&mut self, flow: u64, over: Transport, remote: &str, names: &[&str]) -> bool {
        self.opened(flow, over, remote, names, false)
    }

    /// A connection that we open ourselves.
    pub fn connects(&mut self, flow: u64, over: Transport, remote: &str, names: &[&str]) -> bool {
        self.opened(flow, over, remote, names, true)
    }

    fn opened(
        &mut self,
        flow: u64,
        transport: Transport,
        remote: &str,
        names: &[&str],
        ours: bool,
    ) -> bool {
        let (flow, remote) = (FlowId(flow), addr(remote));
        let local = SocketAddr::new(addr(US).ip(), transport.default_port());
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        let opened = FlowOpened { flow, transport, local, remote, ours, names };
        self.core.flow_opened(self.now, opened, &mut self.out);
        let refused = std::mem::take(&mut self.out.close) == [flow];
        if !refused {
            self.flows.push((flow, Listen { transport, addr: local }, remote));
        }
        !refused
    }

    /// Is that open connection one to there?
    pub fn reaches(&self, flow: u64, remote: &str) -> bool {
        self.flows.iter().any(|(id, _, to)| id.0 == flow && *to == addr(remote))
    }

    /// A connection ends.
    pub fn closes(&mut self, flow: u64) -> Vec<Sent> {
        self.flows.retain(|(id, ..)| id.0 != flow);
        self.core.flow_closed(self.now, FlowId(flow), &mut self.out);
        self.take()
    }

    /// A message comes in on a connection.
    pub fn says_on(&mut self, flow: u64, text: impl AsRef<[u8]>) -> Vec<Sent> {
        let found = self.flows.iter().find(|(id, ..)| id.0 == flow);
        let (flow, Listen { transport, addr: local }, remote) = *found.expect("an open connection");
        let bytes = text.as_ref();
        let flow = Some(flow);
        let frame = Received { transport, local, remote, flow, bytes, at: self.now };
        self.core.receive(self.now, frame, &mut self.out);
        self.take()
    }

    /// A message that could not be sent.
    pub fn fails(&mut self, sent: &Sent) -> Vec<Sent> {
        let ticket = sent.ticket.expect("a ticket");
        self.core.unsent(self.now, ticket, "connection refused", &mut self.out);
        self.take()
    }

    /// Answers an ask with these neighbours, at the endpoints that they have.
    pub fn plan(&mut self, ask: AskId, targets: &[PeerId]) -> Vec<Sent> {
        let targets = targets.to_vec();
        let plan = RoutePlan { targets, post_dial_max: None, strip: vec!["X-Purpose".into()] };
        self.core.route(self.now, ask, plan, &mut self.out);
        self.take()
    }

    pub fn take(&mut self) -> Vec<Sent> {
        let sends = std::mem::take(&mut self.out.sends);
        let sent = |o: Outgoing| {
            let mut over = o.transport.via_name().to_ascii_lowercase();
            over += &o.flow.map_or_else(String::new, |f| format!("#{}", f.0));
            over += &o.name.map_or_else(String::new, |n| format!("={n}"));
            let (to, from) = (o.remote.to_string(), o.local.to_string());
            Sent { to, from, over, ticket: o.ticket, bytes: o.bytes }
        };
        sends.into_iter().map(sent).collect()
    }

    pub fn signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.out.signals)
    }

    /// A datagram comes in; what goes out is returned.
    pub fn says(&mut self, who: &str, text: impl AsRef<[u8]>) -> Vec<Sent> {
        let remote = addr(who);
        let local = addr(if remote.is_ipv4() { US } else { US6 });
        let (transport, flow) = (Transport::Udp, None);
        let bytes = text.as_ref();
        let datagram = Received { transport, local, remote, flow, bytes, at: self.now };
        self.core.receive(self.now, datagram, &mut self.out);
        self.take()
    }

    /// Time passes, timer by timer.
    pub fn wait(&mut self, span: Duration) -> Vec<Sent> {
        let until = self.now.mono.after(span);
        while let Some(next) = self.core.next_deadline().filter(|next| *next <= until) {
            let step = next.since(self.now.mono);
            self.now = Now { mono: next, wall: self.now.wall.after(step) };
            self.core.tick(self.now, &mut self.out);
        }
        let step = until.since(self.now.mono);
        self.now = Now { mono: until, wall: self.now.wall.after(step) };
        self.core.tick(self.now, &mut self.out);
        self.take()
    }

    pub fn wait_ms(&mut self, ms: u64) -> Vec<Sent> {
        self.wait(Duration::from_millis(ms))
    }

    /// The ask in the signals so far.
    pub fn ask(&mut self) -> (AskId, Offer) {
        let signals = self.signals();
        let found = signals.into_iter().find_map(|s| match s {
            Signal::Ask { ask, offer } => Some((ask, *offer)),
            _ => None,
        });
        found.expect("an ask")
    }

    pub fn route(&mut self, ask: AskId, hops: &[(PeerId, &str)]) -> Vec<Sent> {
        let mut targets: Vec<PeerId> = hops.iter().map(|(peer, _)| *peer).collect();
        targets.dedup();
        for target in &targets {
            let of_it = hops.iter().filter(|(peer, _)| peer == target);
            let endpoints = of_it.map(|(_, a)| Endpoint::udp(addr(a))).collect();
            self.core.set_endpoints(*target, endpoints);
        }
        let strip = vec!["X-Purpose".into()];
        let plan = RoutePlan { targets, post_dial_max: None, strip };
        self.core.route(self.now, ask, plan, &mut self.out);
        self.take()
    }

    /// INVITE from the PBX to these carriers: the ask and the request that left.
    pub fn call(&mut self, hops: &[(PeerId, &str)]) -> (AskId, Sent) {
        let trying = self.says(PBX, invite("a"));
        assert_eq!(trying.len(), 1);
        assert!(trying[0].first_line().ends_with("100 Trying"), "{}", trying[0].text());
        let (ask, _) = self.ask();
        let mut sent = self.route(ask, hops);
        assert_eq!(sent.len(), 1);
        (ask, sent.remove(0))
    }

    /// Nothing is remembered any more.
    pub fn assert_empty(&mut self) {
        self.wait(Duration::from_secs(33));
        assert_eq!(self.core.sizes(), Sizes::default());
        assert_eq!(self.core.next_deadline(), None);
    }
}

/// An INVITE of the PBX; `name` is its branch, tag and Call-ID.
pub fn invite(name: &str) -> String {
    request("INVITE", name, "")
}

/// A request of the PBX outside any dialog.
pub fn request(method: &str, name: &str, extra: &str) -> String {
    format!(
        "{method} sip:13800138000@10.9.9.9 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{name};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Desk \\\"7\\\"\" <sip:8001@10.0.0.1>;tag=from{name}\r\n\
         To: <sip:13800138000@10.9.9.9>\r\n\
         Call-ID: {name}@pbx\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:8001@10.0.0.1:5060>\r\n\
         {extra}\
         Content-Length: 0\r\n\r\n"
    )
}

/// CANCEL of `invite(name)`.
pub fn cancel(name: &str) -> String {
    request("CANCEL", name, "Reason: Q.850;cause=16;text=\"bye\"\r\n")
}

/// ACK of a final answer other than 2xx to `invite(name)`.
pub fn ack(name: &str, to_tag: &str) -> String {
    request("ACK", name, "").replace(
        "To: <sip:13800138000@10.9.9.9>",
        &format!("To: <sip:13800138000@10.9.9.9>;tag={to_tag}"),
    )
}

/// Names of signals, for short assertions.
pub fn names(signals: &[Signal]) -> Vec<String> {
    let name = |s: &Signal| match s {
        Signal::Ask { .. } => "ask".into(),
        Signal::Forwarded { peer, .. } => format!("forwarded {}", peer.0),
        Signal::Response { status, peer, .. } => format!("response {status} {}", peer.0),
        Signal::Cancelled { .. } => "cancelled".into(),
        Signal::Rejected { status, local, .. } => format!("rejected {status} {local}"),
        Signal::MidDialog { method, .. } => format!("mid {method}"),
        Signal::MidDialogFinal { method, status, .. } => format!("final {method} {status}"),
        Signal::Own { id, outcome, .. } => format!("own {} {outcome:?}", id.0),
        Signal::AnsweredLate { peer, .. } => format!("answered late {}", peer.0),
        Signal::Late { method, status, .. } => format!("late {method} {status}"),
    };
    signals.iter().map(name).collect()
}
