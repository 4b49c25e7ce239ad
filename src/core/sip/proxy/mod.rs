//! The proxy core of RFC 3261 §16.

mod core;

pub use core::Core;
