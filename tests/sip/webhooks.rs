//! A webhook of the real server: calls come to a receiver that fails, over a crash of the server.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::server::SiteOptions;
use crate::support::{Sipp, Site, Story, WORKDAY_MORNING};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers every third request with 500 and the others with 204.
fn receiver() -> (u16, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let sink = taken.clone();
    std::thread::spawn(move || {
        let mut requests = 0;
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            while let Some(event) = request(&mut reader) {
                requests += 1;
                let good = requests % 3 != 0;
                if good {
                    sink.lock().unwrap().push(event);
                }
                let status = if good { "204 No Content" } else { "500 Oops" };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (port, taken)
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}

fn a_call(site: &Site) -> Value {
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-answers", site.net.pbx()).with("RING", 200).start();
    let (from, to) = (site.carrier(), site.carrier_side());
    Sipp::caller("caller-talks-and-hangs-up", from, to, ["13800138000", "95519"])
        .with("TALK", 100)
        .run();
    callee.finish();
    Story::single(tail.finished_calls(1)).call()["id"].clone()
}

#[test]
fn a_webhook_has_every_event_of_every_call_over_failures_and_a_crash() {
    let (port, taken) = receiver();
    let sections = format!(
        "[webhook.crm]\nurl = \"http://127.0.0.1:{port}/hook\"\nsecret_file = \"webhook.key\"\n\
         kinds = [\"call.*\"]\n"
    );
    let site = Site::with(&SiteOptions { sections: sections.leak(), ..SiteOptions::default() });
    let key = site.path("webhook.key");
    std::fs::write(&key, format!("whsec_{}", STANDARD.encode([7; 32]))).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();

    let mut calls = Vec::new();
    let server = site.serve(WORKDAY_MORNING);
    calls.push(a_call(&site));
    server.kill();
    let server = site.serve(WORKDAY_MORNING);
    calls.push(a_call(&site));
    let ended = |call: &Value| {
        let taken = taken.lock().unwrap();
        taken.iter().any(|e| e["type"] == "call.cleared" && e["subject"] == *call)
    };
    let all = poll_until(Duration::from_secs(30), || calls.iter().all(&ended));
    assert!(all, "{:#?}", taken.lock().unwrap());
    assert_eq!(server.stop(), Some(0));

    let expected = [
        "call.originated",
        "call.delivered",
        "call.established",
        "call.connection_cleared",
        "call.connection_cleared",
        "call.cleared",
    ];
    // What was under way in the crash may have come twice: the id says so.
    let taken = taken.lock().unwrap();
    let once: BTreeMap<u64, &Value> =
        taken.iter().map(|e| (e["sequence"].as_str().unwrap().parse().unwrap(), e)).collect();
    for call in &calls {
        let of_call = once.values().filter(|e| e["subject"] == *call);
        let kinds: Vec<&str> = of_call.map(|e| e["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, expected);
    }
    assert!(taken.iter().all(|e| !e.to_string().contains("13800138000")), "masked is the default");
}
