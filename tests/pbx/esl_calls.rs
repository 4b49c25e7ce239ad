//! A FreeSWITCH that connects to us for the calls that its dialplan hands over.

use crate::commands::desk;
use crate::site::Linked;
use crate::support::Story;
use crate::support::process::poll_until;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

const CALLS: &str = "trunks = [\"sofia/trunk/*\"]\n[pbx.asterisk.esl]\n\
                     outbound_listen = \"TRUNKLINE:8084\"\n";
const BOTH: &str = "trunks = [\"sofia/trunk/*\"]\n[pbx.asterisk.esl]\naddress = \"PBX:8021\"\n\
                    password_file = \"pbx.password\"\noutbound_listen = \"TRUNKLINE:8084\"\n";
const AGENTS: &str = "[agent.alice]\ndevice = \"sofia/internal/1001\"\n";
const LINK: &str = "asterisk/esl";
const WITHIN: Duration = Duration::from_secs(20);
const END: &str = "0198c0de-0000-7000-8000-0000000000e1";

fn door(linked: &Linked) -> SocketAddr {
    SocketAddr::new(linked.site.net.trunkline().ip(), 8084)
}

/// A connection of the PBX's own for a call of 1001 to 1002.
struct Call {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
    number: u64,
}

impl Call {
    /// Connects from the PBX's address and is asked for the call.
    fn connect(linked: &Linked) -> Self {
        let from = SocketAddr::new(linked.site.net.pbx().ip(), 0);
        let stream = dial(from, door(linked));
        let mut call =
            Self { lines: BufReader::new(stream.try_clone().unwrap()), stream, number: 0 };
        assert_eq!(call.asked(), "connect");
        call
    }

    /// The call is told and followed.
    fn followed(linked: &Linked, more: &str) -> Self {
        let mut call = Self::connect(linked);
        call.say(&data(more));
        loop {
            let asked = call.asked();
            call.say("Content-Type: command/reply\nReply-Text: +OK\n\n");
            if asked.starts_with("event json ") {
                return call;
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn event(&mut self, name: &str, id: &str, more: Value) {
        self.number += 1;
        let mut event = json!({
            "Event-Name": name, "Unique-ID": id, "Core-UUID": "core-1",
            "Event-Sequence": self.number.to_string(),
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = event.to_string();
        let head = "Content-Type: text/event-json";
        self.say(&format!("Content-Length: {}\n{head}\n\n{body}", body.len()));
    }

    /// The next command, without its empty line.
    fn asked(&mut self) -> String {
        self.stream.set_read_timeout(Some(WITHIN)).unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "closed after {lines:?}");
            match line.trim_end() {
                "" => return lines.join("\n"),
                line => lines.push(line.to_owned()),
            }
        }
    }

    /// The next command of this kind, with its result.
    fn ordered(&mut self, start: &str, result: &str) -> String {
        loop {
            let asked = self.asked();
            if asked.starts_with("filter ") {
                self.say("Content-Type: command/reply\nReply-Text: +OK filter added\n\n");
                continue;
            }
            let (command, job) = asked.split_once("\nJob-UUID: ").unwrap();
            let command = command.strip_prefix("bgapi ").unwrap();
            self.say("Content-Type: command/reply\nReply-Text: +OK Job-UUID\n\n");
            let wanted = command.starts_with(start);
            let body = if wanted { result } else { "1.11.3\n" };
            self.event("BACKGROUND_JOB", "", json!({"Job-UUID": job, "_body": body}));
            if wanted {
                return command.to_owned();
            }
        }
    }

    /// 1002 rings and answers.
    fn answered(&mut self) {
        let other = json!({
            "Other-Leg-Unique-ID": "u1", "Call-Direction": "outbound",
            "Channel-Name": "sofia/internal/1002@127.0.0.4", "Caller-Callee-ID-Number": "1002",
            "Channel-Call-UUID": "u1",
        });
        for name in ["CHANNEL_ORIGINATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER"] {
            self.event(name, "u2", other.clone());
        }
        self.event("CHANNEL_ANSWER", "u1", json!({}));
        let bridge = json!({"Bridge-A-Unique-ID": "u1", "Bridge-B-Unique-ID": "u2"});
        self.event("CHANNEL_BRIDGE", "u1", bridge);
    }

    fn until_closed(mut self) -> bool {
        self.stream.set_read_timeout(Some(WITHIN)).unwrap();
        let mut rest = Vec::new();
        self.lines.read_to_end(&mut rest).is_ok()
    }
}

fn dial(from: SocketAddr, to: SocketAddr) -> TcpStream {
    let family = AddressFamily::Inet;
    let fd = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(fd.as_raw_fd(), &SockaddrStorage::from(from)).unwrap();
    connect(fd.as_raw_fd(), &SockaddrStorage::from(to)).unwrap();
    TcpStream::from(fd)
}

/// The answer to `connect`.
fn data(more: &str) -> String {
    format!(
        "Event-Name: CHANNEL_DATA\nCore-UUID: core-1\nUnique-ID: u1\nCall-Direction: inbound\n\
         Channel-Name: sofia/internal/1001%40pbx.example\nAnswer-State: ringing\n\
         Caller-Caller-ID-Number: 1001\nCaller-Destination-Number: 1002\n{more}\
         Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\n\
         Control: full\n\n"
    )
}

fn warning(linked: &Linked, part: &str) {
    let mut link = Value::Null;
    let told = poll_until(WITHIN, || {
        link = linked.link(LINK);
        link["warning"].as_str().is_some_and(|warning| warning.contains(part))
    });
    assert!(told, "no {part} in {link:#}");
}

fn serve() -> Linked {
    let linked = Linked::new(CALLS).serve();
    linked.until(LINK, "up", "in step");
    linked
}

#[test]
fn a_call_that_is_handed_over_is_told_and_takes_orders() {
    let linked = Linked::with(CALLS, AGENTS).serve();
    linked.until(LINK, "up", "in step");
    let mut tail = linked.site.tail(Some(0));
    let mut desk = desk(&linked);
    let mut call = Call::followed(&linked, "");
    call.ordered("version short", "1.11.3\n");
    call.answered();
    assert!(poll_until(WITHIN, || linked.link(LINK)["version"] == "FreeSWITCH 1.11.3"));
    assert_eq!(linked.link(LINK)["instance"], "core-1");
    assert_eq!(linked.site.metric("trunkline_link_call_sockets"), 1.0);
    tail.until_kind("call.established", 1);
    let told = desk.expect("the answer", WITHIN, |f| f["k"] == "call.established");
    let target = json!({"call": told["o"]["id"]});
    desk.say(json!({"t": "cmd", "id": END, "op": "call.hangup", "target": target}));
    let command = call.ordered("uuid_kill", "+OK\n");
    assert!(["uuid_kill u1 16", "uuid_kill u2 16"].contains(&command.as_str()), "{command}");
    for id in ["u2", "u1"] {
        let end = json!({"Hangup-Cause": "NORMAL_CLEARING", "variable_hangup_cause_q850": "16"});
        call.event("CHANNEL_HANGUP_COMPLETE", id, end);
    }
    let story = Story::single(tail.finished_calls(1));
    story.assert_is(
        "originated delivered established connection_cleared connection_cleared cleared",
    );
    call.say("Content-Type: text/disconnect-notice\nContent-Disposition: linger\n\n");
    drop(call);
    let over = || linked.site.metric("trunkline_link_call_sockets") == 0.0;
    assert!(poll_until(WITHIN, over));
    assert_eq!(linked.site.metric("trunkline_link_failures_total"), 0.0, "a call that is over");
}

#[test]
fn a_connection_cut_in_mid_call_leaves_no_call_behind() {
    let linked = serve();
    let mut tail = linked.site.tail(Some(0));
    let mut call = Call::followed(&linked, "");
    call.answered();
    tail.until_kind("call.established", 1);
    drop(call);
    tail.until("both legs are closed", WITHIN, |events| {
        let closed = events.iter().filter(|e| e["d"]["repair"] == "stale_call_closed");
        closed.filter(|e| e["k"] == "call.connection_cleared").count() == 2
    });
    let story = Story::single(tail.finished_calls(1));
    assert_eq!(story.call()["legs"][0]["cause"]["csta"], "lost_sync", "{:#}", story.call());
}

#[test]
fn strangers_are_refused_counted_and_named() {
    let linked = serve();
    let stranger = dial(linked.site.net.stranger(), door(&linked));
    stranger.set_read_timeout(Some(WITHIN)).unwrap();
    assert_eq!((&stranger).read(&mut [0; 100]).unwrap_or(0), 0, "nothing is said to it");
    let ip = linked.site.net.stranger().ip();
    warning(&linked, &format!("a connection of {ip} was refused"));
    assert_eq!(linked.site.metric("trunkline_link_strangers_total"), 1.0);
    Call::followed(&linked, "");
}

#[test]
fn half_a_frame_and_what_is_no_call_are_given_up_by_name() {
    let linked = serve();
    let mut half = Call::connect(&linked);
    half.say(&data("")[..60]);
    assert!(half.until_closed(), "the connection is closed");
    warning(&linked, "told no call within 10 s");
    assert!(linked.site.metric("trunkline_link_failures_total") >= 1.0);
    linked.until(LINK, "up", "in step");
}

#[test]
fn a_connection_without_full_control_is_told() {
    let linked = serve();
    let mut single = Call::connect(&linked);
    single.say(&data("").replace("Control: full", "Control: single-channel"));
    assert!(single.until_closed());
    warning(&linked, "socket HOST:PORT async full");
}

#[test]
fn a_frame_of_ten_megabytes_is_passed_over() {
    let linked = serve();
    let mut call = Call::followed(&linked, "");
    let long = 10 << 20;
    call.say(&format!("Content-Length: {long}\nContent-Type: text/event-json\n\n"));
    call.say(&"x".repeat(long));
    assert!(poll_until(WITHIN, || linked.link(LINK)["lost"] == 1));
    let mut tail = linked.site.tail(Some(0));
    call.answered();
    tail.until_kind("call.established", 1);
    linked.until(LINK, "up", "in step");
}

/// Our own connection tells everything; the call's is for its dialplan.
#[test]
fn beside_our_own_connection_a_call_is_only_sent_on() {
    let linked = Linked::new(BOTH).serve();
    linked.until(LINK, "down", "cannot connect");
    let mut call = Call::followed(&linked, "variable_trunkline_next: 2000\n");
    assert_eq!(call.ordered("uuid_transfer", "+OK\n"), "uuid_transfer u1 2000");
    linked.until(LINK, "down", "cannot connect");
    let events = linked.site.tail(Some(0)).settle(Duration::from_millis(500)).to_vec();
    let calls = events.iter().filter(|e| e["k"].as_str().is_some_and(|k| k.starts_with("call.")));
    assert_eq!(calls.count(), 0, "{events:#?}");
}

const CLEARING: &str = "bypass = \"clear\"\ntrunks = [\"sofia/trunk/*\"]\n[pbx.asterisk.esl]\n\
                        outbound_listen = \"TRUNKLINE:8084\"\n";

/// The events of a leg to the outside whose INVITE does not come by here.
fn goes_out(call: &mut Call) {
    let out = json!({
        "Other-Leg-Unique-ID": "u1", "Call-Direction": "outbound",
        "Channel-Name": "sofia/trunk/13800138000@192.0.2.9", "Channel-Call-UUID": "u1",
        "Caller-Callee-ID-Number": "13800138000", "Caller-Destination-Number": "13800138000",
        "variable_sip_call_id": "elsewhere@pbx",
    });
    for name in ["CHANNEL_ORIGINATE", "CHANNEL_PROGRESS"] {
        call.event(name, "u2", out.clone());
    }
}

/// `bypass = "clear"` at a FreeSWITCH: what the gate refuses (here: no purpose) is killed before it is
/// answered, and what FreeSWITCH could not kill is told.
#[test]
fn a_call_past_the_gate_is_killed() {
    for (result, wanted) in
        [("+OK\n", &["clear"][..]), ("-ERR No such channel!\n", &["clear", "not_cleared"])]
    {
        let linked = Linked::new(CLEARING).serve();
        linked.until(LINK, "up", "in step");
        let mut tail = linked.site.tail(Some(0));
        let mut call = Call::followed(&linked, "");
        goes_out(&mut call);
        assert_eq!(call.ordered("uuid_kill", result), "uuid_kill u2 21");
        tail.until_kind("outbound.ungated", wanted.len());
        for id in ["u2", "u1"] {
            let end = json!({"Hangup-Cause": "CALL_REJECTED", "variable_hangup_cause_q850": "21"});
            call.event("CHANNEL_HANGUP_COMPLETE", id, end);
        }
        let story = Story::single(tail.finished_calls(1));
        let done = story.events().iter().filter(|e| e["k"] == "outbound.ungated");
        let done: Vec<&str> = done.map(|e| e["d"]["key"].as_str().unwrap()).collect();
        assert_eq!(done, wanted);
        let denied = story.of_kind("outbound.denied");
        let rules = denied["o"]["rules"].as_array().unwrap();
        assert!(rules.iter().any(|r| r["id"] == "purpose" && r["verdict"] == "deny"), "{denied}");
    }
}
