//! The messages of `proto/`: what the JSON Schema and the clients' types are made from.

#![allow(dead_code)] // each test program reads its own part of them

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All messages in the order of the files.
pub struct Proto {
    pub messages: Vec<Message>,
    /// First word of an event's kind and the message in its `o`.
    pub entities: Vec<(String, String)>,
}

pub struct Message {
    pub name: String,
    /// Lines as in the file.
    pub doc: String,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: String,
    pub doc: String,
    pub kind: Kind,
    pub many: Many,
    /// Member of a oneof.
    pub is_choice: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Text,
    /// 32 bits, from 0.
    Count,
    /// 32 bits, with a sign.
    Number,
    Flag,
    /// RFC 3339.
    Time,
    Message(String),
}

/// How often a field occurs, and so what its absence means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Many {
    /// Absent means the default value.
    One,
    /// Absent means absent.
    Maybe,
    List,
    /// By text.
    Map,
}

impl Field {
    /// How both clients' tables note it: `""`, `0` or `false` for a default, `?` for what may be
    /// absent, a message by its name, `[]` around what is repeated, `{}` for a map.
    pub fn note(&self) -> String {
        let one = match &self.kind {
            Kind::Message(name) => name.as_str(),
            _ => "?",
        };
        match (self.many, &self.kind) {
            (Many::Map, _) => "{}".to_owned(),
            (Many::List, _) => format!("[{one}]"),
            (Many::Maybe, _) => one.to_owned(),
            (Many::One, Kind::Count | Kind::Number) => "0".to_owned(),
            (Many::One, Kind::Flag) => "false".to_owned(),
            (Many::One, _) => String::new(),
        }
    }
}

/// Not a message of its own in JSON: `t` names the frame, and `ev` carries its entity as `o`.
const NOT_IN_JSON: [&str; 3] = ["Frame", "Event", "Ev"];

impl Proto {
    /// Those that are objects in JSON.
    pub fn in_json(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|m| !NOT_IN_JSON.contains(&m.name.as_str()))
    }

    pub fn message(&self, name: &str) -> &Message {
        let found = self.messages.iter().find(|m| m.name == name);
        found.unwrap_or_else(|| panic!("proto/ has no message {name}"))
    }

    /// The frames in the order of the files.
    pub fn frames(&self) -> impl Iterator<Item = (Frame, &Message)> {
        self.messages.iter().filter_map(|m| Some((m.frame()?, m)))
    }
}

/// A message of its own on the wire.
pub struct Frame {
    /// `t` in JSON.
    pub name: String,
    pub says: Says,
}

/// Who says a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Says {
    Client,
    Server,
    Both,
}

impl Message {
    /// Those that are members in JSON; of a choice JSON has one member of its own.
    pub fn members(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|f| !f.is_choice)
    }

    pub fn choices(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|f| f.is_choice)
    }

    /// `t = NAME[, who]` begins the comment of a frame.
    fn frame(&self) -> Option<Frame> {
        let said = one_line(&self.doc);
        let rest = said.strip_prefix("t = ")?;
        let name = rest.split([',', ':', ' ']).next().unwrap().trim_end_matches('.');
        assert!(!name.is_empty(), "{}: which frame?", self.name);
        let says = match () {
            () if rest.contains("client to server") => Says::Client,
            () if rest.contains("both ways") => Says::Both,
            () => Says::Server,
        };
        Some(Frame { name: name.to_owned(), says })
    }
}

/// A comment without its line breaks.
pub fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Folder of the proto files.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

const FILES: [&str; 2] = ["trunkline/v1/events.proto", "trunkline/v1/desk.proto"];

/// A FileDescriptorSet with everything that is imported, without comments.
pub fn descriptor_set() -> Vec<u8> {
    let mut set = protox::compile(FILES, [root()]).unwrap();
    set.file.iter_mut().for_each(|file| file.source_code_info = None);
    prost::Message::encode_to_vec(&set)
}

pub fn read() -> Proto {
    let set = protox::compile(FILES, [root()]).unwrap();
    let mut proto = Proto { messages: Vec::new(), entities: Vec::new() };
    for wanted in FILES {
        let file = set.file.iter().find(|f| f.name() == wanted).unwrap();
        let docs = docs(file);
        for (at, message) in file.message_type.iter().enumerate() {
            let path = vec![4, at as i32];
            if message.name() == "Event" {
                proto.entities = entities(message, &path, &docs);
            }
            proto.messages.push(read_message(message, &path, &docs));
        }
    }
    proto
}

type Docs = BTreeMap<Vec<i32>, String>;

fn docs(file: &FileDescriptorProto) -> Docs {
    let places = &file.source_code_info.as_ref().unwrap().location;
    let text = |lines: &str| lines.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    places.iter().map(|l| (l.path.clone(), text(l.leading_comments().trim()))).collect()
}

fn doc_of(docs: &Docs, path: &[i32], more: &[i32]) -> String {
    let doc = docs.get(&[path, more].concat()).cloned().unwrap_or_default();
    assert!(!doc.is_empty(), "a message or field without words: {path:?} {more:?}");
    doc
}

/// `line.* events` over a field says which events carry it.
fn entities(event: &DescriptorProto, path: &[i32], docs: &Docs) -> Vec<(String, String)> {
    let entity = |(at, field): (usize, &FieldDescriptorProto)| {
        field.oneof_index?;
        let doc = doc_of(docs, path, &[2, at as i32]);
        let (prefix, rest) = doc.split_once('.')?;
        assert!(rest.contains(" events"), "{doc}: which events carry it?");
        Some((prefix.to_owned(), short(field.type_name())))
    };
    event.field.iter().enumerate().filter_map(entity).collect()
}

fn read_message(message: &DescriptorProto, path: &[i32], docs: &Docs) -> Message {
    let field = |(at, field): (usize, &FieldDescriptorProto)| {
        let doc = doc_of(docs, path, &[2, at as i32]);
        read_field(field, doc, message)
    };
    Message {
        name: message.name().to_owned(),
        doc: doc_of(docs, path, &[]),
        fields: message.field.iter().enumerate().map(field).collect(),
    }
}

fn read_field(field: &FieldDescriptorProto, doc: String, of: &DescriptorProto) -> Field {
    let entry = of.nested_type.iter().find(|n| short(field.type_name()) == n.name());
    let map = entry.is_some();
    // The second field of a map's entry is its value.
    let kind = match entry.map_or(field, |entry| &entry.field[1]).r#type() {
        Type::String => Kind::Text,
        Type::Uint32 => Kind::Count,
        Type::Int32 => Kind::Number,
        Type::Bool => Kind::Flag,
        Type::Message if field.type_name() == ".google.protobuf.Timestamp" => Kind::Time,
        Type::Message => Kind::Message(short(field.type_name())),
        other => panic!("{}: {other:?} is none of the desk protocol's types", field.name()),
    };
    let presence = field.proto3_optional() || matches!(kind, Kind::Message(_) | Kind::Time);
    let many = match field.label() {
        Label::Repeated if map => Many::Map,
        Label::Repeated => Many::List,
        _ if presence => Many::Maybe,
        _ => Many::One,
    };
    let is_choice = field.oneof_index.is_some() && !field.proto3_optional();
    Field { name: field.name().to_owned(), doc, kind, many, is_choice }
}

fn short(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_owned()
}
