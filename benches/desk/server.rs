//! The hub and the HTTP port as the product starts them, with a log that is made up here.

use crate::site::{START, Setup, Site, call, principal};
use crate::{Options, now_ns};
use std::io::{BufRead as _, Write as _};
use std::time::{Duration, Instant};
use trunkline::io::desk::DeskConfig;
use trunkline::io::http::TlsFiles;
use trunkline_core::hub::{HubLimits, Role};
use trunkline_core::model::*;

/// Prints the address and the certificate's file, then obeys lines: `go RATE SECONDS FROM TO`
/// publishes so many events a second of the desks of these numbers. The end of the input ends it.
pub fn serve(options: &Options) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let certificate = options.tls.then(certificate);
        let desk = DeskConfig {
            sockets_max: 20_000,
            sockets_per_user_max: 20_000,
            waiting_max: 20_000,
            waiting_per_ip_max: 20_000,
            hello_ms: 60_000,
            ..DeskConfig::default()
        };
        let tls = certificate.as_ref().map(|(_, files)| files.clone());
        let setup = Setup {
            desk,
            tls,
            hub: HubLimits { ring_bytes_max: options.recent << 20, ..HubLimits::default() },
            ..Setup::default()
        };
        let site = Site::start(setup).await;
        let site = std::sync::Arc::new(site);
        announce(site.addr, certificate.as_ref().map(|(_, files)| files));
        let desks = options.desks;
        tokio::task::spawn_blocking(move || {
            let ids: Vec<_> = (0..desks).map(|at| begin(&site, at)).collect();
            obey(|at| {
                site.change_call(ids[at], |call| {
                    let stamp = Pii::new(format!("{:020}", now_ns()));
                    call.data.insert("mono".into(), stamp);
                });
            });
        })
        .await
        .unwrap();
    });
}

fn begin(site: &Site, at: usize) -> CallId {
    site.begin_call(&format!("d{at}"), |call| call.queue = Some(format!("q{at}").into()))
}

/// Tells the parent where to connect.
pub fn announce(addr: std::net::SocketAddr, tls: Option<&TlsFiles>) {
    let cert = tls.map(|files| files.cert.display().to_string()).unwrap_or_default();
    println!("{addr} {cert}");
    std::io::stdout().flush().unwrap();
}

/// Publishes as it is told, each event at its time: `one` is given whose event it is.
pub fn obey(mut one: impl FnMut(usize)) {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words = line.split(' ').skip(1).map(|word| word.parse().unwrap());
        let [rate, secs, from, to] = words.collect::<Vec<u64>>().try_into().unwrap();
        let began = Instant::now();
        let mut random = Dice::new(1);
        for n in 0..rate * secs {
            let due = began + Duration::from_nanos(n * 1_000_000_000 / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            one((from + random.throw() % (to - from)) as usize);
        }
        println!("{}", rate * secs);
        std::io::stdout().flush().unwrap();
    }
}

/// A token of each desk, signed as the server of the child process expects.
pub fn token(user: &str, role: Role, devices: &[&str]) -> String {
    let key = trunkline::io::desk::token::TokenKey::new("s", &crate::site::SECRET);
    key.mint(&principal(user, role, devices), START, Duration::from_secs(3600)).unwrap()
}

/// An event as the peer sends it: of the same size as ours.
pub fn sample(at: usize) -> Call {
    let mut call = call(at as u128 + 1, &format!("d{at}"), START);
    call.queue = Some(format!("q{at}").into());
    call.data.insert("mono".into(), Pii::new(format!("{:020}", now_ns())));
    call
}

pub fn certificate() -> (tempfile::TempDir, TlsFiles) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (dir, TlsFiles { cert, key })
}
