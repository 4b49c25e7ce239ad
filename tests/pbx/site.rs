//! A site with control links, and how they stand.

use crate::support::process::poll_until;
use crate::support::{Server, Site, SiteOptions, WORKDAY_MORNING};
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

/// Every scripted PBX wants this password.
pub const PASSWORD: &str = "secret";
const WAIT: Duration = Duration::from_secs(20);

pub struct Linked {
    /// Ends before its addresses belong to another test.
    server: Option<Server>,
    pub site: Site,
}

impl Linked {
    /// `keys` follow those of `[pbx.asterisk]`; `PBX` in them is its IP.
    pub fn new(keys: &'static str) -> Self {
        Self::with(keys, "")
    }

    /// The same with further sections at the end of the file.
    pub fn with(keys: &'static str, sections: &'static str) -> Self {
        let options = SiteOptions { pbx_keys: keys, sections, ..SiteOptions::default() };
        let site = Site::with(&options);
        let linked = Self { site, server: None };
        linked.password(PASSWORD);
        linked
    }

    pub fn password(&self, password: &str) {
        let path = self.site.path("pbx.password");
        std::fs::write(&path, format!("{password}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Where the PBX speaks its protocol.
    pub fn pbx(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.site.net.pbx().ip(), port)
    }

    pub fn serve(mut self) -> Self {
        self.server = Some(self.site.serve(WORKDAY_MORNING));
        self
    }

    pub fn link(&self, name: &str) -> Value {
        let shown = self.site.run(&["link", "show", name, "--json"]).stdout;
        serde_json::from_slice(&shown).unwrap()
    }

    /// Waits until a link is in this state, for this reason.
    pub fn until(&self, name: &str, state: &str, reason: &str) -> Value {
        let mut link = Value::Null;
        let reached = poll_until(WAIT + Duration::from_secs(10), || {
            link = self.link(name);
            link["state"] == state && link["reason"].as_str().unwrap().contains(reason)
        });
        assert!(reached, "{name} is never {state} because of {reason}: {link:#}");
        link
    }
}

/// Seconds from when a link was last told to its next try.
pub fn wait_of(link: &Value) -> f64 {
    let at = |name: &str| link[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    (at("next_try_at") - at("since")).total(jiff::Unit::Second).unwrap()
}
