//! Who a desk is: tokens of the site and of an issuer, tickets, certificates, revocation.

mod gate;
mod issuer;
mod jwks;
mod keys;
mod revoked;
mod tickets;

pub use gate::DeskAuth;
pub use issuer::{Issuer, IssuerConfig, IssuerError, KeySource};
pub use keys::KeySet;
pub use revoked::{Revocation, Revoked};
pub use tickets::TicketError;
