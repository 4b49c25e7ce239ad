//! Asterisk's names and numbers, the same in all its interfaces.

use super::fact::DeviceState;
use crate::model::Wall;

/// A global variable that an Asterisk which was restarted has lost: with its start time, which is
/// told in whole seconds, it names one run. Whoever logs in first sets it.
pub(super) const RUN_VARIABLE: &str = "TRUNKLINE_RUN";

/// A value for [`RUN_VARIABLE`]: when it was found unset, in microseconds.
pub(super) fn new_run(now: Wall) -> String {
    format!("{:x}", now.0)
}

/// Names a run of Asterisk.
pub(super) fn instance(started: &str, run: Option<&str>) -> String {
    let parts = [Some(started).filter(|s| !s.is_empty()), run];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Channels that Asterisk makes for itself: media of applications, recorders, announcers, the
/// stand-ins of a masquerade. Nobody is at their other end.
const HELPERS: [&str; 12] = [
    "UnicastRTP",
    "MulticastRTP",
    "AudioSocket",
    "WebSocket",
    "Snoop",
    "Announcer",
    "Recorder",
    "CBAnn",
    "CBRec",
    "Surrogate",
    "AsyncGoto",
    "Message",
];

/// The endpoint in a channel's name: `PJSIP/1001` of `PJSIP/1001-00000001`.
pub(super) fn endpoint(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(endpoint, _)| endpoint)
}

/// Somebody is at this channel, or it is a pipe to where somebody is.
pub(super) fn matters(name: &str) -> bool {
    let technology = name.split('/').next().unwrap_or(name);
    !HELPERS.contains(&technology)
}

/// The name of the other half of a Local channel: `...;1` and `...;2` belong together.
pub(super) fn other_half(name: &str) -> Option<String> {
    let (common, half) = name.strip_prefix("Local/").and_then(|_| name.rsplit_once(';'))?;
    match half {
        "1" => Some(format!("{common};2")),
        "2" => Some(format!("{common};1")),
        _ => None,
    }
}

/// The channel speaks SIP: what its driver calls the protocol's id is a Call-ID.
pub(super) fn is_sip(name: &str) -> bool {
    name.starts_with("PJSIP/") || name.starts_with("SIP/")
}

/// The pattern of a trunk names this endpoint; `*` at its end stands for any rest.
pub(super) fn is_named(pattern: &str, endpoint: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => endpoint.starts_with(start),
        None => endpoint == pattern,
    }
}

/// A device's state in Asterisk's words (`ast_devstate_str` in its `main/devicestate.c`).
pub(super) fn device_state(word: &str) -> DeviceState {
    match word {
        "NOT_INUSE" => DeviceState::Idle,
        "INUSE" | "BUSY" | "ONHOLD" | "RINGINUSE" => DeviceState::InUse,
        "RINGING" => DeviceState::Ringing,
        "UNAVAILABLE" | "INVALID" => DeviceState::Unavailable,
        _ => DeviceState::Unknown,
    }
}

/// A Q.850 cause that says something: 0 is none, 127 only that it was translated.
pub(super) fn q850(cause: i64) -> Option<u8> {
    u8::try_from(cause).ok().filter(|cause| (1..127).contains(cause))
}

/// What was dialled at a trunk or device, from a dial string: `4915112345` of
/// `4915112345@carrier`, `1001` of `PJSIP/1001`.
pub(super) fn dialed(dial_string: &str) -> Option<&str> {
    let rest = dial_string.split_once('/').map_or(dial_string, |(_, rest)| rest);
    let number = rest.split(['@', '/', ',']).next().unwrap_or(rest);
    is_number(number).then_some(number)
}

/// An extension that is a number, and none of the dialplan's own (`s`, `h`, `menu`).
pub(super) fn is_number(exten: &str) -> bool {
    let dialable = |c: char| c.is_ascii_digit() || matches!(c, '+' | '*' | '#');
    !exten.is_empty() && exten.chars().all(dialable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(endpoint("PJSIP/trunk-in-00000001"), "PJSIP/trunk-in");
        assert_eq!(endpoint("Local/1002@from-agents-00000000;1"), "Local/1002@from-agents");
        assert_eq!(endpoint("odd"), "odd");
        let half = other_half("Local/1002@from-agents-00000000;1");
        assert_eq!(half.as_deref(), Some("Local/1002@from-agents-00000000;2"));
        assert_eq!(other_half("PJSIP/a;1-00000001"), None);
        assert!(matters("PJSIP/1001-00000001") && matters("Local/x@y-1;1"));
        assert!(!matters("UnicastRTP/127.0.0.9:48388-0x7f55") && !matters("Snoop/1-2"));
    }

    #[test]
    fn numbers_are_told_from_names() {
        assert_eq!(dialed("4915112345@carrier"), Some("4915112345"));
        assert_eq!(dialed("PJSIP/1001"), Some("1001"));
        assert_eq!(dialed("carrier"), None);
        assert_eq!(dialed(""), None);
        assert!(is_number("+491701234567") && !is_number("s") && !is_number(""));
    }

    #[test]
    fn causes_that_say_nothing_are_none() {
        let said = [0, 16, 126, 127, 128, 300, -1].map(q850);
        assert_eq!(said, [None, Some(16), Some(126), None, None, None, None]);
    }

    #[test]
    fn a_trunk_is_named_whole_or_by_its_start() {
        assert!(is_named("PJSIP/carrier", "PJSIP/carrier"));
        assert!(!is_named("PJSIP/carrier", "PJSIP/carrier2"));
        assert!(is_named("PJSIP/car*", "PJSIP/carrier2"));
    }
}
