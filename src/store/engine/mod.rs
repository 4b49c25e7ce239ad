//! The small contract with a storage engine: sealed bytes in, durable on return.

#[cfg(feature = "store-sled")]
mod sled;
mod sqlite;
mod table;

#[cfg(feature = "store-sled")]
pub use self::sled::SledEngine;
pub use sqlite::{SqliteEngine, Sync};
pub use table::{Batch, Engine, KEY_END, Op, Order, Row, Table, TableFile};
