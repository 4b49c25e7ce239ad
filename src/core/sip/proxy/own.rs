//! Requests that we make ourselves: probes, registrations, and the BYE of an unwanted call.

use super::Core;
use super::fork::Leg;
use super::state::{Client, Own, Owner, Slot};
use super::way::Way;
use crate::model::{Arrival, Now, Reply};
use crate::sip::digest::answers;
use crate::sip::mark::{BranchKind, SHIFT_MAX};
use crate::sip::message::{Address, Message, Name, Start};
use crate::sip::own::{Again, Head, again, options, own_uri, register, registrar_of};
use crate::sip::slab::Key;
use crate::sip::{Endpoint, Outputs, OwnId, PeerId, Registration, Signal, Transport};
use std::time::Duration;

/// A Min-Expires above this is not followed: a week.
const EXPIRES_MAX_S: u32 = 604_800;

impl Core {
    /// Sends OPTIONS to one of a neighbour's endpoints. `Signal::Own` tells the outcome, after
    /// `patience` at the latest (and after 64*T1, whatever is said here).
    pub fn probe(
        &mut self,
        now: Now,
        id: OwnId,
        peer: PeerId,
        endpoint: &Endpoint,
        patience: Duration,
        out: &mut Outputs,
    ) {
        let Some(way) = self.way_to(peer, Some(endpoint)) else {
            return no_way(now, (id, peer), "no listener or connection of its transport", out);
        };
        let uri = probe_uri(endpoint, &way);
        let own = Own { id, sent: now.mono, until: now.mono.after(patience), ..Own::default() };
        self.start_own(now, (peer, way, own), uri, options, out);
    }

    /// Registers our Contact with a neighbour (RFC 3261 §10) for so many seconds; 0 takes it back.
    /// It goes to the first endpoint that can be reached. `Signal::Own` tells the outcome, after
    /// 64*T1 at the latest.
    pub fn register(
        &mut self,
        now: Now,
        id: OwnId,
        peer: PeerId,
        registration: &Registration,
        out: &mut Outputs,
    ) {
        let user = &registration.contact_user;
        let user_ok = user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.!~*'()+".contains(c));
        let Some(uri) = registrar_of(&registration.aor).filter(|_| user_ok) else {
            return no_way(now, (id, peer), "not a sip address of record", out);
        };
        let hops = self.peers.hops_of(&[peer]);
        let Some(way) = hops.iter().find_map(|(id, e)| self.way_to(*id, e.as_ref())) else {
            return no_way(now, (id, peer), "no address", out);
        };
        let until = now.mono.after(self.timers.long());
        let contact = Some(own_uri(way.listen, user));
        let own = Own { id, sent: now.mono, until, contact, raised: false };
        let write = |head: &Head<'_>| register(head, registration);
        self.start_own(now, (peer, way, own), uri, write, out);
    }

    fn start_own(
        &mut self,
        now: Now,
        (peer, way, own): (PeerId, Way, Own),
        uri: String,
        write: impl FnOnce(&Head<'_>) -> Vec<u8>,
        out: &mut Outputs,
    ) {
        self.own_count += 1;
        let leg = Leg { server: None, peer, way: self.ways.share(way.clone()), invite: false };
        let client = self.open_client(leg);
        let branch = self.marks.branch(BranchKind::Transaction { shift: 0 }, client.0, 0);
        let tag = self.marks.own_text("tag", self.own_count);
        // Registrations of one address of record share a Call-ID (§10.2), and it is another one
        // in each run, since CSeq numbers begin anew.
        let call_id = match &own.contact {
            Some(contact) => {
                let id = self.marks.key(&[contact.as_bytes(), uri.as_bytes()]);
                self.marks.own_text("registration", id)
            }
            None => self.marks.own_text("call", self.own_count),
        };
        let head = Head {
            uri,
            listen: way.listen,
            branch: &branch,
            call_id: &format!("{call_id}@{}", way.listen.addr.ip()),
            tag: &tag[..16],
            cseq: self.own_cseq(),
            agent: &self.server_name,
        };
        let bytes = write(&head);
        self.run_own(now, client, Some(Box::new(own)), bytes, out);
    }

    /// CSeq numbers of our own requests grow, with room for those that are made again.
    fn own_cseq(&self) -> u32 {
        (self.own_count.wrapping_mul(u64::from(SHIFT_MAX) + 2) & 0x3fff_ffff) as u32
    }

    fn run_own(
        &mut self,
        now: Now,
        client: Key,
        own: Option<Box<Own>>,
        bytes: Vec<u8>,
        out: &mut Outputs,
    ) {
        let wait = own.as_ref().map(|own| own.until.since(now.mono));
        if let Some(client) = self.clients.get_mut(client) {
            client.own = own;
        }
        self.start_client(now, client, bytes, out);
        if let Some(wait) = wait.filter(|wait| *wait < self.timers.long()) {
            self.arm(now, Owner::Client(client), Slot::Patience, wait);
        }
    }

    /// The final answer to a request of our own.
    pub(super) fn own_response(
        &mut self,
        now: Now,
        (key, request): (Key, Option<Box<[u8]>>),
        message: &Message<'_>,
        status: u16,
        at: Arrival,
        out: &mut Outputs,
    ) {
        self.disarm(Owner::Client(key), Slot::Patience);
        if let Some(request) = request {
            let answers = self.answers_for(key, &request, message, status);
            let answers = answers.as_deref();
            if answers.is_some() && self.send_again(now, key, &request, (answers, None), out) {
                self.counters.challenges_answered += 1;
                return;
            }
            let longer = self.longer_for(key, message, status);
            if longer.is_some() && self.send_again(now, key, &request, (None, longer), out) {
                return;
            }
        }
        let Some(client) = self.clients.get_mut(key) else { return };
        let Some(own) = &client.own else { return };
        let Start::Response { phrase, .. } = message.start() else { return };
        let outcome = Reply::Final {
            status,
            phrase: String::from_utf8_lossy(phrase.of(message.bytes())).into_owned(),
            rtt: at.mono.since(own.sent),
            expires_s: own.contact.as_deref().and_then(|contact| granted(message, contact)),
            retry_after_s: seconds(message.value(Name::RetryAfter)),
        };
        tell_own(client, outcome, at, out);
        client.own = None;
    }

    /// Lines that answer the challenges of a response to `request`, if we may and can. One
    /// challenge is answered; another only if it says that the nonce was too old (RFC 7616 §3.3).
    pub(super) fn answers_for(
        &mut self,
        key: Key,
        request: &[u8],
        response: &Message<'_>,
        status: u16,
    ) -> Option<Vec<u8>> {
        if !matches!(status, 401 | 407) {
            return None;
        }
        let client = self.clients.get(key)?;
        let shift = client.shift;
        let credentials = self.peers.get(client.peer)?.credentials.clone()?;
        self.own_count += 1;
        let cnonce = self.marks.own_text("cnonce", self.own_count);
        let made = self.reread(request, |_, request| {
            let asked = (request.method(), request.uri().of(request.bytes()));
            answers(response, &credentials, asked, &cnonce)
        });
        let made = made.flatten()?;
        let may = shift == 0 || (made.stale && shift < SHIFT_MAX);
        may.then_some(made.lines)
    }

    /// 423 of a registrar: the time that it wants, once (§10.2.8).
    fn longer_for(&mut self, key: Key, message: &Message<'_>, status: u16) -> Option<u32> {
        let own = self.clients.get_mut(key)?.own.as_deref_mut()?;
        let wanted = message.labelled("Min-Expires").and_then(seconds)?;
        let may = status == 423 && own.contact.is_some() && !own.raised;
        own.raised |= may;
        (may && wanted <= EXPIRES_MAX_S).then_some(wanted)
    }

    /// Makes a request of our own again; false if nobody waits for it any more.
    fn send_again(
        &mut self,
        now: Now,
        key: Key,
        request: &[u8],
        (answers, expires_s): (Option<&[u8]>, Option<u32>),
        out: &mut Outputs,
    ) -> bool {
        let Some(old) = self.clients.get_mut(key) else { return false };
        let mut own = old.own.take();
        if own.as_ref().is_some_and(|own| own.until <= now.mono) {
            old.own = own;
            return false;
        }
        let leg = Leg { server: None, peer: old.peer, way: old.way.clone(), invite: false };
        let shift = old.shift + u8::from(answers.is_some());
        let listen = leg.way.listen;
        let client = self.open_client(leg);
        let branch = self.marks.branch(BranchKind::Transaction { shift: 0 }, client.0, 0);
        let made = self.reread(request, |core, request| {
            let cseq = request.cseq().map_or(1, |c| c.number.saturating_add(1));
            let change = Again { branch: &branch, cseq, answers, expires_s };
            again(request, listen, change, &mut core.edits)
        });
        if let Some(client) = self.clients.get_mut(client) {
            client.shift = shift;
        }
        if let Some(own) = &mut own {
            own.sent = now.mono;
        }
        self.run_own(now, client, own, made.unwrap_or_default(), out);
        true
    }
}

/// Tells what came of a request of our own, if somebody waits for it.
pub fn tell_own(client: &Client, outcome: Reply, arrival: Arrival, out: &mut Outputs) {
    if let Some(own) = &client.own {
        out.signals.push(Signal::Own { id: own.id, peer: client.peer, outcome, arrival });
    }
}

fn no_way(now: Now, (id, peer): (OwnId, PeerId), why: &str, out: &mut Outputs) {
    let outcome = Reply::Unsent(why.to_owned());
    out.signals.push(Signal::Own { id, peer, outcome, arrival: now });
}

/// The endpoint as a URI; by its name if it has one.
fn probe_uri(endpoint: &Endpoint, way: &Way) -> String {
    let param = endpoint.transport.uri_param();
    match &endpoint.name {
        Some(name) => format!("sip:{name}:{}{param}", endpoint.addr.port()),
        None if endpoint.transport == Transport::Udp => format!("sip:{}", way.remote),
        None => format!("sip:{}{param}", way.remote),
    }
}

fn seconds(value: &[u8]) -> Option<u32> {
    let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
}

/// Seconds that a 2xx grants our Contact (§10.2.4): its own `expires`, else the Expires header. A
/// registrar that rewrote our Contact for NAT's sake may have left only one there.
fn granted(message: &Message<'_>, contact: &str) -> Option<u32> {
    let bytes = message.bytes();
    let contacts: Vec<Address> =
        message.values(Name::Contact).filter_map(|v| Address::parse(bytes, v)).collect();
    let bare = contact.split(';').next().unwrap_or(contact);
    let is_ours = |c: &&Address| {
        let uri = c.uri.of(bytes);
        let end = uri.iter().position(|b| *b == b';').unwrap_or(uri.len());
        uri[..end].eq_ignore_ascii_case(bare.as_bytes())
    };
    let ours = contacts.iter().find(is_ours).or(match contacts.as_slice() {
        [only] => Some(only),
        _ => None,
    });
    let param = ours.and_then(|c| c.param(bytes, "expires")).and_then(|p| p.value);
    let of_param = param.and_then(|v| seconds(v.of(bytes)));
    of_param.or_else(|| message.labelled("Expires").and_then(seconds))
}
