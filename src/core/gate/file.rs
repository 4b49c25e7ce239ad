//! Reading a file of rules: TOML, or JSON of the same shape.

use super::schema::RulesFile;
use super::{GateFileError, Source};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// JSON where the name ends in `.json`, else TOML.
pub(super) fn read(source: &Source<'_>) -> Result<RulesFile, GateFileError> {
    let fail = |message: String| GateFileError::new(source.name, message);
    let json = source.name.rsplit_once('.').is_some_and(|(_, end)| end == "json");
    let file: RulesFile = match json {
        true => serde_json::from_str(source.text).map_err(|err| fail(shown(source.text, &err)))?,
        false => toml::from_str(source.text).map_err(|err| fail(err.to_string()))?,
    };
    match file.schema {
        1 => Ok(file),
        other => Err(fail(format!("schema = {other}: only 1 is known"))),
    }
}

/// As TOML's errors look: the line, with its text, then what is wrong.
fn shown(text: &str, err: &serde_json::Error) -> String {
    let line = text.lines().nth(err.line().saturating_sub(1)).unwrap_or_default();
    format!("JSON parse error at line {}, column {}\n{line}\n{err}", err.line(), err.column())
}

/// A map in which no name stands twice: JSON would let the last one win.
pub(super) fn unique<'de, D, V>(input: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Unique<V>(PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Unique<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some(name) = input.next_key::<String>()? {
                if map.contains_key(&name) {
                    return Err(A::Error::custom(format!("{name:?} stands there twice")));
                }
                map.insert(name, input.next_value()?);
            }
            Ok(map)
        }
    }
    input.deserialize_map(Unique(PhantomData))
}
