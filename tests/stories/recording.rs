//! What a PBX said, message by message, as its link would have brought it.

use serde_json::Value;
use std::path::Path;

/// Which of a PBX's links was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Ami,
    Ari,
    Esl,
}

/// One recording.
pub struct Recording {
    /// Folder it is in: `asterisk-22`.
    pub pbx: String,
    pub link: Link,
    /// Arrival in microseconds since 1970, and the bytes.
    pub messages: Vec<(i64, Vec<u8>)>,
}

impl Recording {
    /// Reads `data/NAME` with the ending of the link.
    pub fn read(data: &Path, name: &str, link: Link) -> Self {
        let ending = match link {
            Link::Ami => "ami.txt",
            Link::Ari => "ari.jsonl",
            Link::Esl => "esl.jsonl",
        };
        let path = data.join(format!("{name}.{ending}"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let messages = match link {
            Link::Ami => text.split("# rx=").skip(1).map(ami).collect(),
            Link::Ari => text.lines().map(json).map(|(at, ev)| (at, ev.into_bytes())).collect(),
            Link::Esl => text.lines().map(json).map(|(at, ev)| (at, event_json(&ev))).collect(),
        };
        let pbx = name.split('/').next().unwrap().to_owned();
        Self { pbx, link, messages }
    }
}

/// A block of AMI: its lines end with CRLF, and an empty one ends it.
fn ami(block: &str) -> (i64, Vec<u8>) {
    let (rx, body) = block.split_once('\n').unwrap();
    let lines = body.lines().map(str::trim_end).filter(|l| !l.is_empty());
    let text: String = lines.map(|l| format!("{l}\r\n")).chain(["\r\n".to_owned()]).collect();
    (micros(rx.trim().parse().unwrap()), text.into_bytes())
}

fn json(line: &str) -> (i64, String) {
    let value: Value = serde_json::from_str(line).unwrap();
    (micros(value["rx"].as_f64().unwrap()), value["ev"].to_string())
}

/// An event as FreeSWITCH frames it after `event json`.
fn event_json(event: &str) -> Vec<u8> {
    let bytes = event.len();
    let head = format!("Content-Length: {bytes}\nContent-Type: text/event-json\n\n");
    format!("{head}{event}").into_bytes()
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}
