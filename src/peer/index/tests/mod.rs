//! What holds for the index, against a count from scratch.

mod cases;
mod memory;
mod naive;
mod properties;
mod world;
