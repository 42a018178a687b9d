//! Serves HTTP: TLS or plain, from the TCP accept to the last answer, with limits for everything that clients can take.
//!
//! - [`Listener`] is a bound port, over TLS for the webhook or plain for probes and metrics.
//! - [`serve`] serves a router on it, by [`ServerOptions`], until a [`Shutdown`].
//! - [`server_config`] and [`ClientAuthority`] say how TLS is spoken, and which clients are accepted.
//!
//! The limits are written here because no library has them together: when all connections are taken, the right one to close is
//! one that never sent a request (`eviction_queue`), and the size of a body says little of the memory that it takes once it is
//! decoded (`heap_estimate`, `memory_budget`).

mod bind;
mod client_auth;
mod connection;
mod connection_limiter;
mod eviction_queue;
mod heap_estimate;
mod listener;
mod memory_budget;
mod metrics;
mod options;
mod request;
mod server;
mod tls;

pub use self::client_auth::{ClientAuthority, ClientCaError, ClientCaFault, ClientCaFile};
pub use self::listener::Listener;
pub use self::metrics::Metrics;
pub use self::options::{Limits, ServerOptions, Shutdown, Timeouts};
pub use self::server::serve;
pub use self::tls::{TlsSettings, TlsVersion, server_config};
