//! Tokens on the real binary: revoked while a desk is there, after a crash, and without a server.

#![allow(clippy::unwrap_used)]

use crate::support::{Desk, Site, SiteOptions, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);
const A_MINUTE_LATER: &str = "2026-11-23T10:01:00+08:00";
const TWO_MINUTES_LATER: &str = "2026-11-23T10:02:00+08:00";

fn token(site: &Site, user: &str, at: &str) -> String {
    let mint = ["token", "mint", "--subject", user, "--role", "agent", "--devices", "1001"];
    let minted = site.run(&[mint.as_slice(), &["--at", at]].concat());
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

fn closed(code: u16) -> impl Fn(&Value) -> bool {
    move |frame| frame["t"] == "close" && frame["code"] == code
}

fn welcome(frame: &Value) -> bool {
    frame["t"] == "welcome"
}

#[test]
fn a_revoked_user_is_out_at_once_and_stays_out_over_a_crash() {
    let site = Site::with(&SiteOptions::default());
    let server = site.serve(WORKDAY_MORNING);
    let (anna, ben) = (token(&site, "anna", WORKDAY_MORNING), token(&site, "ben", WORKDAY_MORNING));
    let mut desk = Desk::agent(site.net.http(), &anna, json!([]));
    desk.expect("welcome", WITHIN, welcome);
    let said = site.run(&["token", "revoke", "--subject", "anna"]).stdout;
    assert_eq!(String::from_utf8(said).unwrap(), "revoked; sockets closed: 1\n");
    desk.expect("the close", WITHIN, closed(4503));
    server.kill();
    // Without a server it is written down; the next one knows.
    let jti = {
        let body = ben.split('.').nth(1).unwrap();
        let b64 = base64::prelude::BASE64_URL_SAFE_NO_PAD;
        let claims: Value =
            serde_json::from_slice(&base64::Engine::decode(&b64, body).unwrap()).unwrap();
        claims["jti"].as_str().unwrap().to_owned()
    };
    let said = site.run(&["token", "revoke", "--id", &jti]).stdout;
    assert_eq!(String::from_utf8(said).unwrap(), "revoked; sockets closed: 0\n");

    let _server = site.serve(A_MINUTE_LATER);
    for token in [&anna, &ben] {
        let mut desk = Desk::agent(site.net.http(), token, json!([]));
        desk.expect("the close", WITHIN, closed(4503));
    }
    // Tokens of after the revocation are good.
    for user in ["anna", "ben"] {
        let newer = token(&site, user, TWO_MINUTES_LATER);
        let mut desk = Desk::agent(site.net.http(), &newer, json!([]));
        desk.expect("welcome", WITHIN, welcome);
    }
    let verified = site.run(&["audit", "verify"]).stdout;
    assert!(String::from_utf8(verified).unwrap().starts_with("audit log ok"));
    for wrong in [&["token", "revoke"][..], &["token", "revoke", "--subject", "a", "--id", "b"]] {
        assert_eq!(site.try_run(wrong).status.code(), Some(2));
    }
}
