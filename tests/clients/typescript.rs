//! Types of the TypeScript client.

use super::proto::{Field, Kind, Many, Proto};
use std::fmt::Write as _;

const HEAD: &str = "\
// Generated from proto/trunkline/v1 by tests/clients; do not edit.
//
// What the client hands out has every member that proto/ gives a default value; members with a
// question mark are absent where nothing is known. Times are RFC 3339, positions decimal strings.
";

pub fn file(proto: &Proto) -> String {
    let mut out = HEAD.to_owned();
    for message in proto.in_json() {
        let _ = writeln!(out, "\n{}export interface {} {{", doc(&message.doc, ""), message.name);
        for field in message.members() {
            let mark = if field.many == Many::Maybe { "?" } else { "" };
            let line = format!("{}{mark}: {};", field.name, type_of(field));
            let _ = writeln!(out, "{}  {line}", doc(&field.doc, "  "));
        }
        out.push_str("}\n");
    }
    out.push_str("\n/** Messages by name. */\nexport interface Messages {\n");
    for message in proto.in_json() {
        let _ = writeln!(out, "  {0}: {0};", message.name);
    }
    out.push_str("}\n\n/** Entity in `o` by the first word of an event's kind. */\n");
    out.push_str("export const ENTITIES = {\n");
    for (prefix, name) in &proto.entities {
        let _ = writeln!(out, "  {prefix}: '{name}',");
    }
    out.push_str("} as const;\n\n");
    out.push_str(
        "/** Members of messages: a default, `?` may be absent, [list], {} map, Message. */\n",
    );
    out.push_str(
        "export const FIELDS: Record<string, Record<string, string | number | boolean>> = {\n",
    );
    for message in proto.in_json() {
        let _ = writeln!(out, "  {}: {{", message.name);
        for field in message.members() {
            let _ = writeln!(out, "    {}: {},", field.name, note(field));
        }
        out.push_str("  },\n");
    }
    out.push_str("};\n");
    out
}

fn note(field: &Field) -> String {
    match field.note().as_str() {
        text @ ("0" | "false") => text.to_owned(),
        text => format!("'{text}'"),
    }
}

fn type_of(field: &Field) -> String {
    let one = match &field.kind {
        Kind::Text | Kind::Time => "string",
        Kind::Count | Kind::Number => "number",
        Kind::Flag => "boolean",
        Kind::Message(name) => name,
    };
    match field.many {
        Many::One | Many::Maybe => one.to_owned(),
        Many::List => format!("{one}[]"),
        Many::Map => format!("Record<string, {one}>"),
    }
}

fn doc(text: &str, indent: &str) -> String {
    // `*/` in a text would end the comment.
    let text = text.replace("*/", "* /").replace('\n', &format!("\n{indent} * "));
    format!("{indent}/** {text} */\n")
}
