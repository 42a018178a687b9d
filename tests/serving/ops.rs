//! The limits of the ops port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use koupleless_warden::runtime::{Ops, Readiness, ops_router};
use koupleless_warden::serving::{self, Listener, Metrics, ServerOptions, Shutdown, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use crate::client::{get, in_time, read_to_the_end};
use crate::process::Warden;
use crate::reviews::{creation_of, refused_module};

/// Connections that attack at a time.
const ATTACKERS: usize = 1_200;

/// Bytes of headers that each of them sends: less than hyper's own limit, which is 408 KiB.
const HEADERS: usize = 400 * 1000;
static UNFINISHED: [u8; HEADERS] = [b'x'; HEADERS];

/// How many connections there are until the attack counts, and how many others must have been answered meanwhile.
const OPENED: usize = 2 * ATTACKERS;
const ANSWERED: usize = 10;

/// What the process may take in MiB, as a debug build, of the 256 MiB of the chart. All headers together are 457 MiB.
const MEMORY: u64 = 96;

/// Serves the ops port with these timeouts.
async fn serve_ops(timeouts: Timeouts) -> SocketAddr {
    let listener = Listener::bind_plain((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = ops_router(Ops { readiness: Readiness::default(), registry: Arc::default() });
    let options = ServerOptions { timeouts, ..ServerOptions::for_ops(Metrics::default()) };
    tokio::spawn(serving::serve(listener, router, options, Shutdown::default()));
    address
}

fn timeouts() -> Timeouts {
    ServerOptions::for_ops(Metrics::default()).timeouts
}

#[tokio::test]
async fn headers_may_have_16_kib() {
    let address = serve_ops(timeouts()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET /healthz HTTP/1.1\r\nX-Long: {}", "x".repeat(20 * 1024)).as_bytes()).await.unwrap();
    let answer = read_to_the_end(stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn headers_that_take_too_long_are_cut_off() {
    let address = serve_ops(Timeouts { headers: Duration::from_millis(200), ..timeouts() }).await;
    for begun in ["", "GET /healthz HTTP/1.1\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(read_to_the_end(stream).await, "");
    }
}

#[tokio::test]
async fn a_connection_serves_several_requests_and_a_body_is_not_read() {
    let address = serve_ops(timeouts()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: warden\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            answer.push(in_time(stream.read_u8()).await.unwrap());
        }
    }
    let headers = "POST /healthz HTTP/1.1\r\nHost: warden\r\nContent-Length: 10000000\r\n\r\n";
    stream.write_all(headers.as_bytes()).await.unwrap();
    assert!(read_to_the_end(stream).await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test]
async fn under_attack_probes_metrics_and_reviews_are_answered_and_memory_is_bounded() {
    // Given warden, and clients that open connections to its ops port and send headers that do not end
    let warden = Warden::start(&["--shutdown-delay", "0"]);
    get(warden.ops, "/readyz").await;
    println!("before: {}", Memory::of(&warden));
    let opened = Arc::new(AtomicUsize::new(0));
    // On a thread of its own, so that the other clients do not wait for the attackers.
    let attackers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for _ in 0..ATTACKERS {
        attackers.spawn(attack(warden.ops, Arc::clone(&opened)));
    }
    // When others use the same port, and API servers the webhook's
    let (mut answered, mut slowest) = (0, Duration::ZERO);
    let began = Instant::now();
    while opened.load(Ordering::Relaxed) < OPENED || answered < ANSWERED {
        assert!(began.elapsed() < Duration::from_secs(60), "{opened:?} connections, {answered} answered");
        let asked = Instant::now();
        let readiness = get(warden.ops, "/readyz").await;
        let metrics = get(warden.ops, "/metrics").await;
        let review = warden.client().review("/validate", &creation_of(refused_module())).await;
        // Then all are answered
        assert_eq!((readiness.code, metrics.code), (503, 200));
        assert!(metrics.body.ends_with("# EOF\n"), "{}", metrics.body);
        assert_eq!(review["response"]["allowed"], false);
        (answered, slowest) = (answered + 1, slowest.max(asked.elapsed()));
    }
    // And memory is bounded
    attackers.shutdown_background();
    let memory = Memory::of(&warden);
    println!("{ATTACKERS} attackers opened {opened:?} connections within {:?}", began.elapsed());
    println!("{answered} probes, scrapes and reviews were answered, each three within {slowest:?}");
    println!("under attack: {memory}");
    let shown = get(warden.ops, "/metrics").await.body;
    shown.lines().filter(|line| line.starts_with("warden_ops_")).for_each(|line| println!("{line}"));
    assert!(memory.most < MEMORY * 1024, "{memory}");
}

/// Opens connections, one after the other, and sends headers that do not end over each.
async fn attack(address: SocketAddr, opened: Arc<AtomicUsize>) {
    loop {
        // An attacker that is cut off comes again.
        let _ = unfinished_headers(address, &opened).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn unfinished_headers(address: SocketAddr, opened: &AtomicUsize) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    opened.fetch_add(1, Ordering::Relaxed);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nX-Long: ").await?;
    stream.write_all(&UNFINISHED).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// The resident memory of a process in KiB.
struct Memory {
    now: u64,
    most: u64,
}

impl Memory {
    fn of(warden: &Warden) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{}/status", warden.pid())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        Self { now: field("VmRSS:"), most: field("VmHWM:") }
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MiB resident, at most {} MiB", self.now / 1024, self.most / 1024)
    }
}
