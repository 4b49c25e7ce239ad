//! What the gate says, and the list it looks at.

use super::{CallId, DecisionId, NumberRef, Party, Text, Wall};

/// The gate's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// May be dialled.
    Allow,
    /// Must not be dialled.
    Deny,
}

/// What one rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleOutcome {
    /// Looked and agreed.
    Allow,
    /// Looked and refused.
    Deny,
    /// Does not speak about this call.
    NotApplicable,
    /// Looked and would refuse, but its rule set is only tried out.
    WouldDeny,
}

/// One rule's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVerdict {
    /// Rule id, e.g. `night`, `statutory-holiday`, `dnc`, `window`, `purpose`.
    pub id: Text,
    /// What it said.
    pub outcome: RuleOutcome,
    /// Clause it comes from.
    pub citation: Text,
    /// What it looked at, in words without personal data.
    pub inputs: String,
}

/// Kind of a calendar day at the callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DayClass {
    /// Ordinary workday.
    Workday,
    /// Weekend day declared a workday (调休).
    Makeup,
    /// Ordinary weekend day.
    Rest,
    /// Within a published statutory break.
    Holiday,
    /// Published, but the next notice may still change it (26-31 December).
    Provisional,
    /// No notice covers it.
    Unknown,
}

/// A decision about one outbound call, as journaled and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Ours.
    pub id: DecisionId,
    /// Call it was made for.
    pub call_id: Option<CallId>,
    /// Answer.
    pub verdict: Verdict,
    /// Rules looked at, in order of precedence.
    pub rules: Vec<RuleVerdict>,
    /// Rule set.
    pub ruleset: String,
    /// SHA-256 of the rule set, hex.
    pub ruleset_hash: String,
    /// Calendar data.
    pub calendar_version: String,
    /// Do-not-call list.
    pub list_version: String,
    /// tz database.
    pub tzdb_version: String,
    /// Callee's local time, RFC 3339 with offset; empty where the zone is unknown.
    pub local_time: String,
    /// Callee's zone; empty where unknown.
    pub zone: String,
    /// Kind of day there; `None` where the zone or calendar is unknown.
    pub day_class: Option<DayClass>,
    /// Earliest allowed instant, RFC 3339 with offset.
    pub next_allowed_at: Option<String>,
    /// Purpose, if one was given.
    pub purpose: Option<String>,
    /// An allow may be used until.
    pub expires_at: Wall,
    /// Callee.
    pub to: Party,
    /// Device that dialled.
    pub device: String,
    /// What else was known of the call; `None`: nothing.
    pub topic: Option<Box<CallTopic>>,
}

/// What is known of a call out beyond number and purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTopic {
    /// What it is about: a product, a policy line.
    pub subject: Option<String>,
    /// Case it belongs to.
    pub case: Option<String>,
    /// Campaign.
    pub campaign: Option<String>,
    /// Who is called, as the customer records name them.
    pub customer: Option<String>,
    /// For whom the call is made, where a site calls for several.
    pub seller: Option<String>,
}

/// Bytes of one value of [`CallTopic`].
pub const FACT_BYTES_MAX: usize = 128;

impl CallTopic {
    /// Every value is a line of text that is not too long.
    pub fn fits(&self) -> bool {
        let all = [&self.subject, &self.case, &self.campaign, &self.customer, &self.seller];
        let fits = |v: &String| v.len() <= FACT_BYTES_MAX && !v.contains(|c: char| c.is_control());
        all.into_iter().flatten().all(fits)
    }
}

/// Whom an entry of the do-not-call list protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum DncScope {
    /// One number, whoever is meant to answer.
    #[default]
    Number,
    /// A person at all numbers: every call that names this customer.
    Customer,
}

/// A number or customer that must not be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncEntry {
    /// Whom it protects.
    pub scope: DncScope,
    /// Number; its `number_ref` is made with the list's own long-lived key. Of a customer `raw` is
    /// the name that the customer records use, and the reference is that of the name.
    pub number: Party,
    /// Blocked for calls with this purpose and its family (`sales` with `sales.life`); `None`: for
    /// all.
    pub purpose: Option<String>,
    /// Last blocked local calendar day, `YYYY-MM-DD`; `None`: for ever.
    pub until: Option<String>,
    /// Why.
    pub reason: String,
    /// How it came in: `cli`, `api`, `import`.
    pub source: String,
    /// When it was asked for.
    pub asked_at: Wall,
    /// Who entered it.
    pub added_by: String,
    /// It holds no more; it is kept so that it can be told why.
    pub removed: Option<DncRemoval>,
}

/// How an entry came to hold no more before its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncRemoval {
    /// When.
    pub at: Wall,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub by: String,
    /// Who agreed: somebody else.
    pub approved_by: String,
}

/// Reason of an entry that the callee has asked for.
pub const DO_NOT_DISTURB_REASON: &str = "do_not_disturb";
/// What the norm has such a number marked with.
pub const DO_NOT_DISTURB_TAG: &str = "拒绝呼出";

impl DncEntry {
    /// Key in the list.
    pub fn key(&self) -> NumberRef {
        self.number.number_ref
    }

    /// The mark of the norm, where the callee asked not to be disturbed.
    pub fn tag(&self) -> Option<&'static str> {
        (self.reason == DO_NOT_DISTURB_REASON).then_some(DO_NOT_DISTURB_TAG)
    }
}
