//! Identifiers for requests: 128 bits that do not repeat and need not be secret.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes identifiers.
pub(super) struct RequestIds {
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    /// A sequence of its own for each process.
    pub(super) fn new() -> Self {
        Self { seed: RandomState::new().hash_one("request"), count: AtomicU64::new(RandomState::new().hash_one(0)) }
    }

    /// The next one: 32 hexadecimal digits.
    pub(super) fn next(&self) -> String {
        let count = self.count.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        format!("{:016x}{:016x}", mix(count), mix(count ^ self.seed))
    }
}

/// The finalizer of `SplitMix64`: a bijection, so different counts give different identifiers.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
