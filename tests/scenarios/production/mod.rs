//! warden as it is installed: replicas behind a Service, certificates that it makes itself.

mod certificate_files;
mod change_of_mode;
mod first_start;
mod handshake;
mod healing;
mod load;
mod restarts;
mod rotation;
mod site;
