//! Wall and CPU time.

use std::ops::{Add, Sub};
use std::time::Instant;

/// Seconds that something took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Time {
    /// On the wall clock.
    pub(crate) wall: f64,
    /// Of all threads of this process; `None` where the system does not tell.
    pub(crate) cpu: Option<f64>,
}

impl Time {
    /// Nothing yet, as a start for sums.
    pub(crate) const ZERO: Self = Self { wall: 0.0, cpu: Some(0.0) };

    /// What several things took together.
    pub(crate) fn sum(times: impl IntoIterator<Item = Self>) -> Self {
        times.into_iter().fold(Self::ZERO, Add::add)
    }
}

impl Add for Time {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { wall: self.wall + other.wall, cpu: self.cpu.zip(other.cpu).map(|(a, b)| a + b) }
    }
}

/// Never below zero: the two clocks have their own resolutions.
impl Sub for Time {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let cpu = self.cpu.zip(other.cpu).map(|(a, b)| (a - b).max(0.0));
        Self { wall: (self.wall - other.wall).max(0.0), cpu }
    }
}

/// Times one thing after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    since: Instant,
    cpu: Option<f64>,
}

impl Stopwatch {
    /// Starts.
    pub(crate) fn start() -> Self {
        Self { since: Instant::now(), cpu: process_cpu() }
    }

    /// The time since the start or the last lap; the next lap begins.
    pub(crate) fn lap(&mut self) -> Time {
        let before = std::mem::replace(self, Self::start());
        Time {
            wall: self.since.duration_since(before.since).as_secs_f64(),
            cpu: self.cpu.zip(before.cpu).map(|(now, then)| now - then),
        }
    }
}

/// CPU seconds of this process so far.
#[cfg(unix)]
fn process_cpu() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
fn process_cpu() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_and_an_unknown_one_stays_unknown() {
        let (a, b) = (Time { wall: 1.0, cpu: Some(2.0) }, Time { wall: 0.5, cpu: Some(3.0) });
        assert_eq!(Time::sum([a, b]), Time { wall: 1.5, cpu: Some(5.0) });
        assert_eq!(a - b, Time { wall: 0.5, cpu: Some(0.0) });
        assert_eq!((a + Time { wall: 1.0, cpu: None }).cpu, None);
    }

    #[test]
    fn laps_follow_one_another() {
        let mut clock = Stopwatch::start();
        let whole = Instant::now();
        let laps = [(); 3].map(|()| clock.lap().wall);
        assert!(laps.iter().all(|lap| *lap >= 0.0) && laps[1] + laps[2] <= whole.elapsed().as_secs_f64());
    }
}
