//! `[webhook.<name>]`: a system that gets every event by HTTP.

use super::validate::Check;
use super::{Config, ConfigError};
use hyper::Uri;
use serde::Deserialize;
use std::path::PathBuf;
use trunkline_core::model::{EventKind, Named as _};
use trunkline_core::wire::View;

/// `[webhook.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where events go: `https://HOST[:port]/path`, or http where the way is safe.
    pub url: String,
    /// File with the key of the signatures: `whsec_` and base64 of 24 to 64 bytes.
    pub secret_file: PathBuf,
    /// Authorities (PEM) for https. Default: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// Kinds that are sent: `call.established`, or `call.*` for a whole class. Default: all.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// How telephone numbers are shown: `masked` (default) or `full`.
    #[serde(default = "masked")]
    pub view: String,
    /// Events of one request, 1 to 100. Default 1: a request is an event, not a list of one.
    #[serde(default = "one")]
    pub batch_max: usize,
    /// Longest wait for an answer, 1 to 60 s. Default 10.
    #[serde(default = "ten")]
    pub answer_s: u32,
}

fn masked() -> String {
    View::Masked.name().to_owned()
}

fn one() -> usize {
    1
}

fn ten() -> u32 {
    10
}

impl Webhook {
    /// The address, if it is one.
    pub fn uri(&self) -> Option<Uri> {
        let uri: Uri = self.url.parse().ok()?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        (known && uri.host().is_some_and(|h| !h.is_empty())).then_some(uri)
    }

    /// The view, if it is one.
    pub fn view(&self) -> Option<View> {
        [View::Masked, View::Full].into_iter().find(|view| view.name() == self.view)
    }

    /// Kinds that are sent; empty: all. `None`: one of the names is of no kind.
    pub fn event_kinds(&self) -> Option<Vec<EventKind>> {
        let mut kinds = Vec::new();
        for name in &self.kinds {
            let class = name.strip_suffix('*').filter(|class| class.ends_with('.'));
            let named = |kind: &EventKind| match class {
                Some(class) => kind.name().starts_with(class),
                None => kind.name() == name,
            };
            let before = kinds.len();
            kinds.extend(EventKind::TABLE.iter().map(|(kind, _)| *kind).filter(named));
            if kinds.len() == before {
                return None;
            }
        }
        Some(kinds)
    }
}

pub(super) fn validate(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    for (name, hook) in &config.webhook {
        let section = format!("webhook.{name}");
        let fits = hook.uri().is_some();
        check.require(fits, &section, "url", &hook.url, "https://HOST[:port]/path, or http")?;
        check.require(hook.view().is_some(), &section, "view", &hook.view, "masked or full")?;
        let fits = hook.event_kinds().is_some();
        let allowed = "kinds of docs/events.md (call.established), or classes (call.*)";
        check.require(fits, &section, "kinds", &hook.kinds, allowed)?;
        let fits = (1..=100).contains(&hook.batch_max);
        check.require(fits, &section, "batch_max", &hook.batch_max, "1 to 100")?;
        let fits = (1..=60).contains(&hook.answer_s);
        check.require(fits, &section, "answer_s", &hook.answer_s, "1 to 60 (s)")?;
        if let Some(ca) = &hook.ca {
            let https = hook.url.starts_with("https:");
            check.require(https, &section, "ca", ca, "only with https")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::sample::{self, COMMON};

    const SITE: &str = "[pbx.a]\naddress = \"127.0.0.1:5070\"\n[carrier.b]\n\
                        address = \"127.0.0.2:5060\"\n[trunk]\nprimary = \"b\"\n[webhook.crm]\n";

    fn text(keys: &str) -> String {
        format!("{COMMON}{SITE}{keys}\nsecret_file = \"s\"\n")
    }

    #[test]
    fn kinds_are_named_one_by_one_or_by_class() {
        let read = |keys: &str| {
            let config = sample::read(&text(&format!("url = \"http://a/b\"\n{keys}"))).unwrap();
            config.webhook["crm"].event_kinds().unwrap()
        };
        assert_eq!(read(""), []);
        assert_eq!(read("kinds = [\"call.cleared\"]"), [EventKind::CallCleared]);
        let links = read("kinds = [\"link.*\", \"dnc.added\"]");
        assert!(links.len() > 1 && links.iter().all(|k| !k.name().starts_with("call.")));
    }

    #[test]
    fn errors_name_the_key_and_what_is_allowed() {
        let url = "url = \"https://crm.example/hook\"";
        let rows = [
            (
                "url = \"crm.example\"".to_owned(),
                "t.toml:19: webhook.crm.url = \"crm.example\": https:",
            ),
            ("url = \"ftp://crm/\"".to_owned(), "t.toml:19: webhook.crm.url"),
            (
                format!("{url}\nkinds = [\"call\"]"),
                "t.toml:20: webhook.crm.kinds = [\"call\"]: kinds",
            ),
            (format!("{url}\nkinds = [\"*\"]"), "t.toml:20: webhook.crm.kinds"),
            (format!("{url}\nview = \"all\""), "t.toml:20: webhook.crm.view = \"all\": masked or"),
            (format!("{url}\nbatch_max = 0"), "t.toml:20: webhook.crm.batch_max = 0: 1 to 100"),
            (format!("{url}\nanswer_s = 61"), "t.toml:20: webhook.crm.answer_s = 61: 1 to 60"),
            ("url = \"http://a/\"\nca = \"c\"".to_owned(), "t.toml:20: webhook.crm.ca"),
        ];
        sample::all_refused(rows.map(|(keys, said)| (text(&keys), said)));
    }
}
