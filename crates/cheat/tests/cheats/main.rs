//! Cheating provers, each named three times: the equation that is violated, the first hidden claim that does not hold, and
//! the error of the verifier on real bytes. The honest witness of the same statement passes all three.

#![cfg(test)]

mod data;
mod layers;
mod messages;
mod near;
mod neurons;
mod opening;
mod outputs;
mod powers;
mod slack;
mod start;
mod table;
mod updates;
