//! The same port over TLS.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use crate::web::Ask;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use trunkline::io::desk::{Revocation, Revoked};
use trunkline::io::http::{HttpConfig, HttpError, ServiceCert, TlsFiles, serve};
use trunkline_core::hub::Role;

#[tokio::test]
async fn a_desk_over_tls_sees_what_it_would_see_without() {
    let dir = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    std::fs::write(&files.cert, certified.cert.pem()).unwrap();
    std::fs::write(&files.key, certified.signing_key.serialize_pem()).unwrap();
    let setup = Setup { desk: quick(), tls: Some(files), ..Setup::default() };
    let site = Site::start(setup).await;

    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(site.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let mut desk = Desk::over(site.addr, tls).await.unwrap();
    desk.say(&hello(&site.agent(), OWN, None)).await;
    assert_eq!(desk.until_live(1).await[0]["t"], "welcome");
    site.commit(200, &["100", "200"]);
    for want in site.own_positions(&["100"], 0) {
        assert_eq!(pos(&desk.next_of("ev").await), want);
    }
    // A plain client on the TLS port gets no further.
    let plain = TcpStream::connect(site.addr).await.unwrap();
    assert!(Desk::over(site.addr, plain).await.is_err());
    site.shutdown.send(true).unwrap();
    assert_eq!(desk.until_close().await.1, 1001);
}

#[tokio::test]
async fn a_wrong_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let cert = dir.path().join("cert.pem");
    std::fs::write(&cert, "no certificate").unwrap();
    let config = HttpConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Some(TlsFiles { cert: cert.clone(), key: dir.path().join("none.pem") }),
        ..HttpConfig::default()
    };
    let deps = trunkline::io::http::HttpDeps {
        dnc: crate::kit::list_door::door(),
        gate: gate(Arc::new(|_| false)),
        links: Arc::new(|| serde_json::json!({})),
        ari: Arc::default(),
        desk: site.hub.clone(),
        tokens: site.auth.clone(),
        give: Arc::new(|_| false),
        healthz: Arc::new(|| trunkline::io::desk::Health::Enabled),
        metrics: Arc::new(String::new),
    };
    let refused = serve(config, deps, site.shutdown.subscribe()).await;
    assert!(matches!(refused, Err(HttpError::Tls { path, .. }) if path == cert));
}

/// A certificate authority, and what it signs.
struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self(rcgen::CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn sign(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2036, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        (cert.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}

#[tokio::test]
async fn a_service_is_who_its_certificate_says() {
    let dir = tempfile::tempdir().unwrap();
    let server = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    std::fs::write(&files.cert, server.cert.pem()).unwrap();
    std::fs::write(&files.key, server.signing_key.serialize_pem()).unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, ours.0.pem()).unwrap();
    let who = principal("crm", Role::Service, &[]);
    let site = Site::start(Setup {
        desk: quick(),
        tls: Some(files),
        client_ca: Some(ca),
        services: vec![ServiceCert { san: "crm.example".into(), who }],
        ..Setup::default()
    })
    .await;
    let connect = async |shown: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>| {
        let mut roots = RootCertStore::empty();
        roots.add(server.cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            Some((cert, key)) => config.with_client_auth_cert(vec![cert], key).unwrap(),
            None => config.with_no_client_auth(),
        };
        let tcp = TcpStream::connect(site.addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()
    };
    let open = async |shown| Desk::over(site.addr, connect(shown).await?).await.ok();
    let all = [("1", "site:calls", "full")];
    let mut service = open(Some(ours.sign("crm.example"))).await.unwrap();
    service.say(&hello("", &all, None)).await;
    assert_eq!(of(&service.until_live(1).await, "sub.ok").len(), 1);
    site.commit(1, &["100"]);
    service.next_of("ev").await;
    // A name that is none of the services', or no certificate: a token is needed.
    for shown in [Some(ours.sign("other.example")), None] {
        let mut desk = open(shown).await.unwrap();
        desk.say(&hello("", &all, None)).await;
        assert_eq!(desk.until_close().await.1, 4500);
    }
    let mut desk = open(None).await.unwrap();
    desk.say(&hello(&site.agent(), OWN, None)).await;
    assert_eq!(desk.until_live(1).await[0]["t"], "welcome");
    assert!(open(Some(other.sign("crm.example"))).await.is_none(), "another authority");
    // The API knows it too; a token that is shown comes first.
    let bare = || Ask { headers: Vec::new(), ..Ask::get("/v1/calls", "") };
    let stream = connect(Some(ours.sign("crm.example"))).await.unwrap();
    assert_eq!(bare().over(stream).await.body["view"], "full");
    let stream = connect(Some(ours.sign("crm.example"))).await.unwrap();
    assert_eq!(Ask::get("/v1/calls", &site.agent()).over(stream).await.body["view"], "masked");
    for shown in [Some(ours.sign("other.example")), None] {
        assert_eq!(bare().over(connect(shown).await.unwrap()).await.status, 401);
    }
    // Revoked with the user's tokens: the certificate was issued before.
    let now = trunkline_core::model::Wall(site.clock.load(std::sync::atomic::Ordering::SeqCst));
    assert_eq!(site.auth.revoke(Revocation::of(Revoked::Subject, "crm", now)), 1);
    assert_eq!(service.until_close().await.1, 4503);
    let mut again = open(Some(ours.sign("crm.example"))).await.unwrap();
    again.say(&hello("", &all, None)).await;
    assert_eq!(again.until_close().await.1, 4503);
    let stream = connect(Some(ours.sign("crm.example"))).await.unwrap();
    assert_eq!(bare().over(stream).await.status, 403);
}
