//! A run worked out: everything public that follows from configuration and data, checked before any work starts.

use crate::beacon;
use crate::config::Config;
use crate::data;
use crate::error::{CliError, Result};
use crate::run_dir::{RunDir, read_secret};
use crate::secret::{BoundaryRows, Checkpoint, SecretData};
use crate::start;
use sha2::{Digest, Sha256};
use std::path::Path;
use zkdl::columns::choose_log_columns;
use zkdl::describe::config_digest;
use zkdl::statement::Limits;
use zkdl::{Origin, Start, Statement};
use zkdl_dataset::Descriptor;
use zkdl_dataset::schedule::Schedule;
use zkdl_train::{Algorithm, RatePlan, Weights, initial_weights};

/// The public side of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    descriptor: Descriptor,
    hidden: Vec<u32>,
    nonce: [u8; 32],
    log_columns: u32,
    rates: RatePlan,
    origin: Origin,
    /// Digest of the weights that the run was given, once they are read.
    given: Option<[u8; 32]>,
    /// The algorithm.
    pub(crate) algorithm: Algorithm,
    /// The order of the data.
    pub(crate) schedule: Schedule,
    /// Steps of the run.
    pub(crate) steps: u64,
    /// Steps of a window.
    pub(crate) window: u64,
}

/// A window of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its number.
    pub(crate) index: u64,
    /// Its first step.
    pub(crate) first: u64,
    /// The step after its last.
    pub(crate) end: u64,
}

impl Window {
    /// Number of steps.
    pub(crate) fn steps(self) -> usize {
        self.end.saturating_sub(self.first) as usize
    }
}

impl Plan {
    /// Works out a run whose order `nonce` fixes; `file` names the configuration in messages.
    pub(crate) fn new(config: &Config, descriptor: Descriptor, nonce: [u8; 32], file: &Path) -> Result<Self> {
        let refuse = |e: Box<dyn std::error::Error + Send + Sync>| {
            CliError::usage(format!("{}: this run cannot be made", file.display())).caused_by(e)
        };
        let (training, format) = (&config.training, config.format.format());
        let schedule = Schedule::new(descriptor.points, training.batch, descriptor.root, nonce);
        let schedule = schedule.map_err(|e| refuse(e.into()))?;
        let rate = training.learning_rate.learning_rate().map_err(|e| refuse(e.into()))?;
        let rates = rate.plan(&format, training.batch).map_err(|e| refuse(e.into()))?;
        let epoch = u64::from(schedule.steps_per_epoch());
        let steps = training.steps_of(epoch);
        if steps == 0 {
            return Err(refuse("[training] asks for 0 steps: set epochs or steps to 1 or more".into()));
        }
        let window = config.proof.window.unwrap_or(epoch);
        if window == 0 {
            return Err(refuse("[proof] window is 0: set it to the steps that one proof covers, at least 1".into()));
        }
        let widths = [&[descriptor.features], &config.network.hidden[..], &[descriptor.classes]].concat();
        let algorithm = Algorithm {
            widths,
            format,
            batch: training.batch,
            f_x: descriptor.fraction_bits,
            r_l: rates.r_l,
            max_steps: steps,
            input_min: descriptor.value_min(),
            input_max: descriptor.value_max(),
        };
        algorithm.validate().map_err(|e| refuse(e.into()))?;
        let cells = algorithm.cells_per_step().saturating_mul(window.min(steps));
        if cells > Limits::default().cells {
            let limit = Limits::default().cells;
            let problem = format!("a window has {cells} cells, no verifier takes more than {limit}");
            return Err(refuse(format!("{problem}: set a smaller window in [proof]").into()));
        }
        let preference = config.proof.prefer.unwrap_or_default();
        let preferred = choose_log_columns(&algorithm, window.min(steps) as usize, preference);
        let log_columns = config.proof.log_columns.unwrap_or(preferred);
        let hidden = config.network.hidden.clone();
        let origin = training.given(&format).map_or(Origin::Seed, |given| Origin::Named { bits: given.bits });
        let plan = Self {
            descriptor,
            hidden,
            nonce,
            log_columns,
            rates,
            origin,
            given: None,
            algorithm,
            schedule,
            steps,
            window,
        };
        let first = plan.draft(plan.window(0)?);
        first.sizes(&Limits::default()).map_err(|e| refuse(e.into()))?;
        Ok(plan)
    }

    /// Committed points.
    pub(crate) fn points(&self) -> u64 {
        u64::from(self.descriptor.points)
    }

    /// What is public about the data.
    pub(crate) fn data(&self) -> &Descriptor {
        &self.descriptor
    }

    /// A window by its number.
    pub(crate) fn window(&self, index: u64) -> Result<Window> {
        let first = index.checked_mul(self.window).filter(|first| *first < self.steps);
        let last = self.windows() - 1;
        let refused = || {
            let why = format!("{} steps, {} in each window, give windows 0 to {last}", self.steps, self.window);
            CliError::usage(format!("there is no window {index}: {why}"))
        };
        let first = first.ok_or_else(refused)?;
        Ok(Window { index, first, end: first.saturating_add(self.window).min(self.steps) })
    }

    /// Number of windows.
    pub(crate) fn windows(&self) -> u64 {
        self.steps.div_ceil(self.window)
    }

    /// Whether weights are kept before this step.
    pub(crate) fn is_boundary(&self, step: u64) -> bool {
        step.is_multiple_of(self.window) || step == self.steps
    }

    /// The statement of a window without its weight rows.
    pub(crate) fn draft(&self, window: Window) -> Statement {
        Statement {
            data: self.descriptor.clone(),
            hidden: self.hidden.clone(),
            format: self.algorithm.format,
            batch: self.algorithm.batch,
            r_l: self.algorithm.r_l,
            max_steps: self.steps,
            nonce: self.nonce,
            first_step: window.first,
            multipliers: self.multipliers(window),
            log_columns: self.log_columns,
            start: if window.first == 0 && self.origin == Origin::Seed {
                Start::Seed
            } else {
                Start::Committed { origin: self.origin, rows: Vec::new() }
            },
            end: Vec::new(),
        }
    }

    /// Where the run starts.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// c_t of a window.
    pub(crate) fn multipliers(&self, window: Window) -> Vec<u64> {
        self.rates.window(window.first, window.steps())
    }

    /// c_t of a step.
    pub(crate) fn multiplier(&self, step: u64) -> u64 {
        self.rates.multiplier(step)
    }

    /// Digest of everything that the weights depend on: data root, configuration, the learning rate's multipliers, and the
    /// weights that the run was given, once they are read.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let whole = Window { index: 0, first: 0, end: 1 };
        let mut hash = Sha256::new();
        hash.update(b"zkdl/run/v1");
        hash.update(self.descriptor.root);
        hash.update(config_digest(&self.draft(whole)));
        for (step, c) in &self.rates.multipliers {
            hash.update(step.to_le_bytes());
            hash.update(c.to_le_bytes());
        }
        if let Some(given) = self.given {
            hash.update(given);
        }
        hash.finalize().into()
    }

    /// Binary logarithm of the columns of committed rows, the same for all windows of a run.
    pub(crate) fn log_columns(&self) -> u32 {
        self.log_columns
    }

    /// Parameters, cells a step.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        (self.algorithm.parameters(), self.algorithm.cells_per_step())
    }
}

/// A run directory whose data are committed.
pub(crate) struct Run {
    /// Where it is.
    pub(crate) dir: RunDir,
    /// What it computes.
    pub(crate) plan: Plan,
    /// What it is computed from.
    pub(crate) data: SecretData,
    start: Weights,
}

impl Run {
    /// Opens a run directory for work: creates what is missing of it, removes what a killed process left.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let dir = RunDir::new(root);
        let path = dir.config();
        let config = Config::read(&path)?;
        let data = data::open(&dir)?;
        same_data_section(&config, &data.descriptor, &path)?;
        let nonce = beacon::nonce(&config, &dir)?.ok_or_else(|| beacon::missing(&dir, &data.descriptor.root))?;
        let mut plan = Plan::new(&config, data.descriptor.clone(), nonce, &path)?;
        dir.prepare()?;
        let start = match config.training.given(&plan.algorithm.format) {
            None => initial_weights(&plan.algorithm, &plan.descriptor.root, &plan.nonce),
            Some(given) => {
                let weights = start::weights(&dir, &plan, given)?;
                plan.given = Some(start::digest(&weights));
                weights
            }
        };
        Ok(Self { dir, plan, data, start })
    }

    /// The weights before step 0: the public seed's, or those that the run was given.
    pub(crate) fn start(&self) -> &Weights {
        &self.start
    }

    /// Features and class of a training point.
    pub(crate) fn point(&self, index: u32) -> Option<(&[i32], u32)> {
        self.data.train.point(index, self.data.descriptor.features as usize)
    }

    /// The weights before a step, if they are there.
    pub(crate) fn weights(&self, step: u64) -> Result<Option<Weights>> {
        if step == 0 {
            return Ok(Some(self.start.clone()));
        }
        let path = self.dir.weights(step);
        let Some(bytes) = read_secret(&path)? else { return Ok(None) };
        let checkpoint = Checkpoint::decode(&bytes, &path)?;
        self.belongs(&path, checkpoint.run, checkpoint.step == step)?;
        let shape = checkpoint.weights.check_shape(&self.plan.algorithm.widths);
        shape.map_err(|e| CliError::usage(path.display().to_string()).caused_by(e))?;
        Ok(Some(checkpoint.weights))
    }

    /// The committed rows of the weights before a step, if they are there.
    pub(crate) fn rows(&self, step: u64) -> Result<Option<BoundaryRows>> {
        let path = self.dir.rows(step);
        let Some(bytes) = read_secret(&path)? else { return Ok(None) };
        let rows = BoundaryRows::decode(&bytes, &path)?;
        self.belongs(&path, rows.run, rows.step == step)?;
        if rows.log_columns != self.plan.log_columns() {
            return Err(CliError::usage(format!(
                "{}: rows of 2^{} columns, this configuration has 2^{}: set log_columns = {} in [proof] (and no prefer), all windows of a run share it",
                path.display(),
                rows.log_columns,
                self.plan.log_columns(),
                rows.log_columns
            )));
        }
        Ok(Some(rows))
    }

    fn belongs(&self, path: &Path, run: [u8; 32], right_step: bool) -> Result<()> {
        if run == self.plan.digest() && right_step {
            return Ok(());
        }
        let config = self.dir.config();
        Err(CliError::usage(format!(
            "{} belongs to another run: {} or the data changed since it was written. Undo the change, or start a new run directory",
            path.display(),
            config.display()
        )))
    }
}

/// Data are committed with their quantisers: the configuration must still say the same.
fn same_data_section(config: &Config, committed: &Descriptor, file: &Path) -> Result<()> {
    let data = &config.data;
    let quantisers = data.quantisers().map_err(|e| CliError::usage(format!("{}: {e}", file.display())))?;
    let same = quantisers.runs(committed.features as usize).is_ok_and(|columns| columns == committed.columns);
    let uniform = quantisers.others.is_empty();
    let pairs = [
        ("fraction_bits", u64::from(data.fraction_bits).to_string(), u64::from(committed.fraction_bits).to_string()),
        ("near", data.near.to_string(), committed.near.to_string()),
        ("value_min", data.value_min.to_string(), committed.value_min().to_string()),
        ("value_max", data.value_max.to_string(), committed.value_max().to_string()),
    ];
    let shown = if same || !uniform { &pairs[..2] } else { &pairs[..] };
    let undo = "undo the change or start a new run directory";
    if let Some((key, here, there)) = shown.iter().find(|(_, here, there)| here != there) {
        let problem = format!("{key} = {here}, but the data were committed with {there}");
        return Err(CliError::usage(format!("{}: {problem}: {undo}", file.display())));
    }
    if same && data.image(committed.image) == committed.image {
        return Ok(());
    }
    let problem = "the data were committed with other quantisers or another image";
    Err(CliError::usage(format!("{}: {problem}: {undo}", file.display())))
}
