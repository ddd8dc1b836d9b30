//! How often, how much and how many at a time.

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of an upload: a large image, or a table of some thousand points.
pub(crate) const UPLOAD: usize = 4 << 20;
/// A question that takes longer is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Questions that wait, for each that is being answered.
const WAITING: usize = 4;
/// How many times as much all clients together may ask as one.
const ALL: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);

/// Why a request is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// This client, or all together, asked too often.
    TooOften,
    /// Too many questions are waiting.
    Full,
}

/// All limits.
pub(crate) struct Limits {
    client: DefaultKeyedRateLimiter<IpAddr>,
    all: DefaultDirectRateLimiter,
    queue: Arc<Semaphore>,
    desk: Arc<Semaphore>,
}

/// A place in the queue.
pub(crate) struct Place {
    _queue: OwnedSemaphorePermit,
    desk: Arc<Semaphore>,
}

impl Limits {
    /// So many requests a minute of a client, so many answers made at a time.
    pub(crate) fn new(per_minute: NonZeroU32, at_a_time: usize) -> Self {
        let at_a_time = at_a_time.max(1);
        Self {
            client: DefaultKeyedRateLimiter::keyed(Quota::per_minute(per_minute)),
            all: DefaultDirectRateLimiter::direct(Quota::per_minute(per_minute.saturating_mul(ALL))),
            queue: Arc::new(Semaphore::new(at_a_time.saturating_mul(1 + WAITING))),
            desk: Arc::new(Semaphore::new(at_a_time)),
        }
    }

    /// Counts a request. Clients that are not seen again are forgotten.
    pub(crate) fn count(&self, client: IpAddr) -> Result<(), Busy> {
        self.client.retain_recent();
        let allowed = self.client.check_key(&client).is_ok() && self.all.check().is_ok();
        if allowed { Ok(()) } else { Err(Busy::TooOften) }
    }

    /// A place in the queue, before the upload is read.
    pub(crate) fn queue(&self) -> Result<Place, Busy> {
        let permit = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| Busy::Full)?;
        Ok(Place { _queue: permit, desk: Arc::clone(&self.desk) })
    }
}

impl Place {
    /// Waits for a turn at the desk.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Busy> {
        Arc::clone(&self.desk).acquire_owned().await.map_err(|_| Busy::Full)
    }
}
