//! Times questions about a data set of random bytes: a member, a stranger, a batch of strangers.
//!
//! `cargo run --release -p zkdl --example queries -- [points] [features] [batch]`, by default 50,000 x 784 and 100.

use std::time::Instant;
use zkdl::points::commit_points;
use zkdl::{DataSet, GeneratorSource, PointCommitments, Query, Question, absence, membership};
use zkdl_commit::blinds::OsEntropy;
use zkdl_commit::merkle::Tree;
use zkdl_dataset::descriptor::Descriptor;
use zkdl_dataset::quantiser::ValueRange;

const CLASSES: u32 = 10;

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{what:<28} {:>9.1} ms", start.elapsed().as_secs_f64() * 1e3);
    result
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<usize> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let size = |i: usize, default| arguments.get(i).copied().unwrap_or(default);
    let (points, width, batch) = (size(0, 50_000), size(1, 784), size(2, 100));
    let mut state = 1u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as i32
    };
    let features: Vec<i32> = (0..points * width).map(|_| byte()).collect();
    let labels: Vec<u32> = (0..points).map(|i| i as u32 % CLASSES).collect();
    let strangers: Vec<Query> =
        (0..batch).map(|_| Query { features: (0..width).map(|_| byte()).collect(), label: None }).collect();
    let generators = GeneratorSource::derived();
    timed("generators", || generators.first(1 << 14));
    let columns = generators.first((width + CLASSES as usize).next_power_of_two());
    let rows =
        timed("commit the data", || commit_points(&columns, &features, &labels, CLASSES as usize, &mut OsEntropy))?;
    let commitments = PointCommitments(rows.rows);
    let mut data = Descriptor::uniform(points as u32, width as u32, CLASSES, ValueRange { min: 0, max: 255 }, 8);
    data.root = commitments.root(&data)?;
    let tree = timed("Merkle tree", || Tree::new(&commitments.0))?;
    let set = DataSet { features: &features, labels: &labels, blinds: &rows.blinds };
    let ask = |queries| Question { data: data.clone(), nonce: [7; 32], context: None, within: false, queries };

    let i = points / 2;
    let question = ask(vec![Query { features: features[i * width..(i + 1) * width].to_vec(), label: None }]);
    for (what, i) in [("find: first row", 0), ("find: last row", points - 1), ("find: first row again", 0)] {
        let query = Query { features: features[i * width..(i + 1) * width].to_vec(), label: None };
        timed(what, || membership::find(&features, &labels, &query));
    }
    let answer = timed("member: prove", || membership::prove(&question, set, &commitments, &tree, &generators))?;
    timed("member: verify", || membership::verify(&question, &answer, &generators))?;
    println!("member: {} bytes, {} of them proof", answer.encode().len(), answer.body.len());
    for queries in [strangers.get(..1).unwrap_or_default(), &strangers] {
        let n = queries.len();
        let question = ask(queries.to_vec());
        let answer = timed(&format!("absent, {n}: prove"), || absence::prove(&question, set, &generators))?;
        timed(&format!("absent, {n}: verify"), || absence::verify(&question, &answer, &commitments, &generators))?;
        println!("absent, {n}: {} bytes, {} of them proof", answer.encode().len(), answer.body.len());
    }
    Ok(())
}
