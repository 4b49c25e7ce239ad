//! Every recorded story, as facts. A channel is told several times, as more is known of it: here
//! only the first time counts.

use super::peer::*;
use crate::pbx::{ChannelId, Fact, Lane, Session};
use std::collections::BTreeMap;
use std::time::Duration;

fn play(story: &str, mut cut: impl FnMut() -> usize) -> Vec<Fact> {
    let mut desk = Desk::observing();
    for (at, json) in recorded(story) {
        desk.now.mono = at;
        let bytes = framed(&json);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(cut().clamp(1, rest.len()));
            desk.session.received(desk.now, Lane::Events, part, &mut desk.out);
            rest = behind;
        }
    }
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.out.close, None, "{story}");
    desk.facts().into_iter().map(|said| said.fact).collect()
}

fn lines(story: &str) -> Vec<String> {
    let mut letters = Letters::default();
    let mut told: Vec<ChannelId> = Vec::new();
    let mut lines = Vec::new();
    for fact in play(story, || 1000) {
        if let Fact::Channel(id, _) = &fact {
            if told.contains(id) {
                continue;
            }
            told.push(id.clone());
        }
        lines.push(letters.line(&fact));
    }
    lines
}

/// Lines of the story are exactly these; `;` stands for an end of line.
fn story(name: &str, expected: &str) {
    let expected: Vec<&str> =
        expected.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines(name), expected, "{name}");
}

fn all() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/stories/data/freeswitch-1.11");
    let name = |entry: std::fs::DirEntry| {
        entry.file_name().into_string().unwrap().strip_suffix(".esl.jsonl").map(str::to_owned)
    };
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().filter_map(|entry| name(entry.unwrap())).collect();
    names.sort();
    assert_eq!(names.len(), 38);
    names
}

const CUSTOMER: &str = "A in sofia/trunk/ +491701234567 to 4930100 call-id";
const TALK: &str = "B out sofia/internal/1001 1001 to 1001; B offered by A; B rings; B answers
    A answers; A in A; B in A";

#[test]
fn the_caller_or_the_agent_hangs_up() {
    let mark = " mark=cti-1-21456";
    let end = "A out of A; B out of A; A ends Party 16 - NORMAL_CLEARING
        B ends Pbx 16 - NORMAL_CLEARING";
    story("01-inbound-answered", &format!("{CUSTOMER}{mark}; {TALK}; {end}"));
    let mark = " mark=cti-1-21590";
    let end = "A out of A; B ends Party 16 - NORMAL_CLEARING; A ends Pbx 16 - NORMAL_CLEARING";
    story("02-inbound-answered-agent-hangs-up", &format!("{CUSTOMER}{mark}; {TALK}; {end}"));
}

#[test]
fn the_caller_gives_up_while_it_rings() {
    story(
        "03-inbound-abandoned",
        "A in sofia/trunk/ +491701234567 to 4930100 call-id mark=cti-1-4613
        B out sofia/internal/1001 1001 to 1001; B offered by A; B rings
        A ends Party - 487 ORIGINATOR_CANCEL; B ends Pbx - - ORIGINATOR_CANCEL",
    );
}

#[test]
fn a_queue_offers_again_after_no_answer() {
    story(
        "06-queue-noanswer-then-answer",
        "A in sofia/trunk/ +491701234567 to 4930200 call-id; A answers
        A waits support@pbx.test; support@pbx.test 1001@pbx.test Ringing
        B out sofia/internal/1001 1001 to 1001; B offered by A; B rings
        1001@pbx.test missed A; support@pbx.test 1001@pbx.test Idle; B ends Pbx 19 - NO_ANSWER
        support@pbx.test 1001@pbx.test Ringing
        C out sofia/internal/1001 1001 to 1001; C offered by A; C rings; C answers
        A dequeued Answered; A in A; C in A; support@pbx.test 1001@pbx.test InUse
        A out of A; C ends Party 16 - NORMAL_CLEARING; A ends Pbx 16 - NORMAL_CLEARING
        support@pbx.test 1001@pbx.test Idle",
    );
}

#[test]
fn a_queue_is_left_by_the_caller() {
    story(
        "07-queue-abandoned",
        "A in sofia/trunk/ +491701234567 to 4930200 call-id; A answers
        A waits support@pbx.test; support@pbx.test 1001@pbx.test Ringing
        B out sofia/internal/1001 1001 to 1001; B offered by A; B rings
        B ends Pbx 19 - NO_ANSWER; 1001@pbx.test missed A; support@pbx.test 1001@pbx.test Idle
        support@pbx.test 1001@pbx.test Ringing
        C out sofia/internal/1001 1001 to 1001; C offered by A; C rings
        C ends Pbx - - ORIGINATOR_CANCEL; A dequeued Abandoned
        A ends Party 16 - NORMAL_CLEARING; support@pbx.test 1001@pbx.test Idle",
    );
}

/// Which leg is refused, how and by whom, and with what the other then ends.
#[test]
fn refusals() {
    let rows = "
    04-inbound-agent-busy-486 | rings | B Party 17 486 USER_BUSY | A Pbx 17 - USER_BUSY
    05-inbound-agent-decline-603 | rings | B Party 21 603 CALL_REJECTED | A Pbx 21 - CALL_REJECTED
    11-outbound-busy-486 | rings | B Party 17 486 USER_BUSY | A Pbx 17 - USER_BUSY
    12-outbound-decline-603 | rings | B Party 21 603 CALL_REJECTED | A Pbx 21 - CALL_REJECTED
    13-outbound-forbidden-403 | | B Party 21 403 CALL_REJECTED | A Pbx 21 - CALL_REJECTED
    14-outbound-notfound-404 | | B Party 1 404 UNALLOCATED_NUMBER | A Pbx 1 - UNALLOCATED_NUMBER
    15-outbound-503 | | B Party 34 503 NORMAL_CIRCUIT_CONGESTION | A Pbx 34 - NORMAL_CIRCUIT_CONGESTION
    16-outbound-480 | rings | B Party 18 480 NO_USER_RESPONSE | A Pbx 16 - NORMAL_CLEARING
    18-outbound-607 | | B Party 21 607 CALL_REJECTED | A Pbx 21 - CALL_REJECTED
    18b-outbound-608 | | B Party 21 608 CALL_REJECTED | A Pbx 21 - CALL_REJECTED
    19-outbound-noanswer | rings | B Pbx 19 - NO_ANSWER | A Pbx 16 - NORMAL_CLEARING
    20-outbound-agent-cancels | rings | A Party - 487 ORIGINATOR_CANCEL | B Pbx - - ORIGINATOR_CANCEL
    53-originate-busy | rings | A Party 17 486 USER_BUSY |
    54-originate-403 | | A Party 21 403 CALL_REJECTED |
    51-originate-agent-noanswer | rings | A Pbx 19 - NO_ANSWER |
    55-originate-noanswer | rings | A Pbx 19 - NO_ANSWER |";
    for row in rows.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let told = lines(cells[0]);
        assert_eq!(told.iter().any(|line| line.ends_with(" rings")), !cells[1].is_empty(), "{row}");
        assert!(!told.iter().any(|line| line.ends_with(" answers")), "{row}");
        let ends: Vec<&String> = told.iter().filter(|line| line.contains(" ends ")).collect();
        let expected: Vec<String> = cells[2..]
            .iter()
            .filter(|cell| !cell.is_empty())
            .map(|cell| format!("{} ends{}", &cell[..1], &cell[1..]))
            .collect();
        assert_eq!(ends, expected.iter().collect::<Vec<_>>(), "{row}");
    }
}

#[test]
fn a_bridge_may_come_before_the_answer() {
    let lines = lines("17-outbound-early-media-183").join("; ");
    let expected = "B offered by A; B progress; A in A; B in A; B answers; A answers; A out of A";
    assert!(lines.contains(expected), "{lines}");
}

#[test]
fn whoever_sends_the_hold_holds() {
    for (name, who) in [
        ("30-hold-unhold-by-agent", "B"),
        ("31-hold-by-far-end", "A"),
        ("32-hold-by-uuid_hold", "B"),
    ] {
        let end = "A out of A; B out of A; A ends Party 16 - NORMAL_CLEARING
            B ends Pbx 16 - NORMAL_CLEARING";
        let hold = format!("{who} holds; {who} retrieves");
        story(name, &format!("{CUSTOMER}; {TALK}; {hold}; {end}"));
    }
}

#[test]
fn a_blind_transfer_comes_before_the_end_of_who_sent() {
    let second = "B transfers A to - 1002 Blind; B ends Pbx 16 - NORMAL_CLEARING; A out of A
        C out sofia/internal/1002 1002 to 1002; C offered by A; C rings; C answers
        A in A; C in A; A out of A; C out of A
        A ends Party 16 - NORMAL_CLEARING; C ends Pbx 16 - NORMAL_CLEARING";
    for name in
        ["40-blind-transfer-refer", "44-uuid_transfer-by-cti", "45-uuid_transfer-bleg-by-cti"]
    {
        story(name, &format!("{CUSTOMER}; {TALK}; {second}"));
    }
}

#[test]
fn an_attended_transfer_is_told_once_and_no_retrieve() {
    let asked = "B holds; C in sofia/internal/1001 1001 to 1002 call-id
        D out sofia/internal/1002 1002 to 1002; D offered by C; D rings; D answers; C answers
        C in C; D in C; C out of C; D out of C; B transfers A to D - Attended";
    let end = "A in A; D in A; A out of A; D out of A; A ends Party 16 - NORMAL_CLEARING
        D ends Pbx 16 - NORMAL_CLEARING";
    let by_phone = "C ends Pbx 16 - NORMAL_CLEARING; A out of A; B out of A
        B ends Pbx 16 - NORMAL_CLEARING";
    story(
        "41-attended-transfer-refer-replaces",
        &format!("{CUSTOMER}; {TALK}; {asked}; {by_phone}; {end}"),
    );
    let by_order = "B ends Pbx 16 - NORMAL_CLEARING; C ends Pbx 16 - NORMAL_CLEARING; A out of A";
    story(
        "47-uuid_bridge-attended-by-cti",
        &format!("{CUSTOMER}; {TALK}; {asked}; {by_order}; {end}"),
    );
    let outside = lines("46-attended-transfer-to-external").join("; ");
    assert!(outside.contains("D in C; C out of C; D out of C; B transfers A to D - Attended"));
    assert!(!outside.contains("retrieves"), "{outside}");
}

#[test]
fn a_deflected_caller_was_sent_by_the_agent() {
    let end = "A out of A; B out of A; B transfers A to - - Blind; A ends Pbx - - BLIND_TRANSFER
        B ends Pbx 16 - NORMAL_CLEARING";
    story("48-deflect-refer-on-trunk", &format!("{CUSTOMER}; {TALK}; {end}"));
}

/// `originate` puts a leg into the dialplan as a transfer does, and `uuid_bridge` joins two.
#[test]
fn a_call_by_order_is_no_transfer() {
    story(
        "50-originate-click-to-dial-bgapi",
        "A out sofia/internal/1001 1001 to 1001; A offered by -; A rings; A answers
        B out sofia/trunk/ 4915112345 to 4915112345; B offered by A; B rings; B answers
        A in A; B in A; A out of A; B out of A
        A ends Party 16 - NORMAL_CLEARING; B ends Pbx 16 - NORMAL_CLEARING",
    );
    story(
        "52-originate-park-then-bridge",
        "A out sofia/internal/1001 1001 to 1001; A offered by -; A rings; A answers
        B out sofia/trunk/ 4915112345 to 4915112345; B offered by -; B rings; B answers
        A in A; B in A; A out of A; A ends Party 16 - NORMAL_CLEARING
        B ends Pbx 16 - NORMAL_CLEARING",
    );
}

#[test]
fn keys_are_of_who_presses_them() {
    let lines = lines("60-park-controlled-dtmf").join("; ");
    assert!(lines.contains("A in A; B in A; A key 5; B key 9; A out of A"), "{lines}");
}

#[test]
fn every_channel_ends_once_and_last_and_stamps_are_the_switchs() {
    for name in all() {
        let mut ends: BTreeMap<ChannelId, usize> = BTreeMap::new();
        let mut desk = Desk::observing();
        for (at, json) in recorded(&name) {
            desk.now.mono = at;
            desk.event(&json);
        }
        desk.wait(Duration::from_secs(1));
        for said in desk.facts() {
            let stamp = said.pbx_time.expect("an event has a stamp").0;
            assert!((1_795_000_000_000_000..1_796_000_000_000_000).contains(&stamp), "{name}");
            match said.fact {
                Fact::Channel(id, info) => {
                    assert_eq!(ends.entry(id).or_default(), &0, "{name}");
                    let shown = format!("{info:?}");
                    let number = ["+4917", "49151"].iter().any(|number| shown.contains(number));
                    assert!(!number, "{name}: {shown}");
                }
                Fact::Ended(id, _) => *ends.entry(id).or_default() += 1,
                _ => {}
            }
        }
        assert!(ends.values().all(|ends| *ends == 1), "{name}: {ends:?}");
    }
}

/// Facts do not depend on how the stream is cut.
#[test]
fn any_cut_tells_the_same() {
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % 4000
    };
    for name in all() {
        let whole = play(&name, || usize::MAX);
        assert!(!whole.is_empty());
        assert_eq!(play(&name, &mut random), whole, "{name}");
    }
    let bytewise = play("47-uuid_bridge-attended-by-cti", || 1);
    assert_eq!(bytewise, play("47-uuid_bridge-attended-by-cti", || usize::MAX));
}
