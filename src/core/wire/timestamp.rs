//! google.protobuf.Timestamp with RFC 3339 JSON (ProtoJSON), to the microsecond.

use crate::model::Wall;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Seconds and nanoseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// Seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds, 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl From<Wall> for Timestamp {
    fn from(wall: Wall) -> Self {
        let micros = i32::try_from(wall.0.rem_euclid(1_000_000)).unwrap_or(0);
        Self { seconds: wall.0.div_euclid(1_000_000), nanos: micros * 1000 }
    }
}

impl From<Timestamp> for Wall {
    fn from(ts: Timestamp) -> Self {
        Self(ts.seconds.saturating_mul(1_000_000).saturating_add(i64::from(ts.nanos) / 1000))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&Wall::from(*self).rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(input)?;
        let ts: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Wall(ts.as_microsecond()).into())
    }
}
