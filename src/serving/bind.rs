//! Binds a port, for both families of addresses where there are both.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections the kernel keeps that are not accepted yet, as many as with tokio's `TcpListener::bind`.
const BACKLOG: i32 = 1024;

/// Why a port is not open.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    /// The system gives no socket for the family of the address.
    #[error(transparent)]
    Socket(io::Error),
    /// The socket cannot listen at the address.
    #[error(transparent)]
    Listen(io::Error),
}

/// Binds `address`. `[::]` stands for every address of both families: Nodes have IPv4, IPv6 or both, and kubelets and API
/// servers call a Pod by any of its addresses. Without IPv6 it is `0.0.0.0`.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    bind_with(address, open)
}

/// [`bind`], with the function that opens a port.
fn bind_with<T>(address: SocketAddr, open: impl Fn(SocketAddr) -> Result<T, OpenError>) -> io::Result<T> {
    let opened = open(address).or_else(|error| match ipv4_instead(address, &error) {
        Some(ipv4) => {
            tracing::info!(%address, %error, "there is no IPv6; listening on IPv4 alone");
            open(ipv4)
        }
        None => Err(error),
    });
    opened.map_err(|(OpenError::Socket(error) | OpenError::Listen(error))| error)
}

/// The address to open instead of `address`, if that stands for both families and `error` may come from a lack of IPv6.
fn ipv4_instead(address: SocketAddr, error: &OpenError) -> Option<SocketAddr> {
    let no_ipv6 = match error {
        // A kernel without IPv6 gives no such socket. If there is another cause, such as a lack of file descriptors, the
        // IPv4 socket fails by the same cause and reports it.
        OpenError::Socket(_) => true,
        OpenError::Listen(error) => error.kind() == io::ErrorKind::AddrNotAvailable,
    };
    (no_ipv6 && address.ip() == Ipv6Addr::UNSPECIFIED).then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into())
}

/// Opens a port at this address.
fn open(address: SocketAddr) -> Result<TcpListener, OpenError> {
    let socket = socket(address).map_err(OpenError::Socket)?;
    listen(socket, address).map_err(OpenError::Listen)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // The sysctl net.ipv6.bindv6only may say otherwise.
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

fn listen(socket: Socket, address: SocketAddr) -> io::Result<TcpListener> {
    // So that a restarted process need not wait for the connections of the former one.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rstest::rstest;

    use super::*;

    const BOTH: &str = "[::]:9443";

    fn no_socket() -> OpenError {
        // What Linux says without IPv6: EAFNOSUPPORT.
        OpenError::Socket(io::Error::from_raw_os_error(97))
    }

    fn no_address() -> OpenError {
        OpenError::Listen(io::ErrorKind::AddrNotAvailable.into())
    }

    fn taken() -> OpenError {
        OpenError::Listen(io::ErrorKind::AddrInUse.into())
    }

    /// The addresses that are tried for `address` where IPv6 fails by `error`, and whether one of them is opened.
    fn tried(address: &str, error: fn() -> OpenError) -> (Vec<String>, bool) {
        let tried = RefCell::new(Vec::new());
        let opened = bind_with(address.parse().unwrap(), |address| {
            tried.borrow_mut().push(address.to_string());
            if address.is_ipv6() { Err(error()) } else { Ok(()) }
        });
        (tried.into_inner(), opened.is_ok())
    }

    #[rstest]
    #[case::a_kernel_without_ipv6(no_socket)]
    #[case::no_ipv6_address(no_address)]
    fn without_ipv6_both_families_are_ipv4(#[case] error: fn() -> OpenError) {
        assert_eq!(tried(BOTH, error), (vec![BOTH.to_owned(), "0.0.0.0:9443".to_owned()], true));
    }

    #[rstest]
    #[case::a_port_that_is_taken(BOTH, taken)]
    #[case::one_ipv6_address("[::1]:9443", no_address)]
    #[case::one_ipv6_address_without_ipv6("[fd00::1]:9443", no_socket)]
    fn other_failures_are_reported(#[case] address: &str, #[case] error: fn() -> OpenError) {
        assert_eq!(tried(address, error), (vec![address.to_owned()], false));
    }

    #[test]
    fn ipv4_is_opened_as_it_was_asked_for() {
        assert_eq!(tried("0.0.0.0:9443", no_socket), (vec!["0.0.0.0:9443".to_owned()], true));
    }

    #[tokio::test]
    async fn a_port_that_another_server_has_is_refused() {
        // Given a server with a port
        let first = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        // When another one wants the same port
        let second = bind(first.local_addr().unwrap());
        // Then it is told
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
