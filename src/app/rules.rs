//! The gate's rules: which files, which sets of them count, and reading them anew.

use super::AppError;
use super::calendars::{calendar_folder, imported_calendars};
use super::dial_plans::dial_plans;
use super::orders::{Order, Orders};
use super::rule_text;
use super::shadow::Tried;
use crate::config::Config;
use crate::store::{AttemptQuery, Attempts, Store};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use trunkline_core::gate::{
    Book, CalendarSet, DialPlans, GateFileError, LABEL_WAIT, LEDGER_MAX, LintFinding, Source,
    shipped_calendars, shipped_rules,
};
use trunkline_core::model::Wall;

/// Rule set when nothing else is said.
const DEFAULT: &str = "cn-seed-service";

/// All rule sets that the configuration can reach, and the names of those that count. Without a
/// configuration: the shipped ones, and the norm counts.
///
/// # Errors
/// If a file cannot be read or used, or a set that is named is not there.
pub fn all(config: Option<&Config>) -> Result<(Book, Vec<String>), AppError> {
    all_known(config, None)
}

/// As [`all`], with what was known of the calendars at an instant, and nothing later.
///
/// # Errors
/// As [`all`].
pub fn all_known(
    config: Option<&Config>,
    known_at: Option<jiff::Timestamp>,
) -> Result<(Book, Vec<String>), AppError> {
    let gate = config.map(|c| c.gate.clone()).unwrap_or_default();
    let files = gate.file.iter().chain(&gate.files);
    let texts: Vec<(String, String)> =
        files.map(|path| read(path)).collect::<Result<_, AppError>>()?;
    let own = texts.iter().map(|(name, text)| Source { name, text });
    let beside = texts.is_empty() || !gate.rulesets.is_empty();
    let shipped = shipped_rules().into_iter().filter(|_| beside);
    let sources: Vec<Source<'_>> = own.chain(shipped).collect();
    let book = with_calendars(config, &sources, known_at)?;
    let names = book.ruleset_names();
    let chosen = match (&gate.ruleset, gate.rulesets.as_slice(), names.as_slice()) {
        (Some(name), ..) => vec![name.clone()],
        (None, [], [only]) => vec![(*only).to_owned()],
        (None, [], _) => vec![DEFAULT.to_owned()],
        (None, several, _) => several.to_vec(),
    };
    let unknown = chosen.iter().find(|name| !names.contains(&name.as_str()));
    if let (Some(config), Some(name)) = (config, unknown) {
        let key = if gate.rulesets.is_empty() { "ruleset" } else { "rulesets" };
        let allowed = format!("of the rule sets: {}", names.join(", "));
        return Err(config.origin.error("gate", key, name, &allowed).into());
    }
    Ok((book, chosen))
}

/// The rule sets that count. One alone is named: it stands for itself, and says so where it does
/// not cover a purpose; of several, those that apply count.
///
/// # Errors
/// As [`all`].
pub fn in_force(config: Option<&Config>) -> Result<(Arc<Book>, Option<String>), AppError> {
    let (book, chosen) = all(config)?;
    let kept = book.keep(&chosen).map_err(|name| GateFileError {
        file: "[gate]".to_owned(),
        message: format!("there is no rule set {name}"),
    })?;
    if let Some(error) = kept.contradiction() {
        return Err(error.into());
    }
    let single = match chosen.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    Ok((Arc::new(kept), single))
}

/// All rule sets of these files, with the calendars that the site has imported.
///
/// # Errors
/// If a file cannot be read or used.
pub fn from_files(config: Option<&Config>, files: &[PathBuf]) -> Result<Book, AppError> {
    let texts: Vec<(String, String)> =
        files.iter().map(|path| read(path)).collect::<Result<_, AppError>>()?;
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    with_calendars(config, &sources, None)
}

/// The same of texts.
///
/// # Errors
/// If a calendar or a text cannot be used.
pub(super) fn with_calendars(
    config: Option<&Config>,
    sources: &[Source<'_>],
    known_at: Option<jiff::Timestamp>,
) -> Result<Book, AppError> {
    let imported = config.map(|config| imported_calendars(&calendar_folder(config)));
    let imported = imported.transpose()?.unwrap_or_default();
    let own: Vec<Source<'_>> = imported.iter().map(|(name, text)| Source { name, text }).collect();
    let calendars = CalendarSet { shipped: &shipped_calendars(), own: &own, known_at };
    Ok(Book::load_with(sources, &calendars)?)
}

fn read(path: &Path) -> Result<(String, String), AppError> {
    Ok((path.to_string_lossy().into_owned(), rule_text::read(path)?))
}

/// What may stay as it is, and somebody may want to mend.
fn tell_odd(book: &Book) {
    for rule in book.uncounted() {
        tracing::warn!(%rule, "nothing triggers this rule: it never refuses");
    }
    for LintFinding { ruleset, rule, message, .. } in odd(book) {
        tracing::warn!(%ruleset, %rule, %message, "this rule is odd");
    }
}

/// What the linter finds in rules that can be used.
pub fn odd(book: &Book) -> impl Iterator<Item = LintFinding> {
    book.lint().into_iter().filter(|finding| finding.kind.is_fault())
}

/// The rules of a running server. Everybody who asks the gate outside the engine asks here.
pub(super) struct Rules {
    config: Config,
    /// Those in force, and how the site dials by them.
    in_force: RwLock<(Arc<Book>, DialPlans)>,
    /// One reload at a time: what is read last is what comes into force last.
    reloading: Mutex<()>,
    /// The one set that counts; `None`: all that apply.
    pub ruleset: Option<String>,
    tried: Tried,
}

impl Rules {
    pub(super) fn new(
        config: &Config,
        in_force: (Arc<Book>, DialPlans),
        ruleset: Option<String>,
        tried: Tried,
    ) -> Self {
        tell_odd(&in_force.0);
        let reloading = Mutex::default();
        Self { config: config.clone(), in_force: RwLock::new(in_force), reloading, ruleset, tried }
    }

    /// The configuration that they come from.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Those in force.
    pub(super) fn book(&self) -> Arc<Book> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// How the site dials, with the numbers that the rules in force leave ungated.
    pub(super) fn plans(&self) -> DialPlans {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Calls of earlier runs that the rules look back to.
    ///
    /// # Errors
    /// If one cannot be read: without it a cap would allow one call too many.
    pub(super) fn attempts(&self, store: &Store, now: Wall) -> Result<Attempts, AppError> {
        let back = self.book().looks_back().max(self.tried.looks_back());
        if !back.is_any() {
            return Ok(Attempts::default());
        }
        let started = std::time::Instant::now();
        let attempts = store.attempts(AttemptQuery {
            calls_since: now.before(back.calls.max(LABEL_WAIT)),
            labels_since: now.before(back.labels),
            limit: LEDGER_MAX,
        })?;
        let (calls, took) = (attempts.list.len(), started.elapsed());
        tracing::info!(calls, ?took, "calls that caps and cool-downs look back to are read");
        if let Some(since) = attempts.known_since {
            tracing::warn!(since = %since.rfc3339(), "more calls than are remembered: rules that look back further refuse");
        }
        Ok(attempts)
    }

    /// Reads the files anew and has the engine swap them in, and those of the rules tried out.
    /// What cannot be used changes nothing but raises an alarm: an event of the site's state.
    ///
    /// # Errors
    /// If a file cannot be used, or the engine takes no orders.
    pub(super) fn reload(&self, orders: &Orders) -> Result<(), AppError> {
        let _one = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let in_force = self.reload_in_force(orders);
        let tried = self.tried.reload(&self.config, self.book().looks_back(), orders);
        in_force.and(tried)
    }

    fn reload_in_force(&self, orders: &Orders) -> Result<(), AppError> {
        let busy = AppError::Stopped("the engine takes no orders: the rules stay as they were");
        match self.fresh() {
            Ok((book, plans)) => {
                if !orders.give(Order::Rules { book: book.clone(), plans: plans.clone() }) {
                    return Err(busy);
                }
                tell_odd(&book);
                *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = (book, plans);
                tracing::info!("the gate's rules are read anew");
                Ok(())
            }
            Err(error) => {
                orders.give(Order::RulesRefused(error.to_string()));
                Err(error)
            }
        }
    }

    fn fresh(&self) -> Result<(Arc<Book>, DialPlans), AppError> {
        let (book, _) = in_force(Some(&self.config))?;
        let plans = dial_plans(Some(&self.config), &book)?;
        let (new, old) = (book.looks_back(), self.book().looks_back());
        if new.calls > old.calls || new.labels > old.labels {
            // Calls that no rule looked back to are not remembered.
            let message = "a rule looks back further than those in force: restart to take it";
            let file = "[gate]".to_owned();
            return Err(GateFileError { file, message: message.to_owned() }.into());
        }
        Ok((book, plans))
    }
}
