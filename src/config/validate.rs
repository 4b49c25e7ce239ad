//! Values that do not fit each other.

use super::{Config, ConfigError, Origin};

/// Errors about keys of one file.
pub(super) struct Check<'a>(&'a Origin);

impl Check<'_> {
    pub(super) fn require(
        &self,
        ok: bool,
        section: &str,
        key: &str,
        value: &dyn std::fmt::Debug,
        allowed: &str,
    ) -> Result<(), ConfigError> {
        if ok { Ok(()) } else { Err(self.0.error(section, key, value, allowed)) }
    }
}

/// Checks what types cannot say.
pub(super) fn validate(config: &Config) -> Result<(), ConfigError> {
    let check = Check(&config.origin);
    addresses(config, &check)?;
    super::line::validate(config, &check)?;
    let sip = &config.sip;
    check.require(
        (100..=32_000).contains(&sip.failover_ms),
        "sip",
        "failover_ms",
        &sip.failover_ms,
        "100 to 32000 (ms; RFC 3261 timer B is 32 s)",
    )?;
    for (key, value) in
        [("pending_max", sip.pending_max), ("pending_per_source_max", sip.pending_per_source_max)]
    {
        check.require((1..=1_000_000).contains(&value), "sip", key, &value, "1 to 1000000")?;
    }
    let hours = sip.call_hours_max;
    check.require((1..=168).contains(&hours), "sip", "call_hours_max", &hours, "1 to 168")?;
    let drain = sip.drain_s;
    check.require(drain <= 86_400, "sip", "drain_s", &drain, "0 to 86400")?;
    let ring = config.site.ring_period_ms;
    check.require(
        (1000..=20_000).contains(&ring),
        "site",
        "ring_period_ms",
        &ring,
        "1000 to 20000",
    )?;
    let http = &config.http;
    check.require(
        http.tls_cert.is_some() == http.tls_key.is_some(),
        "http",
        "tls_key",
        &http.tls_key,
        "tls_cert and tls_key go together",
    )?;
    let store = &config.store;
    check.require(
        (1_000..=10_000_000).contains(&store.ring_events),
        "store",
        "ring_events",
        &store.ring_events,
        "1000 to 10000000",
    )
}

fn addresses(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let listen = &config.sip.listen;
    let v4 = listen.iter().filter(|a| a.is_ipv4()).count();
    let shape = !listen.is_empty() && v4 <= 1 && listen.len() - v4 <= 1;
    check.require(shape, "sip", "listen", listen, "one IPv4 and/or one IPv6 address with port")?;
    let named = listen.iter().all(|a| !a.ip().is_unspecified());
    check.require(
        named,
        "sip",
        "listen",
        listen,
        "the address that peers reach; 0.0.0.0 and :: cannot stand in Via and Record-Route",
    )?;
    let pbxs: Vec<_> = config.pbx.keys().collect();
    check.require(
        pbxs.len() == 1,
        "pbx",
        "*",
        &pbxs,
        "exactly one [pbx.<name>] in this version",
    )?;
    let peers = config
        .pbx
        .iter()
        .map(|(n, p)| ("pbx", n, p.address))
        .chain(config.carrier.iter().map(|(n, c)| ("carrier", n, c.address)));
    let mut seen = std::collections::BTreeMap::new();
    for (kind, name, address) in peers {
        let section = format!("{kind}.{name}");
        let family = listen.iter().any(|l| l.is_ipv4() == address.is_ipv4());
        let allowed = "an address of a family that sip.listen has";
        check.require(family, &section, "address", &address, allowed)?;
        let own = listen.contains(&address);
        check.require(!own, &section, "address", &address, "not trunkline's own address")?;
        let other = seen.insert(address, section.clone());
        let allowed = format!("not the address of {}", other.as_deref().unwrap_or(""));
        check.require(other.is_none(), &section, "address", &address, &allowed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::Path;

    const GOOD: &str = r#"
[site]
data_dir = "data"
master_key = "master.key"
[sip]
listen = ["127.0.0.3:5060"]
[pbx.asterisk]
address = "127.0.0.1:5070"
[carrier.main]
address = "127.0.0.2:5060"
[trunk]
primary = "main"
[http]
listen = "127.0.0.1:8080"
token_key = "token.key"
[admin]
socket = "admin.sock"
"#;

    fn error(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from} is not in the sample");
        let text = GOOD.replacen(from, to, 1);
        Config::parse(Path::new("t.toml"), &text).unwrap_err().to_string()
    }

    #[test]
    fn a_good_file_is_read() {
        let config = Config::parse(Path::new("t.toml"), GOOD).unwrap();
        assert_eq!(config.site.tenant, "default");
        assert_eq!(config.trunk.order(), ["main"]);
    }

    #[test]
    fn errors_name_file_line_key_and_what_is_allowed() {
        for (from, to, expected) in [
            (
                "primary =",
                "primry =",
                "t.toml:12: primry: unknown field `primry`, expected one of `primary`",
            ),
            (
                "\"main\"\n[http]",
                "\"other\"\n[http]",
                "t.toml:12: trunk.primary = \"other\": one of",
            ),
            ("127.0.0.3:5060", "0.0.0.0:5060", "t.toml:6: sip.listen"),
            ("127.0.0.2:5060", "127.0.0.1:5070", "t.toml:10: carrier.main.address"),
            ("127.0.0.2:5060", "[::1]:5060", "t.toml:10: carrier.main.address"),
            ("127.0.0.2:5060", "hello", "t.toml:10: address: invalid socket address syntax"),
            ("[trunk]", "[trunks]", "t.toml:11: [trunks]: unknown field `trunks`, expected one of"),
        ] {
            let got = error(from, to);
            assert!(got.starts_with(expected), "{to}\n  got: {got}\n  expected: {expected}");
        }
    }
}
