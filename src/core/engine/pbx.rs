//! What control links report.

use super::input::{LinkIx, Outputs, PbxIx};
use super::writer::Engine;
use crate::model::Now;
use crate::pbx::LinkReport;

impl Engine {
    /// Takes one report of a link.
    pub(super) fn pbx_report(
        &mut self,
        now: Now,
        pbx: PbxIx,
        link: LinkIx,
        report: LinkReport,
        out: &mut Outputs,
    ) {
        self.link_report(now, pbx, link, &report, out);
    }
}
