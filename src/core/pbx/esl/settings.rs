//! What the site sets about one FreeSWITCH.

use std::fmt;
use zeroize::Zeroizing;

/// Settings of one Event Socket link.
#[derive(Clone)]
pub struct EslSettings {
    /// Password of the event socket, or of `user`.
    pub password: Zeroizing<String>,
    /// `user@domain` of the directory for `userauth`; `None`: the socket's own password (`auth`).
    pub user: Option<String>,
    /// Endpoints behind which the outside world is, as in `SwitchConfig::trunks`:
    /// `sofia/trunk/*` for a whole SIP profile, `sofia/gateway/carrier` for one gateway.
    pub trunks: Vec<String>,
    /// SIP header that carries our mark. Default `X-Trunkline-Mark`.
    pub mark_header: String,
    /// SIP header that carries the purpose of a call. Default `X-Trunkline-Purpose`.
    pub purpose_header: String,
    /// Domain of the agents in the directory, e.g. `pbx.example`; empty: FreeSWITCH's default.
    pub domain: String,
    /// Dialplan context of the agents: orders dial there. Default `default`.
    pub context: String,
}

impl Default for EslSettings {
    fn default() -> Self {
        Self {
            password: Zeroizing::new(String::new()),
            user: None,
            trunks: Vec::new(),
            mark_header: "X-Trunkline-Mark".into(),
            purpose_header: "X-Trunkline-Purpose".into(),
            domain: String::new(),
            context: "default".into(),
        }
    }
}

impl fmt::Debug for EslSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EslSettings")
            .field("user", &self.user)
            .field("trunks", &self.trunks)
            .field("mark_header", &self.mark_header)
            .field("purpose_header", &self.purpose_header)
            .field("domain", &self.domain)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
