//! What holds for the index, against a count from scratch.

mod cases;
mod excluded;
mod memory;
mod naive;
mod properties;
mod world;
