//! The order of SRV records (RFC 2782).

/// A server of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    /// `""`: the service is decidedly not there (a target of `.`).
    pub target: String,
}

/// Lowest priority first; within one, drawn by weight. `random` gives any number.
pub(super) fn order(mut records: Vec<Srv>, mut random: impl FnMut() -> u64) -> Vec<Srv> {
    records.retain(|r| !r.target.is_empty());
    records.sort(); // within a priority, weight 0 comes first, as the RFC wants it
    records.dedup();
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let group = records.iter().take_while(|r| r.priority == priority).count();
        let total: u64 = records[..group].iter().map(|r| u64::from(r.weight)).sum();
        let drawn = random() % (total + 1);
        let mut sum = 0;
        let chosen = records[..group].iter().position(|r| {
            sum += u64::from(r.weight);
            sum >= drawn
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.to_owned() }
    }

    /// Spreads well enough for counting.
    fn numbers() -> impl FnMut() -> u64 {
        let mut state = 1u64;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        }
    }

    #[test]
    fn priorities_are_never_mixed_and_nothing_is_lost() {
        let mut random = numbers();
        for _ in 0..100 {
            let records = vec![
                srv(20, 5, "d"),
                srv(10, 0, "a"),
                srv(10, 60, "b"),
                srv(20, 0, "c"),
                srv(1, 1, ""),
            ];
            let ordered = order(records, &mut random);
            let priorities: Vec<u16> = ordered.iter().map(|r| r.priority).collect();
            assert_eq!(priorities, [10, 10, 20, 20]);
            let mut names: Vec<&str> = ordered.iter().map(|r| r.target.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, ["a", "b", "c", "d"]);
        }
    }

    #[test]
    fn the_first_is_drawn_by_weight() {
        let mut random = numbers();
        let mut firsts: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..10_000 {
            let records = vec![srv(1, 60, "big"), srv(1, 30, "small"), srv(1, 10, "least")];
            *firsts.entry(order(records, &mut random).remove(0).target).or_default() += 1;
        }
        for (name, share) in [("big", 6000), ("small", 3000), ("least", 1000)] {
            let seen = firsts[name];
            assert!(seen.abs_diff(share) < 300, "{name}: {seen} of 10000, not about {share}");
        }
    }
}
