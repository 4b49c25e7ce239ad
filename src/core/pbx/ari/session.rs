//! The session: login, snapshot, signs of life; what comes goes to [`Facts`].

use super::facts::Facts;
use super::settings::AriSettings;

/// One connection to an Asterisk by ARI. See the module's docs for what it does.
#[derive(Debug)]
pub struct AriSession {
    pub(super) facts: Facts,
}

impl AriSession {
    /// A session that logs in, filters and takes a snapshot when it is connected.
    pub fn new(settings: AriSettings) -> Self {
        Self { facts: Facts::new(settings) }
    }
}
