//! Chance for one user and one purpose: a hash of the seed, never a generator that is shared.
//!
//! So a user is the same whoever else there is, however many threads make them, and
//! whatever was declared beside the thing that is drawn.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A purpose: what is drawn, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose(u64);

impl Purpose {
    pub fn of(name: &str) -> Purpose {
        Purpose(xxh3_64_with_seed(name.as_bytes(), 0x5eed))
    }

    /// A further purpose below this one.
    pub fn and(self, number: u64) -> Purpose {
        Purpose(mixed(self.0 ^ mixed(number)))
    }
}

/// Draws for one user and one purpose.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64, user: &str, purpose: Purpose) -> Dice {
        Dice(mixed(xxh3_64_with_seed(user.as_bytes(), seed) ^ purpose.0))
    }

    /// The same user's chance for a purpose below this one.
    #[must_use]
    pub fn apart(self, purpose: Purpose) -> Dice {
        Dice(mixed(self.0 ^ purpose.0))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A whole number below the bound; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// From 0 up to, but not, 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From the normal distribution around 0 with a deviation of 1.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.share()));
        radius * libm::cos(2.0 * std::f64::consts::PI * self.share())
    }

    /// Whether something of that probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }
}

/// A bijection that spreads every bit of its argument over the result.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice(user: usize, purpose: &str) -> Dice {
        Dice::new(7, &format!("user-{user}"), Purpose::of(purpose))
    }

    #[test]
    fn shares_are_even_and_purposes_independent() {
        let users = 40_000;
        let mut both = [[0_u32; 2]; 2];
        let mut sum = 0.0;
        for user in 0..users {
            let (one, other) = (dice(user, "age").share(), dice(user, "plan").share());
            sum += one;
            both[usize::from(one < 0.5)][usize::from(other < 0.5)] += 1;
        }
        assert!((sum / users as f64 - 0.5).abs() < 0.01, "{sum}");
        // A quarter each, within four deviations.
        for count in both.into_iter().flatten() {
            assert!((f64::from(count) - 10_000.0).abs() < 350.0, "{both:?}");
        }
    }

    #[test]
    fn the_normal_distribution_has_its_shape() {
        let users = 40_000;
        let drawn: Vec<f64> = (0..users).map(|user| dice(user, "x").normal()).collect();
        let within = |far: f64| drawn.iter().filter(|x| x.abs() < far).count() as f64 / 40_000.0;
        for (far, share) in [(1.0, 0.6827), (2.0, 0.9545), (3.0, 0.9973)] {
            assert!((within(far) - share).abs() < 0.01, "{far}: {}", within(far));
        }
    }
}
