//! Candidates for a Lease of a real API server: one leads, another takes over, never two.

mod candidate;
mod outage;
mod takeover;
