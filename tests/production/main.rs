//! warden as it is installed, on a real control plane: replicas behind a Service, self-managed certificates, and a continuous load
//! of modules.
//!
//! This is a test binary of its own, and its tests run one at a time: a creation fails after 3 s, and a machine that runs other
//! scenarios may take as long.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod certificate_files;
mod change_of_mode;
mod first_start;
mod handshake;
mod healing;
mod load;
mod restarts;
mod rotation;
mod site;
