//! `[pbx.<name>.esl]`: FreeSWITCH's event socket, from us to it, from it to us, or both.

use super::pbx::fits_a_line;
use super::validate::Check;
use super::{Config, ConfigError, LinkAddress, Pbx};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// `[pbx.<name>.esl]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Esl {
    /// `HOST:port`, e.g. `127.0.0.1:8021`. Default: we do not connect to it, and `outbound_listen`
    /// is all there is.
    pub address: Option<LinkAddress>,
    /// File with the password of the event socket (or of `user`), mode 0600; white space at its
    /// end is not part of it. Needed with `address`.
    pub password_file: Option<PathBuf>,
    /// `user@domain` of the directory. Default: the event socket's own password is meant.
    pub user: Option<String>,
    /// Domain of the agents in the directory. Default: FreeSWITCH's default.
    #[serde(default)]
    pub domain: String,
    /// `IP:port` where FreeSWITCH connects to us for a call that its dialplan hands over
    /// (`socket IP:port async full`). Default: nowhere.
    pub outbound_listen: Option<SocketAddr>,
    /// Addresses that may connect there. Default: the IPs of the PBX's `sources`, or of its
    /// `address`, and that of the `address` here.
    #[serde(default)]
    pub outbound_from: Vec<IpAddr>,
}

impl Pbx {
    /// Addresses from which FreeSWITCH may connect to `outbound_listen`.
    pub fn outbound_from(&self) -> Vec<IpAddr> {
        let Some(esl) = &self.esl else { return Vec::new() };
        if !esl.outbound_from.is_empty() {
            return esl.outbound_from.clone();
        }
        let mut from: Vec<IpAddr> = self.sources.iter().map(|source| source.ip).collect();
        if from.is_empty() {
            let trunk = self.address.as_ref().and_then(|address| address.literal());
            from.extend(trunk.map(|endpoint| endpoint.addr.ip()));
        }
        from.extend(esl.address.as_ref().and_then(|a| a.host.parse::<IpAddr>().ok()));
        from.sort_unstable();
        from.dedup();
        from
    }
}

pub(super) fn validate(
    section: &str,
    pbx: &Pbx,
    esl: &Esl,
    check: &Check<'_>,
) -> Result<(), ConfigError> {
    let allowed = "where FreeSWITCH is, or outbound_listen, or both";
    let there = esl.address.is_some() || esl.outbound_listen.is_some();
    let address = esl.address.as_ref().map(ToString::to_string);
    check.require(there, section, "address", &address, allowed)?;
    let allowed = "with address, and only with it";
    let both = esl.address.is_some() == esl.password_file.is_some();
    check.require(both, section, "password_file", &esl.password_file, allowed)?;
    let user = esl
        .user
        .as_ref()
        .is_none_or(|user| fits_a_line(user) && user.contains('@') && !user.contains([':', ' ']));
    check.require(user, section, "user", &esl.user, "user@domain")?;
    let plain = !esl.domain.contains(|c: char| c.is_control() || c.is_whitespace());
    check.require(plain, section, "domain", &esl.domain, "a domain")?;
    let unused = esl.outbound_listen.is_some() || esl.outbound_from.is_empty();
    let allowed = "only with outbound_listen";
    check.require(unused, section, "outbound_from", &esl.outbound_from, allowed)?;
    let Some(listen) = esl.outbound_listen else { return Ok(()) };
    let port = listen.port() > 0;
    check.require(port, section, "outbound_listen", &listen, "IP:port, the port not 0")?;
    let allowed = "addresses of the PBX: none is known by its address or sources";
    let known = !pbx.outbound_from().is_empty();
    check.require(known, section, "outbound_from", &esl.outbound_from, allowed)
}

/// A connection says nothing of itself that could be believed: the port tells whose it is.
pub(super) fn each_its_own(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let mut seen: Vec<SocketAddr> = Vec::new();
    for (name, pbx) in &config.pbx {
        let Some(listen) = pbx.esl.as_ref().and_then(|esl| esl.outbound_listen) else { continue };
        let section = format!("pbx.{name}.esl");
        let allowed = "an address of its own for each PBX";
        check.require(!seen.contains(&listen), &section, "outbound_listen", &listen, allowed)?;
        seen.push(listen);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::sample::{COMMON, all_refused, read};

    fn text(keys: &str) -> String {
        let site = COMMON.replace("\"127.0.0.3:5060\"", "");
        format!("{site}[pbx.a]\ntrunks = [\"sofia/trunk/*\"]\n[pbx.a.esl]\n{keys}")
    }

    #[test]
    fn a_link_is_opened_by_us_by_freeswitch_or_by_both() {
        let listen = "outbound_listen = \"127.0.0.1:8084\"\n";
        let from = |keys: &str| read(&text(keys)).unwrap().pbx["a"].outbound_from();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let ours = "address = \"192.0.2.20:8021\"\npassword_file = \"p\"\n";
        assert_eq!(from(ours), [ip("192.0.2.20")]);
        assert_eq!(from(&format!("{ours}{listen}")), [ip("192.0.2.20")]);
        let named = "outbound_from = [\"192.0.2.21\", \"2001:db8::1\"]\n";
        let all = [ip("192.0.2.21"), ip("2001:db8::1")];
        assert_eq!(from(&format!("{listen}{named}")), all);
        assert_eq!(from(&format!("{ours}{listen}{named}")), all, "what is named, alone");
    }

    #[test]
    fn errors_name_the_key_and_what_is_allowed() {
        let listen = "outbound_listen = \"127.0.0.1:8084\"\n";
        let rows = [
            (
                String::new(),
                "t.toml:14: pbx.a.esl.address = None: where FreeSWITCH is, or outbound_listen",
            ),
            (
                "address = \"a:1\"\n".into(),
                "t.toml:14: pbx.a.esl.password_file = None: with address",
            ),
            (
                format!("{listen}password_file = \"p\"\n"),
                "t.toml:16: pbx.a.esl.password_file = Some(\"p\"): with address",
            ),
            (
                listen.into(),
                "t.toml:14: pbx.a.esl.outbound_from = []: addresses of the PBX: none is known",
            ),
            (
                "address = \"a:1\"\npassword_file = \"p\"\noutbound_from = [\"::1\"]\n".into(),
                "t.toml:17: pbx.a.esl.outbound_from = [::1]: only with outbound_listen",
            ),
            (
                "outbound_listen = \"127.0.0.1:0\"\noutbound_from = [\"::1\"]\n".into(),
                "t.toml:15: pbx.a.esl.outbound_listen = 127.0.0.1:0: IP:port, the port not 0",
            ),
            (
                format!(
                    "{listen}outbound_from = [\"::1\"]\n[pbx.b]\ntrunks = [\"sofia/trunk/*\"]\n\
                     [pbx.b.esl]\n{listen}outbound_from = [\"::1\"]\n"
                ),
                "t.toml:20: pbx.b.esl.outbound_listen = 127.0.0.1:8084: an address of its own",
            ),
        ];
        all_refused(rows.map(|(keys, said): (String, _)| (text(&keys), said)));
    }
}
