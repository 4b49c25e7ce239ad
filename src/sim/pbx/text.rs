//! The manager's text: actions that come in, answers and events that go out.

use std::fmt::Write as _;
use std::time::Duration;

/// An action of the client: headers in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Action {
    headers: Vec<(String, String)>,
}

impl Action {
    /// Takes one line without its end.
    pub fn line(&mut self, line: &str) {
        if let Some((name, value)) = line.split_once(':') {
            self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The first value of this header; empty if there is none.
    pub fn value(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// `Variable: NAME=VALUE`, without the marks of inheritance.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case("Variable"));
        let pairs = named.filter_map(|(_, value)| value.split_once('='));
        pairs.map(|(name, value)| (name.trim_start_matches('_'), value))
    }
}

/// An answer or event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    fields: Vec<(String, String)>,
    is_event: bool,
}

impl Block {
    pub fn event(name: &str) -> Self {
        Self { fields: vec![("Event".to_owned(), name.to_owned())], is_event: true }
    }

    pub fn success() -> Self {
        let fields = vec![("Response".to_owned(), "Success".to_owned())];
        Self { fields, is_event: false }
    }

    pub fn error(message: &str) -> Self {
        let fields = vec![("Response".to_owned(), "Error".to_owned())];
        Self { fields, is_event: false }.with("Message", message)
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.fields.push((name.to_owned(), value.to_string()));
        self
    }

    #[cfg(test)]
    pub fn value(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// As it is sent. `since_1970`: the moment, which events carry.
    pub fn encode(&self, action_id: &str, since_1970: Duration) -> String {
        let mut text = String::with_capacity(256);
        let mut line = |name: &str, value: &str| {
            let value = value.replace(['\r', '\n'], " ");
            let _ = write!(text, "{name}: {value}\r\n");
        };
        for (index, (name, value)) in self.fields.iter().enumerate() {
            line(name, value);
            if index == 0 && !action_id.is_empty() {
                line("ActionID", action_id);
            }
            if index == 0 && self.is_event {
                let (seconds, micros) = (since_1970.as_secs(), since_1970.subsec_micros());
                line("Timestamp", &format!("{seconds}.{micros:06}"));
            }
        }
        text.push_str("\r\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_become_a_header() {
        let block = Block::event("X").with("A", "b\r\nC: d");
        let text = block.encode("", Duration::from_micros(1_000_002));
        assert_eq!(text, "Event: X\r\nTimestamp: 1.000002\r\nA: b  C: d\r\n\r\n");
        let answer = Block::error("no").encode("7", Duration::ZERO);
        assert_eq!(answer, "Response: Error\r\nActionID: 7\r\nMessage: no\r\n\r\n");
    }

    #[test]
    fn inherited_variables_have_their_plain_name() {
        let mut action = Action::default();
        for line in ["Action: Originate", "Variable: __MARK=a=b", "variable: P=service", "odd"] {
            action.line(line);
        }
        let found: Vec<_> = action.variables().collect();
        assert_eq!(found, [("MARK", "a=b"), ("P", "service")]);
        assert_eq!((action.value("action"), action.value("none")), ("Originate", ""));
    }
}
