//! The simulated site: who is there, and its folder with keys and configuration.

use super::args::SimulateArgs;
use crate::cli::demo::{
    site::{folder, free_udp},
    wiring,
};
use crate::sim::pbx::{PhoneSettings, QueueSettings, SwitchSettings};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use trunkline_core::hub::{Principal, Role};

/// Name of the site.
pub(super) const NAME: &str = "simulated";
/// First telephone.
const FIRST: u16 = 1001;
/// Manager user of the PBX.
const USER: &str = "trunkline";
const TRUNK: &str = "carrier";
const TEAM: &str = "floor";

/// An agent.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub name: String,
    pub extension: String,
    pub queue: String,
    /// The developer's.
    pub own: bool,
}

/// Who is there.
#[derive(Clone, Debug)]
pub(super) struct People {
    pub agents: Vec<Agent>,
    /// Name and number.
    pub queues: Vec<(String, String)>,
}

impl People {
    pub fn new(args: &SimulateArgs) -> Self {
        let queues = args.queues.iter().enumerate();
        let queues: Vec<_> = queues.map(|(n, q)| (q.clone(), (95_501 + n).to_string())).collect();
        let agent = |n: u16| Agent {
            name: format!("agent{}", n + 1),
            extension: (FIRST + n).to_string(),
            queue: args.queues[usize::from(n) % args.queues.len()].clone(),
            own: n < args.desks,
        };
        Self { agents: (0..args.agents).map(agent).collect(), queues }
    }

    /// The virtual PBX of these people.
    pub fn switch(&self, args: &SimulateArgs, seed: u64, secret: &str) -> SwitchSettings {
        let slow = |name: &str| {
            let named = args.slow_queue.iter().find(|(queue, _)| queue == name);
            named.map_or(Duration::ZERO, |(_, time)| *time)
        };
        let queue = |(name, number): &(String, String)| QueueSettings {
            name: name.clone(),
            number: number.clone(),
            slow: slow(name),
        };
        let phone = |agent: &Agent| PhoneSettings {
            extension: agent.extension.clone(),
            answers: !agent.own,
        };
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        SwitchSettings {
            trunk: TRUNK.to_owned(),
            user: USER.to_owned(),
            secret: secret.to_owned(),
            queues: self.queues.iter().map(queue).collect(),
            phones: self.agents.iter().map(phone).collect(),
            answer: args.answer,
            ring: args.ring,
            seed,
            started_s: started.as_secs(),
        }
    }
}

impl Agent {
    /// Who the agent's token says it is.
    pub fn principal(&self) -> Principal {
        Principal {
            user: self.name.clone(),
            role: Role::Agent,
            devices: vec![self.extension.clone()],
            agent: self.name.clone(),
            teams: Vec::new(),
        }
    }
}

/// Somebody who sees the whole site.
pub(super) fn of_role(user: &str, role: Role) -> Principal {
    let (devices, agent, teams) = (Vec::new(), String::new(), Vec::new());
    Principal { user: user.to_owned(), role, devices, agent, teams }
}

/// Where the virtual neighbours are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbours {
    pub carrier: SocketAddr,
    pub pbx: SocketAddr,
    pub manager: SocketAddr,
}

/// A folder that the server is started from. One that we chose is removed with this.
pub(super) struct Site {
    pub dir: PathBuf,
    pub config: PathBuf,
    pub token_key: PathBuf,
    pub sip: SocketAddr,
    kept: bool,
}

impl Drop for Site {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.dir); // a temporary folder: the system's task then
        }
    }
}

impl Site {
    /// Makes the folder with keys, rule set and configuration.
    pub fn prepare(
        args: &SimulateArgs,
        people: &People,
        at: Neighbours,
        secret: &str,
    ) -> std::io::Result<Self> {
        let dir = folder(args.dir.as_deref(), "simulation")?;
        let site = Self {
            config: dir.join("trunkline.toml"),
            token_key: dir.join("token.key"),
            sip: free_udp(args.listen.ip())?,
            kept: args.dir.is_some(),
            dir,
        };
        wiring::make_keys(&site.dir.join("master.key"), &site.token_key)?;
        let mut password = std::fs::OpenOptions::new();
        let password = password.write(true).create_new(true).mode(0o600);
        let mut password = password.open(site.dir.join("pbx.password"))?;
        std::io::Write::write_all(&mut password, secret.as_bytes())?;
        std::fs::write(site.dir.join("rules.toml"), include_str!("open.toml"))?;
        std::fs::write(&site.config, site.text(args, people, at))?;
        Ok(site)
    }

    fn text(&self, args: &SimulateArgs, people: &People, at: Neighbours) -> String {
        let file = |name: &str| quoted(&self.dir.join(name));
        let gate = match &args.ruleset {
            Some(name) => format!("ruleset = \"{name}\""),
            None => format!("ruleset = \"simulated\"\nfile = {}", file("rules.toml")),
        };
        let origins: Vec<String> =
            args.origin.iter().map(|o| toml::Value::from(o.clone()).to_string()).collect();
        let Neighbours { carrier, pbx, manager } = at;
        let mut text = format!(
            r#"# Written by `trunkline simulate`.
[site]
name = "{NAME}"
data_dir = {data}
master_key = {master}

[sip]
listen = ["{sip}"]
drain_s = 0

[pbx.virtual]
address = "{pbx}"
sources = ["{pbx}"]
trunks = ["PJSIP/{TRUNK}"]
context = "from-agents"

[pbx.virtual.ami]
address = "{manager}"
user = "{USER}"
password_file = {password}
plain_login = true

[carrier.north]
address = "{carrier}"
sources = ["{carrier}"]
probe = {{ interval_s = 0 }}

[trunk]
primary = "north"

[gate]
{gate}
internal = ["1xxx"]

[http]
listen = "{listen}"
token_key = {token}
origins = [{origins}]

[admin]
socket = {socket}

[agents]
acw_s = {acw}
"#,
            data = file("data"),
            master = file("master.key"),
            sip = self.sip,
            password = file("pbx.password"),
            listen = args.listen,
            token = file("token.key"),
            origins = origins.join(", "),
            socket = file("admin.sock"),
            acw = args.wrap_up.as_secs().max(1),
        );
        for Agent { name, extension, queue, .. } in &people.agents {
            let _ = write!(
                text,
                "\n[agent.{name}]\ndevice = \"PJSIP/{extension}\"\nqueues = [\"{queue}\"]\n\
                 team = \"{TEAM}\"\n"
            );
        }
        text
    }
}

fn quoted(path: &Path) -> String {
    toml::Value::from(path.to_string_lossy().into_owned()).to_string()
}
