//! Neighbours of every transport, for the tests of connections.

use super::rig::*;
use crate::sip::Transport::{Tcp, Tls, Ws, Wss};
use crate::sip::*;
use std::net::SocketAddr;

pub const ALPHA_TCP: &str = "10.0.1.1:5060";
pub const BETA_TLS: &str = "10.0.2.1:5061";
pub const WEB: &str = "10.0.3.1:40100";
pub const WEB_ID: PeerId = PeerId(4);
pub const CONTACT: &str = "Contact: <sip:gw@10.0.1.1:5060;transport=tcp>\r\n";

/// UDP, TCP, TLS, WS and WSS listeners; alpha by TCP, beta by TLS, browsers by WS.
pub fn mixed(epoch: u32) -> CoreConfig {
    let mut config = config(epoch);
    for transport in [Tcp, Tls, Ws, Wss] {
        let addr = SocketAddr::new(addr(US).ip(), transport.default_port());
        config.listen.push(Listen { transport, addr });
    }
    let endpoint = |transport, to: &str, name: Option<&str>| Endpoint {
        transport,
        addr: addr(to),
        name: name.map(Into::into),
    };
    config.peers[1].endpoints = vec![endpoint(Tcp, ALPHA_TCP, None)];
    config.peers[2].endpoints = vec![endpoint(Tls, BETA_TLS, Some("sbc.beta.example"))];
    config.peers[2].tls_names = vec!["sbc.beta.example".into()];
    let web = Peer {
        id: WEB_ID,
        name: "web".into(),
        sources: vec![(addr(WEB).ip(), None)],
        endpoints: Vec::new(),
        ..config.peers[0].clone()
    };
    config.peers.push(web);
    config
}

pub fn rig() -> Rig {
    Rig::with(mixed(1))
}

/// INVITE of the PBX by UDP, sent on to these neighbours.
pub fn call(rig: &mut Rig, targets: &[PeerId]) -> Sent {
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    let mut sent = rig.plan(ask, targets);
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

/// A request inside the call `a@pbx`, by the callee unless `turned`.
pub fn inside(method: &str, uri: &str, route: &str, turned: bool) -> String {
    let (from, to) = if turned { ("froma", "b") } else { ("b", "froma") };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.1.1;branch=z9hG4bK{method}{from};rport\r\n\
         Route: {route}\r\nMax-Forwards: 9\r\nFrom: <sip:x@h>;tag={from}\r\n\
         To: <sip:y@h>;tag={to}\r\nCall-ID: a@pbx\r\nCSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Over what and to whom, and the first two words.
pub fn lines(sent: &[Sent]) -> Vec<String> {
    let short = |s: &Sent| s.first_line().replace("SIP/2.0 ", "").replace(" SIP/2.0", "");
    sent.iter().map(|s| format!("{} {} {}", s.over, s.to, short(s))).collect()
}
