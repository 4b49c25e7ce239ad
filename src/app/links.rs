//! Control links: from the configuration to running drivers.

use super::error::AppError;
use super::secrets::password;
use crate::config::{Ami, Ari, Config, Esl, LinkAddress, Pbx};
use crate::io::clock::Clock;
use crate::io::http::AriDoor;
use crate::io::pbx::{
    self, BasicLogin, HostPort, LinkBatch, LinkConfig, LinkLimits, LinkStats, MakeSession,
    StreamTls, WebWire, Wire,
};
use crate::io::wake::Waker;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use trunkline_core::engine::{LinkIx, LinkKind, PbxIx, SwitchConfig};
use trunkline_core::model::{Dice, Named};
use trunkline_core::pbx::ami::{AmiSession, AmiSettings};
use trunkline_core::pbx::ari::{AriSession, AriSettings};
use trunkline_core::pbx::esl::{EslSession, EslSettings};
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
    /// Where PBXs connect to us.
    pub doors: HashMap<String, AriDoor>,
}

/// Reads passwords and certificates and builds every link.
///
/// # Errors
/// As [`check_links`].
pub(super) fn prepare(config: &Config, seed: u64) -> Result<Prepared, AppError> {
    let mut prepared = Prepared { links: Vec::new(), doors: HashMap::new() };
    let mut dice = Dice::new(seed);
    for (pbx_at, (name, pbx)) in linked(config).enumerate() {
        for (link_at, kind) in kinds(pbx).into_iter().enumerate() {
            let (wire, make) = match kind {
                LinkKind::Ari => ari(config, name, pbx, &mut prepared.doors)?,
                LinkKind::Ami => ami(config, name, pbx)?,
                LinkKind::Esl => esl(config, name, pbx)?,
            };
            prepared.links.push(LinkConfig {
                name: format!("{name}/{}", kind.name()),
                pbx: PbxIx(u16::try_from(pbx_at).unwrap_or(u16::MAX)),
                link: LinkIx(u16::try_from(link_at).unwrap_or(u16::MAX)),
                wire,
                limits: LinkLimits::default(),
                make,
                seed: dice.throw(),
            });
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

fn esl(config: &Config, name: &str, pbx: &Pbx) -> Result<Made, AppError> {
    let link: &Esl = pbx.esl.as_ref().ok_or_else(|| absent(name))?;
    let section = format!("pbx.{name}.esl");
    let defaults = EslSettings::default();
    let settings = EslSettings {
        password: password(config, &section, "password_file", &link.password_file)?,
        user: link.user.clone(),
        trunks: pbx.trunks.clone(),
        mark_header: MARK_HEADER.to_owned(),
        purpose_header: pbx.purpose_header.clone(),
        domain: link.domain.clone(),
        context: pbx.context.clone().unwrap_or(defaults.context),
    };
    let wire = Wire::Stream { address: host_port(&link.address), tls: None, two: true };
    Ok((wire, Box::new(move || Box::new(EslSession::new(settings.clone())))))
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
pub(super) fn start(prepared: Vec<LinkConfig>, clock: &Clock, waker: &Waker) -> RunningLinks {
    let (sender, reports) = mpsc::channel(REPORTS);
    let waker = waker.clone();
    let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(move || waker.wake());
    let mut running =
        RunningLinks { reports, orders: HashMap::new(), stats: Vec::new(), tasks: Vec::new() };
    for config in prepared {
        let (name, at) = (config.name.clone(), (config.pbx, config.link));
        let link = pbx::spawn(config, clock.clone(), sender.clone(), wake.clone());
        running.orders.insert(at, link.orders);
        running.stats.push((name, link.stats));
        running.tasks.push(link.task);
    }
    running
}

impl Prepared {
    /// The links, to be started.
    pub(super) fn into_parts(self) -> (Vec<LinkConfig>, HashMap<String, AriDoor>) {
        (self.links, self.doors)
    }
}
