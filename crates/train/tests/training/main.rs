//! Training against an independent reference, fixed vectors and its own relation.

#[cfg(test)]
mod overflow;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod relation;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod uniqueness;
#[cfg(test)]
mod vectors;
