//! Everything in the farm that looks random: hashes of names and numbers, and smooth waves of the time. The same
//! arguments always give the same values, so that the farm needs no state.

/// The splitmix64 finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(super) fn splitmix64(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of a topic (so that two uses of the same numbers differ) and numbers.
pub(super) fn hash(topic: &str, numbers: &[u64]) -> u64 {
    let seed = topic.bytes().fold(0, |h, byte| splitmix64(h ^ u64::from(byte)));
    numbers.iter().fold(seed, |h, n| splitmix64(h ^ n))
}

/// A hash as a fraction in [0, 1).
pub(super) fn fraction(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

/// A hashed value in [low, high).
pub(super) fn between(low: f64, high: f64, topic: &str, numbers: &[u64]) -> f64 {
    low + (high - low) * fraction(hash(topic, numbers))
}

/// A sine of the time, in [-1, 1]. Each topic and number has its own phase.
pub(super) fn wave(now: f64, period_seconds: f64, topic: &str, number: u64) -> f64 {
    let phase = fraction(hash(topic, &[number]));
    ((now / period_seconds + phase) * std::f64::consts::TAU).sin()
}

/// Which turn of a cycle that repeats for ever `now` is in, and when that turn began. Each topic and number has its own
/// phase.
pub(super) fn cycle(now: f64, period_seconds: f64, topic: &str, number: u64) -> (u64, f64) {
    let phase = period_seconds * fraction(hash(topic, &[number]));
    let turn = ((now + phase) / period_seconds).floor();
    (turn as u64, turn * period_seconds - phase)
}

/// How much of the turn that `now` is in has passed, in [0, 1).
pub(super) fn sawtooth(now: f64, period_seconds: f64, topic: &str, number: u64) -> f64 {
    let (_, began) = cycle(now, period_seconds, topic, number);
    (now - began) / period_seconds
}
