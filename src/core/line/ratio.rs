//! Answer seizure ratio (ITU-T E.411) and network effectiveness ratio (ITU-T E.425) of the calls
//! that went out by a line in the last 15 minutes.
//!
//! ASR = answered / seizures. NER = (answered + subscriber busy + ring no answer + terminal
//! rejection) / seizures. A seizure is an INVITE sent to the line; what became of it counts in the
//! minute in which that is known.

use crate::model::Mono;

/// The window.
const MINUTES: usize = 15;
const MINUTE_NANOS: u64 = 60_000_000_000;

/// What became of a call, in the terms of E.425.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Answered.
    Answered,
    /// The network did its part: busy, no answer, refused by the called side.
    Effective,
    /// It did not.
    Ineffective,
}

impl Ending {
    /// What a final status of the line means, and whether it had rung before.
    ///
    /// Busy: 486, 600. No answer: 480 or 487 after ringing, 408 after ringing. Terminal
    /// rejection: 403 is the network's, 603, 607 and 608 are the called side's.
    pub fn of_status(status: u16, rung: bool) -> Self {
        match status {
            200..=299 => Self::Answered,
            486 | 600 | 603 | 607 | 608 => Self::Effective,
            408 | 480 | 487 if rung => Self::Effective,
            _ => Self::Ineffective,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    number: u64,
    seizures: u32,
    answered: u32,
    effective: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Ratios {
    minutes: [Minute; MINUTES],
}

impl Ratios {
    /// One seizure has ended so.
    pub(super) fn count(&mut self, now: Mono, ending: Ending) {
        let number = now.0 / MINUTE_NANOS;
        let minute = &mut self.minutes[(number % MINUTES as u64) as usize];
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        minute.seizures += 1;
        minute.answered += u32::from(ending == Ending::Answered);
        minute.effective += u32::from(ending != Ending::Ineffective);
    }

    /// Seizures, and both ratios in thousandths if there were any.
    pub(super) fn read(&self, now: Mono) -> (u32, Option<u16>, Option<u16>) {
        let number = now.0 / MINUTE_NANOS;
        let fresh = self.minutes.iter().filter(|m| m.number + MINUTES as u64 > number);
        let (mut seizures, mut answered, mut effective) = (0u32, 0, 0);
        for minute in fresh {
            seizures += minute.seizures;
            answered += minute.answered;
            effective += minute.effective;
        }
        let permille = |part: u32| {
            let share = (u64::from(part) * 1000).checked_div(u64::from(seizures))?;
            u16::try_from(share).ok()
        };
        (seizures, permille(answered), permille(effective))
    }
}
