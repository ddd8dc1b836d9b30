//! Attacks on the verifiers, by who knows the protocols: every proof of every protocol, made up, edited or taken from elsewhere.

pub(crate) mod forgery;
mod frozen;
mod hostile;
mod obligations;
mod protocols;
