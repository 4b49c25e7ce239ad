//! On a statutory holiday nothing reaches the carrier, whichever way it was dialled; on a workday the
//! same four ways do.
//!
//! The holiday is trunkline's clock (`serve --clock`, in test builds alone), not a rule made for the
//! test: the shipped norm decides. Faking the time of the process from outside would shift its wall
//! clock and not the kernel's receive stamps, and every arrival would be clamped. Asterisk keeps the
//! machine's time; nothing of the gate goes by it.

use crate::desktop::Desktop;
use crate::phone::Phone;
use crate::place::{PASSWORD, Place};
use crate::support::tail::Tail;
use crate::support::{Ua, WORKDAY_MORNING};
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Thursday 2026-10-01: the first day of the published break 1-7 October.
const HOLIDAY: &str = "2026-10-01T10:00:00+08:00";
const CUSTOMER: &str = "13800138000";
const WITHIN: Duration = Duration::from_secs(20);

/// A site and everybody who may dial.
struct Site {
    place: Place,
    agent: Phone,
    carrier: Ua,
    desk: Desktop,
    tail: Tail,
}

impl Site {
    fn at(clock: &str) -> Self {
        let place = Place::at(clock, "");
        let (agent, carrier) = (place.phone("1001"), place.customer());
        let (tail, desk) = (place.site.tail(None), Desktop::at(&place, clock));
        Self { place, agent, carrier, desk, tail }
    }

    /// The four ways to the outside: the telephone, AMI, ARI and a desktop.
    fn dial(&mut self, way: &str) {
        let order = match way {
            "telephone" => {
                self.agent.dial(&format!("0{CUSTOMER}"));
                return;
            }
            "ami" => return originate_by_ami(self.place.ami()),
            "ari" => return originate_by_ari(self.place.ari()),
            _ => json!({"to": format!("0{CUSTOMER}"), "purpose": "service"}),
        };
        self.desk.say("call.dial", json!({}), order);
    }

    /// How many decisions there are of that kind.
    fn decided(&mut self, kind: &str, count: usize) -> Vec<Value> {
        self.tail.until_kind(kind, count);
        let events = self.tail.settle(Duration::from_millis(100));
        events.iter().filter(|e| e["k"] == kind).map(|e| e["o"].clone()).collect()
    }
}

pub fn originate_by_ami(address: SocketAddr) {
    let mut ami = TcpStream::connect(address).unwrap();
    ami.set_read_timeout(Some(WITHIN)).unwrap();
    let mut answers = BufReader::new(ami.try_clone().unwrap()).lines().map(Result::unwrap);
    let login = format!(
        "Action: Login\r\nUsername: trunkline\r\nSecret: {PASSWORD}\r\nEvents: off\r\n\r\n"
    );
    ami.write_all(login.as_bytes()).unwrap();
    assert!(answers.any(|line| line == "Message: Authentication accepted"));
    write!(
        ami,
        "Action: Originate\r\nChannel: PJSIP/{CUSTOMER}@carrier\r\nContext: from-trunk\r\n\
         Exten: 1001\r\nPriority: 1\r\nTimeout: 20000\r\nAsync: true\r\n\r\n"
    )
    .unwrap();
    assert!(answers.any(|line| line == "Message: Originate successfully queued"));
}

fn originate_by_ari(address: SocketAddr) {
    let mut ari = TcpStream::connect(address).unwrap();
    ari.set_read_timeout(Some(WITHIN)).unwrap();
    let login = base64::engine::general_purpose::STANDARD.encode(format!("trunkline:{PASSWORD}"));
    write!(
        ari,
        "POST /ari/channels?endpoint=PJSIP%2F{CUSTOMER}%40carrier&extension=1001\
         &context=from-trunk&priority=1&timeout=20 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: Basic {login}\r\nContent-Length: 0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    ari.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn on_a_holiday_no_way_leads_to_the_carrier() {
    let mut site = Site::at(HOLIDAY);
    for (count, way) in (1..).zip(["telephone", "ami", "ari", "desktop"]) {
        site.dial(way);
        let denied = site.decided("outbound.denied", count);
        let decision = denied.last().unwrap();
        assert_eq!(denied.len(), count, "{way}");
        let rules = decision["rules"].as_array().unwrap();
        let refused =
            |rule: &&Value| rule["verdict"] == "deny" && rule["id"] == "statutory-holiday";
        assert_eq!(rules.iter().filter(refused).count(), 1, "{way}: {decision}");
        assert_eq!(decision["day_class"], "holiday", "{way}");
        // A refusal waits 50 ms for it, and goes out without it on a machine that is busy.
        let next = &decision["next_allowed_at"];
        assert!(next.is_null() || next == "2026-10-08T08:30:00+08:00", "{way}: {next}");
    }
    assert_eq!(site.agent.refused(0), 403);
    assert_eq!(site.agent.calls(), 1, "the desktop's click rang nowhere");
    let heard = site.carrier.drain(Duration::from_millis(500));
    assert!(!heard.iter().any(|line| line.starts_with("INVITE")), "{heard:?}");
    assert!(site.decided("outbound.denied", 4).len() == 4);
    site.place.assert_asterisk_is_idle();
}

#[test]
fn on_a_workday_all_four_ways_lead_to_the_carrier() {
    let mut site = Site::at(WORKDAY_MORNING);
    for (count, way) in (1..).zip(["telephone", "ami", "ari", "desktop"]) {
        site.dial(way);
        if way == "desktop" {
            site.agent.rings(1);
            site.agent.answer(1);
        }
        let invite = site.carrier.expect_within("INVITE ", WITHIN);
        assert!(invite.first_line().contains(CUSTOMER), "{way}: {}", invite.text);
        site.carrier.answer(&invite, "486 Busy Here", "cust", "");
        site.carrier.expect_within("ACK ", WITHIN);
        assert_eq!(site.decided("outbound.allowed", count).len(), count, "{way}");
    }
    let decisions = site.decided("outbound.allowed", 4);
    assert!(decisions.iter().all(|d| d["day_class"] == "workday"), "{decisions:?}");
}
