//! A text that is written once and shown often.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A name or sentence that many values repeat: a clone copies no bytes.
#[derive(Clone, serde::Deserialize)]
#[serde(from = "String")]
pub struct Text(Held);

#[derive(Clone)]
enum Held {
    /// A word of the program.
    Fixed(&'static str),
    /// Of a file, or of a message.
    Shared(Arc<str>),
}

impl Text {
    /// A word of the program.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Held::Fixed(text))
    }

    /// As a slice.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Held::Fixed(text) => text,
            Held::Shared(text) => text,
        }
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        match text.is_empty() {
            true => Self::fixed(""),
            false => Self(Held::Shared(text.into())),
        }
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn texts_compare_and_show_as_their_letters() {
        let (fixed, shared) = (Text::fixed("window"), Text::from("window".to_owned()));
        assert_eq!(fixed, shared);
        assert_eq!(fixed.clone(), "window");
        assert!(shared == *"window" && shared != "windows");
        assert_eq!(format!("{shared:<8}|{fixed:?}"), "window  |\"window\"");
        assert!(Text::from(String::new()).is_empty());
    }
}
