//! A bound on what is allocated, and not by the fuzzer's own limit alone: that one is far above what a small file may cost.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// 2^20 bytes.
pub const MEBIBYTE: usize = 1 << 20;

/// Runs `work`, which may allocate so many bytes at once, beyond those that were there before.
///
/// # Panics
/// If it allocates more.
pub fn bounded<T>(limit: usize, work: impl FnOnce() -> T) -> T {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = work();
    let taken = ALLOCATOR.peak_usage().saturating_sub(before);
    assert!(taken <= limit, "{taken} bytes were allocated at once, {limit} are granted");
    result
}
