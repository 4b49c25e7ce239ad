//! Messages as spans over the received bytes: nothing is copied, nothing is normalised.
//!
//! `Index::read` finds lines and headers once; typed views (`Via`, `Uri`, `Address`, `Reason`,
//! media direction) are made on demand from a header's span. Every span is relative to the whole
//! message, so an edit can name it.

mod address;
mod header;
mod reason;
mod scan;
mod sdp;
mod span;
mod uri;
mod via;
mod view;

pub use address::Address;
pub use header::{Header, Name};
pub use scan::{Index, ParseError, Start};
pub use span::{Param, Params, Span, Values, trim};
pub use uri::{Uri, UriKind};
pub use via::Via;
pub use view::{CSeq, Fault, MaxForwards, Message};
