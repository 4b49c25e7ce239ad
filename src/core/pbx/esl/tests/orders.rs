use super::peer::*;
use crate::model::Pii;
use crate::pbx::esl::EslSession;
use crate::pbx::{ChannelId, Lane, News, Order, OrderResult};
use proptest::prelude::*;

fn id(id: &str) -> ChannelId {
    ChannelId(id.into())
}

/// Up, with a customer `cust` who talks to the agent's channel `agent`.
fn talking() -> Desk {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    desk.answer(|_| Some("1.11.1".into()));
    desk.answer(|command| Some(if command.starts_with("show") { "{}" } else { "+OK\n" }.into()));
    for (id, way, name) in [
        ("cust", "inbound", "sofia/trunk/+4917@1.2.3.4"),
        ("agent", "outbound", "sofia/internal/1001@1.2.3.5"),
    ] {
        channel(&mut desk, id, way, name, "cust");
    }
    bridge(&mut desk, "cust", "agent");
    desk.news();
    desk
}

fn channel(desk: &mut Desk, id: &str, way: &str, name: &str, other: &str) {
    let event = serde_json::json!({
        "Event-Name": "CHANNEL_ORIGINATE", "Unique-ID": id, "Call-Direction": way,
        "Channel-Name": name, "Other-Leg-Unique-ID": other, "Core-UUID": "core-1",
    });
    desk.event(&event.to_string());
}

fn bridge(desk: &mut Desk, a: &str, b: &str) {
    let event = serde_json::json!({
        "Event-Name": "CHANNEL_BRIDGE", "Unique-ID": a, "Bridge-A-Unique-ID": a,
        "Bridge-B-Unique-ID": b, "Core-UUID": "core-1",
    });
    desk.event(&event.to_string());
}

/// The command an order becomes, or why there is none.
fn command(desk: &mut Desk, order: Order) -> String {
    desk.order(9, order);
    match (&desk.sent(Lane::Commands)[..], &desk.news()[..]) {
        ([text], []) => {
            let text = text.strip_prefix("bgapi ").unwrap();
            text.split_once("\nJob-UUID: ").unwrap().0.to_owned()
        }
        ([], [News::Done(_, OrderResult::Rejected(why))]) => format!("rejected: {why}"),
        ([], [News::Done(_, OrderResult::Unsupported(_))]) => "unsupported".into(),
        other => panic!("{other:?}"),
    }
}

fn dial(device: &str, to: &str, mark: &str, purpose: Option<&str>) -> Order {
    Order::Dial {
        channel: id("new-1"),
        device: device.into(),
        to: Pii::new(to.into()),
        mark: mark.into(),
        purpose: purpose.map(str::to_owned),
        ring_s: 20,
    }
}

#[test]
fn a_dial_rings_the_agent_and_then_enters_the_dialplan() {
    let mut desk = talking();
    assert_eq!(
        command(&mut desk, dial("sofia/internal/1001", "04915112345", "cmd-7", Some("service"))),
        "originate {^^|origination_uuid=new-1|originate_timeout=20|ignore_early_media=true\
         |origination_caller_id_number=04915112345|origination_caller_id_name=04915112345\
         |export_vars=sip_h_X-CTI-Id,sip_h_X-Trunkline-Purpose\
         |sip_h_X-CTI-Id=cmd-7|sip_h_X-Trunkline-Purpose=service}user/1001@pbx.test \
         04915112345 XML from-agents"
    );
    let plain = command(&mut desk, dial("user/1001@other.test", "100", "m", None));
    assert!(plain.ends_with(
        "|export_vars=sip_h_X-CTI-Id|sip_h_X-CTI-Id=m}user/1001@other.test 100 XML from-agents"
    ));
}

#[test]
fn orders_as_commands() {
    let mut desk = talking();
    let to = || Pii::new("0".to_owned());
    let data = |value: &str| Order::SetData {
        channel: id("cust"),
        key: "case_id".into(),
        value: Pii::new(value.into()),
    };
    let member = |present| Order::QueueMember {
        queue: "support@pbx.test".into(),
        device: "sofia/internal/1001".into(),
        present,
    };
    let pause =
        |paused| Order::Pause { device: "1001@pbx.test".into(), paused, reason: "lunch".into() };
    let dtmf = |digits: &str| Order::Dtmf { channel: id("agent"), digits: digits.into() };
    let rows = [
        (Order::Answer(id("agent")), "uuid_phone_event agent talk"),
        (Order::Hold(id("agent")), "uuid_hold agent"),
        (Order::Retrieve(id("agent")), "uuid_hold off agent"),
        (
            Order::TransferBlind { by: id("agent"), peer: None, to: to() },
            "uuid_transfer cust 0 XML from-agents",
        ),
        (
            Order::TransferBlind { by: id("agent"), peer: Some(id("x")), to: to() },
            "uuid_transfer x 0 XML from-agents",
        ),
        (
            Order::TransferBlind { by: id("who"), peer: None, to: to() },
            "rejected: there is no such channel",
        ),
        (Order::Conference { by: id("agent") }, "unsupported"),
        (Order::TransferComplete { by: id("agent") }, "rejected: nobody was asked"),
        (Order::Hangup { channel: id("agent"), q850: 17 }, "uuid_kill agent 17"),
        (dtmf("1*#"), "uuid_recv_dtmf agent 1*#"),
        (dtmf("1w"), "rejected: the keys has a character that no command may carry"),
        (data("A 17, open"), "uuid_setvar cust trunkline_data_case_id A 17, open"),
        (data("${system rm}"), "rejected: the value has a character that no command may carry"),
        (member(true), "callcenter_config tier add support@pbx.test 1001@pbx.test 1 1"),
        (member(false), "callcenter_config tier del support@pbx.test 1001@pbx.test"),
        (pause(true), "callcenter_config agent set status 1001@pbx.test 'On Break'"),
        (pause(false), "callcenter_config agent set status 1001@pbx.test 'Available'"),
    ];
    for (order, expected) in rows {
        assert_eq!(command(&mut desk, order.clone()), expected, "{order:?}");
    }
}

#[test]
fn a_consultation_by_order_is_left_joined_or_cancelled() {
    let mut desk = talking();
    let to = Pii::new("1002".to_owned());
    assert_eq!(
        command(&mut desk, Order::Consult { by: id("agent"), to }),
        "uuid_broadcast agent att_xfer::loopback/1002/from-agents/XML"
    );
    let complete = || Order::TransferComplete { by: id("agent") };
    let cancel = || Order::ConsultCancel { by: id("agent") };
    assert_eq!(command(&mut desk, cancel()), "rejected: nobody was asked", "none rings yet");
    channel(&mut desk, "asked", "outbound", "sofia/internal/1002@1.2.3.6", "agent");
    desk.news();
    assert_eq!(command(&mut desk, cancel()), "uuid_kill asked");
    bridge(&mut desk, "agent", "asked");
    desk.news();
    assert_eq!(command(&mut desk, complete()), "uuid_kill agent");
    let conference = Order::Conference { by: id("agent") };
    assert_eq!(command(&mut desk, conference), "uuid_recv_dtmf agent 0");
    bridge(&mut desk, "agent", "cust");
    let gone = r#"{"Event-Name":"CHANNEL_HANGUP_COMPLETE","Unique-ID":"asked"}"#;
    desk.event(gone);
    desk.news();
    assert_eq!(command(&mut desk, cancel()), "rejected: nobody was asked");
}

/// As FreeSWITCH 1.11 tells it: the asker parts from whom it asked and is bridged with whom it
/// held, and nothing says of the third that it listens (`three_way`).
#[test]
fn a_consultation_becomes_a_talk_of_three() {
    let told = |desk: &mut Desk| {
        let mut letters = Letters::default();
        let facts = desk.facts();
        facts.iter().map(|said| letters.line(&said.fact)).collect::<Vec<_>>().join("; ")
    };
    for cancelled in [false, true] {
        let mut desk = talking();
        let to = Pii::new("1002".to_owned());
        command(&mut desk, Order::Consult { by: id("agent"), to });
        channel(&mut desk, "asked", "outbound", "loopback/1002-a", "agent");
        desk.event(r#"{"Event-Name":"CHANNEL_ANSWER","Unique-ID":"asked"}"#);
        bridge(&mut desk, "agent", "asked");
        for (a, b) in [("agent", "asked"), ("cust", "agent")] {
            let parted = serde_json::json!({
                "Event-Name": "CHANNEL_UNBRIDGE", "Unique-ID": a, "Core-UUID": "core-1",
                "Bridge-A-Unique-ID": a, "Bridge-B-Unique-ID": b,
            });
            desk.event(&parted.to_string());
        }
        if cancelled {
            desk.event(r#"{"Event-Name":"CHANNEL_HANGUP_COMPLETE","Unique-ID":"asked"}"#);
        }
        desk.facts();
        bridge(&mut desk, "agent", "cust");
        let three = if cancelled { "" } else { "; C in A" };
        assert_eq!(told(&mut desk), format!("A in A; B in A{three}"));
    }
}

/// The phone itself holds the customer and calls a colleague: two channels of one device.
#[test]
fn a_consultation_by_the_phone_is_joined_at_its_far_ends() {
    let mut desk = talking();
    desk.event(r#"{"Event-Name":"CHANNEL_HOLD","Unique-ID":"agent","Core-UUID":"core-1"}"#);
    channel(&mut desk, "second", "inbound", "sofia/internal/1001@pbx.test", "second");
    channel(&mut desk, "asked", "outbound", "sofia/internal/1002@1.2.3.6", "second");
    bridge(&mut desk, "second", "asked");
    desk.news();
    let by = || id("agent");
    assert_eq!(command(&mut desk, Order::TransferComplete { by: by() }), "uuid_bridge cust asked");
    assert_eq!(command(&mut desk, Order::ConsultCancel { by: by() }), "uuid_kill second");
}

/// What the PBX tells of a leg that it called is told with the leg's next bridge: too late.
#[test]
fn an_ordered_transfer_is_told_when_the_two_part() {
    let parting = |desk: &mut Desk, by: &str| {
        let unbridge = serde_json::json!({
            "Event-Name": "CHANNEL_UNBRIDGE", "Unique-ID": "agent", "Core-UUID": "core-1",
            "Bridge-A-Unique-ID": "agent", "Bridge-B-Unique-ID": "cust",
        });
        desk.event(&unbridge.to_string());
        let end = serde_json::json!({
            "Event-Name": "CHANNEL_HANGUP_COMPLETE", "Unique-ID": by, "Core-UUID": "core-1",
            "Hangup-Cause": "NORMAL_CLEARING",
        });
        desk.event(&end.to_string());
        let mut letters = Letters::default();
        let facts = desk.facts();
        facts.iter().map(|said| letters.line(&said.fact)).collect::<Vec<_>>().join("; ")
    };
    let order = Order::TransferBlind { by: id("agent"), peer: None, to: Pii::new("1002".into()) };
    let out = |desk: &mut Desk| {
        bridge(desk, "agent", "cust");
        desk.news();
    };
    let mut desk = talking();
    out(&mut desk);
    command(&mut desk, order.clone());
    let told =
        "A transfers B to - 1002 Blind; A out of A; B out of A; A ends - - - NORMAL_CLEARING";
    assert_eq!(parting(&mut desk, "agent"), told);

    let mut desk = talking();
    out(&mut desk);
    desk.order(1, order);
    desk.answer(|_| Some("-ERR No such channel!\n".into()));
    desk.news();
    let told = parting(&mut desk, "agent");
    assert!(!told.contains("transfers"), "it was refused: {told}");
}

proptest! {
    /// What a desktop, a customer's number or another system's key says can add no command, no
    /// argument that changes the command, and no variable.
    #[test]
    fn no_value_adds_to_a_command(
        text in prop_oneof![
            ".{0,12}",
            "[0-9]{1,4}[,\\{\\}\\[\\]\\|\\n\\r $'\"\\\\&;-].{0,6}",
            "-(bleg|both)",
        ],
        device in "[a-z0-9/@. ,{}\\[\\]\n|$'-]{0,12}",
    ) {
        let pii = || Pii::new(text.clone());
        let one = || Pii::new("1".to_owned());
        let orders = [
            dial("user/1001", &text, "m", None),
            dial("user/1001", "100", &text, None),
            dial("user/1001", "100", "m", Some(&text)),
            dial(&device, "100", "m", None),
            Order::TransferBlind { by: id("agent"), peer: None, to: pii() },
            Order::TransferBlind { by: id("agent"), peer: Some(id(&text)), to: one() },
            Order::Consult { by: id("agent"), to: pii() },
            Order::Hangup { channel: id(&text), q850: 16 },
            Order::Answer(id(&text)),
            Order::Dtmf { channel: id("agent"), digits: text.clone() },
            Order::SetData { channel: id("cust"), key: text.clone(), value: one() },
            Order::SetData { channel: id("cust"), key: "k".into(), value: pii() },
            Order::QueueMember { queue: text.clone(), device: device.clone(), present: true },
            Order::Pause { device: device.clone(), paused: true, reason: text.clone() },
        ];
        let mut desk = talking();
        for order in orders {
            let free = matches!(&order, Order::SetData { key, .. } if key == "k");
            let text = command(&mut desk, order);
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            let words = text.split(' ').count();
            let known = match text.split(' ').next().unwrap_or_default() {
                "originate" => words == 5 && text.matches(['{', '}']).count() == 2,
                "uuid_transfer" => words == 5 && !text.contains(" -"),
                "uuid_setvar" => free || words == 4,
                "uuid_kill" | "uuid_broadcast" | "uuid_recv_dtmf" => words == 3,
                "uuid_phone_event" => words == 3,
                "callcenter_config" => words <= 7 && [0, 2].contains(&text.matches('\'').count()),
                other => other == "rejected:",
            };
            prop_assert!(known, "{text:?}");
            prop_assert!(!text.contains(['$', '"', '\\', '[', ']', '`']), "{text:?}");
            prop_assert!(free || !text.contains([';', '&']), "{text:?}");
        }
    }
}
