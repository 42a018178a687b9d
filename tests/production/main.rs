//! warden as it is installed, on a real control plane: replicas behind a Service, self-managed certificates, and a continuous load
//! of modules.
//!
//! A binary of its own: under load a creation fails after 3 s, and a machine that plays other scenarios beside it may take as
//! long. Here such a test has the machine to itself, see [`site`].

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
