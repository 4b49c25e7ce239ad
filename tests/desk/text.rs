//! What is no frame in JSON.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use crate::limits::{answer, site};
use futures_util::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

#[tokio::test]
async fn what_is_no_protocol_is_named_and_closed() {
    let site = site(quick()).await;
    let text = |len: usize| Message::text(format!("{{\"t\":\"{}\"}}", "x".repeat(len)));
    let bad_utf8 = {
        let data = vec![0x7b, 0xff, 0xfe].into();
        let mut header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
        header.is_final = true;
        Message::Frame(Frame::from_payload(header, data))
    };
    let binary = Message::binary(vec![1]);
    let bad = Some("BAD_REQUEST".to_owned());
    let big = Some("LIMIT_EXCEEDED".to_owned());
    // Before hello.
    let cases = [
        (Message::text("{"), bad.clone(), 1002),
        (Message::text(r#"{"t":"hb"}"#), bad.clone(), 1002),
        (text(4090), None, 1009),
        (text(17_000), big.clone(), 1009),
        (binary.clone(), Some("UNSUPPORTED".into()), 1003),
        (bad_utf8.clone(), None, 1007),
    ];
    for (message, err, code) in cases {
        let mut desk = Desk::connect(site.addr).await;
        desk.ws.send(message).await.unwrap();
        assert_eq!(answer(&mut desk).await, (err, code));
    }
    // After welcome; 4 KiB to 16 KiB are fine then.
    let again = Message::text(hello(&site.agent(), OWN, None).to_string());
    let cases = [
        (Message::text("nonsense"), bad.clone(), 1002),
        (Message::text(r#"{"no":"t"}"#), bad.clone(), 1002),
        (again, bad, 1002),
        (text(17_000), big, 1009),
        (binary, Some("UNSUPPORTED".into()), 1003),
        (bad_utf8, None, 1007),
    ];
    for (message, err, code) in cases {
        let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
        desk.ws.send(text(10_000)).await.unwrap();
        desk.ws.send(message).await.unwrap();
        assert_eq!(answer(&mut desk).await, (err, code));
    }
}

#[tokio::test]
async fn an_empty_list_of_a_filter_is_refused() {
    let site = site(quick()).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let filter = json!({"queue": []});
    desk.say(&json!({"t": "sub", "id": "2", "topic": "calls:own", "filter": filter})).await;
    let err = desk.next_of("err").await;
    assert_eq!((&err["ref"], &err["code"]), (&json!("2"), &json!("BAD_REQUEST")));
}
