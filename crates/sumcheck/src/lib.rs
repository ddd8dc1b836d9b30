//! sumcheck
