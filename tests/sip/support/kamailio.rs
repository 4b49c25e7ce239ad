//! Kamailio, a real SIP proxy (Debian package kamailio), in the place of a carrier.

use super::process::{end, last_lines, poll_until};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// What the carrier is asked to be.
pub struct Carrier<'a> {
    /// `udp:127.0.0.1:5060`; several with `\nlisten=` between them.
    pub listen: String,
    /// An address of its that answers OPTIONS over UDP when it is ready.
    pub ready: SocketAddr,
    /// Where trunkline is and how it is reached: `127.0.0.1:5060;transport=tcp`.
    pub trunkline: (SocketAddr, &'a str),
    /// The telephone behind the carrier.
    pub subscriber: SocketAddr,
    /// Password and algorithm asked of trunkline, if any.
    pub asks: Option<(&'a str, &'a str)>,
    /// Certificate and key (PEM): the TLS part is on.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// A running carrier.
pub struct Kamailio {
    child: Child,
    dir: TempDir,
}

impl Kamailio {
    /// Starts it and waits until it answers.
    pub fn start(carrier: &Carrier<'_>) -> Self {
        let dir = tempfile::Builder::new().prefix("trunkline-kamailio-").tempdir().unwrap();
        let (trunkline, how) = carrier.trunkline;
        let (password, algorithm) = carrier.asks.unwrap_or(("", "MD5"));
        let marks = [
            ("@LISTEN@", carrier.listen.clone()),
            ("@TRUNKLINE_IP@", trunkline.ip().to_string()),
            ("@TRUNKLINE@", format!("{trunkline}{how}")),
            ("@SUBSCRIBER@", carrier.subscriber.to_string()),
            ("@PASSWORD@", password.to_owned()),
            ("@ALGORITHM@", algorithm.to_owned()),
            ("@DIR@", dir.path().display().to_string()),
        ];
        let mut text = include_str!("../peers/kamailio.cfg").to_owned();
        for (mark, value) in marks {
            text = text.replace(mark, &value);
        }
        std::fs::write(dir.path().join("kamailio.cfg"), text).unwrap();
        let mut command = Command::new("kamailio");
        if carrier.asks.is_some() {
            command.args(["-A", "WITH_AUTH"]);
        }
        if let Some((certificate, key)) = &carrier.tls {
            command.args(["-A", "WITH_TLS"]);
            let both =
                format!("certificate = {}\nprivate_key = {}", certificate.display(), key.display());
            let text = format!(
                "[server:default]\nmethod = TLSv1.2+\nverify_certificate = no\n{both}\n\
                 [client:default]\nmethod = TLSv1.2+\nverify_certificate = no\n{both}\n"
            );
            std::fs::write(dir.path().join("tls.cfg"), text).unwrap();
        }
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = command
            .args(["-DD", "-E", "-m", "64", "-M", "4"])
            .arg("-f")
            .arg(dir.path().join("kamailio.cfg"))
            .arg("-Y")
            .arg(dir.path())
            .arg("-P")
            .arg(dir.path().join("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("kamailio starts; tests/run installs it");
        let this = Self { child, dir };
        let asks = UdpSocket::bind((carrier.subscriber.ip(), 0)).unwrap();
        asks.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let answers = poll_until(Duration::from_secs(20), || {
            let _ = asks.send_to(options(&asks, carrier.ready).as_bytes(), carrier.ready);
            asks.recv_from(&mut [0; 2048]).is_ok()
        });
        assert!(answers, "kamailio does not answer:\n{}", last_lines(&this.log(), 60));
        this
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

fn options(from: &UdpSocket, to: SocketAddr) -> String {
    let from = from.local_addr().unwrap();
    format!(
        "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKready\r\n\
         Max-Forwards: 70\r\nFrom: <sip:t@{from}>;tag=1\r\nTo: <sip:{to}>\r\nCall-ID: ready@{from}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        end(&mut self.child);
        if std::thread::panicking() {
            eprintln!("--- kamailio\n{}\n---", last_lines(&self.log(), 60));
        }
    }
}
