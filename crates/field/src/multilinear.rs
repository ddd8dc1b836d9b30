//! multilinear
