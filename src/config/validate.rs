//! Values that do not fit each other.

use super::{Address, Config, ConfigError, HostName, Origin};
use trunkline_core::sip::{Listen, Transport};

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
    connections(config, &check)?;
    addresses(config, &check)?;
    super::line::validate(config, &check)?;
    super::pbx::validate(config, &check)?;
    super::agent::validate(config, &check)?;
    super::desk::validate(&config.desk, &check)?;
    super::people::validate(config, &check)?;
    super::http::validate(config, &check)?;
    super::webhook::validate(config, &check)?;
    super::reconcile::validate(config, &check)?;
    let gate = &config.gate;
    let one = gate.ruleset.is_none() || gate.rulesets.is_empty();
    check.require(one, "gate", "rulesets", &gate.rulesets, "either ruleset or rulesets")?;
    let settles = gate.clock_settles_s;
    let fits = settles.is_none_or(|settles| (2..=3600).contains(&settles));
    check.require(fits, "gate", "clock_settles_s", &settles.unwrap_or(0), "2 to 3600")?;
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
    let norm = config.site.answer_norm_ms;
    let allowed = "1000 to 600000";
    check.require((1000..=600_000).contains(&norm), "site", "answer_norm_ms", &norm, allowed)?;
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
    let trunked = config.pbx.values().any(|p| p.address.is_some());
    let needed = trunked || !config.carrier.is_empty();
    let allowed = "at least one address with port, none of them twice";
    let mut unique = std::collections::HashSet::new();
    let fresh = listen.iter().all(|l| l.addr.port() == 0 || unique.insert(*l));
    check.require((!listen.is_empty() || !needed) && fresh, "sip", "listen", listen, allowed)?;
    let named = listen.iter().all(|l| !l.addr.ip().is_unspecified());
    check.require(
        named,
        "sip",
        "listen",
        listen,
        "the address that peers reach; 0.0.0.0 and :: cannot stand in Via and Record-Route",
    )?;
    let peers = config
        .pbx
        .iter()
        .filter_map(|(n, p)| Some(("pbx", n, p.address.as_ref()?)))
        .chain(config.carrier.iter().map(|(n, c)| ("carrier", n, &c.address)));
    let mut seen = std::collections::BTreeMap::new();
    for (kind, name, address) in peers {
        let section = format!("{kind}.{name}");
        let shown = address.to_string();
        reachable(config, check, &section, address)?;
        let other = seen.insert(shown.clone(), section.clone());
        let allowed = format!("not the address of {}", other.as_deref().unwrap_or(""));
        check.require(other.is_none(), &section, "address", &shown, &allowed)?;
    }
    Ok(())
}

/// A neighbour is sent to from a listen address of its transport and family.
fn reachable(
    config: &Config,
    check: &Check<'_>,
    section: &str,
    address: &Address,
) -> Result<(), ConfigError> {
    let listen = &config.sip.listen;
    let shown = address.to_string();
    let (fits, allowed) = match address {
        Address::Literal(e) => {
            let own = listen.iter().any(|l| l.addr == e.addr);
            check.require(!own, section, "address", &shown, "not trunkline's own address")?;
            let fits =
                |l: &Listen| l.transport == e.transport && l.addr.is_ipv4() == e.addr.is_ipv4();
            (listen.iter().any(fits), "an address of a transport and family that sip.listen has")
        }
        Address::Name(HostName { transport: Some(transport), .. }) => {
            let fits = listen.iter().any(|l| l.transport == *transport);
            (fits, "a transport that sip.listen has")
        }
        Address::Name(HostName { transport: None, .. }) => (true, ""),
    };
    check.require(fits, section, "address", &shown, allowed)?;
    let dialled = match address {
        Address::Literal(e) => !e.transport.is_websocket(),
        Address::Name(n) => !n.transport.is_some_and(Transport::is_websocket),
    };
    let allowed = "udp, tcp or tls: over a WebSocket only the neighbour connects";
    check.require(dialled, section, "address", &shown, allowed)
}

/// `[sip.tls]`, `[sip.connections]`.
fn connections(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let sip = &config.sip;
    let secure = sip.listen.iter().any(|l| l.transport.is_secure());
    let allowed = "addresses without tls: and wss:, or a section [sip.tls]";
    check.require(!secure || sip.tls.is_some(), "sip", "listen", &sip.listen, allowed)?;
    if let Some(tls) = &sip.tls {
        check.require(
            !tls.require_client_cert || tls.client_ca.is_some(),
            "sip.tls",
            "require_client_cert",
            &tls.require_client_cert,
            "true only with client_ca",
        )?;
    }
    let asks = sip.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    let pbxs = config.pbx.iter().map(|(n, p)| (format!("pbx.{n}"), &p.tls_names));
    let carriers = config.carrier.iter().map(|(n, c)| (format!("carrier.{n}"), &c.tls_names));
    for (section, names) in pbxs.chain(carriers) {
        let plain = names.iter().all(|n| !n.is_empty() && !n.contains(['*', ':', ' ']));
        let allowed = "domains without wildcard, e.g. carrier.example";
        check.require(plain, &section, "tls_names", names, allowed)?;
        let allowed = "names only with sip.tls.client_ca, which proves them";
        check.require(names.is_empty() || asks, &section, "tls_names", names, allowed)?;
    }
    let dns = &config.dns;
    let times = dns.ttl_min_s >= 1 && dns.ttl_min_s <= dns.ttl_max_s && dns.ttl_max_s <= 86_400;
    let allowed = "1 to ttl_max_s, which is 86400 at most";
    check.require(times, "dns", "ttl_min_s", &dns.ttl_min_s, allowed)?;
    let fits = (100..=30_000).contains(&dns.timeout_ms);
    check.require(fits, "dns", "timeout_ms", &dns.timeout_ms, "100 to 30000")?;
    let c = &sip.connections;
    for (key, value, range) in [
        ("max", c.max as u64, 1..=1_000_000),
        ("per_source_max", c.per_source_max as u64, 1..=1_000_000),
        ("connect_ms", c.connect_ms, 100..=60_000),
        ("handshake_ms", c.handshake_ms, 100..=60_000),
        ("message_ms", c.message_ms, 100..=600_000),
        ("write_ms", c.write_ms, 100..=600_000),
        ("idle_s", c.idle_s, 1..=86_400),
        ("keepalive_s", c.keepalive_s, 0..=3600),
        ("queue_messages", c.queue_messages as u64, 1..=1_000_000),
        ("queue_bytes", c.queue_bytes as u64, 65_536..=1 << 30),
    ] {
        let allowed = format!("{} to {}", range.start(), range.end());
        check.require(range.contains(&value), "sip.connections", key, &value, &allowed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::config::sample::{COMMON, all_refused, read};

    const REST: &str = r#"[pbx.asterisk]
address = "127.0.0.1:5070"
[carrier.main]
address = "127.0.0.2:5060"
[trunk]
primary = "main"
"#;

    fn changed(from: &str, to: &str) -> String {
        let good = format!("{COMMON}{REST}");
        assert!(good.contains(from), "{from} is not in the sample");
        good.replacen(from, to, 1)
    }

    #[test]
    fn a_good_file_is_read() {
        let config = read(&changed("", "")).unwrap();
        assert_eq!(config.site.tenant, "default");
        assert_eq!(config.trunk.order(), ["main"]);
    }

    #[test]
    fn errors_name_file_line_key_and_what_is_allowed() {
        let rows = [
            (
                "primary =",
                "primry =",
                "t.toml:17: primry: unknown field `primry`, expected one of `primary`",
            ),
            (
                "primary = \"main\"",
                "primary = \"other\"",
                "t.toml:17: trunk.primary = \"other\": one of",
            ),
            ("127.0.0.3:5060", "0.0.0.0:5060", "t.toml:6: sip.listen"),
            ("127.0.0.2:5060", "127.0.0.1:5070", "t.toml:15: carrier.main.address"),
            ("127.0.0.2:5060", "[::1]:5060", "t.toml:15: carrier.main.address"),
            (
                "127.0.0.2:5060",
                "hi there",
                "t.toml:15: address: \"hi there\": expected IP:port or a",
            ),
            ("127.0.0.2:5060", "tcp:127.0.0.2", "t.toml:15: carrier.main.address"),
            ("127.0.0.3:5060", "tls:127.0.0.3:5061", "t.toml:6: sip.listen"),
            ("5060\"]", "5060\", \"127.0.0.3:5060\"]", "t.toml:6: sip.listen"),
            ("5060\"]", "5060\", \"sctp:127.0.0.3:1\"]", "t.toml:6: listen: \"sctp:127.0.0.3:1\""),
            (
                "[pbx",
                "[sip.connections]\nidle_s = 0\n[pbx",
                "t.toml:13: sip.connections.idle_s = 0",
            ),
            ("[pbx", "[sip.tls]\ncert = \"c\"\n[pbx", "t.toml:12: [sip.tls]: missing field `key`"),
            (
                "[trunk]",
                "[agent.ann]\ndevice = \"PJSIP/1\"\npbx = \"other\"\n[trunk]",
                "t.toml:18: agent.ann.pbx = Some(\"other\"): one of the PBXs: asterisk",
            ),
            (
                "[trunk]",
                "[agent.ann]\ndevice = \"1\"\n[agent.bob]\ndevice = \"1\"\n[trunk]",
                "t.toml:19: agent.bob.device = \"1\": not the device of ann",
            ),
            (
                "[trunk]",
                "[agents]\nlegal_guard_s = 3601\n[trunk]",
                "t.toml:17: agents.legal_guard_s = 3601: 0 (none) to",
            ),
            (
                "[trunk]",
                "[desk]\nheartbeat_ms = 0\n[trunk]",
                "t.toml:17: desk.heartbeat_ms = 0: 100 to 600000",
            ),
            (
                "[trunk]",
                "[gate]\nruleset = \"a\"\nrulesets = [\"b\"]\n[trunk]",
                "t.toml:18: gate.rulesets = [\"b\"]: either ruleset or rulesets",
            ),
            ("[trunk]", "[agents]\nacw_s = 0\n[trunk]", "t.toml:17: agents.acw_s = 0: 1 to"),
            ("[trunk]", "[agent.ann]\n[trunk]", "t.toml:16: [agent.ann]: missing field `device`"),
            ("[trunk]", "[trunks]", "t.toml:16: [trunks]: unknown field `trunks`, expected one of"),
        ];
        all_refused(rows.map(|(from, to, said)| (changed(from, to), said)));
    }
}
