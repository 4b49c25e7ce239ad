//! The immutable snapshot a verdict is made from.

use super::{Ask, DncList, GateFileError, Ruling, Source};
use crate::model::Wall;

/// Rule sets and calendars as one immutable value: built aside, then swapped in.
#[derive(Debug)]
pub struct Book {}

impl Book {
    /// Rule sets and calendars delivered with the program.
    pub fn shipped() -> Result<Self, GateFileError> {
        todo!()
    }

    /// Builds a book from the texts of rule set files and calendar files.
    pub fn load(_rules: &[Source<'_>], _calendars: &[Source<'_>]) -> Result<Self, GateFileError> {
        todo!()
    }

    /// SHA-256 over all rule set and calendar texts, hex.
    pub fn hash(&self) -> &str {
        todo!()
    }

    /// Names of the rule sets, sorted.
    pub fn ruleset_names(&self) -> Vec<&str> {
        todo!()
    }

    /// Numbers that every rule set file leaves ungated, sorted: the dial plan's emergency table.
    pub fn always_allow(&self) -> &[String] {
        todo!()
    }

    /// Verdict for dialling at `at`. Does not search.
    pub fn decide(&self, _list: &DncList, _ask: &Ask<'_>, _at: Wall) -> Ruling {
        todo!()
    }

    /// Earliest instant from `after` on at which the same call is allowed; looks 400 days ahead.
    pub fn next_allowed(&self, _list: &DncList, _ask: &Ask<'_>, _after: Wall) -> Option<Wall> {
        todo!()
    }

    /// `at` at the callee, RFC 3339 with offset; empty where the callee's zone is unknown.
    pub fn rfc3339_local(&self, _ask: &Ask<'_>, _at: Wall) -> String {
        todo!()
    }

    /// Last local day (`YYYY-MM-DD`) blocked by `trigger` (e.g. `action:do_not_disturb`) at `at`;
    /// `None` where no applicable rule set has such a cool-down.
    pub fn blocked_until(&self, _ask: &Ask<'_>, _trigger: &str, _at: Wall) -> Option<String> {
        todo!()
    }
}
