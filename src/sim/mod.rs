//! R4: scripted peers: a carrier, the phones of a PBX, a desk; and a virtual PBX.
//!
//! They speak the real protocols over real sockets and know nothing of the server's inside: the
//! SIP reader here is not the one of the product, so that a mistake in one is seen by the other.
//! They carry no media; a call is its signalling.

mod carrier;
mod desk;
mod lines;
pub mod pbx;
mod peer;
mod phones;
pub mod ua;

pub use carrier::plans as carrier_plans;
pub use desk::{DeskCommand, DeskReport, DeskSub, play as play_desk, run as run_desk};
pub use lines::{orders, print_line};
pub use peer::{PeerKind, PeerOptions, run as run_sip_peer};
