//! Both forms of every frame say the same. The judge is ProtoJSON as prost-reflect writes it from
//! the descriptors of proto/: it knows nothing of our encoders.
#![allow(clippy::unwrap_used)]

use super::tests::{call, event};
use super::*;
use crate::model::Named as _;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::strategy::Union;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    SerializeOptions, Value as Field,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

static FRAME: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    let pool = DescriptorPool::decode(&bytes[..]).unwrap();
    pool.get_message_by_name("trunkline.v1.Frame").unwrap()
});

fn one(field: &FieldDescriptor) -> BoxedStrategy<Field> {
    match field.kind() {
        Kind::String => "[a-z\"\\\\\u{7}é客 ]{0,9}".prop_map(Field::String).boxed(),
        Kind::Bool => any::<bool>().prop_map(Field::Bool).boxed(),
        Kind::Uint32 => prop_oneof![0..3_u32, any::<u32>()].prop_map(Field::U32).boxed(),
        Kind::Int32 => any::<i32>().prop_map(Field::I32).boxed(),
        Kind::Message(of) => message(of).prop_map(Field::Message).boxed(),
        other => panic!("{}: {other:?} is none of the desk protocol's types", field.full_name()),
    }
}

fn value(field: &FieldDescriptor) -> BoxedStrategy<Field> {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { panic!("a map's kind is its entry") };
        let map = btree_map("[a-z]{1,3}", one(&entry.map_entry_value_field()), 0..3);
        let key = |(key, value)| (MapKey::String(key), value);
        return map.prop_map(move |m| Field::Map(m.into_iter().map(key).collect())).boxed();
    }
    match field.is_list() {
        true => vec(one(field), 0..3).prop_map(Field::List).boxed(),
        false => one(field),
    }
}

type Members = Vec<Option<(FieldDescriptor, Field)>>;

/// Any message of this kind, each member there or not.
fn message(of_kind: MessageDescriptor) -> BoxedStrategy<DynamicMessage> {
    if of_kind.full_name() == "google.protobuf.Timestamp" {
        // Years 1 to 9999, to the microsecond.
        let times = (-62_135_596_800..253_402_300_800_i64, 0..1_000_000_i32);
        return times
            .prop_map(move |(seconds, micros)| {
                let mut ts = DynamicMessage::new(of_kind.clone());
                ts.set_field_by_number(1, Field::I64(seconds));
                ts.set_field_by_number(2, Field::I32(micros * 1000));
                ts
            })
            .boxed();
    }
    let with = |field: FieldDescriptor| value(&field).prop_map(move |v| (field.clone(), v)).boxed();
    let choice = |field: &FieldDescriptor| {
        field.containing_oneof().is_some_and(|oneof| oneof.fields().len() > 1)
    };
    let plain = of_kind.fields().filter(|f| !choice(f)).map(|f| of(with(f)).boxed());
    let choices = of_kind.oneofs().filter(|oneof| oneof.fields().len() > 1);
    let chosen = choices.map(|oneof| of(Union::new(oneof.fields().map(with))).boxed());
    let members: Vec<_> = plain.chain(chosen).collect();
    members
        .prop_map(move |members: Members| {
            let mut message = DynamicMessage::new(of_kind.clone());
            for (field, value) in members.into_iter().flatten() {
                message.set_field(&field, value);
            }
            message
        })
        .boxed()
}

/// The frame of this number with any content.
fn frame_of(field: FieldDescriptor) -> impl Strategy<Value = DynamicMessage> {
    one(&field).prop_map(move |body| {
        let mut frame = DynamicMessage::new(FRAME.clone());
        frame.set_field(&field, body);
        frame
    })
}

/// The JSON form, from ProtoJSON of the protobuf form.
fn judged(bytes: &[u8]) -> Value {
    let message = DynamicMessage::decode(FRAME.clone(), bytes).unwrap();
    let options = SerializeOptions::new().use_proto_field_name(true);
    let frame = message.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
    let (name, mut body) = frame.as_object().unwrap().iter().next().unwrap();
    if name == "ev" {
        body = body.get("event").unwrap_or(body);
    }
    let mut body = body.as_object().unwrap().clone();
    let oneof = |message: &str, oneof: &str| {
        let message = FRAME.parent_pool().get_message_by_name(message).unwrap();
        let oneof = message.oneofs().find(|o| o.name() == oneof).unwrap();
        oneof.fields().map(|f| f.name().to_owned()).collect::<Vec<_>>()
    };
    match name.as_str() {
        "ev" if frame["ev"].get("event").is_some() => {
            let names = oneof("trunkline.v1.Event", "entity");
            let entity = names.iter().find_map(|name| body.remove(name));
            body.insert("o".into(), entity.unwrap_or_else(|| json!({})));
        }
        "err" => {
            let names = oneof("trunkline.v1.Err", "details");
            let entity = names.iter().find_map(|name| body.remove(name));
            body.extend(entity.map(|entity| ("details".to_owned(), entity)));
        }
        _ => {}
    }
    body.insert("t".into(), name.replace('_', ".").into());
    comparable(Value::Object(body))
}

/// Without what only one of them writes: the frame's own members that hold a default (not those
/// of what is in them), and zeros at the end of a second.
fn comparable(mut frame: Value) -> Value {
    fn bare(object: &mut Value) {
        let default = |v: &Value| *v == json!("") || *v == json!(0) || *v == json!(false);
        object.as_object_mut().unwrap().retain(|_, v| !default(v) && *v != json!([]));
    }
    fn times(value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Ok(ts) = text.parse::<jiff::Timestamp>() {
                    *text = ts.to_string();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(times),
            Value::Object(members) => members.values_mut().for_each(times),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    bare(&mut frame);
    if let Some(limits) = frame.get_mut("limits") {
        bare(limits);
        if *limits == json!({}) {
            frame.as_object_mut().unwrap().remove("limits");
        }
    }
    times(&mut frame);
    frame
}

fn as_json(frame: &DeskFrame) -> Value {
    comparable(serde_json::from_slice(&write_frame(frame, Codec::Json)).unwrap())
}

#[test]
fn every_frame_says_the_same_in_both_forms() {
    let config = ProptestConfig { cases: 48, ..ProptestConfig::default() };
    let mut played = 0;
    for field in FRAME.fields() {
        let mut runner = proptest::test_runner::TestRunner::new(config.clone());
        let name = field.name().to_owned();
        let said = runner.run(&frame_of(field), |frame| {
            let bytes = frame.encode_to_vec();
            let read = read_frame(&bytes).unwrap().unwrap().frame;
            prop_assert_eq!(as_json(&read), judged(&bytes));
            let again = read_frame(&write_frame(&read, Codec::Protobuf)).unwrap().unwrap();
            prop_assert_eq!(again.frame, read);
            Ok(())
        });
        said.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        played += 1;
    }
    assert!(played > 20, "{played}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// An event of the engine is the same to desks of both forms.
    #[test]
    fn every_event_says_the_same_in_both_forms(event in event()) {
        for view in View::ALL {
            let frame = event_frame(&event, view);
            let bytes = write_frame(&frame, Codec::Protobuf);
            prop_assert_eq!(as_json(&frame), judged(&bytes));
            prop_assert_eq!(read_frame(&bytes).unwrap().unwrap().frame, frame);
        }
    }

    /// Bytes of anybody are an error at most.
    #[test]
    fn garbage_is_refused_quietly(bytes in vec(any::<u8>(), 0..200)) {
        let _ = read_frame(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A page around calls that were written before is the page of those calls.
    #[test]
    fn a_page_is_the_frame_of_its_calls(calls in vec(call(), 0..3), view in 0..2_usize) {
        let view = View::ALL[view];
        let page = pb::Snap { sub: "1".into(), page: 3, last: true, ..pb::Snap::default() };
        let objs = calls.iter().map(|call| call_to_pb(call, view)).collect();
        let frame = DeskFrame::Snap(pb::Snap { objs, ..page.clone() });
        for codec in Codec::ALL {
            let calls: Vec<_> = calls.iter().map(|c| write_call(c, view, codec)).collect();
            let written = write_page(&page, &calls, codec);
            match codec {
                Codec::Json => prop_assert_eq!(written, write_frame(&frame, codec)),
                Codec::Protobuf => {
                    prop_assert_eq!(&read_frame(&written).unwrap().unwrap().frame, &frame);
                }
            }
        }
    }
}

fn sub(filter: &[u8]) -> Vec<u8> {
    // Sub { id: "1", filter }
    let body = [&[0x0a, 1, b'1', 0x22, filter.len() as u8], filter].concat();
    [&[0x72, body.len() as u8], &body[..]].concat()
}

#[test]
fn lists_of_a_filter_that_are_not_known_are_named() {
    let read = |bytes: &[u8]| read_frame(bytes).map(|r| r.unwrap().unknown_lists);
    assert_eq!(read(&sub(b"\x0a\x04call")), Ok(vec![vec![]]));
    assert_eq!(read(&sub(b"\x0a\x04call\x52\x01x\x52\x01y\x58\x01")), Ok(vec![vec![10, 11]]));
    assert!(read(&sub(b"\x0a\x09call")).is_err(), "longer than it is");
    let client = pb::Client { name: "n".into(), ..pb::Client::default() };
    let subs = ["call", "agent"].map(|kind| pb::Subscription {
        filter: Some(pb::Filter { kind: vec![kind.into()], ..pb::Filter::default() }),
        ..pb::Subscription::default()
    });
    let hello = pb::Hello { client: Some(client), subs: subs.into(), ..pb::Hello::default() };
    let mut bytes = write_frame(&DeskFrame::Hello(hello), Codec::Protobuf).to_vec();
    assert_eq!(read(&bytes), Ok(vec![vec![], vec![]]));
    // A second piece of the same hello: one more subscription, with a list of tomorrow.
    bytes.extend([0x0a, 6, 0x1a, 4, 0x22, 2, 0x58, 1]);
    assert_eq!(read(&bytes), Ok(vec![vec![], vec![], vec![11]]));
    // Another frame in between: whose filters are meant?
    bytes.extend([0x22, 0, 0x0a, 0]);
    assert!(read(&bytes).is_err());
}

#[test]
fn what_is_not_known_is_passed_over() {
    assert_eq!(read_frame(b"").unwrap(), None);
    assert_eq!(read_frame(b"\xfa\x01\x03abc").unwrap(), None, "frame 31");
    let hb = pb::Hb { pos: "7".into(), n: 3, ..pb::Hb::default() };
    let mut bytes = write_frame(&DeskFrame::Hb(hb.clone()), Codec::Protobuf).to_vec();
    bytes.extend(b"\xfa\x01\x03abc");
    assert_eq!(read_frame(&bytes).unwrap().unwrap().frame, DeskFrame::Hb(hb));
    // Groups nested without end end at the limit, not at the end of the stack.
    assert!(read_frame(&[0xfb_u8, 0x01].repeat(5000)).is_err());
}

#[test]
fn the_forms_are_named_for_their_subprotocols() {
    assert_eq!(Codec::parse_name("trunkline.v1.pb"), Some(Codec::Protobuf));
    assert_eq!(Codec::parse_name("trunkline.v1.json"), Some(Codec::default()));
    assert_eq!(Codec::parse_name("trunkline.v1"), None);
}
