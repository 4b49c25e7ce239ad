//! The dial plans of a site: one for all, and others where a PBX or one of its trunks dials
//! otherwise.

use super::{DialPlan, DialPlanError, Normalizer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Dial plans by where a string was dialled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DialPlans(Arc<Plans>);

#[derive(Debug)]
struct Plans {
    site: Normalizer,
    shown: Normalizer,
    pbxs: BTreeMap<String, PbxPlans>,
}

#[derive(Debug)]
struct PbxPlans {
    all: Normalizer,
    /// By endpoint as the configuration writes it; `*` at its end stands for any rest.
    trunks: BTreeMap<String, Normalizer>,
}

/// How one PBX dials.
#[derive(Clone, Debug)]
pub struct PbxDialPlan {
    /// Name of the PBX.
    pub name: String,
    /// Its plan.
    pub plan: DialPlan,
    /// Endpoints of its trunks that have a plan of their own, as the configuration writes them:
    /// `PJSIP/carrier`, `sofia/trunk/*`.
    pub trunks: BTreeMap<String, DialPlan>,
}

/// A plan that cannot be used, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct BadPlan {
    /// PBX; `None`: the site's.
    pub pbx: Option<String>,
    /// Endpoint of a trunk.
    pub trunk: Option<String>,
    /// What is wrong.
    pub error: DialPlanError,
}

impl DialPlans {
    /// Checks all plans.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn new(site: DialPlan, pbxs: Vec<PbxDialPlan>) -> Result<Self, BadPlan> {
        let bad = |pbx: Option<&str>, trunk: Option<&str>| {
            let (pbx, trunk) = (pbx.map(str::to_owned), trunk.map(str::to_owned));
            move |error| BadPlan { pbx, trunk, error }
        };
        let of_site = Normalizer::new(site).map_err(bad(None, None))?;
        let mut named = BTreeMap::new();
        for PbxDialPlan { name, plan, trunks } in pbxs {
            let all = Normalizer::new(plan).map_err(bad(Some(&name), None))?.named(&name);
            let mut by_trunk = BTreeMap::new();
            for (trunk, plan) in trunks {
                let read = Normalizer::new(plan).map_err(bad(Some(&name), Some(&trunk)))?;
                let read = read.named(&format!("{name}/{trunk}"));
                by_trunk.insert(trunk, read);
            }
            named.insert(name, PbxPlans { all, trunks: by_trunk });
        }
        Ok(Self::of_all(of_site, named))
    }

    fn of_all(site: Normalizer, pbxs: BTreeMap<String, PbxPlans>) -> Self {
        let shown = site.without_prefix();
        Self(Arc::new(Plans { site, shown, pbxs }))
    }

    /// The plan of the site: of strings about which nobody says where they were dialled.
    pub fn site(&self) -> &Normalizer {
        &self.0.site
    }

    /// How numbers are read that nobody dialled here: callers as networks present them, lists,
    /// searches. The site's plan without its outside prefix.
    pub fn shown(&self) -> &Normalizer {
        &self.0.shown
    }

    /// The plan of a PBX; the site's where it has none.
    pub fn of(&self, pbx: &str) -> &Normalizer {
        self.0.pbxs.get(pbx).map_or(&self.0.site, |plans| &plans.all)
    }

    /// The plan of a trunk of a PBX, by its endpoint; the PBX's where it has none.
    pub fn of_endpoint(&self, pbx: &str, endpoint: &str) -> &Normalizer {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(stem) => endpoint.starts_with(stem),
            None => pattern == endpoint,
        };
        let trunks = self.0.pbxs.get(pbx).map(|plans| &plans.trunks);
        let own = trunks.into_iter().flatten().filter(|(pattern, _)| fits(pattern));
        // A whole name comes before a pattern, and a longer pattern before a shorter one.
        let own = own.max_by_key(|(pattern, _)| (!pattern.ends_with('*'), pattern.len()));
        own.map_or_else(|| self.of(pbx), |(_, plan)| plan)
    }

    /// By its name: `asterisk`, or `asterisk/PJSIP/carrier`.
    ///
    /// # Errors
    /// All names, joined by `, `.
    pub fn find(&self, name: &str) -> Result<&Normalizer, String> {
        self.all()
            .find(|plan| plan.name() == name)
            .ok_or_else(|| self.all().map(Normalizer::name).collect::<Vec<_>>().join(", "))
    }

    /// The plan of that name, or the site's.
    ///
    /// # Errors
    /// As [`DialPlans::find`].
    pub fn asked(&self, name: Option<&str>) -> Result<&Normalizer, String> {
        name.map_or(Ok(self.site()), |name| self.find(name))
    }

    /// Those that have a name.
    fn all(&self) -> impl Iterator<Item = &Normalizer> {
        let plans = self.0.pbxs.values();
        plans.flat_map(|plans| std::iter::once(&plans.all).chain(plans.trunks.values()))
    }
}

impl From<Normalizer> for DialPlans {
    fn from(site: Normalizer) -> Self {
        Self::of_all(site, BTreeMap::new())
    }
}
