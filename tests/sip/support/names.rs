//! dnsmasq as a name server.

use super::Site;
use super::process::{end, last_lines, poll_until, udp_is_bound};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server; its answers live for one second.
pub struct NameServer(Child);

impl NameServer {
    /// Serves these lines of a dnsmasq configuration; `HOST2` stands for host 2 of the network.
    pub fn start(site: &Site, lines: &str) -> Self {
        let address = site.net.name_server();
        let (file, log) = (site.path("dnsmasq.conf"), site.path("dnsmasq.log"));
        let lines = (2..=9).fold(lines.to_owned(), |text, host| {
            text.replace(&format!("HOST{host}"), &site.net.host(host).ip().to_string())
        });
        let fixed = format!(
            "port={}\nlisten-address={}\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\n\
             user=root\ngroup=root\npid-file={}\nlocal-ttl=1\nlocal=/example/\n",
            address.port(),
            address.ip(),
            site.path("dnsmasq.pid").display(),
        );
        std::fs::write(&file, format!("{fixed}{lines}\n")).unwrap();
        let out = std::fs::File::create(&log).unwrap();
        let child = Command::new("dnsmasq")
            .arg(format!("--conf-file={}", file.display()))
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .expect("dnsmasq starts; tests/run installs it (package dnsmasq-base)");
        let this = Self(child);
        let bound = poll_until(Duration::from_secs(5), || udp_is_bound(address));
        assert!(bound, "dnsmasq did not start:\n{}", last_lines(&log, 20));
        this
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}
