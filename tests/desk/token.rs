//! Desk tokens.
#![allow(clippy::unwrap_used)]

use std::time::Duration;
use trunkline::io::desk::token::{Claims, TokenError, TokenKey};
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::Wall;

const NOW: Wall = Wall(1_767_580_200_000_000);

fn seconds(s: i64) -> Wall {
    Wall(NOW.0 + s * 1_000_000)
}

fn who() -> Principal {
    Principal {
        user: "anna".into(),
        role: Role::Supervisor,
        devices: vec!["100".into()],
        agent: "anna".into(),
        teams: vec!["day".into()],
    }
}

fn claims() -> Claims {
    let iat = NOW.0 / 1_000_000;
    Claims {
        sub: "anna".into(),
        role: "agent".into(),
        devices: vec!["100".into()],
        agent: String::new(),
        teams: Vec::new(),
        jti: String::new(),
        site: "s".into(),
        iat,
        exp: iat + 60,
        nbf: None,
        iss: "trunkline".into(),
        aud: "trunkline-desk".into(),
    }
}

#[test]
fn a_minted_token_says_who_until_its_end_and_thirty_seconds() {
    let key = TokenKey::new("s", &[1; 32]);
    let token = key.mint(&who(), NOW, Duration::from_secs(60)).unwrap();
    for at in [0, 59, 60, 90] {
        let verified = key.verify(&token, seconds(at)).unwrap();
        assert_eq!((verified.who, verified.expires), (who(), seconds(60)));
    }
    assert!(matches!(key.verify(&token, seconds(91)), Err(TokenError::Expired)));
}

#[test]
fn each_claim_is_checked() {
    let key = TokenKey::new("s", &[1; 32]);
    let refused = |change: fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        key.verify(&key.sign(&claims).unwrap(), NOW).err()
    };
    assert!(refused(|_| ()).is_none());
    let wrong: [fn(&mut Claims); 12] = [
        |c| c.iss = "other".into(),
        |c| c.aud = "other".into(),
        |c| c.site = "other".into(),
        |c| c.role = "root".into(),
        |c| c.sub = String::new(),
        |c| c.sub = "x".repeat(129),
        |c| c.devices = vec![String::new()],
        |c| c.devices = vec!["1".into(); 65],
        |c| c.teams = vec![String::new()],
        |c| c.teams = vec!["1".into(); 65],
        |c| c.jti = "x".repeat(129),
        |c| c.exp = c.iat + 366 * 86_400 + 1, // revocations are not kept for longer
    ];
    for change in wrong {
        assert!(matches!(refused(change), Some(TokenError::Refused(_))));
    }
    assert!(refused(|c| c.nbf = Some(c.iat + 30)).is_none());
    assert!(matches!(refused(|c| c.nbf = Some(c.iat + 31)), Some(TokenError::NotYet)));
}

#[test]
fn another_algorithm_or_none_is_refused() {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    let key = TokenKey::new("s", &[1; 32]);
    let secret = EncodingKey::from_secret(&[1; 32]);
    let hs384 = encode(&Header::new(Algorithm::HS384), &claims(), &secret).unwrap();
    assert!(matches!(key.verify(&hs384, NOW), Err(TokenError::Refused(_))));
    let good = key.sign(&claims()).unwrap();
    assert!(key.verify(&good, NOW).is_ok());
    let body = good.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."); // {"alg":"none","typ":"JWT"}
    assert!(matches!(key.verify(&none, NOW), Err(TokenError::Refused(_))));
    assert!(matches!(key.verify(&"x".repeat(5000), NOW), Err(TokenError::Refused(_))));
}
