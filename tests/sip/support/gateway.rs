//! A carrier's gateway that answers by itself, can fall silent or refuse, and come back.

use super::Ua;
use super::ua::{Message, session};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What it does with requests.
#[derive(Clone, Copy, Debug)]
pub struct Mood {
    /// Answer to OPTIONS.
    pub options: Option<&'static str>,
    /// Answer to INVITE; a 200 comes after a 180.
    pub invite: Option<&'static str>,
}

impl Mood {
    /// Everything is answered.
    pub const FINE: Self = Self { options: Some("200 OK"), invite: Some("200 OK") };
    /// A black hole: no answer, and no ICMP either.
    pub const DEAD: Self = Self { options: None, invite: None };
}

/// What it has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Call-IDs of INVITEs, retransmissions not counted.
    pub invites: BTreeSet<String>,
    /// Call-IDs of ACKs of a 2xx.
    pub acks: BTreeSet<String>,
    /// Call-IDs of BYEs.
    pub byes: BTreeSet<String>,
    /// Probes.
    pub options: usize,
    /// The newest INVITE.
    pub invite: Option<Message>,
}

/// A running gateway.
pub struct Gateway {
    ua: Arc<Ua>,
    mood: Arc<Mutex<Mood>>,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    pub fn start(address: SocketAddr, proxy: SocketAddr, mood: Mood) -> Self {
        let ua = Arc::new(Ua::bind(address, proxy));
        let (mood, seen) = (Arc::new(Mutex::new(mood)), Arc::new(Mutex::new(Seen::default())));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (ua, mood) = (ua.clone(), mood.clone());
            let (seen, stop) = (seen.clone(), stop.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Some(message) = ua.receive(Duration::from_millis(50)) else { continue };
                    let mood = *mood.lock().unwrap();
                    note(&mut seen.lock().unwrap(), &message);
                    respond(&ua, mood, &message);
                }
            })
        };
        Self { ua, mood, seen, stop, thread: Some(thread) }
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Answers an INVITE that it was silent about.
    pub fn answer_late(&self, invite: &Message) {
        let body = session(self.ua.address, "sendrecv");
        self.ua.answer(invite, "200 OK", "late", &body);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn note(seen: &mut Seen, message: &Message) {
    let method = message.first_line().split(' ').next().unwrap_or("").to_owned();
    let call_id = || message.value("Call-ID");
    match method.as_str() {
        "INVITE" => {
            seen.invites.insert(call_id());
            seen.invite = Some(message.clone());
        }
        "ACK" => {
            seen.acks.insert(call_id());
        }
        "BYE" => {
            seen.byes.insert(call_id());
        }
        "OPTIONS" => seen.options += 1,
        _ => {}
    }
}

fn respond(ua: &Ua, mood: Mood, message: &Message) {
    let method = message.first_line().split(' ').next().unwrap_or("");
    match (method, mood.options, mood.invite) {
        ("OPTIONS", Some(status), _) => {
            ua.answer(message, status, "probe", "");
        }
        ("INVITE", _, Some(status)) => {
            let tag = &message.value("Call-ID").replace(['@', '.'], "");
            if status.starts_with("200") {
                ua.answer(message, "180 Ringing", tag, "");
                ua.answer(message, status, tag, &session(ua.address, "sendrecv"));
            } else {
                ua.answer(message, status, tag, "");
            }
        }
        ("BYE" | "CANCEL", _, Some(_)) => {
            ua.answer(message, "200 OK", "", "");
        }
        _ => {}
    }
}
