//! Answers to challenges (RFC 7616 §3.4).

use super::challenge::{Algorithm, Challenge, read};
use crate::sip::Credentials;
use crate::sip::message::Message;
use aws_lc_rs::digest::{Context, SHA256, SHA512_256};
use md5::Digest;

/// Challenges of one response that are answered; more are left alone.
const ANSWERS_MAX: usize = 4;

/// Answers to all challenges of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Whole header lines.
    pub lines: Vec<u8>,
    /// Each of the challenges said that only its nonce was too old.
    pub stale: bool,
}

/// The request that is made again.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Method.
    pub method: &'a [u8],
    /// Request-URI as it leaves.
    pub uri: &'a [u8],
}

/// Answers to the challenges of `response`, `None` if there is none that we can answer. Of several
/// of one realm the topmost that we know is taken: they stand in the order of the asker's
/// preference (RFC 7616 §3.7, RFC 8760 §2.4). `cnonce` is unguessable text.
pub fn answers(
    response: &Message<'_>,
    credentials: &Credentials,
    asked: (&[u8], &[u8]),
    cnonce: &str,
) -> Option<Answers> {
    let asked = Asked { method: asked.0, uri: asked.1 };
    let mut chosen: Vec<Challenge<'_>> = Vec::new();
    for (label, proxy) in [("WWW-Authenticate", false), ("Proxy-Authenticate", true)] {
        for value in response.all_labelled(label) {
            for challenge in read(response.bytes(), value, proxy) {
                let same = |c: &Challenge<'_>| c.proxy == proxy && c.realm == challenge.realm;
                let wanted = credentials.realm.as_deref();
                let ours = wanted.is_none_or(|realm| realm.as_bytes() == challenge.realm);
                if ours && chosen.len() < ANSWERS_MAX && !chosen.iter().any(same) {
                    chosen.push(challenge);
                }
            }
        }
    }
    let stale = chosen.iter().all(|c| c.stale);
    let mut lines = Vec::new();
    for challenge in &chosen {
        line(&mut lines, challenge, credentials, asked, cnonce);
    }
    (!chosen.is_empty()).then_some(Answers { lines, stale })
}

fn line(
    out: &mut Vec<u8>,
    challenge: &Challenge<'_>,
    credentials: &Credentials,
    asked: Asked<'_>,
    cnonce: &str,
) {
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    let name: &[u8] = if challenge.proxy { b"Proxy-Authorization" } else { b"Authorization" };
    let user = escaped(&credentials.user);
    let response = response(challenge, credentials, asked, cnonce);
    put(&[name, b": Digest username=\"", user.as_bytes()]);
    put(&[b"\",realm=\"", challenge.realm, b"\",nonce=\"", challenge.nonce]);
    put(&[b"\",uri=\"", asked.uri, b"\",response=\"", response.as_bytes(), b"\""]);
    if let Some(text) = challenge.algorithm_text {
        put(&[b",algorithm=", text]);
    }
    if let Some(opaque) = challenge.opaque {
        put(&[b",opaque=\"", opaque, b"\""]);
    }
    if challenge.counted {
        put(&[b",qop=auth,nc=", NC.as_bytes(), b",cnonce=\"", cnonce.as_bytes(), b"\""]);
    } else if challenge.session {
        put(&[b",cnonce=\"", cnonce.as_bytes(), b"\""]);
    }
    put(&[b"\r\n"]);
}

/// A nonce is used once, so it is always the first count.
const NC: &str = "00000001";

fn response(
    challenge: &Challenge<'_>,
    credentials: &Credentials,
    asked: Asked<'_>,
    cnonce: &str,
) -> String {
    let hash = |parts: &[&[u8]]| hash(challenge.algorithm, parts);
    let (user, password) = (credentials.user.as_bytes(), credentials.password.as_bytes());
    let mut a1 = hash(&[user, challenge.realm, password]);
    if challenge.session {
        a1 = hash(&[a1.as_bytes(), challenge.nonce, cnonce.as_bytes()]);
    }
    let a2 = hash(&[asked.method, asked.uri]);
    let (a1, a2) = (a1.as_bytes(), a2.as_bytes());
    match challenge.counted {
        true => hash(&[a1, challenge.nonce, NC.as_bytes(), cnonce.as_bytes(), b"auth", a2]),
        false => hash(&[a1, challenge.nonce, a2]),
    }
}

/// Hash of the parts with colons between them, in hex.
fn hash(algorithm: Algorithm, parts: &[&[u8]]) -> String {
    let with_colons = parts.iter().enumerate().flat_map(|(i, part)| {
        let colon: &[u8] = if i > 0 { b":" } else { b"" };
        [colon, *part]
    });
    match algorithm {
        Algorithm::Md5 => {
            let mut hasher = md5::Md5::new();
            with_colons.for_each(|part| hasher.update(part));
            hex(&hasher.finalize())
        }
        Algorithm::Sha256 | Algorithm::Sha512Trunc256 => {
            let sha256 = algorithm == Algorithm::Sha256;
            let mut context = Context::new(if sha256 { &SHA256 } else { &SHA512_256 });
            with_colons.for_each(|part| context.update(part));
            hex(context.finish().as_ref())
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Text between quotes; what would leave its line is dropped.
fn escaped(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_control());
    kept.flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sip::message::{Index, Message};

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials { user: user.into(), password: password.to_owned().into(), realm: None }
    }

    fn answered(headers: &str, credentials: &Credentials, cnonce: &str) -> Option<(String, bool)> {
        let text = format!("SIP/2.0 401 Unauthorized\r\n{headers}\r\n");
        let mut index = Index::default();
        index.read(text.as_bytes(), 20).unwrap();
        let message = Message::new(text.as_bytes(), &index);
        let answers = answers(&message, credentials, (b"GET", b"/dir/index.html"), cnonce)?;
        Some((String::from_utf8(answers.lines).unwrap(), answers.stale))
    }

    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn mufasa(algorithm: &str) -> String {
        format!(
            "WWW-Authenticate: Digest realm=\"http-auth@example.org\",qop=\"auth, auth-int\",\
             algorithm={algorithm},nonce=\"{NONCE}\",\
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n"
        )
    }

    // proves: RFC 7616 §3.4
    #[test]
    fn vectors_of_rfc_7616_section_3_9_1() {
        let circle = credentials("Mufasa", "Circle of Life");
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let (line, stale) = answered(&mufasa(algorithm), &circle, CNONCE).unwrap();
            assert!(line.contains(&format!("response=\"{response}\"")), "{line}");
            assert!(!stale);
            assert_eq!(
                line,
                format!(
                    "Authorization: Digest username=\"Mufasa\",realm=\"http-auth@example.org\",\
                     nonce=\"{NONCE}\",uri=\"/dir/index.html\",response=\"{response}\",\
                     algorithm={algorithm},\
                     opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\",\
                     qop=auth,nc=00000001,cnonce=\"{CNONCE}\"\r\n"
                )
            );
        }
    }

    /// RFC 2617 §3.5 with its own values, counted; and the form of RFC 2069 without a count.
    #[test]
    fn old_forms() {
        let circle = credentials("Mufasa", "Circle Of Life");
        let head = "WWW-Authenticate: Digest realm=\"testrealm@host.com\",\
                    nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let counted = answered(&format!("{head},qop=auth\r\n"), &circle, "0a4f113b").unwrap().0;
        assert!(counted.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{counted}");
        let plain = answered(&format!("{head}\r\n"), &circle, "0a4f113b").unwrap().0;
        assert!(plain.contains("response=\"670fd8c2df070c60b045671b8b24ff02\""), "{plain}");
        assert!(!plain.contains("nc=") && !plain.contains("algorithm"), "{plain}");
    }

    // proves: RFC 7616 §3.7
    #[test]
    fn the_topmost_known_algorithm_of_each_realm_is_answered() {
        let any = credentials("a\"b", "x");
        let headers = "WWW-Authenticate: Digest realm=\"r\",nonce=\"1\",algorithm=SHA3-256\r\n\
            WWW-Authenticate: Digest realm=\"r\",nonce=\"2\",algorithm=SHA-256,stale=true\r\n\
            WWW-Authenticate: Digest realm=\"r\",nonce=\"3\"\r\n\
            WWW-Authenticate: Digest realm=\"s\",nonce=\"4\",stale=true\r\n\
            Proxy-Authenticate: Digest realm=\"r\",nonce=\"5\",stale=true\r\n";
        let (lines, stale) = answered(headers, &any, "c").unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(stale);
        for (line, start, nonce) in [
            (lines[0], "Authorization: ", "\"2\""),
            (lines[1], "Authorization: ", "\"4\""),
            (lines[2], "Proxy-Authorization: ", "\"5\""),
        ] {
            assert!(line.starts_with(start) && line.contains(&format!("nonce={nonce}")), "{line}");
            assert!(line.contains("username=\"a\\\"b\""), "{line}");
        }
        let of_s = Credentials { realm: Some("s".into()), ..any };
        assert_eq!(answered(headers, &of_s, "c").unwrap().0.lines().count(), 1);
        let none = Credentials { realm: Some("t".into()), ..of_s };
        assert_eq!(answered(headers, &none, "c"), None);
    }
}
