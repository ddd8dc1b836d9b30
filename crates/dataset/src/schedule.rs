//! Which points each training step uses: public, and recomputed by the verifier.
//!
//! Epoch e visits the N points in the order of a permutation drawn from the stream `zkdl/v1/order` for (root, nonce, e)
//! (see [`crate::stream`]). Step i of the epoch takes places i B .. (i + 1) B of that order. The last N mod B places of every
//! order are not used: a partial batch is dropped, so every step has exactly B rows.

use std::num::{NonZeroU32, NonZeroU64};

use crate::number::{to_u64, to_usize};
use crate::stream::{KeyStream, ORDER_DOMAIN, SPLIT_DOMAIN};

/// Why a schedule or a split is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A batch of no points.
    #[error("the batch size is 0: set it between 1 and {points}, the number of points")]
    EmptyBatch {
        /// Points of the data set.
        points: u32,
    },
    /// The batch does not fit the data set.
    #[error("a batch of {batch} needs more than the {points} points there are: lower the batch size")]
    BatchTooLarge {
        /// Rows of a batch.
        batch: u32,
        /// Points of the data set.
        points: u32,
    },
    /// More training points asked for than there are.
    #[error("{train} training points asked for, but the table has {points}: lower the size of the training part")]
    SplitTooLarge {
        /// Training points asked for.
        train: u32,
        /// Points of the table.
        points: u32,
    },
}

/// The public order in which a run visits the points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    points: u32,
    batch: NonZeroU32,
    root: [u8; 32],
    nonce: [u8; 32],
}

impl Schedule {
    /// A schedule of `batch` of `points` points a step, fixed by the data root and the nonce.
    ///
    /// # Errors
    /// [`ScheduleError`] when the batch is empty or larger than the data set.
    pub fn new(points: u32, batch: u32, root: [u8; 32], nonce: [u8; 32]) -> Result<Self, ScheduleError> {
        if batch > points {
            return Err(ScheduleError::BatchTooLarge { batch, points });
        }
        let batch = NonZeroU32::new(batch).ok_or(ScheduleError::EmptyBatch { points })?;
        Ok(Self { points, batch, root, nonce })
    }

    /// Points of the data set.
    pub fn points(&self) -> u32 {
        self.points
    }

    /// Rows of every step.
    pub fn batch(&self) -> u32 {
        self.batch.get()
    }

    /// Full batches in an epoch: floor(points / batch), at least 1.
    pub fn steps_per_epoch(&self) -> u32 {
        self.points / self.batch
    }

    /// The points of one step (counted from 0 over the whole run), in order. Draws the whole epoch's order.
    pub fn batch_indices(&self, global_step: u64) -> Vec<u32> {
        let (epoch, step) = self.place(global_step);
        self.slice(&self.epoch_order(epoch), step)
    }

    /// The points of steps `first .. first + count`; every epoch's order is drawn once. Step numbers wrap at 2^64.
    pub fn window_indices(&self, first: u64, count: usize) -> Vec<Vec<u32>> {
        let mut drawn: Option<(u64, Vec<u32>)> = None;
        let mut batches = Vec::with_capacity(count);
        for offset in 0..count {
            let (epoch, step) = self.place(first.wrapping_add(to_u64(offset)));
            let order = match drawn.take() {
                Some((of, order)) if of == epoch => order,
                _ => self.epoch_order(epoch),
            };
            batches.push(self.slice(&order, step));
            drawn = Some((epoch, order));
        }
        batches
    }

    /// The steps among `first .. first + count` that use a point, in order. Draws the order of every epoch that they touch.
    pub fn uses(&self, point: u32, first: u64, count: u64) -> Vec<u64> {
        let (length, end) = (self.epoch_length(), first.saturating_add(count));
        let used = |epoch: u64| {
            let place = self.epoch_order(epoch).iter().position(|p| *p == point)?;
            let step = to_u64(place) / NonZeroU64::from(self.batch);
            // Whoever comes behind the last full batch has no step in this epoch.
            (step < length.get()).then(|| epoch.saturating_mul(length.get()).saturating_add(step))
        };
        let epochs = if count == 0 { 0..0 } else { first / length..end.div_ceil(length.get()) };
        epochs.filter_map(used).filter(|step| (first..end).contains(step)).collect()
    }

    /// The order of all points in one epoch.
    pub fn epoch_order(&self, epoch: u64) -> Vec<u32> {
        KeyStream::derive(ORDER_DOMAIN, &[&self.root, &self.nonce, &epoch.to_le_bytes()]).permutation(self.points)
    }

    fn epoch_length(&self) -> NonZeroU64 {
        NonZeroU64::new(self.steps_per_epoch().into()).unwrap_or(NonZeroU64::MIN)
    }

    /// Epoch, and step in it.
    fn place(&self, global_step: u64) -> (u64, u64) {
        let steps = self.epoch_length();
        (global_step / steps, global_step % steps)
    }

    /// The points of a step; none if the order had none for it, which no window accepts.
    fn slice(&self, order: &[u32], step: u64) -> Vec<u32> {
        let mut batches = order.chunks_exact(to_usize(self.batch.get()));
        let batch = usize::try_from(step).ok().and_then(|step| batches.nth(step));
        batch.unwrap_or_default().to_vec()
    }
}

/// Splits `0..points` into a training part of `train` indices and the rest, in the order of a permutation drawn from
/// `zkdl/v1/split`. A split in file order would hand the test part to whoever wrote the last lines.
///
/// # Errors
/// [`ScheduleError::SplitTooLarge`] when `train > points`.
pub fn split(points: u32, train: u32, seed: [u8; 32]) -> Result<(Vec<usize>, Vec<usize>), ScheduleError> {
    if train > points {
        return Err(ScheduleError::SplitTooLarge { train, points });
    }
    let order = KeyStream::derive(SPLIT_DOMAIN, &[&seed]).permutation(points);
    let mut kept: Vec<usize> = order.into_iter().map(to_usize).collect();
    let rest = kept.split_off(to_usize(train));
    Ok((kept, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(points: u32, batch: u32) -> Schedule {
        Schedule::new(points, batch, [1; 32], [2; 32]).unwrap()
    }

    #[test]
    fn bad_batches_are_refused() {
        let new = |points, batch| Schedule::new(points, batch, [0; 32], [0; 32]);
        assert_eq!(new(10, 0), Err(ScheduleError::EmptyBatch { points: 10 }));
        assert_eq!(new(10, 11), Err(ScheduleError::BatchTooLarge { batch: 11, points: 10 }));
        assert_eq!(new(0, 1), Err(ScheduleError::BatchTooLarge { batch: 1, points: 0 }));
        assert!(new(10, 10).is_ok());
    }

    #[test]
    fn an_epoch_uses_each_point_at_most_once_and_drops_the_partial_batch() {
        let s = schedule(11, 3);
        assert_eq!((s.points(), s.batch(), s.steps_per_epoch()), (11, 3, 3));
        let mut used: Vec<u32> = s.window_indices(0, 3).concat();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), 9);
    }

    #[test]
    fn epochs_roots_and_nonces_give_other_orders() {
        let s = schedule(50, 50);
        assert_ne!(s.batch_indices(0), s.batch_indices(1));
        let other_root = Schedule::new(50, 50, [3; 32], [2; 32]).unwrap();
        let other_nonce = Schedule::new(50, 50, [1; 32], [3; 32]).unwrap();
        assert_ne!(s.batch_indices(0), other_root.batch_indices(0));
        assert_ne!(s.batch_indices(0), other_nonce.batch_indices(0));
    }

    #[test]
    fn the_last_step_number_is_served() {
        assert_eq!(schedule(7, 2).batch_indices(u64::MAX).len(), 2);
        assert_eq!(schedule(7, 2).window_indices(u64::MAX, 2)[1], schedule(7, 2).batch_indices(0));
    }

    #[test]
    fn a_split_is_a_partition_and_depends_on_the_seed() {
        let (train, test) = split(100, 80, [4; 32]).unwrap();
        assert_eq!((train.len(), test.len()), (80, 20));
        let mut all = [train.clone(), test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert_ne!(train, split(100, 80, [5; 32]).unwrap().0);
        assert_eq!(split(3, 3, [0; 32]).map(|(train, test)| (train.len(), test.len())), Ok((3, 0)));
        assert_eq!(split(3, 4, [0; 32]), Err(ScheduleError::SplitTooLarge { train: 4, points: 3 }));
    }

    proptest! {
        #[test]
        fn uses_are_the_steps_whose_batch_holds_the_point(
            points in 1u32..20, batch in 1u32..20, first in 0u64..30, count in 0u64..30, point in 0u32..21
        ) {
            prop_assume!(batch <= points);
            let s = schedule(points, batch);
            let steps: Vec<u64> = (first..first + count).filter(|t| s.batch_indices(*t).contains(&point)).collect();
            prop_assert_eq!(s.uses(point, first, count), steps);
        }

        #[test]
        fn a_window_is_its_steps(points in 1u32..60, batch in 1u32..60, first in 0u64..200, count in 0usize..20) {
            prop_assume!(batch <= points);
            let s = schedule(points, batch);
            let steps: Vec<Vec<u32>> = (first..first + count as u64).map(|t| s.batch_indices(t)).collect();
            prop_assert_eq!(s.window_indices(first, count), steps);
        }
    }
}
