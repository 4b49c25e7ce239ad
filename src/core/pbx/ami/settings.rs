//! What a site sets about an AMI link.

use crate::model::Pii;
use crate::pbx::asterisk::is_named;

/// One AMI link.
#[derive(Clone, Debug)]
pub struct AmiSettings {
    /// User in `manager.conf`. It needs `read = call,agent,user,dtmf,dialplan` and
    /// `write = system,call,agent,originate,reporting`.
    pub user: String,
    /// Its secret. It answers a challenge (MD5) and is not sent itself.
    pub secret: Pii<String>,
    /// Send the secret as it is when the PBX offers no challenge: only where the connection is
    /// encrypted.
    pub plain_login: bool,
    /// Endpoints behind which the outside world is; `*` at the end stands for any rest.
    pub trunks: Vec<String>,
    /// Dialplan context in which orders dial: that of the agents' phones.
    pub context: String,
    /// Channel variable that holds our private header on a leg.
    pub mark_variable: String,
    /// Channel variable that hands the purpose to the dialplan.
    pub purpose_variable: String,
    /// Channel variable in which the dialplan keeps a leg's own SIP Call-ID, if it does. Without
    /// it the PBX is asked for the Call-ID of each trunk channel.
    pub call_id_variable: Option<String>,
    /// Keys that turn a consultation into a conference (`atxferthreeway` in `features.conf`).
    pub threeway_keys: String,
}

impl AmiSettings {
    /// A user and its secret; all else as our example dialplan has it.
    pub fn new(user: &str, secret: &str) -> Self {
        Self {
            user: user.to_owned(),
            secret: Pii::new(secret.to_owned()),
            plain_login: false,
            trunks: Vec::new(),
            context: "from-agents".to_owned(),
            mark_variable: "TRUNKLINE_MARK".to_owned(),
            purpose_variable: "TRUNKLINE_PURPOSE".to_owned(),
            call_id_variable: None,
            threeway_keys: "*3".to_owned(),
        }
    }

    /// Is the outside world behind this endpoint?
    pub(super) fn is_trunk(&self, endpoint: &str) -> bool {
        self.trunks.iter().any(|pattern| is_named(pattern, endpoint))
    }
}
