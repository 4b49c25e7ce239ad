//! Reads a story as a person wrote it.

use super::recording::Recording;
use std::collections::BTreeMap;
use std::path::Path;

/// One file.
pub struct Story {
    pub name: String,
    /// Recordings it was seen in, `asterisk-22/01-...`.
    pub recorded: Vec<String>,
    /// Event kinds that are not compared.
    pub ignored: Vec<String>,
    pub calls: Vec<Told>,
}

/// One call of a story.
pub struct Told {
    pub scope: Scope,
    pub name: String,
    pub direction: String,
    pub lines: Vec<Line>,
}

/// One event of a story. What is `None` or missing is not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub scope: Scope,
    pub kind: String,
    pub leg: Option<u32>,
    pub role: Option<String>,
    /// Device of the house; `None` with a role: it has none.
    pub device: Option<String>,
    pub keys: BTreeMap<String, String>,
}

/// Links or PBXs that something holds for; empty: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    pub fn holds(&self, recording: &Recording) -> bool {
        let link = format!("{:?}", recording.link).to_lowercase();
        let both = format!("{}/{link}", recording.pbx);
        let names = [&link, &recording.pbx, &both];
        self.0.is_empty() || self.0.iter().any(|s| names.contains(&s))
    }

    /// Takes `[ami ari] ` off the front.
    fn cut(text: &str) -> (Self, &str) {
        match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((names, rest)) => {
                (Self(names.split_whitespace().map(str::to_owned).collect()), rest.trim_start())
            }
            None => (Self::default(), text),
        }
    }
}

const KEYS: [&str; 6] = ["cause", "sip", "released_by", "queue", "transfer", "key"];

impl Story {
    pub fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap();
        Self::parse(name, &std::fs::read_to_string(path).unwrap())
    }

    /// # Panics
    /// On what is not understood, so that a slip of the pen does not weaken a story.
    pub fn parse(name: &str, text: &str) -> Self {
        let mut story = Self {
            name: name.to_owned(),
            recorded: Vec::new(),
            ignored: Vec::new(),
            calls: Vec::new(),
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.split_once('#').map_or(line, |(said, _)| said).trim_end();
            let (scope, said) = Scope::cut(line.trim_start());
            let words: Vec<&str> = said.split_whitespace().collect();
            match words[..] {
                [] | ["story", ..] => {}
                ["recorded", ..] => story.recorded = owned(&words[1..]),
                ["ignore", ..] => story.ignored = owned(&words[1..]),
                ["call", name, direction] => story.calls.push(Told {
                    scope,
                    name: name.to_owned(),
                    direction: direction.to_owned(),
                    lines: Vec::new(),
                }),
                _ => {
                    let call = story.calls.last_mut();
                    let call = call.unwrap_or_else(|| panic!("{name}:{number}: before a call"));
                    let line = Line::parse(scope, &words);
                    call.lines.push(line.unwrap_or_else(|| panic!("{name}:{number}: {said}")));
                }
            }
        }
        assert!(!story.recorded.is_empty() && !story.calls.is_empty(), "{name} says too little");
        story
    }
}

impl Line {
    fn parse(scope: Scope, words: &[&str]) -> Option<Self> {
        let (kind, rest) = words.split_first()?;
        let (keys, leg): (Vec<&str>, Vec<&str>) = rest.iter().partition(|w| w.contains('='));
        let (number, role, device) = match leg[..] {
            [] => (None, None, None),
            [number, role] => (Some(number.parse().ok()?), Some(role), None),
            [number, role, device] => (Some(number.parse().ok()?), Some(role), Some(device)),
            _ => return None,
        };
        let keys: Vec<_> = keys.iter().filter_map(|w| w.split_once('=')).collect();
        let known = kind.starts_with("call.") && keys.iter().all(|(key, _)| KEYS.contains(key));
        known.then(|| Self {
            scope,
            kind: (*kind).to_owned(),
            leg: number,
            role: role.map(str::to_owned),
            device: device.map(str::to_owned),
            keys: keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        })
    }

    /// The same event, as far as this line says.
    pub fn is(&self, seen: &Self) -> bool {
        let leg = self.leg.is_none()
            || (&self.leg, &self.role, &self.device) == (&seen.leg, &seen.role, &seen.device);
        self.kind == seen.kind
            && leg
            && self.keys.iter().all(|(key, value)| seen.keys.get(key) == Some(value))
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let leg = self.leg.map(|l| l.to_string()).unwrap_or_default();
        let (role, device) = (self.role.as_deref(), self.device.as_deref());
        let who = format!("{leg} {} {}", role.unwrap_or_default(), device.unwrap_or_default());
        let keys: Vec<_> = self.keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let line = format!("{:<24} {:<15} {}", self.kind, who.trim(), keys.join(" "));
        f.write_str(line.trim_end())
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}
