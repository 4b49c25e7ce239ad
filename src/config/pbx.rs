//! `[pbx.<name>]` and its control links `[pbx.<name>.ami]`, `.ari`, `.esl`.

use super::validate::Check;
use super::{Address, Config, ConfigError, Esl, Source};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use trunkline_core::engine::Bypass;
use trunkline_core::gate::DialPlanChange;

/// `[pbx.<name>]`: a PBX, seen by its SIP trunk (`address`), by control links, or by both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pbx {
    /// Where inbound calls go; see [`Address`]. Default: its SIP does not come by here, and it
    /// must have a control link.
    pub address: Option<Address>,
    /// Addresses whose messages are the PBX's: `IP` or `IP:port`. Default: the IP of `address`.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Names of its certificate: it is then known by one of them, whatever address it comes from,
    /// and a TLS connection without is not the PBX's. Need `sip.tls.client_ca`.
    #[serde(default)]
    pub tls_names: Vec<String>,
    /// Belongs to the trust domain of RFC 3325: what it asserts in P-Asserted-Identity is believed
    /// and passed on, and `Privacy: id` hides nothing from it. Default true.
    #[serde(default = "yes")]
    pub trusted_identity: bool,
    /// Purpose of an outbound call that names none. Default: none, such calls are refused.
    pub default_purpose: Option<String>,
    /// Header in which this PBX names the purpose. Default `X-Trunkline-Purpose`. It is taken
    /// out before the INVITE leaves.
    #[serde(default = "default_purpose_header")]
    pub purpose_header: String,
    /// Endpoints behind which the outside world is, in the PBX's words: `PJSIP/carrier`,
    /// `sofia/trunk/*`; `*` at the end stands for any rest. Needed with a control link, and read by
    /// `[reconcile.NAME]`.
    #[serde(default)]
    pub trunks: Vec<String>,
    /// What its users dial otherwise than `[gate]` says: `{ outside_prefix, home_area, home_region,
    /// internal }`. Default: nothing.
    pub dial: Option<DialPlanChange>,
    /// The same for calls that the control link shows at one of `trunks`, as it is written there.
    #[serde(default)]
    pub dial_by_trunk: BTreeMap<String, DialPlanChange>,
    /// What is done about a call that goes out without a decision: `observe` records the decision
    /// that it would have had, `warn` (default) tells it besides, `clear` also ends it if the gate
    /// refuses it.
    #[serde(default)]
    pub bypass: Bypass,
    /// The same for one of `trunks`, as it is written there.
    #[serde(default)]
    pub bypass_by_trunk: BTreeMap<String, Bypass>,
    /// Dialplan context of the agents' phones: orders of desktops dial there. Default: none for
    /// Asterisk, whose links then take no order to dial; `default` for FreeSWITCH.
    pub context: Option<String>,
    /// Asterisk Manager Interface.
    pub ami: Option<Ami>,
    /// Asterisk REST Interface.
    pub ari: Option<Ari>,
    /// FreeSWITCH Event Socket.
    pub esl: Option<Esl>,
}

/// `[pbx.<name>.ami]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ami {
    /// `HOST:port`, e.g. `127.0.0.1:5038`.
    pub address: LinkAddress,
    /// User in `manager.conf`.
    pub user: String,
    /// File with its secret, mode 0600; white space at its end is not part of it.
    pub password_file: PathBuf,
    /// The port speaks TLS (`tlsenable` in `manager.conf`). Default false.
    #[serde(default)]
    pub tls: bool,
    /// Who signs its certificate. Default: the authorities that the system trusts.
    pub ca: Option<PathBuf>,
    /// Send the secret as it is where the PBX offers no challenge. Default false.
    #[serde(default)]
    pub plain_login: bool,
    /// Channel variable in which the dialplan keeps a leg's SIP Call-ID. Default: the PBX is asked
    /// for the Call-ID of each trunk channel.
    pub call_id_variable: Option<String>,
}

/// `[pbx.<name>.ari]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ari {
    /// `http://HOST:port` or `https://HOST:port`, with the `prefix` of `http.conf` as path if
    /// there is one. Without a path: `/ari`.
    pub url: Option<LinkUrl>,
    /// User in `ari.conf`; with `outbound` the one that Asterisk names.
    pub user: String,
    /// File with the password, mode 0600; white space at its end is not part of it.
    pub password_file: PathBuf,
    /// Name of our application. Default `trunkline`. Only one client at a time may have it.
    #[serde(default = "default_app")]
    pub app: String,
    /// Asterisk connects to us, at `/v1/ari/PBX` of `[http] listen`. Default false.
    #[serde(default)]
    pub outbound: bool,
    /// Who signs its certificate. Default: the authorities that the system trusts.
    pub ca: Option<PathBuf>,
}

/// `HOST:port` of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkAddress {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl LinkAddress {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(v6) => {
                v6.strip_suffix(']').filter(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok())?
            }
            None => host,
        };
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        let v6 = host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err();
        let fits = !host.is_empty() && host.chars().all(plain) && !v6;
        fits.then(|| Self { host: host.to_owned(), port })
    }
}

impl<'de> Deserialize<'de> for LinkAddress {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?}: expected HOST:port")))
    }
}

/// Where an HTTP server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkUrl {
    /// https.
    pub tls: bool,
    /// Server.
    pub address: LinkAddress,
    /// Path, without a slash at its end.
    pub path: String,
}

impl LinkUrl {
    fn parse(text: &str) -> Option<Self> {
        let (tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return None,
        };
        let (server, path) = match rest.split_once('/') {
            Some((server, path)) => (server, format!("/{}", path.trim_end_matches('/'))),
            None => (rest, String::new()),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        let path = if path.len() <= 1 { "/ari".to_owned() } else { path };
        let address = LinkAddress::parse(server)?;
        path.chars().all(plain).then_some(Self { tls, address, path })
    }
}

impl<'de> Deserialize<'de> for LinkUrl {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| {
            let allowed = "expected http://HOST:port or https://HOST:port, and a path if it is \
                           not /ari";
            D::Error::custom(format!("{text:?}: {allowed}"))
        })
    }
}

impl Pbx {
    /// It has a control link.
    pub fn linked(&self) -> bool {
        self.ami.is_some() || self.ari.is_some() || self.esl.is_some()
    }
}

fn yes() -> bool {
    true
}
fn default_purpose_header() -> String {
    "X-Trunkline-Purpose".into()
}
fn default_app() -> String {
    "trunkline".into()
}

pub(super) fn validate(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let names: Vec<_> = config.pbx.keys().collect();
    check.require(!names.is_empty(), "pbx", "*", &names, "at least one [pbx.<name>]")?;
    let first = config.pbx.values().next().map(|p| &p.purpose_header);
    for (name, pbx) in &config.pbx {
        let section = format!("pbx.{name}");
        let plain = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let allowed = "a name of letters, digits, hyphen, underscore and dot";
        check.require(plain, &section, "", name, allowed)?;
        let header = &pbx.purpose_header;
        let same = first.is_none_or(|first| first == header);
        let allowed = "the same header for every PBX";
        check.require(same, &section, "purpose_header", header, allowed)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let token = !header.is_empty() && header.chars().all(plain);
        check.require(token, &section, "purpose_header", header, "the name of a header")?;
        let recorded = config.reconcile.contains_key(name);
        seen_somehow(&section, pbx, recorded, check)?;
        links(&section, pbx, check)?;
    }
    super::esl::each_its_own(config, check)?;
    inbound(config, check)
}

fn seen_somehow(
    section: &str,
    pbx: &Pbx,
    recorded: bool,
    check: &Check<'_>,
) -> Result<(), ConfigError> {
    let linked = pbx.linked();
    let allowed = "the address of its SIP trunk, or a section ami, ari or esl, or both";
    check.require(linked || pbx.address.is_some(), section, "address", &pbx.address, allowed)?;
    let allowed = "only with address";
    let unused = pbx.address.is_some() || pbx.sources.is_empty();
    check.require(unused, section, "sources", &pbx.sources, allowed)?;
    let unused = pbx.address.is_some() || pbx.tls_names.is_empty();
    check.require(unused, section, "tls_names", &pbx.tls_names, allowed)?;
    let allowed = "the endpoints of its trunks (PJSIP/carrier, sofia/trunk/*): with a control link";
    let named = !pbx.trunks.is_empty();
    let fits = named == linked || (recorded && named);
    check.require(fits, section, "trunks", &pbx.trunks, allowed)?;
    let allowed = "endpoints like PJSIP/carrier; * only at the end, and not alone";
    let endpoint = |trunk: &String| {
        let stem = trunk.strip_suffix('*').unwrap_or(trunk);
        stem.contains('/') && !stem.contains(['*', ' ', '\r', '\n'])
    };
    check.require(pbx.trunks.iter().all(endpoint), section, "trunks", &pbx.trunks, allowed)?;
    let stray = pbx.bypass_by_trunk.keys().find(|trunk| !pbx.trunks.contains(trunk));
    let allowed = format!("of trunks: {}", pbx.trunks.join(", "));
    check.require(stray.is_none(), section, "bypass_by_trunk", &stray, &allowed)?;
    let stray = pbx.dial_by_trunk.keys().find(|trunk| !pbx.trunks.contains(trunk));
    check.require(stray.is_none(), section, "dial_by_trunk", &stray, &allowed)?;
    let clears = pbx.bypass == Bypass::Clear
        || pbx.bypass_by_trunk.values().any(|bypass| *bypass == Bypass::Clear);
    let allowed = "clear needs a control link";
    check.require(linked || !clears, section, "bypass", &"clear", allowed)?;
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let plain = pbx.context.as_ref().is_none_or(|c| !c.is_empty() && c.chars().all(word));
    check.require(plain, section, "context", &pbx.context, "a context of its dialplan")
}

/// Text that goes into a line of a protocol or a header.
pub(super) fn fits_a_line(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && !text.contains(|c: char| c.is_control())
}

fn links(section: &str, pbx: &Pbx, check: &Check<'_>) -> Result<(), ConfigError> {
    let asterisk = pbx.ami.is_some() || pbx.ari.is_some();
    let allowed = "Asterisk has ami and ari, FreeSWITCH has esl; not both";
    check.require(!(asterisk && pbx.esl.is_some()), &format!("{section}.esl"), "", &"", allowed)?;
    if let Some(ami) = &pbx.ami {
        let section = format!("{section}.ami");
        let allowed = "a user of manager.conf";
        check.require(fits_a_line(&ami.user), &section, "user", &ami.user, allowed)?;
        let plain = ami.ca.is_none() || ami.tls;
        check.require(plain, &section, "ca", &ami.ca, "only with tls = true")?;
    }
    if let Some(ari) = &pbx.ari {
        ari_link(&format!("{section}.ari"), ari, check)?;
    }
    if let Some(esl) = &pbx.esl {
        super::esl::validate(&format!("{section}.esl"), pbx, esl, check)?;
    }
    Ok(())
}

fn ari_link(section: &str, ari: &Ari, check: &Check<'_>) -> Result<(), ConfigError> {
    let user = fits_a_line(&ari.user) && !ari.user.contains(':');
    check.require(user, section, "user", &ari.user, "a user of ari.conf, without a colon")?;
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let app = !ari.app.is_empty() && ari.app.len() <= 79 && ari.app.chars().all(word);
    let allowed = "1 to 79 letters, digits, hyphens, underscores and dots";
    check.require(app, section, "app", &ari.app, allowed)?;
    let url = ari.url.as_ref().map(|url| format!("{}{}", url.address, url.path));
    let allowed = "where Asterisk is, or outbound = true and no url";
    check.require(ari.url.is_some() != ari.outbound, section, "url", &url, allowed)?;
    let secure = ari.url.as_ref().is_some_and(|url| url.tls);
    check.require(ari.ca.is_none() || secure, section, "ca", &ari.ca, "only with https")
}

/// `[trunk] inbound`.
fn inbound(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let asked = &config.trunk.inbound;
    let trunked: Vec<&str> = config
        .pbx
        .iter()
        .filter(|(_, pbx)| pbx.address.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let known = asked.iter().all(|name| trunked.contains(&name.as_str()));
    let allowed = format!("PBXs that have an address: {}", trunked.join(", "));
    check.require(known, "trunk", "inbound", asked, &allowed)?;
    let once = asked.iter().enumerate().all(|(at, name)| !asked[..at].contains(name));
    check.require(once, "trunk", "inbound", asked, "each PBX once")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::sample::{self, COMMON};

    const TRUNK: &str = "[carrier.main]\naddress = \"127.0.0.2:5060\"\n\
                         [trunk]\nprimary = \"main\"\n";
    const AMI: &str = "[pbx.a.ami]\naddress = \"127.0.0.1:5038\"\nuser = \"t\"\n\
                       password_file = \"p\"\n";
    const ESL: &str = "[pbx.a.esl]\naddress = \"[::1]:8021\"\npassword_file = \"p\"\n";

    fn text(rest: &str) -> String {
        format!("{COMMON}{TRUNK}{rest}")
    }

    fn read(rest: &str) -> Result<Config, String> {
        sample::read(&text(rest))
    }

    #[test]
    fn a_pbx_has_a_trunk_or_links_or_both_and_there_may_be_several() {
        let config = read(&format!(
            "inbound = [\"z\", \"b\"]\n\
             [pbx.a]\ntrunks = [\"PJSIP/carrier\"]\n{AMI}\
             [pbx.a.ari]\nurl = \"https://pbx.example:8089\"\nuser = \"t\"\npassword_file = \"p\"\n\
             [pbx.b]\naddress = \"127.0.0.1:5070\"\n[pbx.z]\naddress = \"127.0.0.1:5080\"\n"
        ))
        .unwrap();
        let ari = config.pbx["a"].ari.as_ref().unwrap();
        let url = ari.url.as_ref().unwrap();
        assert_eq!((url.tls, url.path.as_str(), url.address.port), (true, "/ari", 8089));
        assert_eq!((ari.app.as_str(), ari.outbound), ("trunkline", false));
        assert!(config.pbx["a"].address.is_none());
        assert_eq!(config.trunk.inbound(&config.pbx), ["z", "b"]);
        let config = read("[pbx.b]\naddress = \"127.0.0.1:5070\"\n").unwrap();
        assert_eq!(config.trunk.inbound(&config.pbx), ["b"]);
    }

    #[test]
    fn a_site_of_links_alone_needs_no_carrier_and_no_sip_address() {
        let site = COMMON.replace("\"127.0.0.3:5060\"", "");
        let text = format!("{site}[pbx.a]\ntrunks = [\"sofia/trunk/*\"]\n{ESL}");
        let config = sample::read(&text).unwrap();
        let esl = config.pbx["a"].esl.as_ref().unwrap();
        let address = esl.address.as_ref().unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 8021));
    }

    #[test]
    fn errors_name_line_key_and_what_is_allowed() {
        let trunks = "[pbx.a]\ntrunks = [\"PJSIP/carrier\"]\n";
        let ari = "[pbx.a.ari]\nuser = \"t\"\npassword_file = \"p\"\n";
        let rows = [
            ("[pbx]\n".into(), "t.toml:16: pbx.* = []: at least one [pbx.<name>]"),
            ("[pbx.a]\n".into(), "t.toml:16: pbx.a.address = None: the address of its SIP trunk"),
            (format!("[pbx.a]\n{AMI}"), "t.toml:16: pbx.a.trunks = []: the endpoints of its"),
            (
                format!("[pbx.a]\ntrunks = [\"*\"]\n{AMI}"),
                "t.toml:17: pbx.a.trunks = [\"*\"]: endpoints like PJSIP/carrier",
            ),
            (
                format!("{trunks}bypass = \"stop\"\n{AMI}"),
                "t.toml:18: bypass: unknown variant `stop`, expected one of `observe`, `warn`",
            ),
            (
                format!("{trunks}bypass_by_trunk = {{ \"PJSIP/b\" = \"clear\" }}\n{AMI}"),
                "t.toml:18: pbx.a.bypass_by_trunk = Some(\"PJSIP/b\"): of trunks: PJSIP/carrier",
            ),
            (
                "[pbx.a]\naddress = \"127.0.0.1:5070\"\nbypass = \"clear\"\n".into(),
                "t.toml:18: pbx.a.bypass = \"clear\": clear needs a control link",
            ),
            (
                format!("{trunks}{AMI}ca = \"c\"\n"),
                "t.toml:22: pbx.a.ami.ca = Some(\"c\"): only with tls = true",
            ),
            (
                format!("{trunks}{AMI}port = 1\n"),
                "t.toml:22: port: unknown field `port`, expected one of `address`, `user`",
            ),
            (
                format!("{trunks}{}", AMI.replace(":5038", "")),
                "t.toml:19: address: \"127.0.0.1\": expected HOST:port",
            ),
            (format!("{trunks}{AMI}{ESL}"), "t.toml:22: pbx.a.esl"),
            (format!("{trunks}{ari}"), "t.toml:18: pbx.a.ari.url = None: where Asterisk is, or"),
            (
                format!("{trunks}{ari}url = \"ftp://x:1\"\n"),
                "t.toml:21: url: \"ftp://x:1\": expected http://HOST:port or https",
            ),
            (
                format!("{trunks}{ari}outbound = true\napp = \"a b\"\n"),
                "t.toml:22: pbx.a.ari.app = \"a b\": 1 to 79 letters",
            ),
            (
                format!("inbound = [\"a\"]\n{trunks}{AMI}"),
                "t.toml:16: trunk.inbound = [\"a\"]: PBXs that have an address",
            ),
            (
                "[pbx.a]\naddress = \"127.0.0.1:5070\"\n[pbx.b]\naddress = \"127.0.0.1:5071\"\n\
                 purpose_header = \"X-Other\"\n"
                    .into(),
                "t.toml:20: pbx.b.purpose_header = \"X-Other\": the same header for every PBX",
            ),
        ];
        sample::all_refused(rows.map(|(rest, said): (String, _)| (text(&rest), said)));
    }
}
