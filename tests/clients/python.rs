//! Types of the Python client.

use super::proto::{Field, Kind, Many, Proto};
use std::fmt::Write as _;

const HEAD: &str = "\
# Generated from proto/trunkline/v1 by tests/clients; do not edit.
\"\"\"Messages of the desk protocol.

What the client hands out has every member; `None` is what was absent. Times are RFC 3339,
positions decimal strings. `from` and `if` are Python's own words: those members are `from_` and
`if_` here.
\"\"\"

from __future__ import annotations

from dataclasses import dataclass, field
";

pub fn file(proto: &Proto) -> String {
    let mut out = HEAD.to_owned();
    for message in proto.in_json() {
        let _ = writeln!(out, "\n\n@dataclass(slots=True, kw_only=True)\nclass {}:", message.name);
        let _ = writeln!(out, "    \"\"\"{}\"\"\"", message.doc.replace('\n', "\n    "));
        for field in message.members() {
            let _ = writeln!(out, "\n    #: {}", field.doc.replace('\n', "\n    #: "));
            let _ = writeln!(out, "    {}: {}", name(&field.name), type_of(field));
        }
    }
    out.push_str("\n\n#: Entity in `o` by the first word of an event's kind.\n");
    out.push_str("ENTITIES: dict[str, str] = {\n");
    for (prefix, name) in &proto.entities {
        let _ = writeln!(out, "    \"{prefix}\": \"{name}\",");
    }
    out.push_str("}\n\n#: Messages by name.\nMESSAGES: dict[str, type] = {\n");
    for message in proto.in_json() {
        let _ = writeln!(out, "    \"{0}\": {0},", message.name);
    }
    out.push_str("}\n\n#: Members: a default, `?` may be absent, [list], {} map, Message.\n");
    out.push_str("FIELDS: dict[str, dict[str, str | int | bool]] = {\n");
    for message in proto.in_json() {
        let _ = writeln!(out, "    \"{}\": {{", message.name);
        for field in message.members() {
            let _ = writeln!(out, "        \"{}\": {},", field.name, note(field));
        }
        out.push_str("    },\n");
    }
    out.push_str("}\n");
    out
}

fn name(field: &str) -> String {
    match field {
        "from" | "if" => format!("{field}_"),
        _ => field.to_owned(),
    }
}

fn note(field: &Field) -> String {
    match field.note().as_str() {
        "0" => "0".to_owned(),
        "false" => "False".to_owned(),
        text => format!("\"{text}\""),
    }
}

fn type_of(field: &Field) -> String {
    let (one, default) = match &field.kind {
        Kind::Text => ("str", "\"\""),
        Kind::Time => ("str", "None"),
        Kind::Count | Kind::Number => ("int", "0"),
        Kind::Flag => ("bool", "False"),
        Kind::Message(name) => (name.as_str(), "None"),
    };
    match field.many {
        Many::One => format!("{one} = {default}"),
        Many::Maybe => format!("{one} | None = None"),
        Many::List => format!("list[{one}] = field(default_factory=list)"),
        Many::Map => format!("dict[str, {one}] = field(default_factory=dict)"),
    }
}
