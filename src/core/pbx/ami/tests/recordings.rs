//! What real PBXs said.

use super::say::say;
use crate::model::{Mono, Now, Wall};
use crate::pbx::ami::{AmiSession, AmiSettings, replay};
use crate::pbx::*;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn settings() -> AmiSettings {
    AmiSettings {
        trunks: vec!["PJSIP/trunk-in".into(), "PJSIP/carrier*".into()],
        ..AmiSettings::new("cti", "secret")
    }
}

fn recordings() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stories/data");
    let folders = ["asterisk-22", "asterisk-16"].map(|folder| data.join(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let files = files.map(|file| file.unwrap().path());
    let mut paths: Vec<PathBuf> =
        files.filter(|path| path.to_str().unwrap().ends_with(".ami.txt")).collect();
    paths.sort();
    assert!(paths.len() >= 47, "{} recordings", paths.len());
    paths
}

fn lines(name: &str) -> Vec<String> {
    let all = recordings();
    let path = all.iter().find(|path| path.to_str().unwrap().contains(name)).unwrap();
    let told = replay(settings(), &std::fs::read_to_string(path).unwrap());
    told.iter().map(|(_, report)| say(report)).collect()
}

/// Lines of a recording that hold one of `words`, ids as the number behind the dot.
fn told(name: &str, words: &[&str]) -> Vec<String> {
    let lines = lines(name);
    let wanted = lines.into_iter().filter(|line| words.iter().any(|word| line.contains(word)));
    wanted.map(|line| line.split(' ').map(serial).collect::<Vec<_>>().join(" ")).collect()
}

/// `2130` of `1795295028.2130`; any other word as it is.
fn serial(word: &str) -> &str {
    match word.split_once('.') {
        Some((seconds, serial)) if seconds.len() == 10 => serial,
        _ => word,
    }
}

/// The stream of a recording, as Asterisk sends it.
fn stream(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("# rx="));
    lines.map(|line| format!("{line}\r\n")).chain(["\r\n".to_owned()]).collect::<String>().into()
}

fn read(stream: &[u8], cuts: &[usize]) -> Vec<LinkReport> {
    let now = Now { mono: Mono(1_000), wall: Wall(1_795_295_366_000_000) };
    let mut session = AmiSession::observing(settings());
    let (mut out, mut rest) = (LinkOutputs::default(), stream);
    for cut in cuts.iter().cycle() {
        let (piece, later) = rest.split_at((*cut).min(rest.len()));
        session.received(now, Lane::Events, piece, &mut out);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!((out.close, out.sends.len()), (None, 0));
    out.reports
}

#[test]
fn recordings_say_the_same_however_their_bytes_arrive() {
    for path in recordings() {
        let stream = stream(&path);
        let whole = read(&stream, &[stream.len()]);
        assert!(whole.len() >= 4, "{}: {}", path.display(), whole.len());
        for cuts in [&[1][..], &[7, 1, 300, 64], &[1460]] {
            assert_eq!(read(&stream, cuts), whole, "{}", path.display());
        }
    }
}

#[test]
fn every_channel_appears_once_ends_once_and_is_not_named_after() {
    for path in recordings() {
        let (mut live, mut gone) = (Vec::new(), Vec::new());
        for (_, report) in replay(settings(), &std::fs::read_to_string(&path).unwrap()) {
            let LinkReport::Fact(observed) = report else { panic!("{report:?}") };
            assert!(observed.pbx_time.is_some(), "{:?}", observed.fact);
            match observed.fact {
                Fact::Channel(id, info) if !live.contains(&id) => {
                    assert!(!info.name.is_empty() && info.name.starts_with(&info.endpoint));
                    assert!(!gone.contains(&id), "{}: {id:?}", path.display());
                    live.push(id);
                }
                Fact::Ended(id, _) => {
                    live.retain(|other| *other != id);
                    assert!(!gone.contains(&id));
                    gone.push(id);
                }
                Fact::Ringing(id) | Fact::Answered(id) | Fact::Bridged(id, _) => {
                    assert!(live.contains(&id), "{}: {id:?}", path.display());
                }
                _ => {}
            }
        }
        assert!(!gone.is_empty() && live.is_empty(), "{}: {live:?}", path.display());
    }
}

#[test]
fn an_answered_call() {
    let said = told("22/01-", &["is", "offered", "rings", "answered", "in ", "out", "ended"]);
    let want = [
        "2 is PJSIP/trunk-in calling number=+491701234567 name=Customer dialed=4930100",
        "3 is PJSIP/1001 called number=1001 name=Agent One",
        "3 is PJSIP/1001 called number=1001 name=Agent One dialed=1001",
        "3 offered by 2",
        "3 rings",
        "3 answered",
        "2 answered",
        "3 in d908b9b1",
        "2 in d908b9b1",
        "2 out of d908b9b1",
        "3 out of d908b9b1",
        "3 ended q850=16 sip=- by=Some(Pbx) 'Normal Clearing'",
        "2 ended q850=16 sip=- by=Some(Party) 'Normal Clearing'",
    ];
    let said: Vec<&str> = said.iter().map(|line| line.split(" group=").next().unwrap()).collect();
    assert_eq!(said, want);
}

#[test]
fn ends_tell_who_and_why() {
    for (name, want) in [
        // The caller's own CANCEL; the agent's leg was never answered with 500.
        (
            "22/03-",
            [
                "172 ended q850=- sip=487 by=Some(Party) 'Interworking, unspecified'",
                "173 ended q850=- sip=- by=Some(Pbx) 'Interworking, unspecified'",
            ],
        ),
        (
            "22/11-",
            [
                "108 ended q850=17 sip=486 by=Some(Party) 'User busy'",
                "107 ended q850=17 sip=486 by=Some(Pbx) 'User busy'",
            ],
        ),
        // What the carrier said, and what Asterisk made of it for the agent.
        (
            "22/12-",
            [
                "111 ended q850=21 sip=403 by=Some(Pbx) 'Call Rejected'",
                "112 ended q850=21 sip=603 by=Some(Party) 'Call Rejected'",
            ],
        ),
        // Nobody answered in the time to ring.
        (
            "22/19-",
            [
                "143 ended q850=19 sip=- by=Some(Pbx) 'Unknown'",
                "142 ended q850=16 sip=- by=Some(Pbx) 'Normal Clearing'",
            ],
        ),
        (
            "22/20-",
            [
                "186 ended q850=- sip=- by=Some(Pbx) 'Interworking, unspecified'",
                "185 ended q850=- sip=487 by=Some(Party) 'Interworking, unspecified'",
            ],
        ),
    ] {
        assert_eq!(told(name, &["ended"]), want, "{name}");
    }
    let rejections = [
        ("22/13-", "sip=403"),
        ("22/14-", "sip=404"),
        ("22/15-", "sip=503"),
        ("22/16-", "sip=480"),
        ("22/18-", "sip=607"),
        ("22/18b", "sip=608"),
        ("22/53-", "sip=486"),
        ("22/54-", "sip=403"),
    ];
    for (name, sip) in rejections {
        let by_party = told(name, &["by=Some(Party)"]);
        assert!(by_party.len() == 1 && by_party[0].contains(sip), "{name}: {by_party:?}");
    }
    // Asterisk 16 does not tell the SIP status.
    let old = told("16/13-", &["ended"]);
    assert!(old.iter().all(|line| line.contains("q850=21 sip=-")), "{old:?}");
}

#[test]
fn queues() {
    let said = told("22/06-", &["queue", "missed", "ended"]);
    let want = [
        "0 queued support 1",
        "missed support PJSIP/1001 0",
        "1 ended q850=19 sip=- by=Some(Pbx) 'Unknown'",
        "0 dequeued support Answered",
        "2 ended q850=16 sip=- by=Some(Party) 'Normal Clearing'",
        "0 ended q850=16 sip=- by=Some(Pbx) 'Normal Clearing'",
    ];
    assert_eq!(said, want);
    let said = told("22/07-", &["queue", "missed"]);
    let want =
        ["180 queued support 1", "missed support PJSIP/1001 180", "180 dequeued support Abandoned"];
    assert_eq!(said, want);
    assert_eq!(told("16/06-", &["dequeued"]).len(), 1);
}

#[test]
fn only_a_party_holds() {
    assert_eq!(told("22/30-", &["holds", "retrieves"]), ["22 holds", "22 retrieves"]);
    assert_eq!(told("22/31-", &["holds", "retrieves"]), ["24 holds", "24 retrieves"]);
    // Before a transfer Asterisk takes the party back; feature menus play music.
    assert_eq!(told("22/41-", &["holds", "retrieves"]), ["2130 holds"]);
    for name in ["22/40-", "22/42-", "22/43-", "22/44-", "22/45-", "22/61-"] {
        assert_eq!(told(name, &["holds", "retrieves"]), [""; 0], "{name}");
    }
}

#[test]
fn transfers() {
    for (name, want) in [
        ("22/40-", "28 transfers Blind 27 to - 1002"),
        ("22/41-", "2130 transfers Attended 2129 to 2132 -"),
        ("22/42-", "39 transfers Blind 38 to - 1002"),
        // The target is one half of a pipe.
        ("22/43-", "44 transfers Attended 43 to 45 -"),
        ("22/44-", "55 transfers Blind 54 to - 1002"),
        ("22/45-", "60 transfers Attended 59 to 61 -"),
        ("22/46-", "160 transfers Attended 159 to 162 -"),
        ("22/61-", "leg-61b transfers Blind 91 to - 1002"),
    ] {
        assert_eq!(told(name, &["transfers"]), [want], "{name}");
    }
    let pipes = told("22/43-", &["pipe="]);
    assert!(pipes[0].contains("pipe=Local/1002@from-agents-00000000;2"), "{pipes:?}");
}

#[test]
fn outside_lines_tell_what_was_dialled() {
    let said = told("22/10-", &["PJSIP/carrier"]);
    let last = said.last().unwrap();
    assert!(last.contains("called number=04915112345 dialed=4915112345"), "{last}");
    assert_eq!(told("22/17-", &["progress"]).len(), 1);
    // What an agent's phone is shown as its caller is not the agent's number.
    let said = told("22/50-", &["is PJSIP/1001"]);
    assert!(said.iter().all(|line| line.contains("number=1001")), "{said:?}");
    // The customer's leg is made for the agent's, which was made for nobody.
    let offers = ["cti-agentleg-1 offered by -", "74 offered by cti-agentleg-1"];
    assert_eq!(told("22/50-", &["offered"]), offers);
}

#[test]
fn keys_are_those_that_came_in() {
    assert_eq!(told("22/60-", &["key"]), ["leg-60b key 7"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Damaged recordings never panic, and a channel that has ended stays away.
    #[test]
    fn damage_does_no_harm(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cuts in prop::collection::vec(1usize..3000, 1..8),
    ) {
        let paths = recordings();
        let mut stream = stream(&paths[which.index(paths.len())]);
        for (at, byte) in damage {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        read(&stream, &cuts);
    }

    /// Garbage never panics, from the first byte on.
    #[test]
    fn garbage_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let now = Now { mono: Mono(1), wall: Wall(1) };
        let mut session = AmiSession::new(settings());
        let mut out = LinkOutputs::default();
        session.connected(now, Lane::Events, &mut out);
        session.received(now, Lane::Events, &bytes, &mut out);
        let mut observing = AmiSession::observing(settings());
        observing.received(now, Lane::Events, &bytes, &mut out);
    }
}
