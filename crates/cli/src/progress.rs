//! Progress bars and notices on stderr: only on a terminal and never with `--quiet`.

use crate::cache;
use crate::clock::{Stopwatch, Time};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use zkdl::statement::Limits;
use zkdl::{Argument, GeneratorSource, Phase};

/// What the global options ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// `--quiet`
    pub(crate) quiet: bool,
    /// `--json`
    pub(crate) json: bool,
    /// `--no-cache`
    pub(crate) no_cache: bool,
    /// `--max-cost`: what verifying may cost.
    pub(crate) limits: Limits,
    /// The generators of this process.
    pub(crate) generators: &'a GeneratorSource,
}

impl Context<'_> {
    /// A line for people who watch; gone where nobody does.
    pub(crate) fn notice(self, line: &str) {
        if self.watched() {
            // A notice that cannot be shown is not worth failing for.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Generators as a process finds them that has just started.
    pub(crate) fn fresh_generators(self) -> GeneratorSource {
        cache::generators(self.no_cache)
    }

    /// Where the work is done.
    pub(crate) fn device(self) {
        self.notice(&format!("on the CPU, {} threads", rayon::current_num_threads()));
    }

    /// A bar of `length` items with rate and time left.
    pub(crate) fn bar(self, what: &'static str, length: u64) -> ProgressBar {
        self.styled(what, Some(length), "{msg:24} {bar:30} {pos}/{len}  {per_sec}  {eta} left")
    }

    /// A count of items, nobody knows of how many.
    pub(crate) fn counter(self, what: &'static str) -> ProgressBar {
        self.styled(what, None, "{msg:24} {pos}  {per_sec}")
    }

    /// The phases of one job, of which nobody knows how long they take.
    fn phases(self, what: &'static str, length: u64) -> ProgressBar {
        self.styled(what, Some(length), "{msg:24} {bar:30} phase {pos} of {len} done, {elapsed}")
    }

    /// Work that cannot tell how far it is.
    pub(crate) fn spinner(self, what: &'static str) -> ProgressBar {
        self.styled(what, None, "{spinner} {msg}, {elapsed}")
    }

    fn styled(self, what: &'static str, length: Option<u64>, template: &str) -> ProgressBar {
        let target = if self.watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(length, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    fn watched(self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }
}

/// Times the phases of a proof.
pub(crate) struct PhaseClock {
    watch: Stopwatch,
    current: Option<&'static str>,
    done: Vec<(&'static str, Time)>,
    bar: ProgressBar,
    names: fn(Phase) -> &'static str,
}

/// Phases of a training proof.
fn of_training(phase: Phase) -> &'static str {
    match phase {
        Phase::Generators => "generators",
        Phase::Commit => "commit",
        Phase::Argument(Argument::Start) => "start weights",
        Phase::Argument(Argument::Forward) => "forward",
        Phase::Argument(Argument::Backward) => "backward",
        Phase::Argument(Argument::Update) => "update",
        Phase::Argument(Argument::Bits) => "zkReLU, bits",
        Phase::Argument(Argument::Cells) => "zkReLU, cells",
        Phase::Opening => "opening",
        Phase::InnerProduct => "inner product",
    }
}

/// Phases of the proof of a data set.
fn of_data(phase: Phase) -> &'static str {
    match phase {
        Phase::Commit => "committing bits",
        Phase::Argument(_) => "ranges and labels",
        other => of_training(other),
    }
}

impl PhaseClock {
    /// Starts with no phase.
    pub(crate) fn new(context: Context, what: &'static str, phases: u64) -> Self {
        let bar = context.phases(what, phases);
        Self { watch: Stopwatch::start(), current: None, done: Vec::new(), bar, names: of_training }
    }

    /// The same for the proof of a data set.
    pub(crate) fn of_data(context: Context) -> Self {
        Self { names: of_data, ..Self::new(context, "proving the data", 5) }
    }

    /// A phase begins, the one before it is over.
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.close();
        let name = (self.names)(phase);
        self.current = Some(name);
        self.bar.set_message(name);
    }

    /// The phases with their times.
    pub(crate) fn finish(mut self) -> Vec<(&'static str, Time)> {
        self.close();
        self.bar.finish_and_clear();
        self.done
    }

    fn close(&mut self) {
        let time = self.watch.lap();
        if let Some(name) = self.current.take() {
            self.done.push((name, time));
            self.bar.inc(1);
        }
    }
}
