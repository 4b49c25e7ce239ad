//! baresip, a real SIP phone (Debian package baresip-core), in the place of the PBX.

use super::process::{end, last_lines, poll_until};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running phone with the number 8001.
pub struct Baresip {
    child: Child,
    dir: TempDir,
    control: TcpStream,
    heard: Vec<u8>,
}

impl Baresip {
    /// Starts a phone at `local` that sends everything to `proxy` over this transport and answers
    /// after its own time if `auto` is set.
    pub fn start(local: SocketAddr, proxy: SocketAddr, transport: &str, auto: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("trunkline-baresip-").tempdir().unwrap();
        let control = SocketAddr::from((local.ip(), 4444));
        let config = format!(
            "sip_listen {local}\n\
             sip_verify_server no\n\
             audio_player aubridge,nil\n\
             audio_source aubridge,nil\n\
             audio_alert aubridge,nil\n\
             module_path /usr/lib/baresip/modules\n\
             module g711.so\n\
             module aubridge.so\n\
             module ctrl_tcp.so\n\
             module_app account.so\n\
             module_app menu.so\n\
             ctrl_tcp_listen {control}\n"
        );
        let ip = local.ip();
        let answer = if auto { "auto" } else { "manual" };
        let account = format!(
            "<sip:8001@{ip}>;regint=0;answermode={answer};audio_codecs=pcma;\
             outbound=\"sip:{proxy};transport={transport}\"\n"
        );
        for (name, text) in [("config", config), ("accounts", account), ("contacts", String::new())]
        {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new("baresip")
            .args(["-4", "-s", "-t", "60", "-f"])
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("baresip starts; tests/run installs it (package baresip-core)");
        let mut connected = None;
        poll_until(Duration::from_secs(10), || {
            connected = TcpStream::connect(control).ok();
            connected.is_some()
        });
        let log = dir.path().join("log");
        let control =
            connected.unwrap_or_else(|| panic!("no control port:\n{}", last_lines(&log, 40)));
        control.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { child, dir, control, heard: Vec::new() }
    }

    /// Gives a command of its menu, e.g. `dial`, `hold`, `resume`, `accept`, `hangup`.
    pub fn order(&mut self, command: &str, params: &str) {
        let text = json!({ "command": command, "params": params, "token": command }).to_string();
        write!(self.control, "{}:{text},", text.len()).unwrap();
        self.wait_for(&format!("\"token\":\"{command}\""));
    }

    /// Waits until it tells something with this in it, e.g. `CALL_INCOMING`.
    pub fn wait_for(&mut self, what: &str) {
        loop {
            let text = String::from_utf8_lossy(&self.heard).into_owned();
            if let Some(at) = text.find(what) {
                self.heard = text.as_bytes()[at + what.len()..].to_vec();
                return;
            }
            let mut bytes = [0; 4096];
            let count = self.control.read(&mut bytes).unwrap_or_else(|e| {
                panic!("no {what} from baresip ({e}):\n{}", last_lines(&self.log(), 200))
            });
            assert!(count > 0, "baresip ended before {what}:\n{}", last_lines(&self.log(), 200));
            self.heard.extend_from_slice(&bytes[..count]);
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        end(&mut self.child);
        if std::thread::panicking() {
            eprintln!("--- baresip\n{}\n---", last_lines(&self.log(), 200));
        }
    }
}
