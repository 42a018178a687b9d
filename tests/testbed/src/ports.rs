//! Addresses on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use anyhow::{Context, Result};

/// Below the ports that Linux gives to outgoing connections, which could take one of ours before it is bound.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// A port on which no process listens at this moment, and which this function never returns again: the component of another
/// control plane must not answer a health check. Another process may take the port before it is used: then boot tries again.
pub(crate) fn free() -> Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes begin at different places.
    let begin = std::process::id().wrapping_mul(97);
    let candidate = || FIRST + begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
    std::iter::repeat_with(candidate)
        .take(COUNT as usize)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no free port on the loopback interface")
}

/// An address with the given port that no other control plane uses. The whole of 127/8 can be bound on Linux;
/// elsewhere only 127.0.0.1 can, and there one control plane has to do.
pub(crate) fn own_loopback_address(port: u16) -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    // Each control plane of a process takes the next address, on which no process listens yet.
    let candidate = || SocketAddr::from(([127, high | 0x40, low, NEXT.fetch_add(1, Ordering::Relaxed)], port));
    std::iter::repeat_with(candidate)
        .take(usize::from(u8::MAX))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
