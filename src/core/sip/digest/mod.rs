//! Digest authentication, the side that is challenged (RFC 3261 §22, RFC 7616, RFC 8760).
//!
//! rsip's `DigestGenerator` is not used: it writes `nc` as a decimal number, knows no `-sess` and
//! no SHA-512-256, and takes the URI apart, while the digest is over its bytes.

mod answer;
mod challenge;

pub use answer::answers;
