//! `proto/schema/`: the protocol as JSON Schema 2020-12 and AsyncAPI 3.0, made from `proto/`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test house schema` writes the files. Whether real frames keep to
//! them is tested where real frames are: tests/desk.

use super::proto::{self, Field, Kind, Many, Message, Proto, Says, one_line};
use serde_json::{Map, Value, json};
use std::path::Path;

const SCHEMA: &str = "trunkline.v1.schema.json";

fn type_of(field: &Field) -> Value {
    match &field.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        Kind::Number => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Message(name) => json!({ "$ref": format!("#/$defs/{name}") }),
    }
}

fn member(field: &Field) -> Value {
    let one = type_of(field);
    let mut schema = match field.many {
        Many::Map => json!({ "type": "object", "additionalProperties": one }),
        Many::List => json!({ "type": "array", "items": one }),
        Many::One | Many::Maybe => one,
    };
    schema["description"] = one_line(&field.doc).into();
    schema
}

fn object(message: &Message) -> Value {
    let members = message.members().map(|f| (f.name.clone(), member(f)));
    let members: Map<String, Value> = members.collect();
    json!({ "type": "object", "description": one_line(&message.doc), "properties": members })
}

/// Of several entities JSON has the one that is there as a member of this name.
fn choice(schema: &mut Value, name: &str, said: &str, message: &Message) {
    let types: Vec<Value> = message.choices().map(type_of).collect();
    schema["properties"][name] = json!({ "description": said, "anyOf": types });
}

fn frame(name: &str, message: &Message, proto: &Proto) -> Value {
    let event = proto.message("Event");
    let mut schema = object(if name == "ev" { event } else { message });
    schema["description"] = one_line(&message.doc).into();
    match name {
        "ev" => choice(&mut schema, "o", "The entity.", event),
        "err" => choice(&mut schema, "details", "CONFLICT: the entity as it is now.", message),
        _ => {}
    }
    schema["properties"]["t"] = json!({ "const": name });
    schema["required"] = json!(["t"]);
    schema
}

/// All of it: entities and frames by name, and what either side may say.
fn schema(proto: &Proto) -> Value {
    let mut defs = Map::new();
    for field in proto.messages.iter().filter(|m| m.name != "Frame").flat_map(|m| &m.fields) {
        let Kind::Message(name) = &field.kind else { continue };
        if name != "Event" {
            defs.insert(name.clone(), object(proto.message(name)));
        }
    }
    for (told, message) in proto.frames() {
        defs.insert(format!("frame.{}", told.name), frame(&told.name, message, proto));
    }
    for (side, other) in [("client", Says::Server), ("server", Says::Client)] {
        let says = proto.frames().filter(|(frame, _)| frame.says != other);
        let any: Vec<Value> =
            says.map(|(f, _)| json!({ "$ref": format!("#/$defs/frame.{}", f.name) })).collect();
        let said = format!("What the {side} says, one object a WebSocket message.");
        defs.insert(format!("from_{side}"), json!({ "description": said, "oneOf": any }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trunkline.v1",
        "description": "The desk protocol of trunkline. Ignore members and frames that you do not \
                        know. Members of entities that hold a default value are left out.",
        "$defs": defs,
    })
}

fn asyncapi(proto: &Proto) -> Value {
    let (mut messages, mut known) = (Map::new(), Map::new());
    let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
    for (frame, message) in proto.frames() {
        let name = frame.name;
        let payload = json!({ "$ref": format!("{SCHEMA}#/$defs/frame.{name}") });
        let said = one_line(&message.doc);
        messages.insert(name.clone(), json!({ "name": name, "summary": said, "payload": payload }));
        let in_channel = json!({ "$ref": format!("#/components/messages/{name}") });
        known.insert(name.clone(), in_channel);
        let channel = json!({ "$ref": format!("#/channels/events/messages/{name}") });
        if frame.says != Says::Server {
            from_client.push(channel.clone());
        }
        if frame.says != Says::Client {
            from_server.push(channel);
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "trunkline desk protocol",
            "version": "1",
            "description": "docs/desk-protocol.md says how frames follow each other.",
        },
        "channels": { "events": {
            "address": "/v1/events",
            "description": "WebSocket with the subprotocol trunkline.v1.json; trunkline.v1.pb has the \
                            same frames in protobuf (proto/trunkline/v1/desk.proto, Frame).",
            "messages": known,
            "bindings": { "ws": { "method": "GET" } },
        } },
        "operations": {
            "fromDesk": { "action": "receive", "channel": { "$ref": "#/channels/events" },
                "messages": from_client },
            "toDesk": { "action": "send", "channel": { "$ref": "#/channels/events" },
                "messages": from_server },
        },
        "components": { "messages": messages },
    })
}

fn is_written(name: &str, made: &Value) {
    let path = proto::root().join("schema").join(name);
    let text = serde_json::to_string_pretty(made).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = there.lines().zip(text.lines()).find(|(a, b)| a != b);
    assert!(
        there == text,
        "proto/schema/{name} is not what proto/ says: {differs:?}\n\
         UPDATE_GOLDEN=1 cargo test --test house schema"
    );
}

#[test]
fn the_schema_is_what_the_proto_files_say() {
    let proto = proto::read();
    is_written(SCHEMA, &schema(&proto));
    is_written("asyncapi.json", &asyncapi(&proto));
}

/// For programs that read protobuf without a compiler of their own.
#[test]
fn the_descriptor_set_is_that_of_the_proto_files() {
    let path = proto::root().join("schema/trunkline.v1.binpb");
    let made = proto::descriptor_set();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let there = std::fs::read(&path).unwrap_or_default();
    assert!(there == made, "UPDATE_GOLDEN=1 cargo test --test house schema");
}

#[test]
fn every_frame_has_its_place_in_the_envelope() {
    let proto = proto::read();
    let in_envelope: Vec<_> =
        proto.message("Frame").fields.iter().map(|f| (f.name.clone(), f.kind.clone())).collect();
    let mut frames = 0;
    for (frame, message) in proto.frames() {
        let (name, kind) = (frame.name.replace('.', "_"), Kind::Message(message.name.clone()));
        assert!(in_envelope.contains(&(name, kind)), "Frame has no {}", frame.name);
        frames += 1;
    }
    assert_eq!(in_envelope.len(), frames);
}

#[test]
fn every_frame_of_the_protocol_page_has_a_schema() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/desk-protocol.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split("\n## Frames\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let proto = proto::read();
    let frames: Vec<_> = proto.frames().map(|(frame, _)| frame).collect();
    let mut told = 0;
    for row in section.lines().filter(|l| l.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (from, name) = (cells[1], cells[2].trim_matches('`'));
        let says = match from {
            "desk" => Says::Client,
            "server" => Says::Server,
            _ => Says::Both,
        };
        let found = frames.iter().find(|frame| frame.name == name);
        assert_eq!(found.map(|frame| frame.says), Some(says), "{row}");
        told += 1;
    }
    assert_eq!(told, frames.len(), "docs/desk-protocol.md lacks a frame");
}
