//! What holds for the index, against a count from scratch.

mod cases;
mod naive;
mod properties;
mod world;
