//! Who may call warden, and what is left for the API server when others do.

mod abuse;
mod client_certificate;
mod stranger;
