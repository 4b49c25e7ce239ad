//! From the connection to the first event, and how a connection is given up.

use super::peer::Peer;
use crate::pbx::Close;
use crate::pbx::ami::AmiSettings;
use std::time::Duration;

fn settings() -> AmiSettings {
    AmiSettings::new("cti", "secret")
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_login_answers_the_challenge_then_filters_identifies_and_subscribes() {
    let mut peer = Peer::new(settings());
    assert!(peer.asked().is_empty(), "nothing before the banner");
    peer.says("Asterisk Call Manager/11.0.0");
    assert_eq!(peer.asked(), ["Action: Challenge|AuthType: MD5"]);
    peer.answers("Challenge", "Success", "Challenge: 842911");
    // printf 842911secret | md5sum
    let login = "Action: Login|Username: cti|AuthType: MD5|\
                 Key: 1eaa42cc403f968ba9cea375bad45bda|Events: system";
    assert_eq!(peer.asked(), [login]);
    peer.answers("Login", "Success", "Message: Authentication accepted");
    assert!(peer.asked().is_empty(), "not before Asterisk is booted");
    peer.says("Event: FullyBooted\nStatus: Fully Booted\n");
    let asked = peer.asked();
    assert!(asked[0].starts_with("Action: Filter|Operation: Add|Filter: ^Event: (Newchannel|"));
    let mark = "Action: Filter|Operation: Add|\
                Filter: ^Event: VarSet.*Variable: _*(TRUNKLINE_MARK)[[:cntrl:]]";
    let run = "Action: Getvar|Variable: TRUNKLINE_RUN";
    assert_eq!(asked[1..], [mark, "Action: CoreSettings", "Action: CoreStatus", run]);
    peer.answers("Filter", "Success", "");
    peer.answers("Filter", "Success", "");
    peer.answers("CoreSettings", "Success", "AsteriskVersion: 22.10.0");
    peer.answers("CoreStatus", "Success", "CoreStartupDate: 2026-11-22\nCoreStartupTime: 04:00:00");
    peer.answers("Getvar", "Success", "Variable: TRUNKLINE_RUN\nValue: ");
    let name = "Action: Setvar|Variable: TRUNKLINE_RUN|Value: 660cfc68ead80";
    assert_eq!(peer.asked(), [name]);
    peer.answers("Setvar", "Success", "Message: Variable Set");
    assert_eq!(peer.asked(), ["Action: Events|EventMask: system,call,agent,user,dtmf,dialplan"]);
    // Events of the login's own mask are not for us.
    peer.says("Event: Newchannel\nUniqueid: 1.1\nChannel: PJSIP/a-00000001\nChannelState: 4\n");
    assert!(peer.told().is_empty());
    peer.answers("Events", "Success", "Events: On");
    assert_eq!(peer.told(), ["up Asterisk 22.10.0 since 2026-11-22 04:00:00 660cfc68ead80"]);
    let lists = [
        "Action: BridgeList",
        "Action: Status|Variables: CHANNEL(onhold),TRUNKLINE_MARK",
        "Action: QueueStatus",
    ];
    assert_eq!(peer.asked(), lists);
    peer.lists(&[], &[]);
    assert_eq!(peer.told(), ["snapshot members=true []"]);
    assert_eq!(peer.closed(), None);
}

#[test]
fn a_wrong_secret_is_refused() {
    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/11.0.0");
    peer.answers("Challenge", "Success", "Challenge: 1");
    peer.answers("Login", "Error", "Message: Authentication failed");
    peer.closed_with("refused: Authentication failed: user 'cti'");
    assert_eq!(peer.session_deadline(), None);
    peer.says("Event: FullyBooted\nStatus: Fully Booted\n");
    assert!(peer.asked().is_empty(), "nothing is said to a connection that is given up");
}

#[test]
fn a_second_login_of_a_user_who_may_have_one_is_tried_again() {
    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/11.0.0");
    peer.answers("Challenge", "Success", "Challenge: 1");
    peer.answers("Login", "Error", "Message: Login Already In Use");
    peer.closed_with("retry: login of user 'cti': Login Already In Use");
}

#[test]
fn the_secret_itself_is_sent_only_where_that_is_allowed() {
    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/1.1");
    peer.answers("Challenge", "Error", "Message: Must specify AuthType");
    peer.closed_with("refused: the manager offers no MD5 challenge");
    assert!(peer.asked().is_empty());
    let mut peer = Peer::new(AmiSettings { plain_login: true, ..settings() });
    peer.says("Asterisk Call Manager/1.1");
    peer.answers("Challenge", "Error", "Message: Must specify AuthType");
    assert_eq!(peer.asked(), ["Action: Login|Username: cti|Secret: secret|Events: system"]);
}

#[test]
fn what_is_no_manager_is_refused_and_named() {
    for (came, want) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "it said 'HTTP/1.1 400 Bad Request"),
        (b"SSH-2.0-OpenSSH_9.7", "it said 'SSH-2.0-OpenSSH_9.7'"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "a TLS record: the port expects TLS"),
        (b"\x15", "a byte of TLS"),
        (b"Asterisk Manager\r\n", "it said 'Asterisk Manager"),
    ] {
        let mut peer = Peer::new(settings());
        peer.sends(came);
        peer.closed_with("refused: no Asterisk manager is there");
        peer.closed_with(want);
    }
    let mut peer = Peer::new(settings());
    peer.sends(b"Asterisk Call");
    assert_eq!(peer.closed(), None, "half a banner is none yet");
}

#[test]
fn no_deadline_is_missed() {
    let mut peer = Peer::new(settings());
    peer.passes(secs(5));
    peer.closed_with("retry: no banner within 5s");

    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/11.0.0");
    peer.passes(secs(5));
    peer.closed_with("retry: no answer to Challenge within 5s");

    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/11.0.0");
    peer.answers("Challenge", "Success", "Challenge: 1");
    peer.passes(Duration::from_millis(4999));
    assert_eq!(peer.closed(), None);
    peer.passes(secs(1));
    peer.closed_with("retry: no answer to Login within 5s");

    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/11.0.0");
    peer.answers("Challenge", "Success", "Challenge: 1");
    peer.answers("Login", "Success", "Message: Authentication accepted");
    peer.passes(secs(60));
    peer.closed_with("retry: Asterisk was not fully booted within 60s");
}

#[test]
fn a_ping_is_answered_or_the_connection_is_given_up() {
    let mut peer = Peer::up(settings());
    for _ in 0..3 {
        peer.passes(secs(15));
        assert_eq!(peer.asked(), ["Action: Ping"]);
        peer.answers("Ping", "Success", "Ping: Pong");
        assert_eq!(peer.closed(), None);
    }
    peer.passes(secs(15));
    peer.passes(Duration::from_millis(4999));
    assert_eq!(peer.closed(), None);
    peer.passes(secs(1));
    peer.closed_with("retry: no answer to Ping within 5s");
}

#[test]
fn without_filters_variables_are_not_asked_for() {
    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/11.0.0");
    peer.answers("Challenge", "Success", "Challenge: 1");
    peer.answers("Login", "Success", "Message: Authentication accepted");
    peer.says("Event: FullyBooted\nStatus: Fully Booted\n");
    for action in ["Filter", "Filter", "CoreSettings", "CoreStatus", "Getvar"] {
        peer.answers(action, "Error", "Message: Permission denied");
    }
    let told = peer.told();
    assert_eq!(told.len(), 2, "once a cause: {told:?}");
    assert!(told[0].starts_with("warning the PBX takes no event filter (Permission denied"));
    assert!(told[1].starts_with("warning the PBX does not tell its version"));
    assert_eq!(peer.asked(), ["Action: Events|EventMask: system,call,agent,user,dtmf"]);
    peer.answers("Events", "Success", "Events: On");
    assert_eq!(peer.told(), ["up  since "]);
}

#[test]
fn a_pbx_that_does_not_list_its_channels_is_refused() {
    let mut peer = Peer::new(settings());
    peer.says("Asterisk Call Manager/11.0.0");
    peer.answers("Challenge", "Success", "Challenge: 1");
    peer.answers("Login", "Success", "Message: Authentication accepted");
    peer.says("Event: FullyBooted\nStatus: Fully Booted\n");
    let actions = ["Filter", "Filter", "CoreSettings", "CoreStatus", "Getvar", "Setvar", "Events"];
    for action in actions {
        peer.answers(action, "Success", "");
    }
    peer.answers("Status", "Error", "Message: Permission denied");
    peer.closed_with("refused: the PBX does not list its channels: Permission denied");
}

#[test]
fn framing_that_is_lost_and_a_shutdown_are_tried_again() {
    let mut peer = Peer::up(settings());
    peer.told();
    peer.sends(&[b'A'; 70_000]);
    peer.sends(b"\r\n\r\nEvent: DeviceStateChange\r\nDevice: PJSIP/1\r\nState: INUSE\r\n\r\n");
    let told = peer.told();
    assert!(told[0].starts_with("warning a block of the PBX was longer"), "{told:?}");
    assert_eq!(told[1..], ["device PJSIP/1 InUse"]);
    peer.sends(&[b'A'; 1_100_000]);
    assert!(matches!(peer.closed(), Some(Close::Retry(_))));

    let mut peer = Peer::up(settings());
    peer.says("Event: Shutdown\nShutdown: Cleanly\n");
    peer.closed_with("retry: Asterisk shuts down");
}
