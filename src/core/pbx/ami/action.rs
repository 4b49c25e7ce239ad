//! Actions: what is sent to Asterisk.

/// Longest line that Asterisk reads is 1024 bytes (`inbuf` in `main/manager.c`); it drops the whole
/// action beyond.
const LINE_BYTES_MAX: usize = 1000;

/// An action to be sent.
#[derive(Clone, Debug)]
pub(super) struct Action {
    name: &'static str,
    text: String,
    /// A header whose value cannot be sent.
    bad: Option<&'static str>,
}

impl Action {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, text: String::new(), bad: None }
    }

    /// Adds a header. A value with a line end would be another header.
    pub(super) fn with(mut self, header: &'static str, value: &str) -> Self {
        if value.chars().any(char::is_control) || header.len() + value.len() > LINE_BYTES_MAX {
            self.bad = Some(header);
        }
        self.text.push_str(header);
        self.text.push_str(": ");
        self.text.push_str(value);
        self.text.push_str("\r\n");
        self
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The bytes to send; the error says which value cannot be sent.
    pub(super) fn encode(&self, action_id: &str) -> Result<Vec<u8>, String> {
        if let Some(header) = self.bad {
            return Err(format!("{header} is too long or holds a control character"));
        }
        let Self { name, text, .. } = self;
        Ok(format!("Action: {name}\r\nActionID: {action_id}\r\n{text}\r\n").into_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_cannot_become_a_header() {
        let action = Action::new("Hangup").with("Channel", "PJSIP/1001-1").with("Cause", "16");
        let sent = String::from_utf8(action.encode("t1").unwrap()).unwrap();
        let want = "Action: Hangup\r\nActionID: t1\r\nChannel: PJSIP/1001-1\r\nCause: 16\r\n\r\n";
        assert_eq!(sent, want);
        for bad in ["1001\r\nAction: Command", "a\nb", "a\0b", &"x".repeat(1000)] {
            let error = Action::new("Hangup").with("Channel", bad).encode("t1").unwrap_err();
            assert!(error.starts_with("Channel "), "{error}");
        }
    }
}
