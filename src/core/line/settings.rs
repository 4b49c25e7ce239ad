//! What a site sets about its lines.

use crate::model::{LineOrder, LineRole};
use std::time::Duration;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct LineSettings {
    /// Name in the configuration.
    pub name: String,
    /// Place in its group.
    pub role: LineRole,
    /// How it is probed; `None`: not at all.
    pub probe: Option<ProbeSettings>,
    /// How much evidence it takes.
    pub health: HealthSettings,
    /// What holds a flapping line back.
    pub damping: DampingSettings,
    /// How many calls it may have.
    pub limits: CallLimits,
    /// Our registration with it; `None`: it asks for none.
    pub register: Option<RegisterSettings>,
    /// Order that the configuration gives; an operator's comes before it.
    pub order: LineOrder,
}

impl LineSettings {
    /// A line of which only the name is known.
    pub fn named(name: &str, role: LineRole) -> Self {
        Self {
            name: name.to_owned(),
            role,
            probe: Some(ProbeSettings::default()),
            health: HealthSettings::default(),
            damping: DampingSettings::default(),
            limits: CallLimits::default(),
            register: None,
            order: LineOrder::Serve,
        }
    }
}

/// Probes by OPTIONS (RFC 3261 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// Between two probes, give or take 10 %. Default 30 s.
    pub interval: Duration,
    /// The same while the line is down or its newest probe failed. Default 5 s.
    pub down_interval: Duration,
    /// Longest wait for an answer. Default 2 s.
    pub patience: Duration,
    /// Which answers are a sign of life. Default: any but 408 and 503.
    pub alive: ProbeAlive,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            down_interval: Duration::from_secs(5),
            patience: Duration::from_secs(2),
            alive: ProbeAlive::Any,
        }
    }
}

/// Which answers to a probe are a sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProbeAlive {
    /// Any final answer but 408 and 503: carriers answer OPTIONS with 403, 404, 405 or 501.
    #[default]
    Any,
    /// 200 to 299 only.
    Success,
}

impl ProbeAlive {
    /// Is a final answer of that status a sign of life?
    pub fn accepts(self, status: u16) -> bool {
        match self {
            Self::Any => !matches!(status, 408 | 503),
            Self::Success => (200..300).contains(&status),
        }
    }
}

/// How much evidence changes the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// Failures in a row that take a line out of service; at least 2. Default 3.
    pub down_after: u32,
    /// Successes in a row that bring it back. Default 2.
    pub up_after: u32,
    /// After so long one call may try a line that calls have taken out of service; doubles with
    /// each trial that fails. Default 30 s.
    pub trial_after: Duration,
    /// Longest such wait. Default 5 min.
    pub trial_after_max: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            down_after: 3,
            up_after: 2,
            trial_after: Duration::from_secs(30),
            trial_after_max: Duration::from_secs(300),
        }
    }
}

/// Flap damping. A flap (in service to out of service) costs a penalty of 1,000, which halves each
/// half-life; above `suppress` a line that answers comes after the others until its penalty is at
/// `reuse` again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DampingSettings {
    /// Default 2 min; zero: no damping.
    pub half_life: Duration,
    /// Default 2,500: the third flap within a short time.
    pub suppress: u32,
    /// Default 750.
    pub reuse: u32,
    /// The penalty grows no further than this. Default 6,000: three half-lives above `reuse`.
    pub ceiling: u32,
}

impl Default for DampingSettings {
    fn default() -> Self {
        Self { half_life: Duration::from_secs(120), suppress: 2500, reuse: 750, ceiling: 6000 }
    }
}

/// Calls that a line may have at once; `None`: as many as come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallLimits {
    /// In and out together.
    pub all: Option<u32>,
    /// In.
    pub inbound: Option<u32>,
    /// Out.
    pub outbound: Option<u32>,
}

/// Our registration with a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterSettings {
    /// Seconds asked for. Default 600.
    pub expires_s: u32,
}
