//! What a virtual PBX is made of.

use std::time::Duration;

/// A virtual PBX.
#[derive(Clone, Debug)]
pub struct SwitchSettings {
    /// Endpoint of its trunk, without technology: `carrier` of `PJSIP/carrier`.
    pub trunk: String,
    /// Manager user.
    pub user: String,
    /// And its secret.
    pub secret: String,
    /// Its queues.
    pub queues: Vec<QueueSettings>,
    /// Its telephones.
    pub phones: Vec<PhoneSettings>,
    /// A telephone that answers by itself does so after 50 to 150 % of this.
    pub answer: Duration,
    /// A telephone rings so long at most.
    pub ring: Duration,
    /// What differs between two runs.
    pub seed: u64,
    /// When it was started, in seconds since 1970: part of its channels' names.
    pub started_s: u64,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// Name.
    pub name: String,
    /// Number that leads into it.
    pub number: String,
    /// Each caller waits at least so long.
    pub slow: Duration,
}

/// A telephone.
#[derive(Clone, Debug)]
pub struct PhoneSettings {
    /// Its extension: `1001` of `PJSIP/1001`.
    pub extension: String,
    /// It answers by itself; otherwise only when it is told to.
    pub answers: bool,
}
