//! Addresses on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result};

/// A port that nobody listens on at this moment. Somebody may take it before it is used: boot tries again then.
pub(crate) fn free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on the loopback interface")?;
    Ok(listener.local_addr()?.port())
}

/// An address with the given port that no other control plane uses. The whole of 127/8 can be bound on Linux;
/// elsewhere only 127.0.0.1 can, and there one control plane has to do.
pub(crate) fn own_loopback_address(port: u16) -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    // Each control plane of a process takes the next, as nobody listens there yet.
    let candidate = || SocketAddr::from(([127, high | 0x40, low, NEXT.fetch_add(1, Ordering::Relaxed)], port));
    std::iter::repeat_with(candidate)
        .take(usize::from(u8::MAX))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
