//! Whether messages are distributed evenly, and alike, by the first byte and the last but one of each.

/// By the lowest bits of a byte.
const BUCKETS: usize = 16;
const PLACES: [usize; 2] = [0, 30];

/// What neither statistic of a message exceeds but by chance: with probability 1e-11 for a byte that is distributed evenly, in 64 proofs as in
/// 200 (all ways counted in which so many fall into 16 buckets), and 1e-15 for a byte of two samples of one distribution (Chernoff's bound). A run
/// of these tests looks at fewer than 20,000 such bytes: it fails without cause less than once in a million times.
pub(crate) const ALARM: f64 = 110.0;

type Counts = [f64; BUCKETS];

/// Of bytes of every message: first by message, then by place.
fn histograms(proofs: &[Vec<u8>], places: &[usize]) -> Vec<Vec<Counts>> {
    let messages = proofs[0].len() / 32;
    let mut counts = vec![vec![[0.0; BUCKETS]; places.len()]; messages];
    for proof in proofs {
        assert_eq!(proof.len(), 32 * messages, "as many messages whatever the witness is");
        for (message, counts) in proof.chunks(32).zip(&mut counts) {
            for (place, counts) in places.iter().zip(counts) {
                counts[usize::from(message[*place]) % BUCKETS] += 1.0;
            }
        }
    }
    counts
}

/// For every message the larger chi-square statistic of its bytes against an even distribution: 15 degrees of freedom.
pub(crate) fn uneven(proofs: &[Vec<u8>]) -> Vec<f64> {
    let expected = proofs.len() as f64 / BUCKETS as f64;
    let statistic = |counts: &Counts| counts.iter().map(|n| (n - expected).powi(2) / expected).sum::<f64>();
    histograms(proofs, &PLACES).iter().map(|places| places.iter().map(statistic).fold(0.0, f64::max)).collect()
}

/// For every message the larger chi-square statistic of its bytes in two samples of one size: 15 degrees of freedom.
pub(crate) fn difference(a: &[Vec<u8>], b: &[Vec<u8>]) -> Vec<f64> {
    difference_at(&PLACES, a, b)
}

/// The same of all bytes that are evenly distributed. Two values that each repeat have two bytes in common, by their lowest bits, once
/// in 256 times, but never so many.
pub(crate) fn difference_anywhere(a: &[Vec<u8>], b: &[Vec<u8>]) -> Vec<f64> {
    difference_at(&Vec::from_iter(0..=30), a, b)
}

fn difference_at(places: &[usize], a: &[Vec<u8>], b: &[Vec<u8>]) -> Vec<f64> {
    assert_eq!(a.len(), b.len());
    let term = |(a, b): (&f64, &f64)| if a + b > 0.0 { (a - b).powi(2) / (a + b) } else { 0.0 };
    let statistic = |(a, b): (&Counts, &Counts)| a.iter().zip(b).map(term).sum::<f64>();
    let (a, b) = (histograms(a, places), histograms(b, places));
    assert_eq!(a.len(), b.len(), "as many messages whatever the witness is");
    a.iter().zip(&b).map(|(a, b)| a.iter().zip(b).map(statistic).fold(0.0, f64::max)).collect()
}

/// Proofs of one message, whose byte 30 takes these values.
fn of(bytes: impl IntoIterator<Item = u8>) -> Vec<Vec<u8>> {
    let message = |byte| (0..32).map(|place| if place == 30 { byte } else { 0 }).collect();
    bytes.into_iter().map(message).collect()
}

#[test]
fn statistics_are_those_of_chi_square() {
    let even = of((0..=255).take(160));
    // Byte 0 is the same in all: 160 in a bucket, where 10 belong.
    assert_eq!(uneven(&even), [150.0 * 150.0 / 10.0 + 15.0 * 10.0]);
    assert_eq!(difference(&even, &even), [0.0]);
    let shifted = of((0..160).map(|i| if i < 10 { 1 } else { i }));
    // Ten in each of the buckets 0 to 9; then bucket 0 has lost one, and so on: 1 has gained nine.
    let lost = 9.0 * (1.0 / 19.0);
    assert!((difference(&even, &shifted)[0] - (lost + 81.0 / 29.0)).abs() < 1e-9);
}
