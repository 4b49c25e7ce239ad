//! FreeSWITCH's Event Socket: one connection for events and one for commands, or one connection
//! that FreeSWITCH opens for a call.

mod session;
mod settings;

pub use session::EslSession;
pub use settings::EslSettings;
