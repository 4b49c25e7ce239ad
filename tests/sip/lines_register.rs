//! A carrier that asks for a registration and challenges it (RFC 3261 §10 and §22, RFC 7616).

#![allow(clippy::unwrap_used)]

use crate::support::ua::Message;
use crate::support::{Site, SiteOptions, Ua, WORKDAY_MORNING};
use aws_lc_rs::digest::{SHA256, digest};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const NONCE: &str = "dcd98b7102dd2f0e8b11d0f600bfb0c0";
const LONG: Duration = Duration::from_secs(10);

fn hex(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// A member of an Authorization header.
fn member(header: &str, name: &str) -> String {
    let members = header.trim_start_matches("Digest ").split(',').map(str::trim);
    let found = members.filter_map(|m| m.split_once('=')).find(|(n, _)| n.trim() == name);
    found.map(|(_, v)| v.trim_matches('"').to_owned()).unwrap_or_default()
}

/// Is the answer that of somebody who knows the password? RFC 7616 §3.4.1, qop=auth.
fn knows(request: &Message, password: &str) -> bool {
    let header = request.value("Authorization");
    let part = |name| member(&header, name);
    let ha1 = hex(&format!("{}:{}:{password}", part("username"), part("realm")));
    let ha2 = hex(&format!("REGISTER:{}", part("uri")));
    let (nc, cnonce) = (part("nc"), part("cnonce"));
    let wanted = hex(&format!("{ha1}:{NONCE}:{nc}:{cnonce}:auth:{ha2}"));
    part("nonce") == NONCE && part("response") == wanted
}

/// Answers like a registrar.
fn respond(registrar: &Ua, request: &Message, status: &str, extra: &str) {
    let mut lines = vec![format!("SIP/2.0 {status}")];
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        lines.extend(request.values(name).iter().map(|v| format!("{name}: {v}")));
    }
    lines.push(format!("To: {};tag=r", request.value("To")));
    if !extra.is_empty() {
        lines.push(extra.to_owned());
    }
    lines.push("Content-Length: 0".into());
    registrar.send(&format!("{}\r\n\r\n", lines.join("\r\n")));
}

fn challenge(registrar: &Ua, request: &Message) {
    let challenge = format!(
        "WWW-Authenticate: Digest realm=\"carrier.example\",qop=\"auth\",algorithm=SHA-256,\
         nonce=\"{NONCE}\""
    );
    respond(registrar, request, "401 Unauthorized", &challenge);
}

/// A registration that the registrar challenges and judges.
fn register(registrar: &Ua, password: &str, granted_s: u32) -> Message {
    let first = registrar.expect_within("REGISTER ", LONG);
    challenge(registrar, &first);
    let second = registrar.expect_within("REGISTER ", LONG);
    assert!(knows(&second, password), "{}", second.text);
    let contact = format!("Contact: {};expires={granted_s}", second.value("Contact"));
    respond(registrar, &second, "200 OK", &contact);
    first
}

fn site_with_password(password: &str) -> Site {
    let options = SiteOptions {
        carrier_keys: "probe = { interval_s = 0 }\nusername = \"4001\"\n\
            password_file = \"carrier.password\"\nrealm = \"carrier.example\"\n\
            register = { aor = \"sip:4001@carrier.example\", expires_s = 60 }",
        ..SiteOptions::default()
    };
    let site = Site::with(&options);
    let file = site.path("carrier.password");
    std::fs::write(&file, format!("{password}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    site
}

#[test]
fn a_line_registers_answers_the_challenge_and_renews_in_time() {
    let site = site_with_password("secret");
    let registrar = Ua::bind(site.carrier(), site.carrier_side());
    let _server = site.serve(WORKDAY_MORNING);
    let first = register(&registrar, "secret", 2);
    assert!(first.text.starts_with("REGISTER sip:carrier.example SIP/2.0"), "{}", first.text);
    assert!(first.value("To").contains("sip:4001@carrier.example"));
    assert!(first.value("Contact").contains("4001@"), "{}", first.text);
    let line = site.until_line("main", "in_service");
    assert_eq!(line["registration"]["state"], "registered");
    assert!(line["registration"]["expires_at"].is_string());
    // Two seconds were granted: it is renewed before they are over.
    let again = register(&registrar, "secret", 60);
    assert_eq!(again.value("Call-ID"), first.value("Call-ID"), "RFC 3261 §10.2");
    assert_eq!(site.metric("trunkline_line_registered"), 1.0);
}

#[test]
fn a_refused_registration_degrades_the_line_and_says_why() {
    let site = site_with_password("wrong");
    let registrar = Ua::bind(site.carrier(), site.carrier_side());
    let _server = site.serve(WORKDAY_MORNING);
    let first = registrar.expect_within("REGISTER ", LONG);
    challenge(&registrar, &first);
    let second = registrar.expect_within("REGISTER ", LONG);
    assert!(!knows(&second, "secret"));
    respond(&registrar, &second, "403 Forbidden", "");
    let line = site.until_line("main", "degraded");
    assert_eq!(line["reason"], "not registered: 403 Forbidden");
    let shown = String::from_utf8(site.run(&["trunk", "show"]).stdout).unwrap();
    assert!(shown.contains("registration: failed (403 Forbidden)"), "{shown}");
    assert!(!shown.contains("wrong"), "no password anywhere");
}

#[test]
fn a_password_that_others_can_read_is_refused() {
    let site = site_with_password("secret");
    let file = site.path("carrier.password");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = site.try_run(&["serve"]);
    assert_eq!(refused.status.code(), Some(3));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("carrier.main.password_file") && text.contains("0600"), "{text}");
}
