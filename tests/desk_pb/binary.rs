//! What is no frame in protobuf, and desks of both forms beside each other.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use crate::limits::{answer, site};
use futures_util::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use trunkline_core::hub::Role;
use trunkline_core::wire::{Codec, DeskFrame, pb, write_frame};

fn binary(frame: DeskFrame) -> Message {
    Message::Binary(write_frame(&frame, Codec::Protobuf))
}

/// An unsub whose id is so long.
fn long(bytes: usize) -> Message {
    binary(DeskFrame::Unsub(pb::Unsub { id: "x".repeat(bytes) }))
}

#[tokio::test]
async fn what_is_no_protocol_is_named_and_closed() {
    let site = site(quick()).await;
    let hello = hello(&site.agent(), OWN, None);
    let text = Message::text(hello.to_string());
    let bad = Some("BAD_REQUEST".to_owned());
    let big = Some("LIMIT_EXCEEDED".to_owned());
    let wrong_kind = Some("UNSUPPORTED".to_owned());
    // Before hello.
    let cases = [
        (Message::binary(&b"\x0a\x05abc"[..]), bad.clone(), 1002),
        (Message::binary(&b"\x0a\x04\x0a\x02\x0a\xff"[..]), bad.clone(), 1002),
        (Message::binary(&b""[..]), bad.clone(), 1002),
        (binary(DeskFrame::Hb(pb::Hb::default())), bad.clone(), 1002),
        (long(4100), None, 1009),
        (long(17_000), big.clone(), 1009),
        (text.clone(), wrong_kind.clone(), 1003),
    ];
    for (message, err, code) in cases {
        let mut desk = Desk::connect(site.addr).await;
        desk.ws.send(message).await.unwrap();
        assert_eq!(answer(&mut desk).await, (err, code));
    }
    // After welcome; 4 KiB to 16 KiB are fine then.
    let cases = [
        (Message::binary(&b"nonsense"[..]), bad.clone(), 1002),
        (message(&hello, Codec::Protobuf), bad, 1002),
        (long(17_000), big, 1009),
        (text, wrong_kind, 1003),
    ];
    for (message, err, code) in cases {
        let (mut desk, _) = Desk::open(site.addr, &hello).await;
        desk.ws.send(long(10_000)).await.unwrap();
        assert_eq!(desk.next_of("err").await["code"], "NOT_FOUND");
        desk.ws.send(message).await.unwrap();
        assert_eq!(answer(&mut desk).await, (err, code));
    }
}

#[tokio::test]
async fn desks_of_both_forms_are_told_the_same() {
    let site = site(quick()).await;
    let mut said = Vec::new();
    for codec in Codec::ALL {
        let token = site.token("boss", Role::Supervisor, &[]);
        let mut desk = Desk::connect_as(site.addr, codec).await;
        let subs: &[_] = &[("1", "site:calls", ""), ("2", "site:calls", "aggregate")];
        desk.say(&hello(&token, subs, None)).await;
        desk.until_live(2).await;
        said.push((desk, Vec::new()));
    }
    site.commit(40, &["100", "200"]);
    for (desk, got) in &mut said {
        while got.len() < 40 {
            let frame = desk.next().await.frame();
            if frame["t"] == "ev" {
                got.push(frame);
            }
        }
    }
    assert_eq!(said[0].1, said[1].1);
    let (mut one, mut other) = (said.remove(0).0, said.remove(0).0);
    for desk in [&mut one, &mut other] {
        desk.say(&json!({"t": "sub", "id": "3", "topic": "site:calls", "filter": {}})).await;
    }
    let mut pages = Vec::new();
    for desk in [&mut one, &mut other] {
        loop {
            let frame = desk.next().await.frame();
            if frame["t"] == "snap" {
                pages.push(frame);
                break;
            }
        }
    }
    assert!(pages[0]["objs"].as_array().unwrap().len() > 1, "{}", pages[0]);
    assert_eq!(pages[0], pages[1]);
}
