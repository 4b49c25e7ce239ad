//! The sections of `trunkline.toml`. Every key: meaning, unit, default, what happens beyond.

use super::error::{line_of, syntax};
use super::{
    Address, Agent, Agents, ConfigError, Dns, Http, Identity, Pbx, Pop, Probe, Reconcile, Record,
    Register, Sip, Trunk, Webhook,
};
use crate::io::desk::DeskConfig;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use trunkline_core::gate::outside_prefixes;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who and where we are.
    pub site: Site,
    /// SIP sockets and limits.
    pub sip: Sip,
    /// PBXs by name.
    pub pbx: BTreeMap<String, Pbx>,
    /// Carriers by name. None: a site of control links alone.
    #[serde(default)]
    pub carrier: BTreeMap<String, Carrier>,
    /// Rules for agents.
    #[serde(default)]
    pub agents: Agents,
    /// Agents by name.
    #[serde(default)]
    pub agent: BTreeMap<String, Agent>,
    /// What desktops show when a call rings.
    #[serde(default)]
    pub pop: Pop,
    /// Proofs of a customer's identity.
    #[serde(default)]
    pub identity: Identity,
    /// What agents say of calls.
    #[serde(default)]
    pub record: Record,
    /// How names of neighbours are looked up.
    #[serde(default)]
    pub dns: Dns,
    /// Which carrier calls leave by. Needed where there are carriers.
    #[serde(default)]
    pub trunk: Trunk,
    /// The outbound gate.
    #[serde(default)]
    pub gate: Gate,
    /// Desktops, metrics, health.
    pub http: Http,
    /// Limits of desktops' sockets.
    #[serde(default)]
    pub desk: DeskConfig,
    /// Call records that PBXs write, by the PBX's name.
    #[serde(default)]
    pub reconcile: BTreeMap<String, Reconcile>,
    /// Systems that get events by HTTP, by name.
    #[serde(default)]
    pub webhook: BTreeMap<String, Webhook>,
    /// The owner's command socket.
    pub admin: Admin,
    /// The journal and the records.
    #[serde(default)]
    pub store: Store,
    /// Where this came from, for errors that show later.
    #[serde(skip)]
    pub origin: Origin,
}

/// The file a configuration was read from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    path: PathBuf,
    text: String,
}

impl Origin {
    /// An error about a key of this file.
    pub fn error(
        &self,
        section: &str,
        key: &str,
        value: &dyn std::fmt::Debug,
        allowed: &str,
    ) -> ConfigError {
        ConfigError::Value {
            path: self.path.clone(),
            line: line_of(&self.text, section, key),
            key: format!("{section}.{key}"),
            value: format!("{value:?}"),
            allowed: allowed.to_owned(),
        }
    }
}

/// `[site]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Tenant on the wire and in sealed records. Default `default`.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// Site name: one site has one log. Default `main`.
    #[serde(default = "default_site")]
    pub name: String,
    /// Folder of journal and records; made with mode 0700 if absent.
    pub data_dir: PathBuf,
    /// 32-byte key file of mode 0600, made by `trunkline keys init`.
    pub master_key: PathBuf,
    /// Length of one ring cycle in ms, for `rings`. Default 5000 (1 s on, 4 s off).
    #[serde(default = "default_ring_period_ms")]
    pub ring_period_ms: u32,
    /// An agent is to answer within so many ms of the first ring, or within three rings. Default
    /// 15000.
    #[serde(default = "default_answer_norm_ms")]
    pub answer_norm_ms: u32,
}

/// `[carrier.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// Where outbound calls go; see [`Address`].
    pub address: Address,
    /// Addresses whose messages are the carrier's. Default: the IP of `address`, with its port
    /// where another peer has the same IP.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Names of its certificate, as for a PBX.
    #[serde(default)]
    pub tls_names: Vec<String>,
    /// As for a PBX. Default true.
    #[serde(default = "yes")]
    pub trusted_identity: bool,
    /// How it is probed: `{ interval_s, down_interval_s, timeout_ms, down_after, up_after, alive }`.
    #[serde(default)]
    pub probe: Probe,
    /// Calls at once, both ways. Default: no limit; beyond: calls out take the next line, calls in
    /// get 503 with Retry-After.
    pub calls_max: Option<u32>,
    /// The same for calls in.
    pub calls_max_in: Option<u32>,
    /// The same for calls out.
    pub calls_max_out: Option<u32>,
    /// User name for its challenges (401, 407). Default: they are passed through.
    pub username: Option<String>,
    /// File with the password, mode 0600; white space at its end is not part of it.
    pub password_file: Option<PathBuf>,
    /// Only challenges of this realm are answered. Default: any.
    pub realm: Option<String>,
    /// Our registration with it: `{ aor, contact_user, expires_s }`. Default: none.
    pub register: Option<Register>,
    /// Take no new calls by it, whatever an operator says. Default false.
    #[serde(default)]
    pub maintenance: bool,
}

/// A source address: `192.0.2.1` or `192.0.2.1:5060`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Address.
    pub ip: IpAddr,
    /// Port; `None`: any.
    pub port: Option<u16>,
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        if let Ok(ip) = text.parse() {
            return Ok(Self { ip, port: None });
        }
        text.parse::<SocketAddr>()
            .map(|a| Self { ip: a.ip(), port: Some(a.port()) })
            .map_err(|_| serde::de::Error::custom(format!("{text:?} is no IP or IP:port")))
    }
}

/// A path, or a list of paths.
fn one_or_more<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a path, or a list of paths")]
    enum Paths {
        One(PathBuf),
        More(Vec<PathBuf>),
    }
    Ok(match Paths::deserialize(input)? {
        Paths::One(path) => vec![path],
        Paths::More(paths) => paths,
    })
}

/// `[gate]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The one rule set that counts. Default `cn-seed-service`, or the only one of `file`.
    pub ruleset: Option<String>,
    /// Rule sets that count together instead: of those that apply to a call, all must allow. They
    /// are looked for in `file` and `files` and among the shipped ones.
    #[serde(default)]
    pub rulesets: Vec<String>,
    /// File with rule sets of your own, TOML or `.json`, instead of the shipped ones; beside them
    /// with `rulesets`. Read anew on SIGHUP and by `trunkline reload`.
    pub file: Option<PathBuf>,
    /// More such files; blackouts may stand in one of their own.
    #[serde(default)]
    pub files: Vec<PathBuf>,
    /// File, or files, with rules that are tried out beside those in force: every decision is judged
    /// again by them, nothing is enforced, and what differs is told. Read anew like `file`. Default
    /// none.
    #[serde(default, deserialize_with = "one_or_more")]
    pub shadow: Vec<PathBuf>,
    /// Folder of calendars that `trunkline calendar import` fills. Default `calendars` in the data
    /// directory. Read anew on SIGHUP and by `trunkline reload`.
    pub calendars: Option<PathBuf>,
    /// Country whose national forms are dialled, ISO 3166 (`CN`, `DE`). Its emergency numbers are
    /// never gated. Default `CN`.
    pub home_region: Option<String>,
    /// Digits before an outside number: `"0"`, or `["0", "9"]`. The gate reads past them; the
    /// INVITE leaves as it was dialled. Default none.
    #[serde(default, deserialize_with = "outside_prefixes")]
    pub outside_prefix: Vec<String>,
    /// Area code of the site without its 0 (`10`), for numbers dialled without one.
    pub home_area: Option<String>,
    /// Purposes (`service`, `callback.*`) whose calls are made while the do-not-call list cannot be
    /// read whole. Sales and surveys never are. Default none.
    #[serde(default)]
    pub list_unavailable: Vec<String>,
    /// Seconds, 2 to 3600: a step of the wall clock up to so long is believed after two minutes
    /// without another one. A longer one is confirmed by `trunkline clock confirm`. Default 60.
    pub clock_settles_s: Option<u64>,
    /// Internal numbers: `8xxx` (x is any digit), `8000-8999` or `*97`. Never gated.
    #[serde(default)]
    pub internal: Vec<String>,
}

/// `[admin]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Unix socket of mode 0600.
    pub socket: PathBuf,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite` (default) or `sled` (needs the build feature `store-sled`).
    pub engine: StoreEngine,
    /// Must be true for sled: see docs/decisions/sled.md. Default false.
    pub accept_beta_store: bool,
    /// How long the journal is kept for resuming desktops, in hours. Default 24.
    pub journal_hours: u64,
    /// Events between the SIP thread and the journal. Default 65536; when full, the newest state
    /// of each call is kept and the loss is told (`messagesLost`).
    pub ring_events: usize,
    /// Second place for the newest signed head of the audit log, best on another disk. Default none:
    /// a copy of the whole data directory put back is then seen by nobody here.
    pub audit_head_copy: Option<PathBuf>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            engine: StoreEngine::Sqlite,
            accept_beta_store: false,
            journal_hours: 24,
            ring_events: 65_536,
            audit_head_copy: None,
        }
    }
}

/// Storage engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreEngine {
    /// SQLite, WAL, synchronous=FULL.
    Sqlite,
    /// sled 0.34.7.
    Sled,
}

fn yes() -> bool {
    true
}
fn default_tenant() -> String {
    "default".into()
}
fn default_site() -> String {
    "main".into()
}
fn default_ring_period_ms() -> u32 {
    5000
}
fn default_answer_norm_ms() -> u32 {
    15_000
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Names file, line, key and what is allowed there.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads and checks a text; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|e| syntax(path, text, &e))?;
        config.origin = Origin { path: path.to_owned(), text: text.to_owned() };
        super::validate::validate(&config)?;
        Ok(config)
    }
}
