//! Chance that can be repeated: a small generator, seeded by what it is for.

/// Draws from a seed. The sequence is SplitMix64's, and never changes.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for one thing: its seed, and numbers that name the thing.
    pub fn new(seed: u64, names: &[u64]) -> Dice {
        let mut dice = Dice(seed);
        for name in names {
            dice.0 = dice.roll() ^ name;
        }
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.roll()) * u128::from(end)) >> 64) as u64
    }

    /// A number from one to the other, both included.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from).max(0) as u64 + 1) as i64
    }

    /// Whether something that happens in so many percent happens.
    pub fn percent(&mut self, percent: f64) -> bool {
        (self.below(1_000_000) as f64) < percent * 10_000.0
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_are_fair_and_can_be_repeated() {
        let rolls = |name| {
            let mut dice = Dice::new(7, &[name]);
            (0..10_000).map(|_| dice.percent(25.0)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(1), rolls(1));
        assert_ne!(rolls(1), rolls(2));
        let hits = rolls(1).into_iter().filter(|hit| *hit).count();
        assert!((2_300..2_700).contains(&hits), "{hits} of 10,000 at 25 %");
        let mut dice = Dice::new(0, &[]);
        assert!((0..1000).all(|_| (3..=5).contains(&dice.between(3, 5))));
        assert_eq!(Dice::new(0, &[]).below(0), 0);
    }
}
