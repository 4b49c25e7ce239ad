//! `[pop]`, `[identity]`, `[record]`: what agents see and say, and what they write into a call.

use super::validate::Check;
use super::{Config, ConfigError};
use crate::io::desk::Barrier;
use serde::Deserialize;
use trunkline_core::gate::vague_name;

/// Longest text that an agent reads out.
const TEXT_BYTES_MAX: usize = 1024;
/// Longest name of a factor, key or label.
const NAME_BYTES_MAX: usize = 64;

/// `[pop]`: what a desktop shows when a call rings at its agent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pop {
    /// Screen for the customer: `secondary` (default) or `primary`.
    pub window: Window,
    /// How agents open a conversation; `{agent}` is the name of the agent's section, `{name}` the
    /// agent's name. A word that is no name (客服中心) stands behind one. Default: none.
    pub opening: String,
    /// First words to a customer whose call was answered later than `[site] answer_norm_ms` and
    /// three rings. Default: 抱歉让您久等了，请问有什么可以帮您？ Empty: none.
    pub apology_late: String,
    /// The same where a line, a control link or the journal failed while the phone rang. Default:
    /// an apology that names a fault. Empty: `apology_late`.
    pub apology_fault: String,
}

impl Default for Pop {
    fn default() -> Self {
        Self {
            window: Window::Secondary,
            opening: String::new(),
            apology_late: "抱歉让您久等了，请问有什么可以帮您？".to_owned(),
            apology_fault: "非常抱歉，由于系统故障让您久等了，请问有什么可以帮您？".to_owned(),
        }
    }
}

/// A screen of a desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// That of the work.
    Primary,
    /// The second one.
    Secondary,
}

/// `[identity]`: proofs of a customer's identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// Kinds that an agent may record. Default `policy_number`, `id_number`, `birth_date`,
    /// `stored_phone`, `one_time_code`, `relative`.
    pub factors: Vec<String>,
    /// Those that rest on the number of the call: all of them together are one factor, and none
    /// counts where the number is not known. Default `stored_phone`, where that is one of them.
    pub number_factors: Option<Vec<String>>,
    /// Keys of attached values that agents see when two factors are known. Default none.
    pub sensitive: Vec<String>,
}

impl Default for Identity {
    fn default() -> Self {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        Self {
            factors: names(&[
                "policy_number",
                "id_number",
                "birth_date",
                "stored_phone",
                "one_time_code",
                "relative",
            ]),
            number_factors: None,
            sensitive: Vec::new(),
        }
    }
}

impl Identity {
    /// Kinds that rest on the number of the call.
    pub fn by_number(&self) -> Vec<String> {
        self.number_factors.clone().unwrap_or_else(|| {
            let by_number = |kind: &&String| *kind == "stored_phone";
            self.factors.iter().filter(by_number).cloned().collect()
        })
    }
}

/// `[record]`: what an agent says of a call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// Labels beside 有效, 无效 and 拒绝. Default none.
    pub labels: Vec<String>,
    /// An agent is to label a call so long after its own part of it has ended, in s; beyond,
    /// `duty.breached`. Default 0: nobody watches.
    pub within_s: u32,
}

pub(super) fn validate(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let pop = &config.pop;
    for (key, text) in [
        ("opening", &pop.opening),
        ("apology_late", &pop.apology_late),
        ("apology_fault", &pop.apology_fault),
    ] {
        let fits = text.len() <= TEXT_BYTES_MAX && !text.contains(['\r', '\n', '\0']);
        check.require(fits, "pop", key, text, "one line of 1024 bytes at most")?;
    }
    let named = pop.opening.replace("{agent}", "").replace("{name}", "");
    let allowed = "{agent} and {name} are filled in, and nothing else in braces";
    check.require(!named.contains(['{', '}']), "pop", "opening", &pop.opening, allowed)?;
    let word = vague_name(&pop.opening).unwrap_or_default();
    let allowed = format!("who is calling by name: {word} alone tells nobody");
    check.require(word.is_empty(), "pop", "opening", &pop.opening, &allowed)?;
    let identity = &config.identity;
    for (section, key, names) in [
        ("identity", "factors", &identity.factors),
        ("identity", "sensitive", &identity.sensitive),
        ("record", "labels", &config.record.labels),
    ] {
        let fits = |name: &String| {
            (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control)
        };
        let ok = names.len() <= 64 && names.iter().all(fits);
        check.require(ok, section, key, names, "up to 64 names of 1 to 64 bytes")?;
    }
    let by_number = identity.by_number();
    let known = by_number.iter().all(|name| identity.factors.contains(name));
    let allowed = format!("some of factors: {}", identity.factors.join(", "));
    check.require(known, "identity", "number_factors", &by_number, &allowed)?;
    let within = config.record.within_s;
    check.require(
        within <= 86_400,
        "record",
        "within_s",
        &within,
        "0 (nobody watches) to 86400",
    )?;
    let held = config.desk.transfer_barrier == Barrier::Hold;
    let allowed = "hold needs [agent.NAME] sections: without them nobody's desktop is known";
    let ok = !held || !config.agent.is_empty();
    check.require(ok, "desk", "transfer_barrier", &config.desk.transfer_barrier, allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::config::sample::{COMMON, all_refused, read};
    use crate::io::desk::Barrier;

    const REST: &str = "[pbx.asterisk]\naddress = \"127.0.0.1:5060\"\n";

    fn with(sections: &str) -> String {
        format!("{COMMON}{REST}{sections}")
    }

    #[test]
    fn without_a_word_of_it_nothing_waits_and_the_norms_words_are_said() {
        let config = read(&with("")).unwrap();
        assert_eq!(config.desk.transfer_barrier, Barrier::Warn);
        assert!(config.pop.apology_late.starts_with("抱歉让您久等了"));
        assert!(config.identity.factors.contains(&"birth_date".to_owned()));
        assert_eq!(config.identity.by_number(), ["stored_phone"]);
        assert_eq!(config.record.within_s, 0);
        let own = read(&with("[identity]\nfactors = [\"a\"]\n")).unwrap();
        assert!(own.identity.by_number().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let rows = [
            (
                "[desk]\ntransfer_barrier = \"hold\"\n",
                "t.toml:15: desk.transfer_barrier = Hold: hold needs [agent.NAME]",
            ),
            (
                "[desk]\ntransfer_barrier = \"wait\"\n",
                "t.toml:15: transfer_barrier: unknown variant `wait`, expected one of",
            ),
            (
                "[desk]\ntransfer_confirm_ms = 5\n",
                "t.toml:15: desk.transfer_confirm_ms = 5: 100 to 60000",
            ),
            (
                "[pop]\nopening = \"{phone}\"\n",
                "t.toml:15: pop.opening = \"{phone}\": {agent} and {name} are filled in",
            ),
            ("[pop]\nwindow = \"third\"\n", "t.toml:15: window: unknown variant `third`, expected"),
            (
                "[identity]\nnumber_factors = [\"a\"]\nfactors = [\"b\"]\n",
                "t.toml:15: identity.number_factors = [\"a\"]: some of factors: b",
            ),
            ("[record]\nlabels = [\"\"]\n", "t.toml:15: record.labels = [\"\"]: up to 64 names"),
            ("[record]\nwithin_s = 90000\n", "t.toml:15: record.within_s = 90000: 0 (nobody"),
        ];
        all_refused(rows.map(|(sections, said)| (with(sections), said)));
    }
}
