//! Who may come in at the HTTP port.

use super::error::AppError;
use crate::config::{Config, ConfigError};
use crate::io::desk::token::TokenKey;
use crate::io::desk::{DeskAuth, Issuer, IssuerConfig, KeySet, KeySource, Revocation, Revoked};
use crate::io::http::ServiceCert;
use crate::store::{RevokedRow, Store, keys};
use std::time::Duration;
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::{Named as _, Wall};

/// The site's key, the issuer's keys and what was revoked. Call it inside a tokio runtime.
pub(super) fn auth(config: &Config, store: &Store, now: Wall) -> Result<DeskAuth, AppError> {
    let secret = keys::load(&config.http.token_key)?;
    let revoked = store.revoked(now)?.into_iter().map(revocation).collect();
    let own = TokenKey::new(&config.site.name, secret.reveal());
    let auth = DeskAuth::new(own).with_revoked(revoked);
    Ok(match issuer(config)? {
        Some(issuer) => auth.with_issuer(issuer),
        None => auth,
    })
}

fn issuer(config: &Config) -> Result<Option<Issuer>, ConfigError> {
    let Some(section) = &config.http.issuer else { return Ok(None) };
    let source = match (&section.keys, &section.keys_url) {
        (Some(path), _) => KeySource::File(path.clone()),
        (None, Some(url)) => KeySource::Url { url: url.clone(), ca: section.ca.clone() },
        (None, None) => return Ok(None), // the configuration was checked: one of the two
    };
    let refresh = Duration::from_secs(section.refresh_s);
    let (issuer, audience) = (section.issuer.clone(), section.audience.clone());
    Issuer::start(IssuerConfig { source, issuer, audience, refresh }).map(Some).map_err(|error| {
        let key = if section.keys.is_some() { "keys" } else { "keys_url" };
        let value = section.keys.as_ref().map(|path| path.display().to_string());
        let value = value.or_else(|| section.keys_url.clone()).unwrap_or_default();
        config.origin.error("http.issuer", key, &value, &format!("a JWK set: {error}"))
    })
}

/// Reads the issuer's file of keys, if there is one.
///
/// # Errors
/// If it cannot be used.
pub fn check_issuer(config: &Config) -> Result<(), AppError> {
    let Some(path) = config.http.issuer.as_ref().and_then(|i| i.keys.as_ref()) else {
        return Ok(());
    };
    let read = std::fs::read(path).map_err(|e| e.to_string());
    let set = read.and_then(|bytes| KeySet::read(&bytes));
    let allowed = |why: String| format!("a JWK set: {why}");
    set.map(|_| ())
        .map_err(|why| config.origin.error("http.issuer", "keys", path, &allowed(why)).into())
}

/// As desks know it.
pub(super) fn revocation(row: RevokedRow) -> Revocation {
    let what = if row.subject { Revoked::Subject } else { Revoked::Id };
    Revocation { what, name: row.name, at: row.at }
}

/// Services that are known by their certificates.
pub(super) fn services(config: &Config) -> Vec<ServiceCert> {
    let service = |(name, s): (&String, &crate::config::Service)| {
        let role = Role::parse_name(&s.role)?; // the configuration was checked
        let (devices, agent, teams) = (Vec::new(), String::new(), s.teams.clone());
        let who = Principal { user: name.clone(), role, devices, agent, teams };
        Some(ServiceCert { san: s.san.clone(), who })
    };
    config.http.service.iter().filter_map(service).collect()
}
