//! A TCP balancer, as kube-proxy is one for a Service: new connections go to replicas that are ready, and those that are
//! open stay where they are.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::background::Background;
use crate::{WardenProcess, eventually};

/// How often a replica is asked whether it is ready. A kubelet asks every 10 s by default, and Endpoints follow a moment later.
const PROBE_PERIOD: Duration = Duration::from_millis(500);

const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A running balancer. Dropping it ends it and all connections through it.
pub struct Balancer {
    address: SocketAddr,
    backends: Backends,
    background: Background,
}

type Backends = Arc<Mutex<Vec<Backend>>>;

#[derive(Debug, Clone)]
struct Backend {
    address: SocketAddr,
    ready: bool,
}

impl Balancer {
    /// Listens at `address`, without a replica yet.
    pub async fn start(address: SocketAddr) -> Result<Self> {
        let backends = Backends::default();
        let background = Background::start()?;
        let listener = background.run(TcpListener::bind(address)).await?.context("the balancer's address")?;
        let address = listener.local_addr()?;
        background.spawn(accept(listener, Arc::clone(&backends)));
        Ok(Self { address, backends, background })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives connections to the replica that listens at `address`, while it is ready. Waits until it is.
    pub async fn add(&self, address: SocketAddr, replica: &WardenProcess) -> Result<()> {
        lock(&self.backends).push(Backend { address, ready: false });
        self.background.spawn(probe(address, replica.ops(), Arc::clone(&self.backends)));
        eventually(&format!("{address} gets connections"), Duration::from_secs(30), async || {
            if lock(&self.backends).iter().any(|backend| backend.address == address && backend.ready) {
                Ok(())
            } else {
                Err("not ready".to_owned())
            }
        })
        .await
    }

    /// Forgets the replica at `address`.
    pub fn remove(&self, address: SocketAddr) {
        lock(&self.backends).retain(|backend| backend.address != address);
    }
}

/// An address on the loopback interface at which no process listens, for a replica behind a balancer.
pub fn replica_address() -> Result<SocketAddr> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, crate::ports::free()?)))
}

fn lock(backends: &Backends) -> MutexGuard<'_, Vec<Backend>> {
    backends.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Until the backend is removed.
async fn probe(address: SocketAddr, ops: SocketAddr, backends: Backends) {
    loop {
        let ready = tokio::time::timeout(PROBE_TIMEOUT, is_ready(ops)).await.is_ok_and(|ready| ready.unwrap_or(false));
        match lock(&backends).iter_mut().find(|backend| backend.address == address) {
            Some(backend) => backend.ready = ready,
            None => return,
        }
        tokio::time::sleep(PROBE_PERIOD).await;
    }
}

/// By hand, for it is asked all the time: a client that can do more is dear to make.
async fn is_ready(ops: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(ops).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

async fn accept(listener: TcpListener, backends: Backends) {
    let mut turn = 0_usize;
    loop {
        let Ok((mut client, _)) = listener.accept().await else { continue };
        let ready: Vec<_> = lock(&backends).iter().filter(|backend| backend.ready).map(|it| it.address).collect();
        // As for a Service without endpoints: the client is told at once.
        let Some(&address) = ready.get(turn % ready.len().max(1)) else { continue };
        turn = turn.wrapping_add(1);
        tokio::spawn(async move {
            if let Ok(mut replica) = TcpStream::connect(address).await {
                // Either side may end it in any way it likes.
                let _ = copy_bidirectional(&mut client, &mut replica).await;
            }
        });
    }
}
