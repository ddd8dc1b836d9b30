//! Work shared between threads.

use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Does every job, each worker taking the next when it is free. Which worker does a job must not matter.
pub(crate) fn share<J: Iterator + Send, W: Send>(workers: &mut [W], jobs: J, work: impl Fn(&mut W, J::Item) + Sync) {
    if let [worker] = workers {
        return jobs.for_each(|job| work(worker, job));
    }
    let jobs = Mutex::new(jobs.fuse());
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    workers.par_iter_mut().for_each(|worker| {
        while let Some(job) = next() {
            work(worker, job);
        }
    });
}
