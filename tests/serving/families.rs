//! Clients of IPv4 and IPv6 at one port. What happens without IPv6 is tested beside the code: `src/serving/bind.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use crate::client::get;
use crate::process::Warden;
use crate::reviews::{creation_of, refused_module};

const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Whether this machine has IPv6. If not, says that the test is skipped.
fn has_ipv6() -> bool {
    let has_it = TcpListener::bind((IPV6, 0)).is_ok();
    if !has_it {
        println!("skipped: this machine has no IPv6 loopback address");
    }
    has_it
}

/// Whether both ports of `warden` answer at `address`.
async fn answers_at(warden: &Warden, address: IpAddr) {
    assert_eq!(get(SocketAddr::new(address, warden.ops.port()), "/healthz").await.code, 200, "{address}");
    let answer = warden.client_at(address).review("/validate", &creation_of(refused_module())).await;
    assert_eq!(answer["response"]["allowed"], false, "{address}");
}

#[tokio::test]
async fn by_the_unspecified_ipv6_address_both_ports_answer_both_families() {
    // Given warden at every address of the machine, as by its defaults. Without IPv6 that is IPv4 alone
    let warden = Warden::start_at(Ipv6Addr::UNSPECIFIED.into(), &["--shutdown-delay", "0"]);
    // Then both ports answer over IPv4
    answers_at(&warden, IPV4).await;
    // And over IPv6
    if has_ipv6() {
        answers_at(&warden, IPV6).await;
    }
}

#[tokio::test]
async fn by_the_unspecified_ipv4_address_the_ports_are_not_open_over_ipv6() {
    // Given warden at every IPv4 address
    let warden = Warden::start_at(Ipv4Addr::UNSPECIFIED.into(), &["--shutdown-delay", "0"]);
    // Then both ports answer over IPv4
    answers_at(&warden, IPV4).await;
    // And neither is open over IPv6
    if has_ipv6() {
        for port in [warden.ops.port(), warden.webhook.port()] {
            let connected = tokio::net::TcpStream::connect((IPV6, port)).await;
            assert!(connected.is_err(), "port {port} is open over IPv6");
        }
    }
}
