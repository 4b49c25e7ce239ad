//! The sections about carrier lines: `[trunk]`, and what `[carrier.<name>]` says of probes, limits
//! and registration.

use super::validate::Check;
use super::{Carrier, Config, ConfigError, Pbx};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `[trunk]`: which carriers calls leave by. Either `primary` (and `backup`), or `lines`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trunk {
    /// Carrier tried first.
    pub primary: Option<String>,
    /// Carrier tried when the first does not answer or says 503.
    pub backup: Option<String>,
    /// All carriers that calls leave by, in order: the first is the primary line.
    pub lines: Vec<String>,
    /// PBXs that calls come in to, in order: the next is tried when one does not answer. Default:
    /// all that have an address, by name.
    pub inbound: Vec<String>,
    /// Longest time from the INVITE to ringing, in s, after which no further line is tried.
    /// Default 15; 0: no limit.
    pub post_dial_s: f64,
    /// A backup line must carry calls so many minutes after its primary line failed. Default 30.
    pub backup_line_minutes: u32,
    /// Half-life of the penalty of a line that flaps, in s. Default 120; 0: no damping.
    pub damping_half_life_s: u32,
    /// A line that calls have taken out of service is tried by one call after so many s; the wait
    /// doubles with each trial that fails, up to 5 minutes. Default 30.
    pub trial_after_s: f64,
}

impl Default for Trunk {
    fn default() -> Self {
        Self {
            primary: None,
            backup: None,
            lines: Vec::new(),
            inbound: Vec::new(),
            post_dial_s: 15.0,
            backup_line_minutes: 30,
            damping_half_life_s: 120,
            trial_after_s: 30.0,
        }
    }
}

impl Trunk {
    /// The PBXs that calls come in to, in order.
    pub fn inbound<'a>(&'a self, pbxs: &'a BTreeMap<String, Pbx>) -> Vec<&'a str> {
        if !self.inbound.is_empty() {
            return self.inbound.iter().map(String::as_str).collect();
        }
        let trunked = pbxs.iter().filter(|(_, pbx)| pbx.address.is_some());
        trunked.map(|(name, _)| name.as_str()).collect()
    }

    /// The carriers that calls leave by, in order.
    pub fn order(&self) -> Vec<&str> {
        let named = self.primary.iter().chain(&self.backup).chain(&self.lines);
        named.map(String::as_str).collect()
    }
}

/// `probe = { ... }` of a carrier: OPTIONS (RFC 3261 §11).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// Between two probes, in s, give or take 10 %. Default 30; 0: no probes.
    pub interval_s: f64,
    /// The same while the line is down or its newest probe failed. Default: the smaller of
    /// `interval_s` and 5.
    pub down_interval_s: Option<f64>,
    /// Longest wait for an answer, in ms. Default 2000.
    pub timeout_ms: u64,
    /// Failures in a row (of probes, or of calls) that take the line out of service. Default 3.
    pub down_after: u32,
    /// Successes in a row that bring it back. Default 2.
    pub up_after: u32,
    /// `any` (default): every final answer but 408 and 503 is a sign of life; `2xx`: only those.
    pub alive: Alive,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            interval_s: 30.0,
            down_interval_s: None,
            timeout_ms: 2000,
            down_after: 3,
            up_after: 2,
            alive: Alive::Any,
        }
    }
}

/// Which answers to a probe are a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Alive {
    /// Any final answer but 408 and 503.
    #[serde(rename = "any")]
    Any,
    /// 200 to 299.
    #[serde(rename = "2xx")]
    Success,
}

/// `register = { ... }` of a carrier that asks for a registration (RFC 3261 §10).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Address of record: `sip:4001@carrier.example`.
    pub aor: String,
    /// User part of our Contact. Default: that of `aor`.
    pub contact_user: Option<String>,
    /// Seconds asked for. Default 600.
    #[serde(default = "default_expires_s")]
    pub expires_s: u32,
}

impl Register {
    /// User part of the address of record.
    pub fn user(&self) -> Option<&str> {
        let rest = self.aor.strip_prefix("sip:").or(self.aor.strip_prefix("sips:"))?;
        rest.split_once('@').map(|(user, _)| user).filter(|u| !u.is_empty())
    }
}

/// `username`, `password_file` and `realm` of a carrier that challenges (RFC 3261 §22).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User name.
    pub username: String,
    /// File that holds the password; the password itself is never in the configuration.
    pub password_file: PathBuf,
    /// Only challenges of this realm are answered.
    pub realm: Option<String>,
}

impl Carrier {
    /// The account, where there is one.
    pub fn account(&self) -> Option<Account> {
        Some(Account {
            username: self.username.clone()?,
            password_file: self.password_file.clone()?,
            realm: self.realm.clone(),
        })
    }
}

fn default_expires_s() -> u32 {
    600
}

pub(super) fn validate(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    order(config, check)?;
    times(config, check)?;
    for (name, carrier) in &config.carrier {
        let section = format!("carrier.{name}");
        probe(&section, &carrier.probe, check)?;
        limits(&section, carrier, check)?;
        account(&section, carrier, check)?;
    }
    Ok(())
}

fn order(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let names: Vec<_> = config.carrier.keys().map(String::as_str).collect();
    let allowed = format!("one of the carriers: {}", names.join(", "));
    let trunk = &config.trunk;
    let both = trunk.primary.is_some() && !trunk.lines.is_empty();
    let either = "either primary (and backup) or lines, not both";
    check.require(!both, "trunk", "lines", &trunk.lines, either)?;
    let known = |name: &str| config.carrier.contains_key(name);
    for (key, name) in [("primary", &trunk.primary), ("backup", &trunk.backup)] {
        if let Some(name) = name {
            check.require(known(name), "trunk", key, name, &allowed)?;
        }
    }
    let all_known = trunk.lines.iter().all(|name| known(name));
    let of_them = format!("names of the carriers: {}", names.join(", "));
    check.require(all_known, "trunk", "lines", &trunk.lines, &of_them)?;
    let order = trunk.order();
    let missing = "the carrier that calls leave by: primary, or lines";
    let first = trunk.primary.is_some() || !trunk.lines.is_empty() || names.is_empty();
    check.require(first, "trunk", "primary", &trunk.primary, missing)?;
    let twice = |name: &&str| order.iter().filter(|n| *n == name).count() > 1;
    match (order.iter().find(|name| twice(name)), &trunk.backup) {
        (None, _) => Ok(()),
        (Some(_), Some(backup)) => {
            check.require(false, "trunk", "backup", backup, "another carrier than trunk.primary")
        }
        (Some(name), None) => check.require(false, "trunk", "lines", name, "each carrier once"),
    }
}

fn times(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let trunk = &config.trunk;
    let post_dial = trunk.post_dial_s;
    let fits = post_dial == 0.0 || (0.5..=180.0).contains(&post_dial);
    check.require(fits, "trunk", "post_dial_s", &post_dial, "0, or 0.5 to 180")?;
    let minutes = trunk.backup_line_minutes;
    let fits = (1..=1440).contains(&minutes);
    check.require(fits, "trunk", "backup_line_minutes", &minutes, "1 to 1440")?;
    let half_life = trunk.damping_half_life_s;
    let fits = half_life <= 3600;
    check.require(fits, "trunk", "damping_half_life_s", &half_life, "0 to 3600")?;
    let trial = trunk.trial_after_s;
    check.require((0.1..=300.0).contains(&trial), "trunk", "trial_after_s", &trial, "0.1 to 300")
}

fn probe(section: &str, probe: &Probe, check: &Check<'_>) -> Result<(), ConfigError> {
    let interval = probe.interval_s;
    let fits = interval == 0.0 || (0.1..=3600.0).contains(&interval);
    check.require(fits, section, "probe.interval_s", &interval, "0 (no probes), or 0.1 to 3600")?;
    let down = probe.down_interval_s;
    let fits = down.is_none_or(|s| (0.1..=3600.0).contains(&s));
    check.require(fits, section, "probe.down_interval_s", &down, "0.1 to 3600")?;
    let timeout = probe.timeout_ms;
    let fits = (100..=30_000).contains(&timeout);
    check.require(fits, section, "probe.timeout_ms", &timeout, "100 to 30000")?;
    let down_after = probe.down_after;
    let fits = (2..=100).contains(&down_after);
    let allowed = "2 to 100: one lost datagram must not change the state";
    check.require(fits, section, "probe.down_after", &down_after, allowed)?;
    let up_after = probe.up_after;
    check.require((1..=100).contains(&up_after), section, "probe.up_after", &up_after, "1 to 100")
}

fn limits(section: &str, carrier: &Carrier, check: &Check<'_>) -> Result<(), ConfigError> {
    for (key, value) in [
        ("calls_max", carrier.calls_max),
        ("calls_max_in", carrier.calls_max_in),
        ("calls_max_out", carrier.calls_max_out),
    ] {
        let fits = value.is_none_or(|v| v <= 1_000_000);
        check.require(fits, section, key, &value, "0 to 1000000")?;
    }
    Ok(())
}

fn account(section: &str, carrier: &Carrier, check: &Check<'_>) -> Result<(), ConfigError> {
    let both = carrier.username.is_some() == carrier.password_file.is_some();
    let allowed = "username and password_file go together";
    check.require(both, section, "password_file", &carrier.password_file, allowed)?;
    let realm = carrier.realm.is_none() || carrier.username.is_some();
    let allowed = "only with username and password_file";
    check.require(realm, section, "realm", &carrier.realm, allowed)?;
    let Some(register) = &carrier.register else { return Ok(()) };
    let aor = &register.aor;
    let plain = !aor.contains(|c: char| c.is_whitespace() || "<>\"".contains(c));
    let allowed = "sip:USER@DOMAIN";
    let fits = plain && register.user().is_some();
    check.require(fits, section, "register.aor", aor, allowed)?;
    let expires = register.expires_s;
    let fits = (30..=86_400).contains(&expires);
    check.require(fits, section, "register.expires_s", &expires, "30 to 86400")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::sample::{self, COMMON};

    fn text(carrier: &str, trunk: &str) -> String {
        format!(
            "{COMMON}[pbx.asterisk]\naddress = \"127.0.0.1:5070\"\n\
             [carrier.main]\naddress = \"127.0.0.2:5060\"\n{carrier}\n\
             [carrier.second]\naddress = \"127.0.0.2:5061\"\n[trunk]\n{trunk}\n"
        )
    }

    fn read(carrier: &str, trunk: &str) -> Result<Config, String> {
        sample::read(&text(carrier, trunk))
    }

    #[test]
    fn either_way_of_naming_the_lines_gives_their_order() {
        let config = read("", "primary = \"main\"\nbackup = \"second\"").unwrap();
        assert_eq!(config.trunk.order(), ["main", "second"]);
        let config = read("", "lines = [\"second\", \"main\"]").unwrap();
        assert_eq!(config.trunk.order(), ["second", "main"]);
        assert_eq!(config.carrier["main"].probe, Probe::default());
    }

    #[test]
    fn a_carrier_says_how_it_is_watched() {
        let carrier = "probe = { interval_s = 0.5, timeout_ms = 300, alive = \"2xx\" }\n\
             calls_max = 30\nusername = \"u\"\npassword_file = \"p\"\n\
             register = { aor = \"sip:4001@carrier.example\" }";
        let config = read(carrier, "primary = \"main\"").unwrap();
        let main = &config.carrier["main"];
        assert_eq!((main.probe.interval_s, main.probe.alive), (0.5, Alive::Success));
        assert_eq!(main.register.as_ref().unwrap().user(), Some("4001"));
        assert_eq!(main.account().unwrap().username, "u");
    }

    #[test]
    fn errors_name_the_key_and_what_is_allowed() {
        let good = "primary = \"main\"";
        let rows = [
            ("", "", "t.toml:19: trunk.primary = None: the carrier that calls leave by"),
            ("", "primary = \"x\"", "t.toml:20: trunk.primary = \"x\": one of the carriers"),
            ("", "lines = [\"main\", \"x\"]", "t.toml:20: trunk.lines = [\"main\", \"x\"]: names"),
            ("", "lines = [\"main\", \"main\"]", "t.toml:20: trunk.lines = \"main\": each"),
            ("", "primary = \"main\"\nbackup = \"main\"", "t.toml:21: trunk.backup = \"main\": an"),
            ("", "primary = \"main\"\nlines = [\"second\"]", "t.toml:21: trunk.lines"),
            ("", "primary = \"main\"\npost_dial_s = 0.1", "t.toml:21: trunk.post_dial_s = 0.1: 0"),
            ("", "primary = \"main\"\nbackup_line_minutes = 0", "t.toml:21: trunk.backup_line"),
            (
                "probe = { down_after = 1 }",
                good,
                "t.toml:16: carrier.main.probe.down_after = 1: 2 to 100",
            ),
            (
                "probe = { interval_s = 0.01 }",
                good,
                "t.toml:16: carrier.main.probe.interval_s = 0.01",
            ),
            (
                "probe = { alive = \"3xx\" }",
                good,
                "t.toml:16: probe: unknown variant `3xx`, expected `any` or `2xx`",
            ),
            (
                "username = \"u\"",
                good,
                "t.toml:14: carrier.main.password_file = None: username and",
            ),
            ("realm = \"r\"", good, "t.toml:16: carrier.main.realm = Some(\"r\"): only with"),
            ("register = { aor = \"4001\" }", good, "t.toml:16: carrier.main.register.aor"),
        ];
        sample::all_refused(rows.map(|(carrier, trunk, said)| (text(carrier, trunk), said)));
    }
}
