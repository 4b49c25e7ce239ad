//! What a site sets about an ARI link, and the limits that are fixed.

use std::time::Duration;

/// Longest event, in bytes. The largest that was seen, an attended transfer with its six
/// channels, has 7 KiB. A longer one is lost and leads to a snapshot.
pub const EVENT_BYTES_MAX: usize = 256 << 10;
/// Longest answer to a request, in bytes: the list of some thousand channels.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Channels that are followed. Beyond: their facts come without what was known before.
pub const CHANNELS_MAX: usize = 20_000;
/// The channel variable that carries our private mark, and with it the header that the pre-dial
/// handler writes.
pub const MARK_VARIABLE: &str = "TRUNKLINE_MARK";
/// The channel variable that carries the purpose to the pre-dial handler.
pub const PURPOSE_VARIABLE: &str = "TRUNKLINE_PURPOSE";
/// Name of user events whose fields are data of the call.
pub const USER_EVENT: &str = "trunkline";

/// Asterisk is asked for a sign of life so often.
pub(super) const PING_EVERY: Duration = Duration::from_secs(15);
/// And must have answered after this.
pub(super) const PING_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the answer to an order.
pub(super) const ORDER_MAX: Duration = Duration::from_secs(10);
/// Longest wait for an answer while the link comes up or takes a snapshot: requests queue up.
pub(super) const START_MAX: Duration = Duration::from_secs(30);
/// The end of a hold is told so late: a transfer within this time was its reason.
pub(super) const HOLD_SETTLES: Duration = Duration::from_millis(100);
/// Requests about single channels in one snapshot. Beyond: hold and direction stay unknown.
pub(super) const DETAILS_MAX: usize = 2_000;

/// What a site sets about an ARI link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AriSettings {
    /// Name of our application at Asterisk: one connection holds it.
    pub app: String,
    /// Our user, for messages to the operator.
    pub user: String,
    /// Endpoints behind which the outside world is; `*` at the end stands for any rest. They are
    /// no devices: their state is not told.
    pub trunks: Vec<String>,
    /// Context of the dialplan in which orders dial: that of the agents. Empty: calls cannot be
    /// made or sent on by this link.
    pub context: String,
    /// Channel variables that are data of the call. While there are any, Asterisk must send every
    /// change of every variable, three quarters of all its events.
    pub variables: Vec<String>,
    /// Tell who waits in queues, as far as the dialplan shows it; an AMI link knows more. Default
    /// true.
    pub queues: bool,
    /// Requests go over the WebSocket (Asterisk 20.15, 21.10, 22.5 and later): needed where
    /// Asterisk connects to us.
    pub rest_over_websocket: bool,
}

impl Default for AriSettings {
    fn default() -> Self {
        Self {
            app: "trunkline".into(),
            user: "trunkline".into(),
            trunks: Vec::new(),
            context: String::new(),
            variables: Vec::new(),
            queues: true,
            rest_over_websocket: false,
        }
    }
}

impl AriSettings {
    /// Body of the event filter: what is of no use here does not come. `ChannelDialplan` stays,
    /// because it is the first event of a call that names its SIP Call-ID, and the only one that
    /// shows a caller in a queue.
    pub(super) fn filter(&self) -> String {
        const UNUSED: [&str; 17] = [
            "BridgeCreated",
            "BridgeDestroyed",
            "BridgeMerged",
            "BridgeVideoSourceChanged",
            "ChannelCallerId",
            "ChannelConnectedLine",
            "ChannelTalkingFinished",
            "ChannelTalkingStarted",
            "ChannelToneDetected",
            "PlaybackContinuing",
            "PlaybackFinished",
            "PlaybackStarted",
            "RecordingFailed",
            "RecordingFinished",
            "RecordingStarted",
            "StasisEnd",
            "TextMessageReceived",
        ];
        let varset = self.variables.is_empty().then_some("ChannelVarset");
        let types: Vec<_> = UNUSED
            .into_iter()
            .chain(varset)
            .map(|name| serde_json::json!({ "type": name }))
            .collect();
        serde_json::json!({ "disallowed": types }).to_string()
    }

    /// This endpoint leads outside.
    pub(super) fn is_trunk(&self, endpoint: &str) -> bool {
        self.trunks.iter().any(|pattern| crate::pbx::asterisk::is_named(pattern, endpoint))
    }
}
