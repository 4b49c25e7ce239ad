//! Tokens of an identity provider: RS256, ES256, EdDSA by a JWK set that changes.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trunkline::io::desk::token::{TokenError, TokenKey};
use trunkline::io::desk::{DeskAuth, Issuer, IssuerConfig, KeySet, KeySource};
use trunkline_core::hub::Role;

struct Key {
    kid: &'static str,
    alg: Algorithm,
    key: EncodingKey,
}

impl Key {
    fn new(kid: &'static str, alg: Algorithm) -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let key = match alg {
            Algorithm::RS256 => {
                let size = aws_lc_rs::rsa::KeySize::Rsa2048;
                let pair = aws_lc_rs::rsa::KeyPair::generate(size).unwrap();
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
                EncodingKey::from_rsa_der(&der.as_ref()[26..]) // the RSAPrivateKey in it
            }
            Algorithm::ES256 => {
                let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let der = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
                EncodingKey::from_ec_der(der.as_ref())
            }
            _ => EncodingKey::from_ed_der(
                Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref(),
            ),
        };
        Self { kid, alg, key }
    }

    fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.alg).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn token(&self, change: impl FnOnce(&mut Header, &mut Value)) -> String {
        let iat = START.0 / 1_000_000;
        let mut header = Header::new(self.alg);
        header.kid = Some(self.kid.to_owned());
        let mut claims = json!({
            "sub": "anna", "role": "agent", "devices": ["100"], "site": "s", "iat": iat as f64 + 0.5,
            "exp": iat + 60, "iss": "https://idp.example/", "aud": ["x", "desks"],
        });
        change(&mut header, &mut claims);
        encode(&header, &claims, &self.key).unwrap()
    }
}

fn set(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|k| k.jwk()).collect::<Vec<_>>() }).to_string()
}

fn config(source: KeySource) -> IssuerConfig {
    IssuerConfig {
        source,
        issuer: "https://idp.example/".into(),
        audience: "desks".into(),
        refresh: Duration::from_secs(3600),
    }
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwks.json");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn auth(issuer: Issuer) -> DeskAuth {
    DeskAuth::new(TokenKey::new("s", &SECRET)).with_issuer(issuer)
}

#[tokio::test]
async fn each_algorithm_is_good_with_its_own_key_alone() {
    let keys = [
        Key::new("r", Algorithm::RS256),
        Key::new("e", Algorithm::ES256),
        Key::new("d", Algorithm::EdDSA),
    ];
    let (_dir, path) = file(&set(&keys.iter().collect::<Vec<_>>()));
    let auth = auth(Issuer::start(config(KeySource::File(path))).unwrap());
    for key in &keys {
        let verified = auth.verify(&key.token(|_, _| ()), START).unwrap();
        let at = (verified.expires.0 - START.0, verified.issued.0 - START.0);
        assert_eq!((verified.who, at), (principal("anna", Role::Agent, &["100"]), (60_000_000, 0)));
        // Without a name the algorithm finds it: there is one key for it.
        assert!(auth.verify(&key.token(|h, _| h.kid = None), START).is_ok());
    }
    let [rsa, ec, ed] = &keys;
    let refused = |token: &str| {
        let error = auth.verify(token, START).unwrap_err();
        assert!(matches!(error, TokenError::Refused(_)), "{error:?}");
    };
    // Another key's name, another claim, another audience, another site.
    refused(&ec.token(|h, _| h.kid = Some("d".into())));
    refused(&ed.token(|h, _| h.kid = Some("r".into())));
    refused(&rsa.token(|_, c| c["iss"] = json!("https://other.example/")));
    refused(&rsa.token(|_, c| c["iss"] = json!("trunkline")));
    refused(&rsa.token(|_, c| c["aud"] = json!("x")));
    refused(&rsa.token(|_, c| c["site"] = json!("other")));
    refused(&rsa.token(|_, c| c["role"] = json!("root")));
    refused(&rsa.token(|h, _| h.crit = Some(vec!["b64".into()])));
    refused(&rsa.token(|h, _| h.alg = Algorithm::RS512));
    refused(&rsa.token(|h, _| h.alg = Algorithm::PS256));
    let unknown = auth.verify(&ec.token(|h, _| h.kid = Some("new".into())), START);
    assert!(matches!(unknown, Err(TokenError::UnknownKey)));
    let late = trunkline_core::model::Wall(START.0 + 90_000_001);
    assert!(matches!(auth.verify(&ec.token(|_, _| ()), late), Err(TokenError::Expired)));
}

#[tokio::test]
async fn a_public_key_is_no_secret_and_none_is_no_algorithm() {
    let rsa = Key::new("r", Algorithm::RS256);
    let mut all = vec![rsa.jwk(), json!({"kty": "oct", "kid": "o", "k": "c2VjcmV0"})];
    all.push(json!({"kty": "future", "kid": "f"}));
    let (_dir, path) = file(&json!({ "keys": all }).to_string());
    let auth = auth(Issuer::start(config(KeySource::File(path))).unwrap());
    let jwk = rsa.jwk();
    let modulus = base64::Engine::decode(
        &base64::prelude::BASE64_URL_SAFE_NO_PAD,
        jwk["n"].as_str().unwrap(),
    );
    // What everybody knows, as the secret of HS256.
    for secret in [modulus.unwrap(), jwk.to_string().into_bytes(), b"secret".to_vec()] {
        for kid in ["r", "o"] {
            let hmac =
                Key { kid: "r", alg: Algorithm::HS256, key: EncodingKey::from_secret(&secret) };
            let token = hmac.token(|h, _| h.kid = Some(kid.into()));
            assert!(matches!(auth.verify(&token, START), Err(TokenError::Refused(_))));
        }
    }
    let good = rsa.token(|_, _| ());
    assert!(auth.verify(&good, START).is_ok());
    let mut parts = good.split('.');
    let (head, body) = (parts.next().unwrap(), parts.next().unwrap());
    let b64 = |text: &str| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, text);
    for none in [r#"{"alg":"none","kid":"r"}"#, r#"{"alg":"None"}"#, r#"{"kid":"r"}"#, "{}"] {
        for end in ["", "x", parts.clone().next().unwrap()] {
            let token = format!("{}.{body}.{end}", b64(none));
            assert!(matches!(auth.verify(&token, START), Err(TokenError::Refused(_))), "{none}");
        }
    }
    assert!(matches!(auth.verify(&format!("{head}.{body}."), START), Err(TokenError::Refused(_))));
    // The site's own key does not sign as the provider, nor the provider as the site.
    let own = Key { kid: "r", alg: Algorithm::HS256, key: EncodingKey::from_secret(&SECRET) };
    assert!(auth.verify(&own.token(|_, _| ()), START).is_err());
}

#[test]
fn a_set_without_a_key_to_use_is_none() {
    let rsa = Key::new("r", Algorithm::RS256);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut jwk = rsa.jwk();
        change(&mut jwk);
        json!({ "keys": [jwk] }).to_string()
    };
    assert!(KeySet::read(with(&|_| ()).as_bytes()).is_ok());
    assert!(KeySet::read(with(&|k| k["use"] = json!("sig")).as_bytes()).is_ok());
    for bad in [
        with(&|k| k["use"] = json!("enc")),
        with(&|k| k["alg"] = json!("RS512")),
        with(&|k| k["alg"] = json!("HS256")),
        with(&|k| k["n"] = json!("*")),
        r#"{"keys":[]}"#.into(),
        r#"{"keys":{}}"#.into(),
        "nonsense".into(),
    ] {
        assert!(KeySet::read(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_and_a_bad_one_changes_nothing() {
    let (old, new) = (Key::new("old", Algorithm::ES256), Key::new("new", Algorithm::EdDSA));
    let (_dir, path) = file(&set(&[&old]));
    let issuer = Issuer::start(config(KeySource::File(path.clone()))).unwrap();
    let site = Site::start(Setup { issuer: Some(issuer), desk: quick(), ..Setup::default() }).await;
    let (old, new) = (old.token(|_, _| ()), (set(&[&new]), new.token(|_, _| ())));
    let say = |token: &str| hello(token, OWN, None);
    let (mut desk, _) = Desk::open(site.addr, &say(&old)).await;
    std::fs::write(&path, "half a file").unwrap();
    site.auth.reload();
    let (_again, _) = Desk::open(site.addr, &say(&old)).await;
    // A token whose key is not known makes the server look; nobody has to tell it.
    std::fs::write(&path, &new.0).unwrap();
    let (_desk, first) = Desk::open(site.addr, &say(&new.1)).await;
    assert_eq!(first[0]["t"], "welcome");
    let mut refused = Desk::connect(site.addr).await;
    refused.say(&say(&old)).await;
    assert_eq!(refused.until_close().await.1, 4500, "its key is gone");
    site.commit(1, &["100"]);
    desk.next_of("ev").await; // who is in stays in until the token ends
    assert!(Issuer::start(config(KeySource::File("/nonexistent".into()))).is_err());
}

/// A provider that answers with what is put into it; nothing: it is broken.
async fn provider() -> (String, Arc<Mutex<Option<String>>>, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.63.7:0").await.unwrap();
    let url = format!("http://{}/keys?v=1", listener.local_addr().unwrap());
    let (set, asked) = (Arc::new(Mutex::new(None::<String>)), Arc::new(AtomicUsize::new(0)));
    let (shown, count) = (set.clone(), asked.clone());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 2048];
            let n = stream.read(&mut request).await.unwrap();
            assert!(request[..n].starts_with(b"GET /keys?v=1 HTTP/1.1\r\n"));
            count.fetch_add(1, SeqCst);
            let answer = match shown.lock().unwrap().clone() {
                Some(body) => {
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                }
                None => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, set, asked)
}

#[tokio::test]
async fn a_new_key_at_the_url_is_fetched_when_a_token_names_it() {
    let (first, second) = (Key::new("1", Algorithm::RS256), Key::new("2", Algorithm::RS256));
    let (url, shown, asked) = provider().await;
    *shown.lock().unwrap() = Some(set(&[&first]));
    let issuer = Issuer::start(config(KeySource::Url { url, ca: None })).unwrap();
    let site = Site::start(Setup { issuer: Some(issuer), desk: quick(), ..Setup::default() }).await;
    let say = |key: &Key| hello(&key.token(|_, _| ()), OWN, None);
    let (_one, _) = Desk::open(site.addr, &say(&first)).await;
    assert_eq!(asked.load(SeqCst), 1);
    *shown.lock().unwrap() = Some(set(&[&first, &second]));
    let (_two, _) = Desk::open(site.addr, &say(&second)).await;
    assert_eq!(asked.load(SeqCst), 2);
    // The provider breaks: what is known stays known, and who makes it up is refused.
    *shown.lock().unwrap() = None;
    let mut unknown = Desk::connect(site.addr).await;
    unknown.say(&say(&Key::new("3", Algorithm::RS256))).await;
    assert_eq!(unknown.until_close().await.1, 4500);
    assert_eq!(asked.load(SeqCst), 3);
    let (_again, _) = Desk::open(site.addr, &say(&second)).await;
    assert_eq!(asked.load(SeqCst), 3, "a known key asks nobody");
    // Made-up keys cannot make us ask without end.
    for _ in 0..3 {
        let mut unknown = Desk::connect(site.addr).await;
        unknown.say(&say(&Key { kid: "4", ..Key::new("4", Algorithm::EdDSA) })).await;
        assert_eq!(unknown.until_close().await.1, 4500);
    }
    assert!(asked.load(SeqCst) <= 4, "{}", asked.load(SeqCst));
}
