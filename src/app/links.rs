//! Control links: from the configuration to running drivers.

use super::error::AppError;
use super::secrets::password;
use crate::config::{Ami, Ari, Config, Esl, LinkAddress, Pbx};
use crate::io::clock::Clock;
use crate::io::http::AriDoor;
use crate::io::pbx::{
    self, BasicLogin, CallLimits, CallsConfig, HostPort, LinkBatch, LinkConfig, LinkLimits,
    LinkStats, MakeSession, StreamTls, WebWire, Wire,
};
use crate::io::wake::Waker;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use trunkline_core::engine::{LinkIx, LinkKind, PbxIx, SwitchConfig};
use trunkline_core::model::{Dice, Named};
use trunkline_core::pbx::ami::{AmiSession, AmiSettings};
use trunkline_core::pbx::ari::{AriSession, AriSettings};
use trunkline_core::pbx::esl::{EslCalls, EslSession, EslSettings};
use trunkline_core::pbx::{Order, OrderId};
use trunkline_core::sip::{MARK_HEADER, PeerId};

/// Groups of reports that may wait for the SIP thread; beyond, the drivers wait.
const REPORTS: usize = 1024;

/// The kinds of links of a PBX. Orders take the first that can carry them out.
fn kinds(pbx: &Pbx) -> Vec<LinkKind> {
    let ari = pbx.ari.as_ref().map(|_| LinkKind::Ari);
    let ami = pbx.ami.as_ref().map(|_| LinkKind::Ami);
    let esl = pbx.esl.as_ref().map(|_| LinkKind::Esl);
    ari.into_iter().chain(ami).chain(esl).collect()
}

fn linked(config: &Config) -> impl Iterator<Item = (&String, &Pbx)> {
    config.pbx.iter().filter(|(_, pbx)| pbx.linked())
}

/// PBXs with links, for the engine.
pub(super) fn switches(
    config: &Config,
    peer: impl Fn(&str) -> Option<PeerId>,
) -> Vec<SwitchConfig> {
    let switch = |(name, pbx): (&String, &Pbx)| SwitchConfig {
        name: name.clone(),
        peer: peer(name),
        links: kinds(pbx),
        trunks: pbx.trunks.clone(),
        default_purpose: pbx.default_purpose.clone(),
        bypass: pbx.bypass,
        bypass_by_trunk: pbx.bypass_by_trunk.clone(),
    };
    linked(config).map(switch).collect()
}

/// Names of all links: `asterisk/ami`.
pub fn link_names(config: &Config) -> Vec<String> {
    let names = |(name, pbx): (&String, &Pbx)| {
        let of = |kind: LinkKind| format!("{name}/{}", kind.name());
        kinds(pbx).into_iter().map(of).collect::<Vec<_>>()
    };
    linked(config).flat_map(names).collect()
}

/// Reads passwords and certificates of all links.
///
/// # Errors
/// If one cannot be used.
pub fn check_links(config: &Config) -> Result<(), AppError> {
    prepare(config, 0).map(|_| ())
}

/// Links that are ready to start.
pub(super) struct Prepared {
    links: Vec<LinkConfig>,
    /// Where FreeSWITCHes connect to us for their calls.
    calls: Vec<CallsConfig>,
    /// Where Asterisks connect to us.
    doors: HashMap<String, AriDoor>,
}

/// Reads passwords and certificates and builds every link.
///
/// # Errors
/// As [`check_links`].
pub(super) fn prepare(config: &Config, seed: u64) -> Result<Prepared, AppError> {
    let mut prepared = Prepared { links: Vec::new(), calls: Vec::new(), doors: HashMap::new() };
    let mut dice = Dice::new(seed);
    for (pbx_at, (name, pbx)) in linked(config).enumerate() {
        for (link_at, kind) in kinds(pbx).into_iter().enumerate() {
            let at = (
                PbxIx(u16::try_from(pbx_at).unwrap_or(u16::MAX)),
                LinkIx(u16::try_from(link_at).unwrap_or(u16::MAX)),
            );
            let made = match kind {
                LinkKind::Ari => Some(ari(config, name, pbx, &mut prepared.doors)?),
                LinkKind::Ami => Some(ami(config, name, pbx)?),
                LinkKind::Esl => {
                    prepared.calls.extend(esl_calls(name, pbx, at));
                    esl(config, name, pbx)?
                }
            };
            prepared.links.extend(made.map(|(wire, make)| LinkConfig {
                name: format!("{name}/{}", kind.name()),
                pbx: at.0,
                link: at.1,
                wire,
                limits: LinkLimits::default(),
                make,
                seed: dice.throw(),
            }));
        }
    }
    Ok(prepared)
}

type Made = (Wire, MakeSession);

fn absent(name: &str) -> AppError {
    let source = std::io::Error::other("the section is gone");
    AppError::Io { what: format!("[pbx.{name}]"), source }
}

fn host_port(address: &LinkAddress) -> HostPort {
    HostPort { host: address.host.clone(), port: address.port }
}

fn tls(config: &Config, section: &str, ca: Option<&PathBuf>) -> Result<StreamTls, AppError> {
    StreamTls::load(ca.map(PathBuf::as_path)).map_err(|error| {
        let allowed = format!("a PEM file with certificates: {error}");
        config.origin.error(section, "ca", &ca, &allowed).into()
    })
}

fn ami(config: &Config, name: &str, pbx: &Pbx) -> Result<Made, AppError> {
    let link: &Ami = pbx.ami.as_ref().ok_or_else(|| absent(name))?;
    let section = format!("pbx.{name}.ami");
    let secret = password(config, &section, "password_file", &link.password_file)?;
    let tls = match link.tls {
        true => Some(tls(config, &section, link.ca.as_ref())?),
        false => None,
    };
    let settings = AmiSettings {
        plain_login: link.plain_login,
        trunks: pbx.trunks.clone(),
        context: pbx.context.clone().unwrap_or_default(),
        call_id_variable: link.call_id_variable.clone(),
        ..AmiSettings::new(&link.user, &secret)
    };
    let wire = Wire::Stream { address: host_port(&link.address), tls, two: false };
    Ok((wire, Box::new(move || Box::new(AmiSession::new(settings.clone())))))
}

fn ari(
    config: &Config,
    name: &str,
    pbx: &Pbx,
    doors: &mut HashMap<String, AriDoor>,
) -> Result<Made, AppError> {
    let link: &Ari = pbx.ari.as_ref().ok_or_else(|| absent(name))?;
    let section = format!("pbx.{name}.ari");
    let password = password(config, &section, "password_file", &link.password_file)?;
    let login = BasicLogin { user: link.user.clone(), password };
    let settings = AriSettings {
        app: link.app.clone(),
        user: link.user.clone(),
        trunks: pbx.trunks.clone(),
        context: pbx.context.clone().unwrap_or_default(),
        queues: pbx.ami.is_none(),
        rest_over_websocket: link.outbound,
        ..AriSettings::default()
    };
    let wire = match &link.url {
        None => {
            let (door, accepted) = pbx::handed_over();
            doors.insert(name.to_owned(), AriDoor { login, connections: door });
            Wire::Accepted(accepted)
        }
        Some(url) => Wire::Web(WebWire {
            address: host_port(&url.address),
            tls: match url.tls {
                true => Some(tls(config, &section, link.ca.as_ref())?),
                false => None,
            },
            base: url.path.clone(),
            events: format!("/events?app={}&subscribeAll=true", link.app),
            login,
        }),
    };
    Ok((wire, Box::new(move || Box::new(AriSession::new(settings.clone())))))
}

fn esl_settings(pbx: &Pbx, link: &Esl) -> EslSettings {
    let defaults = EslSettings::default();
    EslSettings {
        password: defaults.password,
        user: link.user.clone(),
        trunks: pbx.trunks.clone(),
        mark_header: MARK_HEADER.to_owned(),
        purpose_header: pbx.purpose_header.clone(),
        domain: link.domain.clone(),
        context: pbx.context.clone().unwrap_or(defaults.context),
    }
}

/// The connections that we open, if we do.
fn esl(config: &Config, name: &str, pbx: &Pbx) -> Result<Option<Made>, AppError> {
    let link: &Esl = pbx.esl.as_ref().ok_or_else(|| absent(name))?;
    let (Some(address), Some(file)) = (&link.address, &link.password_file) else { return Ok(None) };
    let section = format!("pbx.{name}.esl");
    let password = password(config, &section, "password_file", file)?;
    let settings = EslSettings { password, ..esl_settings(pbx, link) };
    let wire = Wire::Stream { address: host_port(address), tls: None, two: true };
    Ok(Some((wire, Box::new(move || Box::new(EslSession::new(settings.clone()))))))
}

/// The connections that FreeSWITCH opens, if it may.
fn esl_calls(name: &str, pbx: &Pbx, (at, link_at): (PbxIx, LinkIx)) -> Option<CallsConfig> {
    let link: &Esl = pbx.esl.as_ref()?;
    let settings = esl_settings(pbx, link);
    let alone = link.address.is_none();
    Some(CallsConfig {
        name: format!("{name}/{}", LinkKind::Esl.name()),
        pbx: at,
        link: link_at,
        listen: link.outbound_listen?,
        allowed: pbx.outbound_from(),
        limits: CallLimits::default(),
        make: Box::new(move || EslCalls::new(settings.clone(), alone)),
    })
}

/// Orders to the drivers, by PBX and link.
pub(super) type OrdersOut = HashMap<(PbxIx, LinkIx), mpsc::Sender<(OrderId, Order)>>;

/// Running links.
pub(super) struct RunningLinks {
    /// For the SIP thread.
    pub reports: mpsc::Receiver<LinkBatch>,
    /// For the SIP thread.
    pub orders: OrdersOut,
    /// Figures by name.
    pub stats: Vec<(String, Arc<LinkStats>)>,
    /// Drivers.
    pub tasks: Vec<JoinHandle<()>>,
}

/// Starts the drivers; call it inside a tokio runtime.
pub(super) fn start(ready: Ready, clock: &Clock, waker: &Waker) -> RunningLinks {
    let (sender, reports) = mpsc::channel(REPORTS);
    let waker = waker.clone();
    let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(move || waker.wake());
    let mut running =
        RunningLinks { reports, orders: HashMap::new(), stats: Vec::new(), tasks: Vec::new() };
    for config in ready.links {
        let (name, at) = (config.name.clone(), (config.pbx, config.link));
        let link = pbx::spawn(config, clock.clone(), sender.clone(), wake.clone());
        running.orders.insert(at, link.orders);
        running.stats.push((name, link.stats));
        running.tasks.push(link.task);
    }
    for (config, listener) in ready.calls {
        let (name, at) = (config.name.clone(), (config.pbx, config.link));
        let known = running.stats.iter().find(|(known, _)| *known == name);
        let stats = known.map(|(_, stats)| stats.clone()).unwrap_or_default();
        let (sender, wake) = (sender.clone(), wake.clone());
        let calls = pbx::spawn_calls(config, listener, clock.clone(), sender, wake, stats);
        // Where we connect too, orders go by our connections.
        if let Entry::Vacant(vacant) = running.orders.entry(at) {
            vacant.insert(calls.orders);
            running.stats.push((name, calls.stats));
        }
        running.tasks.push(calls.task);
    }
    running
}

/// Links whose addresses are bound.
pub(super) struct Ready {
    links: Vec<LinkConfig>,
    calls: Vec<(CallsConfig, TcpListener)>,
}

impl Prepared {
    /// Binds where PBXs connect to us; the links, and the doors of the HTTP port.
    ///
    /// # Errors
    /// If an address cannot be listened on.
    pub(super) async fn bind(self) -> Result<(Ready, HashMap<String, AriDoor>), AppError> {
        let mut calls = Vec::new();
        for config in self.calls {
            let what = || format!("outbound_listen {} of {}", config.listen, config.name);
            let listener = TcpListener::bind(config.listen).await.map_err(AppError::io(what()))?;
            calls.push((config, listener));
        }
        Ok((Ready { links: self.links, calls }, self.doors))
    }
}
