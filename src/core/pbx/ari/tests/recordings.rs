//! Recordings of Asterisk 22.10 and 16.28: one event a line, and when it was received.

macro_rules! recordings {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each.
        pub(super) const ALL: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!(
                "../../../../../tests/stories/data/",
                $name,
                ".ari.jsonl"
            )),
        )),*];
    };
}

recordings![
    "asterisk-22/01-inbound-answered",
    "asterisk-22/02-inbound-answered-agent-hangs-up",
    "asterisk-22/03-inbound-abandoned",
    "asterisk-22/04-inbound-agent-busy-486",
    "asterisk-22/05-inbound-agent-decline-603",
    "asterisk-22/06-queue-noanswer-then-answer",
    "asterisk-22/07-queue-abandoned",
    "asterisk-22/10-outbound-answered",
    "asterisk-22/11-outbound-busy-486",
    "asterisk-22/12-outbound-decline-603",
    "asterisk-22/13-outbound-forbidden-403",
    "asterisk-22/14-outbound-notfound-404",
    "asterisk-22/15-outbound-503",
    "asterisk-22/16-outbound-480",
    "asterisk-22/17-outbound-early-media-183",
    "asterisk-22/18-outbound-607",
    "asterisk-22/18b-outbound-608",
    "asterisk-22/19-outbound-noanswer",
    "asterisk-22/20-outbound-agent-cancels",
    "asterisk-22/21-outbound-carrier-hangs-up",
    "asterisk-22/30-hold-unhold-by-agent",
    "asterisk-22/31-hold-by-far-end",
    "asterisk-22/40-blind-transfer-refer",
    "asterisk-22/41-attended-transfer-refer-replaces",
    "asterisk-22/42-blind-transfer-dtmf-feature",
    "asterisk-22/43-attended-transfer-dtmf-feature",
    "asterisk-22/44-ami-blindtransfer-action",
    "asterisk-22/45-ami-atxfer-action",
    "asterisk-22/46-attended-transfer-to-external",
    "asterisk-22/50-ami-originate-click-to-dial",
    "asterisk-22/51-ami-originate-agent-noanswer",
    "asterisk-22/52-ari-originate-stasis-bridge",
    "asterisk-22/53-ari-originate-busy",
    "asterisk-22/54-ari-originate-403",
    "asterisk-22/55-ari-originate-noanswer",
    "asterisk-22/60-stasis-inbound-hold-dtmf",
    "asterisk-22/61-stasis-blind-transfer-by-agent",
    "asterisk-22/62-external-media",
    "asterisk-16/01-inbound-answered",
    "asterisk-16/03-inbound-abandoned",
    "asterisk-16/06-queue-noanswer-then-answer",
    "asterisk-16/10-outbound-answered",
    "asterisk-16/13-outbound-forbidden-403",
    "asterisk-16/41-attended-transfer-refer-replaces",
    "asterisk-16/50-ami-originate-click-to-dial",
    "asterisk-16/52-ari-originate-stasis-bridge",
    "asterisk-16/60-stasis-inbound-hold-dtmf",
];

/// The recording of this name.
pub(super) fn of(name: &str) -> &'static str {
    ALL.iter().find(|(n, _)| *n == name).unwrap().1
}
