//! The cases, and why one ends early.

/// A page of the protocol's contract.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub name: &'static str,
    pub group: &'static str,
    /// Heading in docs/desk-protocol.md.
    pub section: &'static str,
    /// What the client must do.
    pub rule: &'static str,
    /// The client stops after it and has to be started again.
    pub stops: bool,
}

const fn case(
    name: &'static str,
    group: &'static str,
    section: &'static str,
    rule: &'static str,
) -> Case {
    Case { name, group, section, rule, stops: false }
}

const fn stop(name: &'static str, rule: &'static str) -> Case {
    Case { name, group: "stop", section: "close-codes", rule, stops: true }
}

/// All of them, in the order in which they are played. Those that stop a client are last.
pub(super) const CASES: &[Case] = &[
    case(
        "hello",
        "connect",
        "connect",
        "offers trunkline.v1.json and says hello at once, with its token and without a position",
    ),
    case(
        "heartbeat",
        "connect",
        "heartbeats",
        "answers hb within 5 s with its position and its count of events",
    ),
    case(
        "unknown",
        "connect",
        "frames",
        "passes over frames, members, kinds of event and states that it does not know",
    ),
    case(
        "silence",
        "connect",
        "heartbeats",
        "takes a server that is silent for lost, and comes back with its position",
    ),
    case(
        "cut",
        "resume",
        "resume",
        "after a cut comes back with epoch, scope and position, and the same subscriptions",
    ),
    case(
        "resume-empty",
        "resume",
        "resume",
        "cut before its first snapshot is complete, it has no position",
    ),
    case(
        "resume-heartbeat",
        "resume",
        "from-hello-to-live",
        "a heartbeat's position is its own too",
    ),
    case(
        "gap",
        "resume",
        "from-hello-to-live",
        "when hb.n is not its own count it connects again from before the heartbeat",
    ),
    case(
        "replay-cut",
        "resume",
        "resume",
        "cut in the middle of a replay, it goes on from the last event it has",
    ),
    case("too-old", "resume", "resume", "takes the snapshot when its position is held no more"),
    case("epoch", "resume", "resume", "takes the smaller positions of a new epoch"),
    case(
        "scope",
        "resume",
        "changes-on-the-open-socket",
        "keeps the scope that a change on the open socket brought",
    ),
    case("4008", "close", "close-codes", "comes back with its position after 4008"),
    case("4009", "close", "close-codes", "comes back without a position after 4009"),
    case("1011", "close", "close-codes", "comes back with its position after 1011"),
    case(
        "goaway",
        "close",
        "close-codes",
        "comes back between after_ms and after_ms + spread_ms of goaway",
    ),
    case(
        "backoff",
        "close",
        "close-codes",
        "waits a random time that doubles, from 0.5 s on, while nobody answers",
    ),
    case("token", "auth", "who-you-are", "refreshes a token that ends, or comes back after 4100"),
    case(
        "unseen",
        "dedupe",
        "commands",
        "restates a command without an answer, and sends it again once, when it was not seen",
    ),
    case("accepted", "dedupe", "commands", "does not send again what was accepted"),
    case(
        "answered",
        "dedupe",
        "commands",
        "takes a result from welcome, and restates that command no more",
    ),
    case(
        "wrap-up",
        "wrapup",
        "commands",
        "ends or labels the work after a call before its deadline",
    ),
    stop("1002", "does not come back after 1002"),
    stop("4500", "does not come back after 4500"),
    stop("4503", "does not come back after 4503"),
    stop("4509", "does not come back after 4509"),
    stop("4529", "does not come back after 4529"),
];

const fn server(name: &'static str, section: &'static str, rule: &'static str) -> Case {
    case(name, "server", section, rule)
}

/// What a server must do. None changes anything at the site.
pub(super) const SERVER_CASES: &[Case] = &[
    server("subprotocol", "connect", "refuses a client that does not offer trunkline.v1.json"),
    server("first", "close-codes", "closes with 1002 what begins with another frame than hello"),
    server("long-hello", "limits", "closes a first message of more than 4 KiB with 1009"),
    server("bad-token", "close-codes", "closes with 4500 whose token is none"),
    server(
        "order",
        "from-hello-to-live",
        "welcome, then sub.ok or err for each subscription, then the state",
    ),
    server("beat", "heartbeats", "sends hb every hb_ms, with the count of its events"),
    server("tolerance", "frames", "passes over frames and members that it does not know"),
    server("resumed", "resume", "goes on after the position, and says how many events it replayed"),
    server("other-epoch", "resume", "does not resume a position of another epoch"),
    server("ahead", "resume", "does not resume a position beyond its log"),
    server(
        "other-scope",
        "resume",
        "does not resume where the client may see other things than before",
    ),
    server("subscribe", "changes-on-the-open-socket", "answers sub by sub.ok, its snap and scope"),
    server("second-hello", "close-codes", "closes with 1002 after a second hello"),
    server("replaced", "close-codes", "closes the first of two sockets of one desktop with 4509"),
    server(
        "bad-command",
        "commands",
        "answers a command that cannot be accepted by err, and keeps the socket",
    ),
    server("no-answer", "close-codes", "closes with 4001 who does not answer hb"),
];

/// Why a case ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client broke the rule.
    Failed(String),
    /// It could not be judged.
    Skipped(String),
}

/// What a case comes to.
pub(super) type Judged<T = ()> = Result<T, Ended>;

/// The client broke the rule.
pub(super) fn failed<T>(why: impl Into<String>) -> Judged<T> {
    Err(Ended::Failed(why.into()))
}

/// The rule holds, or the client broke it.
pub(super) fn must(holds: bool, why: impl FnOnce() -> String) -> Judged {
    if holds { Ok(()) } else { failed(why()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_each_and_sections_are_headings() {
        let page = include_str!("../../../docs/desk-protocol.md");
        let headings: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|heading| heading.to_lowercase().replace(' ', "-"))
            .collect();
        for (index, case) in CASES.iter().chain(SERVER_CASES).enumerate() {
            assert!(headings.iter().any(|h| h == case.section), "{}", case.section);
            let mut later = CASES.iter().chain(SERVER_CASES).skip(index + 1);
            assert!(!later.any(|other| other.name == case.name), "{} twice", case.name);
            let mut all = CASES.iter().chain(SERVER_CASES);
            let group = all.find(|other| other.group == case.name);
            assert!(group.is_none(), "{} is a group too", case.name);
        }
    }
}
