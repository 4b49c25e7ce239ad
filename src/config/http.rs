//! `[http]`: the port of desktops, and who may come in.

use super::validate::Check;
use super::{Config, ConfigError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address of desktops, of the API, of `/metrics` and `/healthz`.
    pub listen: SocketAddr,
    /// 32-byte key file of mode 0600 that signs desk tokens, made by `trunkline keys init`.
    pub token_key: PathBuf,
    /// Certificate chain (PEM); with `tls_key` everything on this port is TLS.
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM).
    pub tls_key: Option<PathBuf>,
    /// Who signs certificates of services (PEM). Needs `tls_cert`. A client without a certificate
    /// may come too; it then shows a token or a ticket.
    pub client_ca: Option<PathBuf>,
    /// Browser origins that may connect; a request without Origin is no browser and may.
    #[serde(default)]
    pub origins: Vec<String>,
    /// An identity provider whose tokens are good beside the site's own. Default: none.
    pub issuer: Option<Issuer>,
    /// Services that are known by their certificate, by name. Need `client_ca`.
    #[serde(default)]
    pub service: BTreeMap<String, Service>,
}

/// `[http.issuer]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// JWK set in a file; read again when it changes. Either this or `keys_url`.
    pub keys: Option<PathBuf>,
    /// JWK set at `https://..`, or `http://` on loopback.
    pub keys_url: Option<String>,
    /// Who signs the certificate of `keys_url`. Default: the authorities that the system trusts.
    pub ca: Option<PathBuf>,
    /// Value that `iss` must have.
    pub issuer: String,
    /// Value that must be in `aud`. Default `trunkline-desk`.
    #[serde(default = "default_audience")]
    pub audience: String,
    /// Time between two looks at `keys_url`, s. Default 300. A token with an unknown key leads to
    /// a look at once.
    #[serde(default = "default_refresh_s")]
    pub refresh_s: u64,
}

/// `[http.service.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// A name in the certificate: DNS name or URI of its subjectAltName.
    pub san: String,
    /// Role, as in a token. Default `service`.
    #[serde(default = "default_role")]
    pub role: String,
    /// Teams that it is bound to. Default: not bound.
    #[serde(default)]
    pub teams: Vec<String>,
}

fn default_audience() -> String {
    "trunkline-desk".into()
}
fn default_refresh_s() -> u64 {
    300
}
fn default_role() -> String {
    "service".into()
}

pub(super) fn validate(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let http = &config.http;
    let allowed = "tls_cert and tls_key go together";
    let both = http.tls_cert.is_some() == http.tls_key.is_some();
    check.require(both, "http", "tls_key", &http.tls_key, allowed)?;
    let encrypted = http.client_ca.is_none() || http.tls_cert.is_some();
    let allowed = "with tls_cert: certificates come with TLS";
    check.require(encrypted, "http", "client_ca", &http.client_ca, allowed)?;
    if let Some(issuer) = &http.issuer {
        let section = "http.issuer";
        let one = issuer.keys.is_some() != issuer.keys_url.is_some();
        check.require(one, section, "keys", &issuer.keys, "either keys or keys_url")?;
        let own = !issuer.issuer.is_empty() && issuer.issuer != "trunkline";
        let allowed = "the provider's value of iss; not trunkline, which signs with token_key";
        check.require(own, section, "issuer", &issuer.issuer, allowed)?;
        let fits = !issuer.audience.is_empty();
        check.require(fits, section, "audience", &issuer.audience, "not empty")?;
        let fits = (10..=86_400).contains(&issuer.refresh_s);
        check.require(fits, section, "refresh_s", &issuer.refresh_s, "10 to 86400 (s)")?;
    }
    let mut names = BTreeMap::new();
    for (name, service) in &http.service {
        let section = format!("http.service.{name}");
        let known = http.client_ca.is_some();
        check.require(known, &section, "san", &service.san, "with [http] client_ca")?;
        let other = names.insert(service.san.to_ascii_lowercase(), name);
        let fits = !service.san.is_empty() && other.is_none();
        let allowed = format!("a name of its own, not that of {}", other.map_or("", |n| n));
        check.require(fits, &section, "san", &service.san, &allowed)?;
        let roles = ["supervisor", "service", "ops", "auditor", "wallboard"];
        let fits = roles.contains(&service.role.as_str());
        let allowed = format!("one of {}", roles.join(", "));
        check.require(fits, &section, "role", &service.role, &allowed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::Path;

    fn parse(http: &str) -> Result<Config, ConfigError> {
        let text = format!(
            "[site]\ndata_dir = \"d\"\nmaster_key = \"m\"\n[sip]\n\
             listen = [\"127.0.0.3:5060\"]\n[pbx.a]\naddress = \"127.0.0.1:5070\"\n\
             [carrier.c]\naddress = \"127.0.0.2:5060\"\n[trunk]\nprimary = \"c\"\n[admin]\nsocket = \"s\"\n[http]\nlisten = \"127.0.0.1:1\"\ntoken_key = \"t\"\n{http}"
        );
        Config::parse(Path::new("t.toml"), &text)
    }

    const TLS: &str = "tls_cert = \"c\"\ntls_key = \"k\"\n";

    #[test]
    fn an_issuer_and_services_are_read() {
        let http = format!(
            "{TLS}client_ca = \"ca\"\n[http.issuer]\nkeys_url = \"https://i\"\nissuer = \"i\"\n\
             [http.service.crm]\nsan = \"crm.example\"\n"
        );
        let http = parse(&http).unwrap().http;
        let issuer = http.issuer.unwrap();
        assert_eq!((issuer.audience.as_str(), issuer.refresh_s), ("trunkline-desk", 300));
        assert_eq!(http.service["crm"].role, "service");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let service = "[http.service.crm]\nsan = \"x\"\n";
        let ca = format!("{TLS}client_ca = \"ca\"\n");
        let issuer = |more: &str| format!("[http.issuer]\nissuer = \"i\"\n{more}");
        for (http, key) in [
            ("tls_cert = \"c\"\n".to_owned(), "http.tls_key"),
            ("client_ca = \"ca\"\n".to_owned(), "http.client_ca"),
            (service.to_owned(), "http.service.crm.san"),
            (format!("{ca}{service}role = \"agent\"\n"), "http.service.crm.role"),
            (format!("{ca}{service}[http.service.b]\nsan = \"X\"\n"), "http.service.crm.san"),
            (issuer(""), "http.issuer.keys"),
            (issuer("keys = \"f\"\nkeys_url = \"u\"\n"), "http.issuer.keys"),
            (issuer("keys = \"f\"\nrefresh_s = 1\n"), "http.issuer.refresh_s"),
            (issuer("keys = \"f\"\naudience = \"\"\n"), "http.issuer.audience"),
            ("[http.issuer]\nissuer = \"trunkline\"\nkeys = \"f\"\n".into(), "http.issuer.issuer"),
        ] {
            let error = parse(&http).unwrap_err().to_string();
            assert!(error.contains(&format!(" {key} = ")), "{http}\n{error}");
        }
    }
}
