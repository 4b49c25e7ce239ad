//! Asking the real binary before a call is dialled, and dialling with what it gave.

#![allow(clippy::unwrap_used)]

use crate::outbound::{reason_of, refused};
use crate::support::{Sipp, Site, Story, Ua, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const A_SECOND_LATER: &str = "2026-11-23T10:00:01+08:00";
/// Thursday 2026-10-01: the first day of the published break 1-7 October.
const HOLIDAY: &str = "2026-10-01T10:00:00+08:00";

/// A program that asks, on one connection that is kept.
pub(crate) struct Asker {
    stream: TcpStream,
    token: String,
}

impl Asker {
    /// Its token is minted at `clock`; empty: now.
    pub(crate) fn new(site: &Site, clock: &str) -> Self {
        let mut mint = vec!["token", "mint", "--subject", "dialler", "--role", "service"];
        if !clock.is_empty() {
            mint.extend(["--at", clock]);
        }
        let token = String::from_utf8(site.run(&mint).stdout).unwrap().trim().to_owned();
        let stream = TcpStream::connect(site.net.http()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, token }
    }

    /// Status and body.
    fn ask(&mut self, path: &str, accept: &str, body: &str) -> (u16, String) {
        let (token, length) = (&self.token, body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\
             \r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\
             \r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).unwrap();
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.stream.read(&mut piece).unwrap();
            assert!(read > 0, "the connection is kept");
            bytes.extend_from_slice(&piece[..read]);
            let text = std::str::from_utf8(&bytes).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let lengths = head.lines().filter_map(|line| line.split_once(": "));
            let mut lengths =
                lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length: usize = lengths.next().unwrap().1.parse().unwrap();
            if body.len() == length {
                return (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned());
            }
        }
    }

    pub(crate) fn line(&mut self, path: &str, body: &str) -> String {
        let (status, text) = self.ask(path, "text/plain", body);
        assert_eq!(status, 200, "{text}");
        text
    }

    pub(crate) fn permit(&mut self) -> String {
        let text = self.line("/v1/gate/permit", "number=13800138000&purpose=service");
        text.strip_prefix("allow ").expect(&text).to_owned()
    }
}

fn mark(permit: &str) -> String {
    format!("X-Trunkline-Mark: {permit}")
}

fn dial(site: &Site, permit: &str) {
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 100).start();
    Sipp::caller(
        "caller-talks-and-hangs-up",
        site.net.pbx(),
        site.net.trunkline(),
        ["1001", CUSTOMER],
    )
    .header(&mark(permit))
    .with("TALK", 100)
    .run();
    for message in carrier.finish() {
        assert!(!message.contains("permit-") && !message.contains("X-Trunkline"), "{message}");
    }
}

#[test]
fn a_permit_dials_once() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let mut asker = Asker::new(&site, WORKDAY_MORNING);
    let body = "number=13800138000&purpose=service";
    assert_eq!(asker.line("/v1/gate/check", body), "allow");
    let (status, told) = asker.ask("/v1/gate/permit", "application/json", body);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, &told["verdict"]), (200, &json!("allow")), "{told}");
    tail.until_kind("outbound.allowed", 1);
    dial(&site, told["permit"].as_str().unwrap());
    // The permit's own decision belongs to no call.
    let stories = Story::all(tail.finished_calls(1));
    let story = stories.iter().find(|story| story.kinds().contains(&"call.cleared")).unwrap();
    let decision = &story.of_kind("outbound.allowed")["o"];
    assert_eq!(decision["purpose"], "service", "the permit's");
    let first = &decision["rules"][0];
    let named = format!("decision={}", told["decision_id"].as_str().unwrap());
    assert_eq!((&first["id"], &first["inputs"]), (&json!("permit"), &json!(named)));

    let carrier = Ua::bind(site.carrier(), site.carrier_side());
    let again = refused(&site, CUSTOMER, Some(&mark(told["permit"].as_str().unwrap())));
    assert!(reason_of(&again).contains("rule permit"), "{again}");
    assert!(carrier.drain(Duration::from_millis(200)).is_empty());
}

/// What was promised before a crash dials nobody after it, whether it was used or not.
#[test]
fn no_permit_outlives_a_crash() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut asker = Asker::new(&site, WORKDAY_MORNING);
    let used = asker.permit();
    dial(&site, &used);
    let unused = asker.permit();
    server.kill();
    let _server = site.serve(A_SECOND_LATER);
    let carrier = Ua::bind(site.carrier(), site.carrier_side());
    for permit in [&used, &unused] {
        let refusal = refused(&site, CUSTOMER, Some(&mark(permit)));
        assert!(reason_of(&refusal).contains("rule permit"), "{refusal}");
    }
    assert!(carrier.drain(Duration::from_millis(200)).is_empty());
    let fresh = Asker::new(&site, A_SECOND_LATER).permit();
    drop(carrier);
    dial(&site, &fresh);
}

#[test]
fn on_a_holiday_all_three_answers_name_the_rule() {
    let site = Site::new();
    let _server = site.serve(HOLIDAY);
    let mut tail = site.tail(None);
    let mut asker = Asker::new(&site, HOLIDAY);
    let body = "number=13800138000&purpose=service";
    let no = "deny statutory-holiday 2026-10-08T08:30:00+08:00";
    assert_eq!(asker.line("/v1/gate/check", body), no);
    // A durable refusal waits 50 ms for its next instant, and is told without it on a busy machine.
    let told = asker.line("/v1/gate/permit", body);
    assert!([no, "deny statutory-holiday -"].contains(&told.as_str()), "{told}");
    let (_, told) = asker.ask("/v1/gate/explain", "application/json", body);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["verdict"], &told["day_class"]), (&json!("deny"), &json!("holiday")));
    tail.until_kind("outbound.denied", 1);
    let events = tail.settle(Duration::from_millis(200));
    let told: Vec<&Value> = events.iter().filter(|e| e["k"] == "outbound.denied").collect();
    assert_eq!(told.len(), 1, "advice leaves nothing behind");
    let next = &told[0]["o"]["next_allowed_at"];
    assert!(next.is_null() || next == "2026-10-08T08:30:00+08:00", "{next}");
}

/// The sample for FreeSWITCH: its conditions and what mod_curl would send, without FreeSWITCH.
#[test]
fn the_freeswitch_sample_asks_before_it_dials() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let asker = Asker::new(&site, WORKDAY_MORNING);
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |number: &str, token: &str, purpose: &str| -> Vec<String> {
        let output = Command::new(here.join("tests/sip/peers/freeswitch_dialplan.py"))
            .arg(here.join("deploy/freeswitch/dialplan/permit.xml"))
            .args([number, &site.net.http().to_string()])
            .args([&format!("trunkline_token={token}"), &format!("trunkline_purpose={purpose}")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    let actions = run(CUSTOMER, &asker.token, "service");
    let [.., export, bridge] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(bridge, &format!("bridge sofia/gateway/carrier/{CUSTOMER}"));
    let permit = export.strip_prefix("export nolocal:sip_h_X-Trunkline-Mark=").expect(export);
    dial(&site, permit);
    let exempt = run("120", &asker.token, "service");
    assert!(!exempt.join(" ").contains("Mark"), "{exempt:?}");
    assert_eq!(exempt.last().unwrap(), "bridge sofia/gateway/carrier/120");
    for (token, purpose) in [(asker.token.as_str(), "sales"), ("nonsense", "service"), ("", "")] {
        assert_eq!(run(CUSTOMER, token, purpose).last().unwrap(), "respond 403", "{purpose}");
    }
    server.kill();
    assert_eq!(run(CUSTOMER, &asker.token, "service").last().unwrap(), "respond 403");
}
