//! The demo's site: a folder with keys and the one configuration file, as an operator would have it.

use super::wiring;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// A folder that a server can be started from.
pub(in crate::cli) struct Site {
    pub dir: PathBuf,
    pub config: PathBuf,
    pub token_key: PathBuf,
    pub socket: PathBuf,
    pub sip: SocketAddr,
    pub http: SocketAddr,
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Name of the site.
pub(in crate::cli) const NAME: &str = "demo";

/// Makes the folder, the keys and the configuration for these two neighbours.
pub(in crate::cli) fn prepare(
    wanted: Option<&Path>,
    carrier: SocketAddr,
    phones: SocketAddr,
) -> io::Result<Site> {
    let dir = folder(wanted, "demo")?;
    let site = Site {
        config: dir.join("trunkline.toml"),
        token_key: dir.join("token.key"),
        socket: dir.join("admin.sock"),
        sip: free_udp(LOOPBACK)?,
        http: free_tcp()?,
        dir,
    };
    let master_key = site.dir.join("master.key");
    wiring::make_keys(&master_key, &site.token_key)?;
    std::fs::write(&site.config, config(&site, &master_key, carrier, phones))?;
    Ok(site)
}

/// A folder of our own, mode 0700. `what` is in its name if we choose it.
pub(in crate::cli) fn folder(wanted: Option<&Path>, what: &str) -> io::Result<PathBuf> {
    let dir = match wanted {
        Some(dir) => std::path::absolute(dir)?,
        None => {
            let random = getrandom::u32().map_err(io::Error::other)?;
            let name = format!("trunkline-{what}-{}-{random:08x}", std::process::id());
            std::env::temp_dir().join(name)
        }
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    if std::fs::read_dir(&dir)?.next().is_some() {
        let text = format!("{} is not empty: the {what} needs a folder of its own", dir.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    Ok(dir)
}

/// A port that was free a moment ago.
pub(in crate::cli) fn free_udp(ip: IpAddr) -> io::Result<SocketAddr> {
    std::net::UdpSocket::bind((ip, 0))?.local_addr()
}

fn free_tcp() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((LOOPBACK, 0))?.local_addr()
}

fn config(site: &Site, master_key: &Path, carrier: SocketAddr, phones: SocketAddr) -> String {
    let quoted = |path: &Path| toml::Value::from(path.to_string_lossy().into_owned()).to_string();
    let data = quoted(&site.dir.join("data"));
    let (master_key, token_key) = (quoted(master_key), quoted(&site.token_key));
    let (socket, sip, http) = (quoted(&site.socket), site.sip, site.http);
    format!(
        r#"# Written by `trunkline demo`. `trunkline serve` runs it as well, by the machine's own clock.
[site]
name = "{NAME}"
data_dir = {data}
master_key = {master_key}

[sip]
listen = ["{sip}"]

[pbx.phones]
address = "{phones}"
sources = ["{phones}"]

[carrier.north]
address = "{carrier}"
sources = ["{carrier}"]

[trunk]
primary = "north"

[gate]
ruleset = "cn-seed-service"
internal = ["8000-8999"]

[http]
listen = "{http}"
token_key = {token_key}

[admin]
socket = {socket}
"#
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_file_is_one_that_the_product_accepts() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("with \"quotes\" and spaces");
        let [carrier, phones] = ["127.0.0.1:5071", "127.0.0.1:5072"].map(|a| a.parse().unwrap());
        let site = prepare(Some(&wanted), carrier, phones).unwrap();
        let config = Config::load(&site.config).unwrap();
        assert_eq!(config.sip.listen, [trunkline_core::sip::Listen::udp(site.sip)]);
        assert_eq!(config.site.data_dir, site.dir.join("data"));
        assert!(prepare(Some(&wanted), carrier, phones).is_err(), "never into a used folder");
    }
}
