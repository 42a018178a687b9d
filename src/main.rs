//! The binary `warden`.
fn main() {}
