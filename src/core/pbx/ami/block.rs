//! A block's headers, and what their values mean.

use crate::model::{Pii, Wall};

/// A block: headers in order; a name may come again (`Variable`).
#[derive(Clone, Debug)]
pub(super) struct Block<'a> {
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Block<'a> {
    /// Lines without a colon are no headers and are left out.
    pub(super) fn read(text: &'a str) -> Self {
        let headers = text.lines().filter_map(|line| line.split_once(':'));
        Self { headers: headers.map(|(name, value)| (name.trim(), value.trim())).collect() }
    }

    /// The first value of that name, if it is not empty.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// All values of that name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.after(0).filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The headers behind the first one of that name.
    pub(super) fn behind(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let at = self.headers.iter().position(|(n, _)| n.eq_ignore_ascii_case(name));
        self.after(at.map_or(self.headers.len(), |at| at + 1))
    }

    fn after(&self, from: usize) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.headers[from..].iter().copied()
    }

    /// A header of a channel: `prefix` is empty, `Dest`, `Transferer`, ...
    pub(super) fn of(&self, prefix: &str, name: &str) -> Option<&'a str> {
        if prefix.is_empty() {
            return self.value(name);
        }
        let found = self.headers.iter().find(|(n, _)| {
            let (start, rest) = n.split_at_checked(prefix.len()).unwrap_or(("", ""));
            start.eq_ignore_ascii_case(prefix) && rest.eq_ignore_ascii_case(name)
        });
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    /// A number.
    pub(super) fn int<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.value(name)?.parse().ok()
    }

    /// A number or name of a person; Asterisk writes `<unknown>` where it has none.
    pub(super) fn personal(&self, prefix: &str, name: &str) -> Option<Pii<String>> {
        let value = self.of(prefix, name)?;
        let unknown = matches!(value, "<unknown>" | "unknown" | "<null>" | "(null)");
        (!unknown).then(|| Pii::new(value.to_owned()))
    }

    /// The event's stamp: seconds and microseconds, with `timestampevents = yes`.
    pub(super) fn stamp(&self) -> Option<Wall> {
        let value = self.value("Timestamp")?;
        let (seconds, micros) = value.split_once('.')?;
        if micros.len() != 6 {
            return None;
        }
        let seconds = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?;
        seconds.checked_add(i64::from(micros.parse::<u32>().ok()?)).map(Wall)
    }

    /// A value that `Status` was asked for: `Variable: NAME=value`.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        let values = self.all("Variable").filter_map(|line| line.split_once('='));
        let mut values = values.filter(|(n, _)| *n == name).map(|(_, value)| value);
        values.next().filter(|value| !value.is_empty() && *value != "(null)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn headers_are_found_by_name_in_any_case_and_may_be_empty() {
        let text = "Event: DialBegin\nCallerIDNum: <unknown>\nDestUniqueid: 1.2\nUniqueID: 1.1\n\
                    Exten:\nno header\nVariable: A=1\nVariable: F(x,y)=2=3\nVariable: N=(null)\n";
        let block = Block::read(text);
        assert_eq!(block.value("event"), Some("DialBegin"));
        assert_eq!((block.value("Exten"), block.value("Nothing")), (None, None));
        assert_eq!(
            (block.of("", "Uniqueid"), block.of("Dest", "Uniqueid")),
            (Some("1.1"), Some("1.2"))
        );
        assert!(block.personal("", "CallerIDNum").is_none());
        assert_eq!(block.all("Variable").count(), 3);
        assert_eq!(block.variable("F(x,y)"), Some("2=3"));
        assert_eq!(block.variable("N"), None);
        assert_eq!(block.behind("Exten").count(), 3);
    }

    #[test]
    fn stamps_are_microseconds() {
        let stamp = |text: &str| Block::read(text).stamp();
        assert_eq!(stamp("Timestamp: 1795295366.326709\n"), Some(Wall(1_795_295_366_326_709)));
        assert_eq!(stamp("Timestamp: 1795295366.3\n"), None);
        assert_eq!(stamp("Timestamp: 99999999999999999.000000\n"), None);
        assert_eq!(stamp("Event: X\n"), None);
    }
}
