//! What a person does at a telephone, and what they see of it.

use super::line::{Call, Shared, status};
use crate::support::Message;
use crate::support::ua::session;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// One telephone. Calls are numbered from 0 in the order in which they begin.
pub struct Phone {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

impl Phone {
    pub fn register(user: &str, password: &str, address: SocketAddr, pbx: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let shared = Arc::new(Shared {
            user: user.to_owned(),
            password: password.to_owned(),
            address,
            pbx,
            socket,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let reading = Arc::clone(&shared);
        let reader = Some(std::thread::spawn(move || reading.hear()));
        let phone = Self { shared, reader };
        let mut dialog = phone.shared.new_call(&format!("sip:{pbx}"), user);
        let expires = "Expires: 300";
        let answer = phone.shared.ask(&mut dialog, "REGISTER", &[expires.to_owned()], "");
        assert_eq!(status(&answer), 200, "{}", answer.text);
        phone
    }

    /// Waits until the call of this number rings here; the moment of the 180.
    pub fn rings(&self, call: usize) -> SystemTime {
        let rang = self.until(call, "rings", |c| c.invite.is_some());
        rang.rang_at.unwrap()
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.shared.lock().calls.len()
    }

    /// Takes a call that rings; the moment of the 200.
    pub fn answer(&self, call: usize) -> SystemTime {
        let at = self.shared.take(&mut self.shared.lock(), call).expect("it rings");
        self.until(call, "is acknowledged", |c| c.acknowledged);
        at
    }

    pub fn reject(&self, call: usize, status: &str) {
        let invite = self.with(call, |c| c.invite.take()).expect("it rings");
        self.shared.respond(&invite, status, "");
        self.with(call, |c| c.ended = true);
    }

    /// Calls a number; the call's place. Goes on while it rings: see `connected`, `refused`.
    pub fn dial(&self, number: &str) -> usize {
        let shared = &self.shared;
        let mut call = shared.new_call(&format!("sip:{number}@{}", shared.pbx), number);
        let offer = session(shared.address, "sendrecv");
        let challenge = shared.ask(&mut call, "INVITE", &[], &offer);
        assert_eq!(status(&challenge), 401, "{}", challenge.text);
        let value = challenge.value("WWW-Authenticate");
        let login = shared.login(&value, "INVITE", &call.target);
        call.cseq += 1;
        let mut state = shared.lock();
        shared.send_request(&call, "INVITE", &[login], &offer);
        state.calls.push(call);
        state.calls.len() - 1
    }

    /// Waits until the other end has answered.
    pub fn connected(&self, call: usize) -> SystemTime {
        self.until(call, "is answered", |c| c.up).answered_at.unwrap()
    }

    /// Waits until the call that was dialled is refused, and tells the status.
    pub fn refused(&self, call: usize) -> u16 {
        let ended = self.until(call, "is refused", |c| c.ended);
        let state = self.shared.lock();
        let of = |m: &&Message| m.value("Call-ID") == ended.call_id && status(m) >= 400;
        state.responses.iter().rev().find(of).map(status).expect("a refusal")
    }

    pub fn hold(&self, call: usize) {
        self.shared.hold(call, true);
    }

    pub fn retrieve(&self, call: usize) {
        self.shared.hold(call, false);
    }

    /// REFER to a number (RFC 3515).
    pub fn transfer(&self, call: usize, number: &str) {
        let target = format!("<sip:{number}@{}>", self.shared.pbx);
        self.refer(call, &target);
    }

    /// REFER to the other end of another call of this telephone (RFC 3891).
    pub fn join(&self, call: usize, other: usize) {
        let other = self.with(other, |c| c.clone());
        let tag = |header: &str| header.split(";tag=").nth(1).unwrap_or_default().to_owned();
        let replaces = format!(
            "{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
            other.call_id.replace('@', "%40"),
            tag(&other.to),
            tag(&other.from)
        );
        let target = format!("<{}?Replaces={replaces}>", other.target);
        self.refer(call, &target);
    }

    fn refer(&self, call: usize, target: &str) {
        let referred_by = format!("Referred-By: <sip:{}@{}>", self.shared.user, self.shared.pbx);
        let headers = [format!("Refer-To: {target}"), referred_by];
        let answer = self.shared.request(call, "REFER", &headers, "");
        assert_eq!(status(&answer), 202, "{}", answer.text);
    }

    /// Ends a call: BYE, or CANCEL while it rings at the other end.
    pub fn hang_up(&self, call: usize) {
        let up = self.with(call, |c| c.up);
        if up {
            self.with(call, |c| c.ended = true);
            let answer = self.shared.request(call, "BYE", &[], "");
            assert_eq!(status(&answer), 200, "{}", answer.text);
        } else {
            let call = self.with(call, |c| c.clone());
            self.shared.send_request(&call, "CANCEL", &[], "");
        }
    }

    /// Waits until the PBX has ended a call.
    pub fn ended(&self, call: usize) {
        self.until(call, "ends", |c| c.ended);
    }

    fn with<T>(&self, call: usize, f: impl FnOnce(&mut Call) -> T) -> T {
        f(&mut self.shared.lock().calls[call])
    }

    fn until(&self, call: usize, what: &str, done: impl Fn(&Call) -> bool) -> Call {
        let user = &self.shared.user;
        let found = self.shared.until(|state| state.calls.get(call).filter(|c| done(c)).cloned());
        found.unwrap_or_else(|| panic!("{user}: call {call} never {what}"))
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.closed = true;
        }
        if let Some(reader) = self.reader.take() {
            let _ = reader.join(); // the address is free then
        }
    }
}
