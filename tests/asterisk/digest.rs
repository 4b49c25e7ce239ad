//! A telephone's answer to a challenge (RFC 2617 §3.2.2, MD5 with qop=auth).

use md5::{Digest, Md5};

/// Value of an Authorization header.
pub fn answer(challenge: &str, user: &str, password: &str, method: &str, uri: &str) -> String {
    let part = |name: &str| {
        let value = challenge.split(&format!("{name}=")).nth(1).unwrap_or_default();
        let value = value.split([',', '\r']).next().unwrap_or_default();
        value.trim().trim_matches('"').to_owned()
    };
    let (realm, nonce, opaque) = (part("realm"), part("nonce"), part("opaque"));
    let (nc, cnonce) = ("00000001", "7c9e");
    let secret = hex(&format!("{user}:{realm}:{password}"));
    let request = hex(&format!("{method}:{uri}"));
    let response = hex(&format!("{secret}:{nonce}:{nc}:{cnonce}:auth:{request}"));
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, qop=auth, nc={nc}, cnonce=\"{cnonce}\", \
         opaque=\"{opaque}\""
    )
}

fn hex(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 2617 §3.5: its A1 and A2.
#[test]
fn hashes_of_the_rfcs_example() {
    let secret = hex("Mufasa:testrealm@host.com:Circle Of Life");
    assert_eq!(secret, "939e7578ed9e3c518a452acee763bce9");
    assert_eq!(hex("GET:/dir/index.html"), "39aff3a2bab6126f332b942af96d3366");
}
