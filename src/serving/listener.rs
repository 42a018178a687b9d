//! A bound port, and whether TLS is spoken on it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

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

impl Listener {
    /// Binds `address` for HTTP over TLS.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn bind_tls(address: SocketAddr, config: Arc<ServerConfig>) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, transport: Transport::Tls(TlsAcceptor::from(config)) })
    }

    /// Binds `address` for plain HTTP/1.1.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn bind_plain(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, transport: Transport::Plain })
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
