//! `[carrier.<name>]` and `[trunk]` for the engine's lines.

use super::AppError;
use crate::config::{Account, Alive, Carrier, Config, ConfigError, Probe};
use std::time::Duration;
use trunkline_core::engine::LineConfig;
use trunkline_core::line::{
    CallLimits, DampingSettings, HealthSettings, LineSettings, ProbeAlive, ProbeSettings,
    RegisterSettings,
};
use trunkline_core::model::{LineOrder, LineRole};
use trunkline_core::sip::{Credentials, Peer, PeerId, PeerKind, Registration};

/// While something is wrong, probes come at least this often.
const DOWN_INTERVAL_MAX_S: f64 = 5.0;

/// Every carrier is a line; those in `[trunk]` also take calls out.
pub(super) fn lines(config: &Config, peer: impl Fn(&str) -> Option<PeerId>) -> Vec<LineConfig> {
    let order = config.trunk.order();
    let line = |(name, carrier): (&String, &Carrier)| {
        let role = match order.iter().position(|n| n == name) {
            Some(0) => LineRole::Primary,
            Some(_) => LineRole::Backup,
            None => LineRole::InboundOnly,
        };
        Some(LineConfig {
            peer: peer(name)?,
            settings: settings(config, name, carrier, role),
            registration: carrier.register.as_ref().map(|r| Registration {
                aor: r.aor.clone(),
                contact_user: r.contact_user.as_deref().or(r.user()).unwrap_or_default().into(),
                expires_s: r.expires_s,
            }),
        })
    };
    config.carrier.iter().filter_map(line).collect()
}

fn settings(config: &Config, name: &str, carrier: &Carrier, role: LineRole) -> LineSettings {
    let (trunk, probe) = (&config.trunk, &carrier.probe);
    let half_life = Duration::from_secs(trunk.damping_half_life_s.into());
    LineSettings {
        probe: probing(probe),
        health: HealthSettings {
            down_after: probe.down_after,
            up_after: probe.up_after,
            trial_after: Duration::from_secs_f64(trunk.trial_after_s),
            ..HealthSettings::default()
        },
        damping: DampingSettings { half_life, ..DampingSettings::default() },
        limits: CallLimits {
            all: carrier.calls_max,
            inbound: carrier.calls_max_in,
            outbound: carrier.calls_max_out,
        },
        register: carrier.register.as_ref().map(|r| RegisterSettings { expires_s: r.expires_s }),
        order: if carrier.maintenance { LineOrder::Maintain } else { LineOrder::Serve },
        ..LineSettings::named(name, role)
    }
}

fn probing(probe: &Probe) -> Option<ProbeSettings> {
    let down = probe.down_interval_s.unwrap_or(probe.interval_s.min(DOWN_INTERVAL_MAX_S));
    (probe.interval_s > 0.0).then(|| ProbeSettings {
        interval: Duration::from_secs_f64(probe.interval_s),
        down_interval: Duration::from_secs_f64(down),
        patience: Duration::from_millis(probe.timeout_ms),
        alive: match probe.alive {
            Alive::Any => ProbeAlive::Any,
            Alive::Success => ProbeAlive::Success,
        },
    })
}

/// Gives carriers the accounts of the configuration.
///
/// # Errors
/// If a password file cannot be read, may be read by others, or holds no password.
pub(super) fn identify(config: &Config, peers: &mut [Peer]) -> Result<(), AppError> {
    for peer in peers.iter_mut().filter(|p| p.kind == PeerKind::Carrier) {
        let Some(carrier) = config.carrier.get(&peer.name) else { continue };
        if let Some(account) = carrier.account() {
            peer.credentials = Some(credentials(config, &peer.name, account)?);
        }
    }
    Ok(())
}

fn credentials(config: &Config, name: &str, account: Account) -> Result<Credentials, ConfigError> {
    let path = &account.password_file;
    let password =
        super::secrets::password(config, &format!("carrier.{name}"), "password_file", path)?;
    Ok(Credentials { user: account.username, password, realm: account.realm })
}
