//! A telephone: registers with a password, rings, and does what it is told. A thread of its own
//! answers what needs no decision.

use crate::digest;
use crate::support::Message;
use crate::support::ua::session;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

const PATIENCE: Duration = Duration::from_secs(10);

/// One telephone. Calls are numbered from 0 in the order in which they begin.
pub struct Phone {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

struct Shared {
    user: String,
    password: String,
    address: SocketAddr,
    pbx: SocketAddr,
    socket: UdpSocket,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    responses: Vec<Message>,
    closed: bool,
}

/// One dialog.
#[derive(Clone)]
struct Call {
    call_id: String,
    from: String,
    to: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    /// The call came in and is not decided.
    invite: Option<Message>,
    up: bool,
    /// Our 200 was.
    acknowledged: bool,
    ended: bool,
    /// Our 180 left, or a 180 came.
    rang_at: Option<SystemTime>,
    /// Our 200 left, or a 200 came.
    answered_at: Option<SystemTime>,
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
        let reader = Some(std::thread::spawn(move || reading.read()));
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

    /// Takes a call that rings; the moment of the 200.
    pub fn answer(&self, call: usize) -> SystemTime {
        let invite = self.with(call, |c| c.invite.take()).expect("it rings");
        let at = self.shared.respond(&invite, "200 OK", &session(self.shared.address, "sendrecv"));
        self.with(call, |c| (c.up, c.answered_at) = (true, Some(at)));
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
        self.offer(call, "sendonly");
    }

    pub fn retrieve(&self, call: usize) {
        self.offer(call, "sendrecv");
    }

    fn offer(&self, call: usize, direction: &str) {
        let body = session(self.shared.address, direction);
        let answer = self.request(call, "INVITE", &[], &body);
        assert_eq!(status(&answer), 200, "{}", answer.text);
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
        let answer = self.request(call, "REFER", &headers, "");
        assert_eq!(status(&answer), 202, "{}", answer.text);
    }

    /// Ends a call: BYE, or CANCEL while it rings at the other end.
    pub fn hang_up(&self, call: usize) {
        let up = self.with(call, |c| c.up);
        if up {
            self.with(call, |c| c.ended = true);
            let answer = self.request(call, "BYE", &[], "");
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

    fn request(&self, call: usize, method: &str, headers: &[String], body: &str) -> Message {
        let mut dialog = self.with(call, |c| {
            c.cseq += 1;
            c.clone()
        });
        dialog.cseq -= 1;
        self.shared.ask(&mut dialog, method, headers, body)
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn until<T>(&self, mut find: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(found) = find(&state) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    fn new_call(&self, target: &str, to: &str) -> Call {
        let number = uuid::Uuid::new_v4().simple();
        Call {
            call_id: format!("{number}@{}", self.address.ip()),
            from: format!("<sip:{}@{}>;tag={number}", self.user, self.pbx),
            to: format!("<sip:{to}@{}>", self.pbx),
            target: target.to_owned(),
            routes: Vec::new(),
            cseq: 0,
            invite: None,
            up: false,
            acknowledged: false,
            ended: false,
            rang_at: None,
            answered_at: None,
        }
    }

    /// Sends the next request and waits for its final answer; answers a challenge once, except
    /// that of an INVITE, which goes on ringing.
    fn ask(&self, call: &mut Call, method: &str, headers: &[String], body: &str) -> Message {
        call.cseq += 1;
        self.send_request(call, method, headers, body);
        let answer = self.final_answer(call, method);
        if status(&answer) != 401 || (method == "INVITE" && !call.up) {
            return answer;
        }
        let login = self.login(&answer.value("WWW-Authenticate"), method, &call.target);
        call.cseq += 1;
        let headers: Vec<String> = headers.iter().cloned().chain([login]).collect();
        self.send_request(call, method, &headers, body);
        self.final_answer(call, method)
    }

    fn login(&self, challenge: &str, method: &str, uri: &str) -> String {
        let value = digest::answer(challenge, &self.user, &self.password, method, uri);
        format!("Authorization: {value}")
    }

    fn final_answer(&self, call: &Call, method: &str) -> Message {
        let cseq = format!("{} {method}", call.cseq);
        let found = self.until(|state| {
            let ours = |m: &&Message| {
                m.value("Call-ID") == call.call_id && m.value("CSeq") == cseq && status(m) >= 200
            };
            state.responses.iter().find(ours).cloned()
        });
        found.unwrap_or_else(|| panic!("{}: no answer to {method}", self.user))
    }

    fn send_request(&self, call: &Call, method: &str, headers: &[String], body: &str) {
        let numbered = if method == "CANCEL" { "INVITE" } else { method };
        let mut lines = vec![
            format!("{method} {} SIP/2.0", call.target),
            format!(
                "Via: SIP/2.0/UDP {};rport;branch=z9hG4bK{}{}{numbered}",
                self.address,
                call.key(),
                call.cseq
            ),
        ];
        lines.extend(call.routes.iter().map(|r| format!("Route: {r}")));
        lines.extend([
            "Max-Forwards: 70".to_owned(),
            format!("From: {}", call.from),
            format!("To: {}", call.to),
            format!("Call-ID: {}", call.call_id),
            format!("CSeq: {} {method}", call.cseq),
            self.contact(),
        ]);
        lines.extend(headers.iter().cloned());
        self.send(lines, body);
    }

    /// Answers a request; the moment just before.
    fn respond(&self, request: &Message, status: &str, body: &str) -> SystemTime {
        let mut lines = vec![format!("SIP/2.0 {status}")];
        for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
            let tag = match name == "To" && !request.value("To").contains(";tag=") {
                true => format!(";tag=phone{}", self.user),
                false => String::new(),
            };
            lines.extend(request.values(name).iter().map(|v| format!("{name}: {v}{tag}")));
        }
        lines.push(self.contact());
        self.send(lines, body)
    }

    fn contact(&self) -> String {
        format!("Contact: <sip:{}@{}>", self.user, self.address)
    }

    fn send(&self, mut lines: Vec<String>, body: &str) -> SystemTime {
        if !body.is_empty() {
            lines.push("Content-Type: application/sdp".to_owned());
        }
        lines.push(format!("Content-Length: {}", body.len()));
        let text = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
        let at = SystemTime::now();
        self.socket.send_to(text.as_bytes(), self.pbx).unwrap();
        at
    }

    fn read(&self) {
        let mut bytes = vec![0; 65_536];
        while !self.lock().closed {
            let Ok(length) = self.socket.recv(&mut bytes) else { continue };
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let message = Message { text };
            let mut state = self.lock();
            if message.text.starts_with("SIP/2.0 ") {
                self.response(&mut state, message);
            } else {
                self.asked(&mut state, &message);
            }
            self.changed.notify_all();
        }
    }

    fn response(&self, state: &mut State, message: Message) {
        let (code, cseq) = (status(&message), message.value("CSeq"));
        let id = message.value("Call-ID");
        if let Some(call) = state.calls.iter_mut().find(|c| c.call_id == id)
            && cseq.ends_with(" INVITE")
        {
            match code {
                180..=189 => call.rang_at = call.rang_at.or(Some(SystemTime::now())),
                200..=299 => {
                    if !call.up {
                        (call.up, call.answered_at) = (true, Some(SystemTime::now()));
                        call.to = message.value("To");
                        call.target = address(&message.value("Contact"));
                        call.routes = message.values("Record-Route");
                        call.routes.reverse();
                    }
                    self.acknowledge(call, &cseq, "");
                }
                401 | 300.. => {
                    call.ended |= !call.up && code != 401;
                    let refused = Call { to: message.value("To"), ..call.clone() };
                    self.acknowledge(&refused, &cseq, "INVITE");
                }
                _ => {}
            }
        } else if code == 401 && cseq.ends_with(" INVITE") {
            // The first INVITE of a call is no call yet.
            let target = message.value("To");
            let call = self.new_call(&address(&target), "");
            let call = Call { call_id: id, to: target, from: message.value("From"), ..call };
            self.acknowledge(&call, &cseq, "INVITE");
        }
        state.responses.push(message);
    }

    /// ACK: of the INVITE's transaction for a refusal, of its own for a 2xx.
    fn acknowledge(&self, call: &Call, cseq: &str, branch: &str) {
        let number = cseq.split(' ').next().unwrap().parse().unwrap();
        let call = Call { cseq: number, ..call.clone() };
        let mut lines = vec![
            format!("ACK {} SIP/2.0", call.target),
            format!(
                "Via: SIP/2.0/UDP {};rport;branch=z9hG4bK{}{number}{}",
                self.address,
                call.key(),
                if branch.is_empty() { "ACK" } else { branch }
            ),
        ];
        lines.extend(call.routes.iter().map(|r| format!("Route: {r}")));
        lines.extend([
            "Max-Forwards: 70".to_owned(),
            format!("From: {}", call.from),
            format!("To: {}", call.to),
            format!("Call-ID: {}", call.call_id),
            format!("CSeq: {number} ACK"),
        ]);
        self.send(lines, "");
    }

    fn asked(&self, state: &mut State, request: &Message) {
        let method = request.text.split(' ').next().unwrap_or_default();
        let id = request.value("Call-ID");
        let at = state.calls.iter().position(|c| c.call_id == id);
        match (method, at) {
            ("ACK", at) => {
                if let Some(at) = at {
                    state.calls[at].acknowledged = true;
                }
            }
            ("INVITE", None) => {
                let rang = self.respond(request, "180 Ringing", "");
                state.calls.push(self.incoming(request, rang));
            }
            ("INVITE", Some(at)) if state.calls[at].up => {
                let held = request.text.contains("a=sendonly");
                let direction = if held { "recvonly" } else { "sendrecv" };
                self.respond(request, "200 OK", &session(self.address, direction));
            }
            ("INVITE", Some(_)) => {} // a copy
            ("CANCEL", Some(at)) => {
                self.respond(request, "200 OK", "");
                let call = &mut state.calls[at];
                if let Some(invite) = call.invite.take() {
                    self.respond(&invite, "487 Request Terminated", "");
                }
                call.ended = true;
            }
            ("BYE", Some(at)) => {
                self.respond(request, "200 OK", "");
                state.calls[at].ended = true;
            }
            _ => {
                self.respond(request, "200 OK", "");
            }
        }
    }

    fn incoming(&self, invite: &Message, rang: SystemTime) -> Call {
        Call {
            call_id: invite.value("Call-ID"),
            from: format!("{};tag=phone{}", invite.value("To"), self.user),
            to: invite.value("From"),
            target: address(&invite.value("Contact")),
            routes: invite.values("Record-Route"),
            cseq: 100,
            invite: Some(invite.clone()),
            up: false,
            acknowledged: false,
            ended: false,
            rang_at: Some(rang),
            answered_at: None,
        }
    }
}

impl Call {
    /// Its Call-ID as a branch may write it.
    fn key(&self) -> String {
        self.call_id.chars().filter(char::is_ascii_alphanumeric).collect()
    }
}

/// The URI in a header's value.
fn address(value: &str) -> String {
    value.split('<').nth(1).and_then(|v| v.split('>').next()).unwrap_or(value).to_owned()
}

fn status(message: &Message) -> u16 {
    message.text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}
