//! A bound port, and whether TLS is spoken on it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::bind::bind;

/// A bound port of a server.
#[derive(Debug)]
pub struct Listener {
    pub(super) tcp: TcpListener,
    pub(super) transport: Transport,
}

/// What is spoken below HTTP.
#[derive(Clone)]
pub(super) enum Transport {
    /// Nothing: plain HTTP/1.1.
    Plain,
    /// TLS, with HTTP/1.1 or h2.
    Tls(TlsAcceptor),
}

// Asynchronous, because a port belongs to the runtime that waits for its connections.
impl Listener {
    /// Binds `address` for HTTP over TLS. `[::]` stands for both families: without IPv6 it is `0.0.0.0`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn bind_tls(address: SocketAddr, config: Arc<ServerConfig>) -> io::Result<Self> {
        Ok(Self { tcp: bind(address)?, transport: Transport::Tls(TlsAcceptor::from(config)) })
    }

    /// Binds `address` for plain HTTP/1.1. `[::]` stands for both families: without IPv6 it is `0.0.0.0`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn bind_plain(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { tcp: bind(address)?, transport: Transport::Plain })
    }

    /// The bound address. If port 0 was asked for, it has the port that the system chose.
    ///
    /// # Errors
    /// If the system does not report the address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Tls(_) => "Tls",
        })
    }
}
