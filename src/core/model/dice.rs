//! Numbers that are spread evenly and not secret, from a seed that comes in as an argument.

/// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed throws the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A duration of `low` to `high` per cent of this one, evenly spread.
    pub fn spread(
        &mut self,
        whole: std::time::Duration,
        low: u32,
        high: u32,
    ) -> std::time::Duration {
        let steps = u64::from(high.saturating_sub(low)) * 1000 + 1;
        let permyriad = u64::from(low) * 1000 + self.throw() % steps;
        let nanos = whole.as_nanos() * u128::from(permyriad) / 100_000;
        std::time::Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
