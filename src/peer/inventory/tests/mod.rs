//! What holds for the inventory, against a count from scratch.

mod cases;
mod naive;
mod properties;
mod world;
