//! `proto/schema/`: the protocol as JSON Schema 2020-12 and AsyncAPI 3.0, made from `proto/`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test house schema` writes the files. Whether real frames keep to
//! them is tested where real frames are: tests/desk.

use protox::prost_reflect::{
    DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "trunkline.v1.schema.json";

fn proto() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

fn pool() -> DescriptorPool {
    let files = ["trunkline/v1/events.proto", "trunkline/v1/desk.proto"];
    let mut compiler = protox::Compiler::new([proto()]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(files).unwrap();
    compiler.descriptor_pool()
}

/// The comment above a message or member, on one line.
fn comment(file: &protox::prost_reflect::FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    let found = info.location.iter().find(|l| l.path == path);
    let text = found.and_then(|l| l.leading_comments.as_deref()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn reference(message: &MessageDescriptor) -> Value {
    json!({ "$ref": format!("#/$defs/{}", message.name()) })
}

fn type_of(field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::String => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Uint32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        Kind::Int32 => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        Kind::Message(m) if m.full_name() == "google.protobuf.Timestamp" => {
            json!({ "type": "string", "format": "date-time" })
        }
        Kind::Message(m) => reference(&m),
        other => panic!("{}: {other:?} has no agreed JSON form", field.full_name()),
    }
}

fn member(field: &FieldDescriptor) -> Value {
    let map = field.is_map().then(|| match field.kind() {
        Kind::Message(entry) => type_of(&entry.map_entry_value_field()),
        _ => unreachable!("a map's kind is its entry"),
    });
    let mut schema = match map {
        Some(value) => json!({ "type": "object", "additionalProperties": value }),
        None if field.is_list() => json!({ "type": "array", "items": type_of(field) }),
        None => type_of(field),
    };
    let said = comment(&field.parent_file(), field.path());
    assert!(!said.is_empty(), "{} has no comment", field.full_name());
    schema["description"] = said.into();
    schema
}

fn object(message: &MessageDescriptor) -> Value {
    let said = comment(&message.parent_file(), message.path());
    assert!(!said.is_empty(), "{} has no comment", message.full_name());
    let members = message.fields().map(|f| (f.name().to_owned(), member(&f)));
    let members: Map<String, Value> = members.collect();
    json!({ "type": "object", "description": said, "properties": members })
}

/// `ev` in JSON: the entity is `o`, whatever its type.
fn event(message: &MessageDescriptor) -> Value {
    let mut schema = object(message);
    let oneof: OneofDescriptor = message.oneofs().next().unwrap();
    let members = schema["properties"].as_object_mut().unwrap();
    let entities: Vec<Value> = oneof.fields().map(|f| type_of(&f)).collect();
    oneof.fields().for_each(|f| drop(members.remove(f.name())));
    members.insert("o".into(), json!({ "description": "The entity.", "anyOf": entities }));
    schema
}

/// The frames: names, messages, and who says them (`t = NAME[, who]` begins the comment).
fn frames(pool: &DescriptorPool) -> Vec<(String, &'static str, MessageDescriptor)> {
    let file = pool.get_file_by_name("trunkline/v1/desk.proto").unwrap();
    let mut frames = Vec::new();
    for message in file.messages() {
        let said = comment(&file, message.path());
        let Some(rest) = said.strip_prefix("t = ") else { continue };
        let name = rest.split([',', ':', ' ']).next().unwrap().trim_end_matches('.');
        let head = rest.split(['.', ':']).next().unwrap_or_default();
        let who = match () {
            () if rest.contains("client to server") => "client",
            () if rest.contains("both ways") => "both",
            () => "server",
        };
        assert!(!name.is_empty(), "{head}");
        frames.push((name.to_owned(), who, message));
    }
    frames
}

fn frame(name: &str, message: &MessageDescriptor) -> Value {
    let mut schema = match name {
        "ev" => event(&message.parent_pool().get_message_by_name("trunkline.v1.Event").unwrap()),
        _ => object(message),
    };
    schema["description"] = comment(&message.parent_file(), message.path()).into();
    if name == "err" {
        let said = "CONFLICT: the entity as it is now.";
        schema["properties"]["details"] = json!({
            "description": said,
            "anyOf": [{ "$ref": "#/$defs/Call" }, { "$ref": "#/$defs/Agent" }],
        });
    }
    schema["properties"]["t"] = json!({ "const": name });
    schema["required"] = json!(["t"]);
    schema
}

/// All of it: entities and frames by name, and what either side may say.
fn schema(pool: &DescriptorPool) -> Value {
    let frames = frames(pool);
    let mut defs = Map::new();
    for field in pool.all_messages().flat_map(|m| m.fields().collect::<Vec<_>>()) {
        let Kind::Message(message) = field.kind() else { continue };
        let ours = message.package_name() == "trunkline.v1" && !message.is_map_entry();
        if ours && message.name() != "Event" {
            defs.insert(message.name().to_owned(), object(&message));
        }
    }
    for (name, _, message) in &frames {
        defs.insert(format!("frame.{name}"), frame(name, message));
    }
    for side in ["client", "server"] {
        let says = frames.iter().filter(|(_, who, _)| *who == side || *who == "both");
        let any: Vec<Value> =
            says.map(|(name, ..)| json!({ "$ref": format!("#/$defs/frame.{name}") })).collect();
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

/// What `proto/` says now.
pub(super) fn made() -> Value {
    schema(&pool())
}

fn asyncapi(pool: &DescriptorPool) -> Value {
    let (mut messages, mut known) = (Map::new(), Map::new());
    let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
    for (name, who, message) in frames(pool) {
        let payload = json!({ "$ref": format!("{SCHEMA}#/$defs/frame.{name}") });
        let said = comment(&message.parent_file(), message.path());
        messages.insert(name.clone(), json!({ "name": name, "summary": said, "payload": payload }));
        let in_channel = json!({ "$ref": format!("#/components/messages/{name}") });
        known.insert(name.clone(), in_channel);
        let channel = json!({ "$ref": format!("#/channels/events/messages/{name}") });
        if who != "server" {
            from_client.push(channel.clone());
        }
        if who != "client" {
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
            "description": "WebSocket with the subprotocol trunkline.v1.json.",
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

/// `test` is the name of the test that writes the file.
pub(super) fn is_written(name: &str, test: &str, made: &Value) {
    let path = proto().join("schema").join(name);
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
         UPDATE_GOLDEN=1 cargo test --test house {test}"
    );
}

#[test]
fn the_schema_is_what_the_proto_files_say() {
    is_written(SCHEMA, "schema", &made());
    is_written("asyncapi.json", "schema", &asyncapi(&pool()));
}

#[test]
fn every_frame_of_the_protocol_page_has_a_schema() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/desk-protocol.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split("\n## Frames\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let frames = frames(&pool());
    let mut told = 0;
    for row in section.lines().filter(|l| l.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (from, name) = (cells[1], cells[2].trim_matches('`'));
        let from = if from == "desk" { "client" } else { from };
        let found = frames.iter().find(|(t, ..)| t == name);
        assert_eq!(found.map(|(_, who, _)| *who), Some(from), "{row}");
        told += 1;
    }
    assert_eq!(told, frames.len(), "docs/desk-protocol.md lacks a frame");
}
