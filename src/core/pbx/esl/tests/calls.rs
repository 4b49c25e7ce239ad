//! FreeSWITCHes that connect to us for their calls.

use super::peer::*;
use crate::model::{Now, Pii};
use crate::pbx::esl::{CallOutputs, CallSocket, EslCalls};
use crate::pbx::{ChannelId, Close, LinkReport, News, Order, OrderId, OrderResult, PbxIdentity};
use std::time::Duration;

const ONE: CallSocket = CallSocket(1);
const TWO: CallSocket = CallSocket(2);
const SUBSCRIBED: usize = 10;

struct Door {
    calls: EslCalls,
    now: Now,
    out: CallOutputs,
    letters: Letters,
}

impl Door {
    fn new(tells: bool) -> Self {
        let calls = EslCalls::new(settings(), tells);
        Self { calls, now: START, out: CallOutputs::default(), letters: Letters::default() }
    }

    fn says(&mut self, socket: CallSocket, text: &str) {
        self.calls.received(self.now, socket, text.as_bytes(), &mut self.out);
    }

    fn event(&mut self, socket: CallSocket, fields: serde_json::Value) {
        let bytes = framed(&fields.to_string());
        self.calls.received(self.now, socket, &bytes, &mut self.out);
    }

    fn order(&mut self, id: u64, order: Order) {
        self.calls.order(self.now, OrderId(id), &order, &mut self.out);
    }

    fn wait(&mut self, wait: Duration) {
        let end = self.now.mono.after(wait);
        while let Some(due) = self.calls.next_deadline().filter(|due| *due <= end) {
            self.now.mono = due.max(self.now.mono);
            self.calls.tick(self.now, &mut self.out);
        }
        self.now.mono = end;
    }

    fn sent(&mut self) -> Vec<String> {
        let sends = std::mem::take(&mut self.out.sends);
        sends.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
    }

    /// Reports in a line each; channels are letters.
    fn told(&mut self) -> Vec<String> {
        let reports = std::mem::take(&mut self.out.reports);
        let line = |report: LinkReport| match report {
            LinkReport::Fact(said) => self.letters.line(&said.fact),
            LinkReport::News(news) => format!("{news:?}"),
            other => format!("{other:?}"),
        };
        reports.into_iter().map(line).collect()
    }

    fn connects(&mut self, socket: CallSocket, core: &str, id: &str, more: &str) {
        self.calls.connected(self.now, socket, &mut self.out);
        assert_eq!(self.sent(), ["connect\n\n"]);
        self.says(socket, &call(core, id, more));
    }

    /// A call that is followed, up to the version.
    fn followed(socket: CallSocket, id: &str) -> Self {
        let mut door = Self::new(true);
        door.calls.listening(&mut door.out);
        door.connects(socket, "core-1", id, "");
        door.accept(socket, SUBSCRIBED);
        let version = door.sent().pop().unwrap();
        door.says(socket, &reply("+OK Job-UUID"));
        door.result(socket, &version, "1.11.3\n");
        door.told();
        door
    }

    fn accept(&mut self, socket: CallSocket, commands: usize) {
        (0..commands).for_each(|_| self.says(socket, &reply("+OK")));
    }

    /// The result of a command that was sent.
    fn result(&mut self, socket: CallSocket, command: &str, body: &str) {
        let job = command.split_once("Job-UUID: ").unwrap().1.trim_end();
        let event = serde_json::json!({
            "Event-Name": "BACKGROUND_JOB", "Job-UUID": job, "_body": body,
        });
        self.event(socket, event);
    }
}

fn reply(text: &str) -> String {
    format!("Content-Type: command/reply\nReply-Text: {text}\n\n")
}

/// The answer to `connect`: values are percent-encoded.
fn call(core: &str, id: &str, more: &str) -> String {
    format!(
        "Event-Name: CHANNEL_DATA\nCore-UUID: {core}\nUnique-ID: {id}\nCall-Direction: inbound\n\
         Channel-Name: sofia/trunk/%2B8613800138000%40127.0.0.1\nAnswer-State: ringing\n\
         Caller-Caller-ID-Number: %2B8613800138000\nCaller-Destination-Number: 2000\n{more}\
         Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\n\
         Control: full\n\n"
    )
}

#[test]
fn a_call_is_told_with_all_its_legs_and_takes_orders() {
    let mut door = Door::new(true);
    door.calls.listening(&mut door.out);
    assert!(door.told()[1].contains("snapshot of 0"), "in step from the start");
    door.connects(ONE, "core-1", "u1", "");
    let asked = door.sent();
    assert_eq!(asked.len(), SUBSCRIBED);
    assert_eq!(asked[0], "filter Job-Owner-UUID u1\n\n");
    assert!(asked.contains(&"filter Other-Leg-Unique-ID u1\n\n".to_owned()), "{asked:?}");
    assert_eq!(asked[SUBSCRIBED - 2], "linger 2\n\n");
    assert!(asked[SUBSCRIBED - 1].starts_with("event json CHANNEL_CREATE "), "after the filters");
    assert_eq!(door.told(), ["A in sofia/trunk/ +8613800138000 to 2000"]);

    door.accept(ONE, SUBSCRIBED);
    let sent = door.sent();
    assert!(sent[0].starts_with("bgapi version short\nJob-UUID: tl-"), "{sent:?}");
    door.says(ONE, &reply("+OK Job-UUID"));
    door.result(ONE, &sent[0], "1.11.3\n");
    let identity = PbxIdentity { version: "FreeSWITCH 1.11.3".into(), instance: "core-1".into() };
    assert_eq!(door.told()[0], format!("{:?}", News::Up(identity)));

    door.event(
        ONE,
        serde_json::json!({
            "Event-Name": "CHANNEL_ORIGINATE", "Unique-ID": "b1", "Other-Leg-Unique-ID": "u1",
            "Call-Direction": "outbound", "Channel-Name": "sofia/internal/1001@127.0.0.4",
            "Event-Sequence": "7",
        }),
    );
    assert_eq!(door.told(), ["B out sofia/internal/1001 - to -", "B offered by A"]);
    let followed = ["filter Unique-ID b1\n\n", "filter Other-Leg-Unique-ID b1\n\n"];
    assert_eq!(door.sent(), followed, "a transfer may part it from the call");
    door.order(1, Order::Hangup { channel: ChannelId("b1".into()), q850: 16 });
    let kill = door.sent().remove(0);
    assert!(kill.starts_with("bgapi uuid_kill b1 16\n"), "{kill}");
    (0..3).for_each(|_| door.says(ONE, &reply("+OK")));
    door.result(ONE, &kill, "+OK\n");
    assert_eq!(door.told(), [format!("{:?}", News::Done(OrderId(1), OrderResult::Done))]);

    for (id, by) in [("b1", "send_bye"), ("u1", "recv_bye")] {
        door.event(
            ONE,
            serde_json::json!({
                "Event-Name": "CHANNEL_HANGUP_COMPLETE", "Unique-ID": id,
                "Hangup-Cause": "NORMAL_CLEARING", "variable_hangup_cause_q850": "16",
                "variable_sip_hangup_disposition": by,
            }),
        );
    }
    let notice = "Content-Type: text/disconnect-notice\nContent-Disposition: linger\n\n";
    door.says(ONE, notice);
    door.says(ONE, "Content-Type: text/disconnect-notice\n\n");
    door.calls.ended(door.now, ONE, &mut door.out);
    let told = door.told();
    let ends = ["B ends Pbx 16 - NORMAL_CLEARING", "A ends Party 16 - NORMAL_CLEARING"];
    assert_eq!(told, ends, "and nothing is lost");
    assert!(door.out.closes.is_empty());
}

/// The dialplan says where its call goes on.
#[test]
fn a_call_goes_on_to_where_its_variable_says() {
    for tells in [true, false] {
        let mut door = Door::new(tells);
        door.connects(ONE, "core-1", "u1", "variable_trunkline_next: 2000\n");
        let commands = door.sent().len();
        door.accept(ONE, commands);
        let sent = door.sent();
        let next = sent.last().unwrap();
        assert!(next.starts_with("bgapi uuid_transfer u1 2000\nJob-UUID: "), "{sent:?}");
        door.told();
        (0..sent.len()).for_each(|_| door.says(ONE, &reply("+OK Job-UUID")));
        door.result(ONE, next, "-ERR No such channel!\n");
        let told = door.told();
        assert!(told[0].contains("could not be sent on"), "{told:?}");
    }
    let mut door = Door::new(true);
    door.connects(ONE, "core-1", "u1", "variable_trunkline_next: 1%20XML%20x%0A%0Aexit\n");
    door.accept(ONE, SUBSCRIBED);
    assert!(door.sent().iter().all(|text| !text.contains("uuid_transfer")));
    assert!(door.told().iter().any(|line| line.contains("trunkline_next is no number")));
}

/// Where our own connection tells everything, these tell nothing twice.
#[test]
fn beside_a_connection_of_ours_they_tell_nothing() {
    let mut door = Door::new(false);
    door.calls.listening(&mut door.out);
    door.connects(ONE, "core-1", "u1", "");
    assert_eq!(door.sent(), ["filter Job-Owner-UUID u1\n\n", "event json BACKGROUND_JOB\n\n"]);
    door.accept(ONE, 2);
    door.says(ONE, "Content-Type: text/event-json\nContent-Length: 2000000\n\n");
    door.calls.ended(door.now, ONE, &mut door.out);
    assert!(door.told().is_empty() && door.sent().is_empty());
}

#[test]
fn a_connection_that_ends_before_its_call_loses_what_it_told() {
    let mut door = Door::followed(ONE, "u1");
    door.order(1, Order::Hangup { channel: ChannelId("u1".into()), q850: 16 });
    door.calls.ended(door.now, ONE, &mut door.out);
    let timed_out = format!("{:?}", News::Done(OrderId(1), OrderResult::TimedOut));
    assert_eq!(door.told(), [timed_out, "A lost".to_owned()]);
    door.order(2, Order::Hangup { channel: ChannelId("u1".into()), q850: 16 });
    assert!(door.told()[0].contains("holds no connection for this call"));
    door.order(3, Order::Pause { device: "1001".into(), paused: true, reason: String::new() });
    assert!(door.told()[0].contains("Unsupported"));
}

/// A transfer joins calls of two connections: both tell it, it is heard once.
#[test]
fn what_two_connections_tell_is_heard_once() {
    let mut door = Door::followed(ONE, "u1");
    door.connects(TWO, "core-1", "u2", "");
    door.accept(TWO, SUBSCRIBED);
    door.told();
    let bridge = serde_json::json!({
        "Event-Name": "CHANNEL_BRIDGE", "Unique-ID": "u1", "Event-Sequence": "812",
        "Bridge-A-Unique-ID": "u1", "Bridge-B-Unique-ID": "u2",
    });
    door.event(ONE, bridge.clone());
    assert_eq!(door.told().len(), 2, "each of both is in the bridge");
    door.event(TWO, bridge);
    assert!(door.told().is_empty());
    door.calls.ended(door.now, ONE, &mut door.out);
    assert!(door.told().is_empty(), "the other connection tells of u1 too");
    door.calls.ended(door.now, TWO, &mut door.out);
    assert_eq!(door.told().len(), 2);
}

#[test]
fn another_run_of_freeswitch_ends_the_connections_of_the_one_before() {
    let mut door = Door::followed(ONE, "u1");
    door.connects(TWO, "core-2", "u2", "");
    assert!(
        matches!(&door.out.closes[..], [(ONE, Close::Retry(why))] if why.contains("restarted"))
    );
    let told = door.told();
    assert_eq!(told[0], "A lost");
    assert!(told[1].contains("core-2"), "before its calls: {told:?}");
    assert!(told[3].starts_with("B in "), "{told:?}");
}

#[test]
fn who_is_no_freeswitch_or_says_nothing_is_given_up() {
    let given_up = |door: &mut Door, part: &str| {
        let [(ONE, Close::Retry(why) | Close::Refused(why))] = &door.out.closes[..] else {
            panic!("{:?}", door.out.closes)
        };
        assert!(why.contains(part), "{why}");
        assert!(door.calls.next_deadline().is_none());
    };
    let connected = || {
        let mut door = Door::new(true);
        door.calls.connected(door.now, ONE, &mut door.out);
        door
    };
    let mut door = connected();
    door.says(ONE, "GET / HTTP/1.1\r\n");
    given_up(&mut door, "no FreeSWITCH event socket");

    let mut door = connected();
    door.says(ONE, &call("core-1", "u1", "")[..80]);
    door.wait(Duration::from_secs(9));
    assert!(door.out.closes.is_empty());
    door.wait(Duration::from_secs(2));
    given_up(&mut door, "told no call within 10 s");

    let mut door = connected();
    door.says(ONE, &call("core-1", "u1", "").replace("Control: full", "Control: single-channel"));
    given_up(&mut door, "async full");

    let mut door = connected();
    door.says(ONE, &call("core-1", "u1%0Aexit", ""));
    given_up(&mut door, "without its Unique-ID");

    let mut door = connected();
    door.says(ONE, &format!("X: {}", "x".repeat(70_000)));
    given_up(&mut door, "header block");
}

#[test]
fn an_event_that_is_too_long_is_passed_over() {
    let mut door = Door::followed(ONE, "u1");
    let long = 10_000_000;
    door.says(ONE, &format!("Content-Type: text/event-json\nContent-Length: {long}\n\n"));
    for _ in 0..10 {
        door.says(ONE, &"x".repeat(long / 10));
    }
    let told = door.told();
    assert!(told[0].contains("Lost(1") && told[1] == "snapshot of 1", "{told:?}");
    door.event(
        ONE,
        serde_json::json!({"Event-Name": "DTMF", "Unique-ID": "u1", "DTMF-Digit": "5"}),
    );
    assert_eq!(door.told(), ["A key 5"]);
}

#[test]
fn values_that_could_be_commands_are_refused() {
    let mut door = Door::followed(ONE, "u1");
    let to = Pii::new("1\n\napi fsctl shutdown".to_owned());
    door.order(1, Order::Consult { by: ChannelId("u1".into()), to });
    assert!(door.sent().is_empty());
    let told = door.told();
    assert!(matches!(&told[..], [line] if line.contains("Rejected")), "{told:?}");
}
