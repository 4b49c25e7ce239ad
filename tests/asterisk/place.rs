//! A site of trunkline with a real Asterisk and telephones.

use crate::pbx::Asterisk;
use crate::phone::Phone;
use crate::support::process::poll_until;
use crate::support::{Server, Site, SiteOptions, Ua};
use std::time::Duration;

/// What the telephones of deploy/asterisk log in with.
const PASSWORD: &str = "change-me";

/// Everything that runs for a test. Dropped in this order.
pub struct Place {
    pub server: Server,
    pub asterisk: Asterisk,
    pub site: Site,
}

impl Place {
    /// `links` are further lines of `[pbx.asterisk]`, `changes` a sed script on Asterisk's files.
    pub fn start(clock: &str, links: &'static str, changes: &str) -> Self {
        let options = SiteOptions {
            default_purpose: Some("service"),
            pbx_keys: links,
            ..SiteOptions::default()
        };
        let site = Site::with(&options);
        std::fs::write(site.path("pbx.password"), PASSWORD).unwrap();
        private(&site.path("pbx.password"));
        let asterisk = Asterisk::start(&site, changes);
        let server = site.serve(clock);
        Self { server, asterisk, site }
    }

    /// A registered telephone on its own address.
    pub fn phone(&self, number: &str) -> Phone {
        let host = 20 + number.parse::<u16>().unwrap() % 100;
        let address = self.site.net.host(u8::try_from(host).unwrap());
        Phone::register(number, PASSWORD, address, self.site.net.pbx())
    }

    /// The carrier, where customers are.
    pub fn customer(&self) -> Ua {
        Ua::bind(self.site.carrier(), self.site.carrier_side())
    }

    /// Asterisk has forgotten everything.
    pub fn assert_asterisk_is_idle(&self) {
        let idle = poll_until(Duration::from_secs(5), || self.asterisk.channels() == 0);
        assert!(idle, "{}", self.asterisk.command("core show channels"));
    }
}

fn private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
