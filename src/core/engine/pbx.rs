//! What control links report.

use super::input::{LinkIx, Outputs, PbxIx};
use super::writer::Engine;
use crate::model::Now;
use crate::pbx::LinkReport;

impl Engine {
    /// Takes one report of a link.
    pub(super) fn pbx_report(
        &mut self,
        _now: Now,
        _pbx: PbxIx,
        _link: LinkIx,
        _report: LinkReport,
        _out: &mut Outputs,
    ) {
    }
}
