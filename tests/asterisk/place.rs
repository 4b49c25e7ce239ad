//! A site of trunkline with a real Asterisk and telephones.

use crate::pbx::Asterisk;
use crate::phone::Phone;
use crate::support::process::poll_until;
use crate::support::{Server, Site, SiteOptions, Ua};
use std::net::SocketAddr;
use std::time::Duration;

/// People take so long between two acts; a call of ten milliseconds is no story.
pub fn a_moment() {
    std::thread::sleep(Duration::from_millis(250));
}

/// What the telephones of deploy/asterisk log in with.
pub const PASSWORD: &str = "change-me";

/// Everything that runs for a test. Dropped in this order.
pub struct Place {
    pub server: Server,
    pub asterisk: Asterisk,
    pub site: Site,
}

/// How Asterisk is linked, beside its trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkedBy {
    Ami,
    Ari,
    Both,
    /// By way of a relay that the test starts.
    RelayedAmi,
    RelayedAri,
}

/// The sections of a PBX with these links.
macro_rules! links {
    ($($link:literal),+) => {
        concat!(
            "trunks = [\"PJSIP/carrier\", \"PJSIP/side-door\"]\ncontext = \"from-agents\"\n",
            $("[pbx.asterisk.", $link, "\"\nuser = \"trunkline\"\n\
              password_file = \"DIR/pbx.password\"\n"),+
        )
    };
}

const AMI: &str = links!("ami]\naddress = \"PBX:5038");
const ARI: &str = links!("ari]\nurl = \"http://PBX:8088");
const BOTH: &str = links!("ami]\naddress = \"PBX:5038", "ari]\nurl = \"http://PBX:8088");
/// What goes past the gate is ended.
const CLEARING: &str = concat!(
    "bypass = \"clear\"\n",
    links!("ami]\naddress = \"PBX:5038", "ari]\nurl = \"http://PBX:8088")
);
const RELAYED_AMI: &str = links!("ami]\naddress = \"PBX:5039");
const RELAYED_ARI: &str = links!("ari]\nurl = \"http://PBX:5039");

/// Links are stamped by Asterisk, whose clock is the machine's: so is trunkline's in these tests,
/// and the gate is open at any hour.
const OPEN: &str = concat!(
    "file = \"",
    env!("CARGO_MANIFEST_DIR"),
    "/tests/rules/open-all-hours.toml\"\nruleset = \"open-all-hours\""
);

const AGENTS: &str = "[agent.alice]\nname = \"Alice\"\ndevice = \"PJSIP/1001\"\n";
const STAFF: &str = "[agent.alice]\nname = \"Alice\"\ndevice = \"PJSIP/1001\"\n\
    queues = [\"support\"]\n[agents]\nafter_call = \"none\"\n";

/// Where Asterisk writes its call records, in UTC.
pub const RECORDS: &str = "[reconcile.asterisk]\nfiles = \"/nowhere/Master.csv\"\n\
    format = \"asterisk-csv\"\nzone = \"UTC\"\nat = \"never\"\n";

/// The telephones are members of the queue, without a desktop.
const MEMBERS: &str = "s/^;member => /member => /";

impl Place {
    /// By its trunk alone.
    pub fn start(clock: &str) -> Self {
        Self::changed(clock, "")
    }

    /// By its trunk alone; `changes` is a sed script on Asterisk's files.
    pub fn changed(clock: &str, changes: &str) -> Self {
        Self::with(clock, &SiteOptions::default(), &format!("{MEMBERS};{changes}"))
    }

    /// By its trunk and links, at the machine's own time.
    pub fn linked(by: LinkedBy, changes: &str) -> Self {
        Self::linked_with(by, AGENTS, &format!("{MEMBERS};{changes}"))
    }

    /// The same, where only desktops put telephones into the queue.
    pub fn staffed(by: LinkedBy, changes: &str) -> Self {
        Self::linked_with(by, STAFF, changes)
    }

    /// The same with sections of the test's own.
    pub fn linked_with(by: LinkedBy, sections: &'static str, changes: &str) -> Self {
        let (pbx_keys, links): (_, &[&str]) = match by {
            LinkedBy::Ami => (AMI, &["ami"]),
            LinkedBy::Ari => (ARI, &["ari"]),
            LinkedBy::Both => (BOTH, &["ami", "ari"]),
            LinkedBy::RelayedAmi => (RELAYED_AMI, &[]),
            LinkedBy::RelayedAri => (RELAYED_ARI, &[]),
        };
        let options = SiteOptions { pbx_keys, gate_keys: OPEN, sections, ..SiteOptions::default() };
        // On the loopback network trunkline's links come from another of its addresses.
        let changes = format!("s/^permit = .*/permit = 127.0.0.0\\/255.0.0.0/;{changes}");
        let place = Self::with("", &options, &changes);
        links.iter().for_each(|link| place.until_link(link, "up"));
        place
    }

    /// By its trunk alone, at the machine's own time, and Asterisk's call records are known.
    pub fn recorded(changes: &str) -> Self {
        let options = SiteOptions {
            pbx_keys: "trunks = [\"PJSIP/carrier\"]\n",
            gate_keys: OPEN,
            sections: RECORDS,
            ..SiteOptions::default()
        };
        let changes = format!("s/^permit = .*/permit = 127.0.0.0\\/255.0.0.0/;{changes}");
        Self::with("", &options, &changes)
    }

    /// By its trunk and links and under the norm's rules, with the clock at some instant. Asterisk
    /// keeps the machine's time: a link's stamps say so, and calls are decided by our clock alone.
    pub fn at(clock: &str, changes: &str) -> Self {
        Self::at_with(clock, BOTH, changes)
    }

    /// The same, and calls past the gate are ended.
    pub fn clearing(clock: &str, changes: &str) -> Self {
        Self::at_with(clock, CLEARING, changes)
    }

    fn at_with(clock: &str, pbx_keys: &'static str, changes: &str) -> Self {
        let options = SiteOptions { pbx_keys, sections: AGENTS, ..SiteOptions::default() };
        let changes = format!("s/^permit = .*/permit = 127.0.0.0\\/255.0.0.0/;{changes}");
        let place = Self::with(clock, &options, &changes);
        ["ami", "ari"].iter().for_each(|link| place.until_link(link, "up"));
        place
    }

    fn with(clock: &str, options: &SiteOptions, changes: &str) -> Self {
        let options = SiteOptions { default_purpose: Some("service"), ..*options };
        let site = Site::with(&options);
        std::fs::write(site.path("pbx.password"), PASSWORD).unwrap();
        private(&site.path("pbx.password"));
        let asterisk = Asterisk::start(&site, changes);
        let server = site.serve(clock);
        Self { server, asterisk, site }
    }

    /// A link as `trunkline link show` has it.
    pub fn link(&self, link: &str) -> serde_json::Value {
        let shown = String::from_utf8(self.site.run(&["link", "show", "--json"]).stdout).unwrap();
        let all = serde_json::Deserializer::from_str(&shown).into_iter::<serde_json::Value>();
        let id = format!("asterisk/{link}");
        let found = all.map(Result::unwrap).find(|l| l["id"] == *id);
        found.unwrap_or_else(|| panic!("no {id}: {shown}"))
    }

    /// Waits until a link is in this state.
    pub fn until_link(&self, link: &str, state: &str) {
        let mut shown = serde_json::Value::Null;
        let reached = poll_until(Duration::from_secs(15), || {
            shown = self.link(link);
            shown["state"] == state
        });
        assert!(reached, "{link} is never {state}: {shown}");
    }

    /// Where Asterisk's AMI is.
    pub fn ami(&self) -> SocketAddr {
        SocketAddr::new(self.site.net.pbx().ip(), 5038)
    }

    /// Where its ARI is.
    pub fn ari(&self) -> SocketAddr {
        SocketAddr::new(self.site.net.pbx().ip(), 8088)
    }

    /// Where trunkline looks for either when it is relayed.
    pub fn relay(&self) -> SocketAddr {
        SocketAddr::new(self.site.net.pbx().ip(), 5039)
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
