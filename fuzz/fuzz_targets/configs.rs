//! Configurations: whatever is written in `zkdl.toml`, a descriptor or a statement is refused or measured, without a panic, an
//! overflow or a table of the size that it asks for.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use zkdl::chain;
use zkdl::columns::{Preference, choose_log_columns};
use zkdl::data_proof;
use zkdl::size::{data_proof_bytes, proof_bytes};
use zkdl::statement::Limits;
use zkdl::{Origin, Start, Statement, describe};
use zkdl_dataset::schedule::{Schedule, split};
use zkdl_dataset::{ColumnRun, Descriptor, Image, Quantiser};
use zkdl_fuzz::files::configuration;
use zkdl_fuzz::fixture::LIMITS;
use zkdl_fuzz::memory::{MEBIBYTE, bounded};
use zkdl_fuzz::single_thread;
use zkdl_train::{Algorithm, Format, LearningRate, Ledger, StartWeights};

/// Points whose order is drawn here.
const ORDERED: u32 = 1 << 12;
/// What all of it may allocate at once.
const MEMORY: usize = 64 * MEBIBYTE;

#[derive(Debug, Arbitrary)]
enum Input {
    /// `zkdl.toml`.
    Text(String),
    /// The same from its values.
    Toml(Toml),
    /// What a statement says.
    Run(Run),
}

#[derive(Debug, Arbitrary)]
struct Run {
    data: Data,
    hidden: Vec<Size>,
    format: [Bits; 4],
    batch: Size,
    r_l: Bits,
    rate: Vec<(u64, f64)>,
    max_steps: u64,
    first_step: u64,
    multipliers: Vec<u32>,
    log_columns: Bits,
    start: Begin,
    rows: u8,
    preference: u8,
    factor: f64,
}

#[derive(Debug, Arbitrary)]
struct Data {
    points: Size,
    features: Size,
    classes: Size,
    fraction_bits: Bits,
    near: u64,
    image: Option<(Size, Size, bool, bool, u32)>,
    columns: Vec<(Size, Map)>,
    /// Whether columns are made to fit the features.
    fitting: bool,
    numbers: Vec<f64>,
}

/// How numbers become integers: usually as descriptors may say.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Map {
    Sane { scale: u8, low: i16, span: u8, clip: bool },
    Any { scale: f64, offset: f64, min: i32, max: i32, clip: bool },
}

/// A size: usually small.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Size {
    Small(u8),
    Power(u8, i8),
    Any(u32),
}

/// Bits: usually few.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Bits {
    Few(u8),
    Any(u32),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Begin {
    Seed,
    Later,
    Named(Bits),
}

#[derive(Debug, Arbitrary)]
struct Toml {
    data: Data,
    hidden: Vec<Size>,
    format: [Option<Bits>; 4],
    batch: Size,
    steps: u64,
    rate: Vec<(u64, f64)>,
    nonce: Option<String>,
    prefer: u8,
    columns: String,
    more: String,
}

impl Size {
    fn get(self) -> u32 {
        match self {
            Self::Small(n) => n.into(),
            Self::Power(n, beside) => (1u32 << (n % 32)).wrapping_add_signed(beside.into()),
            Self::Any(n) => n,
        }
    }
}

impl Bits {
    fn get(self) -> u32 {
        match self {
            Self::Few(n) => u32::from(n % 72),
            Self::Any(n) => n,
        }
    }
}

impl Map {
    fn quantiser(self) -> Quantiser {
        match self {
            Self::Sane { scale, low, span, clip } => {
                let (scale, offset) = (f64::from(scale) + 0.5, f64::from(scale % 3));
                Quantiser { scale, offset, min: low.into(), max: i32::from(low) + i32::from(span), clip }
            }
            Self::Any { scale, offset, min, max, clip } => Quantiser { scale, offset, min, max, clip },
        }
    }
}

impl Data {
    fn descriptor(&self) -> Descriptor {
        let features = self.features.get();
        let run = |(count, map): &(Size, Map)| ColumnRun { count: count.get(), quantiser: map.quantiser() };
        let mut columns: Vec<ColumnRun> = self.columns.iter().map(run).collect();
        if self.fitting {
            let before: u32 = columns.iter().skip(1).map(|run| run.count).fold(0, u32::wrapping_add);
            columns.iter_mut().take(1).for_each(|run| run.count = features.wrapping_sub(before));
        }
        let image = self.image.map(|(width, height, colour, planar, white)| {
            let (width, height, channels) = (width.get(), height.get(), if colour { 3 } else { 1 });
            Image { width, height, channels, planar, white }
        });
        let (points, classes, near) = (self.points.get(), self.classes.get(), self.near);
        let fraction_bits = self.fraction_bits.get();
        Descriptor { points, features, classes, fraction_bits, near, image, columns, root: [7; 32] }
    }
}

impl Run {
    fn statement(&self) -> Statement {
        let [f_a, f_g, q, q_g] = self.format.map(Bits::get);
        let rows = vec![[3; 32]; usize::from(self.rows)];
        let committed = |origin| Start::Committed { origin, rows: rows.clone() };
        Statement {
            data: self.data.descriptor(),
            hidden: self.hidden.iter().map(|size| size.get()).collect(),
            format: Format { f_a, f_g, q, q_g },
            batch: self.batch.get(),
            r_l: self.r_l.get(),
            max_steps: self.max_steps,
            nonce: [5; 32],
            first_step: self.first_step,
            multipliers: self.multipliers.iter().map(|c| u64::from(*c)).collect(),
            log_columns: self.log_columns.get(),
            start: match self.start {
                Begin::Seed => Start::Seed,
                Begin::Later => committed(Origin::Seed),
                Begin::Named(bits) => committed(Origin::Named { bits: bits.get() }),
            },
            end: rows.clone(),
        }
    }
}

fn preference(n: u8) -> Preference {
    [Preference::Verifier, Preference::Size, Preference::Prover][usize::from(n) % 3]
}

/// What can be asked of a data set, valid or not.
fn data(data: &Descriptor, numbers: &[f64]) {
    let _ = (describe::data_json(data), describe::data_in_words(data), describe::data_claim(data));
    for column in [0, 1, data.features as usize, usize::MAX] {
        let _ = (data.quantiser(column), data.range(column));
    }
    if data.validate().is_err() {
        return;
    }
    assert_eq!(Descriptor::decode(&data.encode()).as_ref(), Ok(data));
    assert_eq!(data.ranges().len(), data.features as usize);
    assert_eq!(data.columns.iter().map(|run| u64::from(run.count)).sum::<u64>(), u64::from(data.features));
    for run in &data.columns {
        let integers = numbers.iter().filter_map(|number| run.quantiser.apply(*number).ok());
        integers.for_each(|n| assert!(run.quantiser.range().contains(n)));
    }
    if let Ok(log_columns) = data_proof::choose_log_columns(data, &LIMITS) {
        assert!(data_proof_bytes(data, log_columns, &LIMITS).is_ok());
    }
}

/// The learning rate as `zkdl.toml` gives it, before the format has been looked at.
fn rates(rate: &LearningRate, format: &Format, batch: u32) {
    if let Ok(plan) = rate.plan(format, batch) {
        assert!(plan.multipliers.iter().all(|(_, c)| (1..=1 << 15).contains(c)));
        assert!(plan.window(u64::MAX - 1, 3).iter().all(|c| *c > 0));
    }
}

fn algorithm(algorithm: &Algorithm, statement: &Statement, preferred: Preference) {
    let _ = (algorithm.parameters(), algorithm.layers());
    let cells = algorithm.cells_per_step().saturating_mul(statement.multipliers.len() as u64);
    let bounds =
        [statement.start.origin().bounds(), StartWeights::PublicSeed, StartWeights::Declared { bound: u64::MAX }];
    for bound in bounds {
        if let Ok(ledger) = Ledger::new(algorithm, bound) {
            assert_eq!(ledger.layers.len(), algorithm.layers());
            let _ = ledger.to_string();
        }
    }
    if algorithm.validate().is_ok() && cells <= Limits::default().cells {
        assert!(choose_log_columns(algorithm, statement.multipliers.len(), preferred) < 64);
    }
}

fn orders(statement: &Statement) {
    let (points, first) = (statement.data.points, statement.first_step);
    let Ok(schedule) = Schedule::new(points, statement.batch, [1; 32], [2; 32]) else { return };
    if points > ORDERED {
        return;
    }
    let indices = schedule.window_indices(first, 2);
    assert!(indices.iter().flatten().all(|i| *i < points));
    assert_eq!(indices[0], schedule.batch_indices(first));
    let used = schedule.uses(indices[0][0], first, 1);
    assert!(used == [first] || first == u64::MAX, "{used:?}");
    let part = statement.batch;
    assert!(split(points, part, [3; 32]).is_ok_and(|(train, rest)| train.len() + rest.len() == points as usize));
}

fn run(run: &Run) {
    let statement = run.statement();
    data(&statement.data, &run.data.numbers);
    if let Ok(rate) = LearningRate::new(run.rate.clone()) {
        rates(&rate, &statement.format, statement.batch);
        let _ = rate.rate(run.first_step);
    }
    algorithm(&statement.algorithm(), &statement, preference(run.preference));
    orders(&statement);
    let _ = (describe::to_json(&statement), describe::in_words(&statement), describe::premises(&statement));
    let _ = (chain::is_whole(&statement), chain::end(&statement));
    let _ = (statement.sizes(&Limits::default().times(run.factor)), statement.sizes(&Limits::default()));
    if let Ok(shape) = statement.sizes(&LIMITS) {
        assert_eq!(shape.steps(), statement.multipliers.len());
        assert!(describe::sizes(&statement).is_ok() && proof_bytes(&statement, &LIMITS).is_ok());
    }
    let _ = statement.shape(&LIMITS);
    if let Ok(decoded) = Statement::decode(&statement.encode()) {
        assert_eq!(decoded, statement);
        let next = Statement { first_step: chain::end(&statement), ..statement.clone() };
        let _ = chain::stretches([&statement, &next]);
    }
}

fn text(text: &str) {
    let Some(configured) = configuration(text) else { return };
    let (format, batch) = (configured.format, configured.batch);
    if let Some(rate) = &configured.rate {
        rates(rate, &format, batch);
    }
    let Ok(columns) = configured.quantisers.runs(3) else { return };
    let data = Descriptor { columns, ..Descriptor::uniform(9, 3, 2, configured.quantisers.usual.range(), 2) };
    let algorithm = Algorithm {
        widths: [&[3], &configured.hidden[..], &[2]].concat(),
        format,
        batch,
        f_x: 2,
        r_l: 30,
        max_steps: 9,
        input_min: data.value_min(),
        input_max: data.value_max(),
    };
    let _ = Ledger::new(&algorithm, StartWeights::PublicSeed);
    if algorithm.validate().is_ok() && algorithm.cells_per_step() <= LIMITS.cells {
        let _ = choose_log_columns(&algorithm, 1, configured.preference);
    }
}

impl Toml {
    fn text(&self) -> String {
        let data = self.data.descriptor();
        let map = self.data.columns.first().map_or(Quantiser::identity(data.range(0)), |(_, map)| map.quantiser());
        let pieces: Vec<String> = self.rate.iter().map(|(step, rate)| format!("[{}, {rate:?}]", step >> 1)).collect();
        let names = ["f_a", "f_g", "q", "q_g"].iter().zip(self.format);
        let format: String = names.filter_map(|(name, bits)| Some(format!("{name} = {}\n", bits?.get()))).collect();
        let nonce = self.nonce.as_ref().map_or(String::new(), |nonce| format!("nonce = {nonce:?}\n"));
        let prefer = ["verifier", "size", "prover", "none"][usize::from(self.prefer) % 4];
        let hidden: Vec<u32> = self.hidden.iter().map(|size| size.get()).collect();
        format!(
            "[data]\ncsv = \"x\"\nvalue_min = {}\nvalue_max = {}\nscale = {:?}\noffset = {:?}\nclip = {}\n\
             fraction_bits = {}\nnear = {}\n[[data.columns]]\ncolumns = {:?}\n[network]\nhidden = {hidden:?}\n\
             [training]\nsteps = {}\nbatch = {}\nlearning_rate = [{}]\n{nonce}[format]\n{format}\
             [proof]\nprefer = {prefer:?}\n{}",
            map.min,
            map.max,
            map.scale,
            map.offset,
            map.clip,
            data.fraction_bits,
            data.near >> 1,
            self.columns,
            self.steps >> 1,
            self.batch.get(),
            pieces.join(", "),
            self.more,
        )
    }
}

fuzz_target!(init: single_thread(), |input: Input| {
    bounded(MEMORY, || match &input {
        Input::Text(toml) => text(toml),
        Input::Toml(toml) => text(&toml.text()),
        Input::Run(described) => run(described),
    });
});
