//! Names: endpoints of channels and devices, and what of an order may stand in a command.
//!
//! A command of the Event Socket is one line of text that FreeSWITCH cuts at blanks, commas,
//! braces and bars, and expands `${}` in. So a value is either made of harmless characters or it
//! is refused; nothing is escaped.

use super::event::EslEvent;
use super::settings::EslSettings;
use crate::pbx::ChannelId;

/// Longest value in a command, in bytes.
const VALUE_BYTES_MAX: usize = 256;

/// Does a trunk pattern, `*` at its end for any rest, cover this endpoint?
fn covers(pattern: &str, endpoint: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => endpoint.starts_with(prefix),
        None => pattern == endpoint,
    }
}

/// Endpoint of the channel an event is about, and whether it is a trunk.
///
/// A device is `sofia/PROFILE/USER`. The user part of a trunk's channel is a number of the
/// outside world, so it is left out: the endpoint is then the gateway (`sofia/gateway/NAME`) if
/// that is a trunk by the settings, or what the settings' pattern says without its `*`.
pub(super) fn endpoint(settings: &EslSettings, event: &EslEvent<'_>) -> Option<(String, bool)> {
    let gateway = event.text("variable_sip_gateway_name");
    let gateway = gateway.map(|name| format!("sofia/gateway/{name}"));
    if let Some(gateway) = gateway
        && settings.trunks.iter().any(|pattern| covers(pattern, &gateway))
    {
        return Some((gateway, true));
    }
    let name = event.text("Channel-Name")?;
    let trunk = settings.trunks.iter().find(|pattern| covers(pattern, name_of_device(name)));
    Some(match trunk {
        Some(pattern) => (pattern.trim_end_matches('*').to_owned(), true),
        None => (name_of_device(name).to_owned(), false),
    })
}

/// `sofia/internal/1001@10.0.0.4:5063` is `sofia/internal/1001`, `loopback/1001-a` is
/// `loopback/1001`.
fn name_of_device(channel: &str) -> &str {
    if let Some(half) = channel.strip_suffix("-a").or_else(|| channel.strip_suffix("-b"))
        && half.starts_with("loopback/")
    {
        return half;
    }
    channel.split_once('@').map_or(channel, |(device, _)| device)
}

/// A value that cannot stand in a command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} has a character that no command may carry")]
pub(super) struct Unsafe {
    what: &'static str,
}

fn checked<'a>(
    what: &'static str,
    text: &'a str,
    allowed: impl Fn(char) -> bool,
) -> Result<&'a str, Unsafe> {
    let fits = !text.is_empty() && text.len() <= VALUE_BYTES_MAX && !text.starts_with('-');
    if fits && text.chars().all(allowed) { Ok(text) } else { Err(Unsafe { what }) }
}

/// Id of a channel.
pub(super) fn channel(id: &ChannelId) -> Result<&str, Unsafe> {
    checked("the channel", &id.0, |c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// A number or extension as dialled.
pub(super) fn number(text: &str) -> Result<&str, Unsafe> {
    checked("the number", text, |c| c.is_ascii_alphanumeric() || "+*#._-".contains(c))
}

/// A word: mark, purpose, key, context, name of a header.
pub(super) fn word<'a>(what: &'static str, text: &'a str) -> Result<&'a str, Unsafe> {
    checked(what, text, |c| c.is_ascii_alphanumeric() || "._-:".contains(c))
}

/// Keys of a telephone.
pub(super) fn digits(text: &str) -> Result<&str, Unsafe> {
    checked("the keys", text, |c| c.is_ascii_digit() || "*#ABCDabcd".contains(c))
}

/// A queue or an agent of mod_callcenter: `support@pbx.example`.
pub(super) fn address<'a>(what: &'static str, text: &'a str) -> Result<&'a str, Unsafe> {
    checked(what, text, |c| c.is_ascii_alphanumeric() || "._-@+".contains(c))
}

/// A value of a variable: printable, blanks inside, nothing that quotes, expands or separates.
pub(super) fn value(text: &str) -> Result<&str, Unsafe> {
    let trimmed = text.trim() == text;
    let allowed = |c: char| !c.is_control() && !"'\"\\`${}[]<>|^".contains(c);
    if trimmed { checked("the value", text, allowed) } else { Err(Unsafe { what: "the value" }) }
}

/// `USER@DOMAIN` of a device: `sofia/internal/1001`, `user/1001`, `1001` and `1001@pbx.example`
/// are the same agent.
pub(super) fn user_at_domain(settings: &EslSettings, device: &str) -> Result<String, Unsafe> {
    let user = device.rsplit('/').next().unwrap_or(device);
    let user = address("the device", user)?;
    if user.contains('@') || settings.domain.is_empty() {
        return Ok(user.to_owned());
    }
    Ok(format!("{user}@{}", address("the domain", &settings.domain)?))
}
