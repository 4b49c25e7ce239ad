//! The same port over TLS.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use trunkline::io::http::{HttpConfig, HttpError, TlsFiles, serve};

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
        links: Arc::new(|| serde_json::json!({})),
        ari: Arc::default(),
        desk: site.hub.clone(),
        tokens: site.tokens.clone(),
        give: Arc::new(|_| false),
        healthz: Arc::new(|| trunkline::io::desk::Health::Enabled),
        metrics: Arc::new(String::new),
    };
    let refused = serve(config, deps, site.shutdown.subscribe()).await;
    assert!(matches!(refused, Err(HttpError::Tls { path, .. }) if path == cert));
}
