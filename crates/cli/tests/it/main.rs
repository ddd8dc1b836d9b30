//! The command as its users meet it: files, exit codes, messages.

#[cfg(test)]
mod beacon;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod estimates;
#[cfg(test)]
mod files;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod interrupts;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod quickstart;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod start;
#[cfg(test)]
mod support;
#[cfg(test)]
mod windows;
