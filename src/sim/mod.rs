//! R4: scripted peers: a carrier, the phones of a PBX, a desk.
//!
//! They speak the real protocols over real sockets and know nothing of the server's inside: the
//! SIP reader here is not the one of the product, so that a mistake in one is seen by the other.
//! They carry no media; a call is its signalling.

mod carrier;
mod desk;
mod lines;
mod peer;
mod phones;
pub mod ua;

pub use desk::{DeskCommand, DeskReport, DeskSub, run as run_desk};
pub use lines::{orders, print_line};
pub use peer::{PeerKind, PeerOptions, run as run_sip_peer};
