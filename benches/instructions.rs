//! The hot paths, one function each, for `benches/run`: it counts their instructions under
//! callgrind. Instructions do not depend on what else a machine does, so a small loss shows.
//!
//! `instructions OPERATION COUNT` runs an operation that many times; the counted part of it is in
//! a function whose name starts with `counted_`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::call::Settings;
use trunkline_core::engine::{
    AgentsConfig, Engine, EngineConfig, Input, Neighbour, Outputs, Restored,
};
use trunkline_core::gate::{Ask, Book, DialPlan, DncList, Given, Normalizer, Past, Ruling, Source};
use trunkline_core::hub::{Hub, HubLimits};
use trunkline_core::model::{Committed, Epoch, Event, Mono, Named as _, Now, Pos, Wall};
use trunkline_core::sip::message::Index;
use trunkline_core::sip::{
    Core, CoreConfig, Endpoint, Limits, Listen, Outputs as SipOutputs, Peer, PeerId, PeerKind,
    Received, Timers, Transport,
};
use trunkline_core::vault::{BlindIndex, Dek, KeyId, RecordContext, Secret};
use trunkline_core::wire::{Codec, View, event_frame, journal_frame_to_bytes, write_frame};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const US: &str = "127.0.0.3:5060";
const PBX: &str = "127.0.0.1:5070";
const CARRIER: &str = "127.0.0.2:5060";
/// 2026-11-23T02:00:00Z.
const START: Now = Now { mono: Mono(1_000_000_000), wall: Wall(1_795_399_200_000_000) };
const SDP: &str = "v=0\r\no=- 1893456000 1893456000 IN IP4 127.0.0.2\r\ns=Bench\r\n\
     c=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 18732 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\n\
     a=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n\
     a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let operation = args.next().unwrap_or_else(|| "all".to_owned());
    let count: usize = args.next().map_or(1, |n| n.parse().unwrap());
    match operation.as_str() {
        "parse" => parse(count),
        "hop" => hop(count),
        "call" => drop(call(count)),
        "journal" => journal(count),
        "hub" => hub(count),
        "json" => frames(count, Codec::Json),
        "protobuf" => frames(count, Codec::Protobuf),
        "decide" => decide(count),
        "sizes" => sizes(),
        "all" => {
            parse(count);
            hop(count);
            journal(count);
            hub(count);
            Codec::ALL.into_iter().for_each(|codec| frames(count, codec));
        }
        other => panic!("no operation {other}: parse, hop, call, journal, hub, json, protobuf"),
    }
}

// Reading an INVITE.

fn parse(count: usize) {
    let (invite, mut index) = (invite(7), Index::default());
    for _ in 0..count {
        counted_parse(&mut index, &invite);
    }
}

#[inline(never)]
fn counted_parse(index: &mut Index, bytes: &[u8]) {
    black_box(index.read(black_box(bytes), 128).is_ok());
}

// One request through the proxy core, here an OPTIONS: in, forwarded, its 200 back.

fn hop(count: usize) {
    let mut core = Core::new(config().sip);
    let (mut out, mut now) = (SipOutputs::default(), START);
    for n in 0..count {
        let request = options(n);
        counted_hop(&mut core, now, CARRIER, &request, &mut out);
        let answer = answer(&out.sends.last().unwrap().bytes, "200 OK", "p", "");
        counted_hop(&mut core, now, PBX, &answer, &mut out);
        assert_eq!(out.sends.len(), 2);
        out.sends.clear();
        out.signals.clear();
        now = later(now, 5);
        core.tick(now, &mut out);
    }
}

#[inline(never)]
fn counted_hop(core: &mut Core, now: Now, from: &str, bytes: &[u8], out: &mut SipOutputs) {
    core.receive(now, received(now, from, bytes), out);
}

// One call through the engine: INVITE, 180, 200, ACK, BYE, 200 in, and time passing.

fn call(count: usize) -> Vec<Event> {
    let mut out = Outputs::default();
    let mut engine =
        Engine::new(config(), Restored { clean: true, ..Restored::default() }, START, &mut out);
    let (mut now, mut events) = (START, Vec::new());
    out.events.clear();
    for n in 0..count {
        one_call(&mut engine, &mut now, n, &mut out);
        events = std::mem::take(&mut out.events);
        assert_eq!(events.len(), 6);
    }
    events
}

fn one_call(engine: &mut Engine, now: &mut Now, n: usize, out: &mut Outputs) {
    let take = |out: &mut Outputs, start: &str| {
        let sends = std::mem::take(&mut out.sends);
        sends.into_iter().find(|s| s.bytes.starts_with(start.as_bytes())).unwrap().bytes
    };
    counted_call(engine, *now, CARRIER, &invite(n), out);
    let at_pbx = take(out, "INVITE");
    counted_call(engine, *now, PBX, &answer(&at_pbx, "180 Ringing", "p", ""), out);
    take(out, "SIP/2.0 180");
    *now = later(*now, 2);
    counted_call(engine, *now, PBX, &answer(&at_pbx, "200 OK", "p", SDP), out);
    let ok = take(out, "SIP/2.0 200");
    counted_call(engine, *now, CARRIER, &in_dialog("ACK", &ok, n), out);
    take(out, "ACK");
    *now = later(*now, 3);
    counted_call(engine, *now, CARRIER, &in_dialog("BYE", &ok, n), out);
    let bye = take(out, "BYE");
    counted_call(engine, *now, PBX, &answer(&bye, "200 OK", "p", ""), out);
    take(out, "SIP/2.0 200");
    counted_tick(engine, *now, out);
}

#[inline(never)]
fn counted_call(engine: &mut Engine, now: Now, from: &str, bytes: &[u8], out: &mut Outputs) {
    engine.handle(now, Input::Datagram(received(now, from, bytes)), out);
}

#[inline(never)]
fn counted_tick(engine: &mut Engine, now: Now, out: &mut Outputs) {
    engine.handle(now, Input::Tick, out);
}

// The events of one call into a sealed journal frame.

fn journal(count: usize) {
    let events = call(1);
    let mut dek = Dek::new(KeyId(1), &Secret::new([7; 32])).unwrap();
    for n in 0..count {
        counted_journal(&mut dek, n as u64, &events);
    }
}

#[inline(never)]
fn counted_journal(dek: &mut Dek, rev: u64, events: &[Event]) {
    let plain = journal_frame_to_bytes(black_box(events));
    let context = RecordContext {
        tenant: "t",
        table: "frame",
        record_id: b"123456789012",
        rev,
        ts: START.wall,
        agent: &[],
        phone_ix: &[],
    };
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&rev.to_be_bytes());
    black_box(dek.seal(nonce, &context, &plain).unwrap());
}

// The events of one call into the read model, nobody watching.

fn hub(count: usize) {
    let epoch = Epoch(uuid::Uuid::from_u128(1));
    let limits = HubLimits { ring_bytes_max: 1 << 20, ..HubLimits::default() };
    let mut hub = Hub::new(epoch, Pos(0), Vec::new(), limits);
    let template = call(1);
    for n in 0..count {
        let events: Arc<[Event]> = template
            .iter()
            .zip(n as u64 * 6 + 1..)
            .map(|(event, pos)| Event { pos: Pos(pos), ..event.clone() })
            .collect();
        counted_hub(&mut hub, &Committed { epoch, events });
    }
}

#[inline(never)]
fn counted_hub(hub: &mut Hub, batch: &Committed) {
    hub.apply(batch, &mut Vec::new()).unwrap();
}

// The events of one call as frames for desks.

fn frames(count: usize, codec: Codec) {
    let events = call(1);
    for _ in 0..count {
        counted_frames(&events, codec);
    }
}

#[inline(never)]
fn counted_frames(events: &[Event], codec: Codec) {
    for event in black_box(events) {
        black_box(write_frame(&event_frame(event, View::Masked), codec));
    }
}

/// `instructions sizes`: bytes of each frame, for docs/desk-protocol.md.
/// A verdict: a list of 100,000 numbers, fifty rule sets of which three apply (law, company,
/// campaign), each with hours, a ban for the night and a cap, and two calls before.
fn decide(count: usize) {
    let set = |n: usize, layer: &str, region: &str| {
        format!(
            "[ruleset.s{n}]\nlayer = \"{layer}\"\nzone = {{ source = \"callee\" }}\n\
             applies = {{ region = [\"{region}\"], purpose = [\"sales\", \"sales.*\"] }}\n\
             purpose = {{ cite = \"p\" }}\ndnc = {{ cite = \"d\" }}\n\
             window = [{{ classes = [\"any\"], spans = [[\"08:00\", \"20:00\"]], cite = \"w\" }}]\n\
             hard_ban = [{{ id = \"night\", spans = [[\"00:00\", \"08:00\"]], cite = \"b\" }}]\n\
             cap = [{{ id = \"c\", max = 3, per = \"rolling:PT24H\", key = [\"callee\"], \
             cite = \"c\" }}]\n"
        )
    };
    let applied = ["law", "company", "campaign"].map(|layer| (layer, "FR")).into_iter();
    let regions = ["DE", "GB", "US-TX", "+4930", "IT", "US"];
    let sets = applied.chain(regions.iter().cycle().map(|region| ("law", *region)).take(47));
    let sets: String = sets.enumerate().map(|(n, (layer, at))| set(n, layer, at)).collect();
    let text = format!("schema = 1\n{sets}");
    let book = Book::load_rules(&[Source { name: "fifty.toml", text: &text }]).unwrap();
    let refs = BlindIndex::new(&Secret::new([2; 32]));
    let mut list = DncList::default();
    for n in 0..100_000 {
        list.insert(refs.number_ref(&format!("+33{n:09}")), Some("2026-05-30")).unwrap();
    }
    let dialed = Normalizer::new(DialPlan::default()).unwrap().read("+33123456789");
    let past =
        [3, 30].map(|hours| Past::attempt(START.wall.before(Duration::from_secs(hours * 3600))));
    for n in 0..count {
        let number_ref = Some(refs.number_ref(&format!("+34{n:09}")));
        let given = Given { past: &past, ..Given::default() };
        let ask = Ask { dialed: &dialed, purpose: Some("sales"), ruleset: None, number_ref, given };
        // 12:00 in Paris.
        let at = START.wall.after(Duration::from_secs(9 * 3600));
        let Ruling::Decided(decided) = counted_decide(&book, &list, &ask, at) else { panic!() };
        assert_eq!(decided.verdict.name(), "allow");
    }
}

#[inline(never)]
fn counted_decide(book: &Book, list: &DncList, ask: &Ask<'_>, at: Wall) -> Ruling {
    black_box(book.decide(list, ask, at))
}

fn sizes() {
    println!("{:24} {:>6} {:>6} {:>8}", "", "view", "json", "protobuf");
    for event in call(1) {
        for view in View::ALL {
            let frame = event_frame(&event, view);
            let [json, protobuf] = Codec::ALL.map(|codec| write_frame(&frame, codec).len());
            println!("{:24} {:>6} {json:>6} {protobuf:>8}", event.kind.name(), view.name());
        }
    }
}

// The site and its messages.

fn later(now: Now, seconds: u64) -> Now {
    let wait = Duration::from_secs(seconds);
    Now { mono: now.mono.after(wait), wall: now.wall.after(wait) }
}

fn received<'a>(at: Now, from: &str, bytes: &'a [u8]) -> Received<'a> {
    let (local, remote) = (addr(US), addr(from));
    Received { transport: Transport::Udp, local, remote, flow: None, bytes, at }
}

fn config() -> EngineConfig {
    let peer = |id, kind, name: &str, at: &str| Peer {
        id: PeerId(id),
        kind,
        name: name.into(),
        sources: vec![(addr(at).ip(), None)],
        tls_names: Vec::new(),
        endpoints: vec![Endpoint::udp(addr(at))],
        trusted_identity: true,
        credentials: None,
    };
    let peers =
        vec![peer(0, PeerKind::Pbx, "pbx", PBX), peer(1, PeerKind::Carrier, "main", CARRIER)];
    let neighbour =
        |p: &Peer| (p.id, Neighbour { name: p.name.as_str().into(), default_purpose: None });
    let neighbours: HashMap<_, _> = peers.iter().map(neighbour).collect();
    EngineConfig {
        sip: CoreConfig {
            listen: vec![Listen::udp(addr(US))],
            peers,
            timers: Timers::default(),
            limits: Limits::default(),
            secret: [7; 16],
            epoch: 1,
            purpose_header: Some("X-Purpose".into()),
            server_name: "trunkline".into(),
        },
        neighbours,
        inbound: vec![PeerId(0)],
        outbound: vec![PeerId(1)],
        purpose_header: "X-Purpose".into(),
        call: Settings {
            tenant: "default".into(),
            site: "main".into(),
            ring_period_ms: 5000,
            answer_norm_ms: 15_000,
            people: Default::default(),
        },
        call_age_max: Duration::from_secs(3600),
        calls_max: 1000,
        book: Arc::new(Book::shipped().unwrap()),
        ruleset: Some("cn-seed-service".into()),
        shadow: None,
        plans: Normalizer::new(DialPlan::default()).unwrap().into(),
        desk_refs: BlindIndex::new(&Secret::new([1; 32])),
        list_refs: BlindIndex::new(&Secret::new([2; 32])),
        switches: Vec::new(),
        agents: AgentsConfig::default(),
        lines: Vec::new(),
        people: Default::default(),
        post_dial_max: None,
        backup_within: Duration::from_secs(1800),
        seed: 42,
    }
}

fn request(method: &str, n: usize, cseq: u32, extra: &str, body: &str) -> Vec<u8> {
    let to_tag = if matches!(method, "ACK" | "BYE") { ";tag=p" } else { "" };
    format!(
        "{method} sip:+4930{n:07}@pbx.test SIP/2.0\r\n\
         Via: SIP/2.0/UDP {CARRIER};rport;branch=z9hG4bK{method}{n}\r\n\
         Max-Forwards: 70\r\n{extra}\
         From: \"Agent 117\" <sip:+493012345@{CARRIER}>;tag=a1c{n}\r\n\
         To: <sip:+4930{n:07}@pbx.test>{to_tag}\r\n\
         Call-ID: {n}-31337@127.0.0.2\r\nCSeq: {cseq} {method}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn invite(n: usize) -> Vec<u8> {
    let extra = format!(
        "Contact: <sip:agent117@{CARRIER};transport=udp>\r\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, UPDATE\r\n\
         Supported: replaces, timer\r\n\
         P-Asserted-Identity: \"Agent 117\" <sip:+493012345@{CARRIER}>\r\n\
         User-Agent: BenchPBX 1.0\r\nContent-Type: application/sdp\r\n"
    );
    request("INVITE", n, 101, &extra, SDP)
}

fn options(n: usize) -> Vec<u8> {
    request("OPTIONS", n, 1, "", "")
}

/// A request whose route set is the Record-Route of a 200 (RFC 3261 §12.1.2: one proxy, so the
/// order does not matter).
fn in_dialog(method: &str, ok: &[u8], n: usize) -> Vec<u8> {
    let ok = std::str::from_utf8(ok).unwrap();
    let routes = ok.lines().filter_map(|l| l.strip_prefix("Record-Route:"));
    let routes: String = routes.map(|value| format!("Route:{value}\r\n")).collect();
    assert!(!routes.is_empty());
    request(method, n, if method == "ACK" { 101 } else { 102 }, &routes, "")
}

/// The answer to a request as its receiver would send it.
fn answer(request: &[u8], status: &str, tag: &str, body: &str) -> Vec<u8> {
    let request = std::str::from_utf8(request).unwrap();
    let mut out = format!("SIP/2.0 {status}\r\n");
    for line in request.lines() {
        match line.split(':').next().unwrap() {
            "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => out += &format!("{line}\r\n"),
            "To" if line.contains(";tag=") => out += &format!("{line}\r\n"),
            "To" => out += &format!("{line};tag={tag}\r\n"),
            _ => {}
        }
    }
    out += &format!("Contact: <sip:gw@{PBX}>\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    out.into_bytes()
}
