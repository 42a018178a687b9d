//! Strangers take all that they can get, and modules are admitted all the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fmt, fs, io};

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;
use warden_testbed::{Options, Stage};

use super::stranger::{Stranger, ask};
use crate::manifests::Module;
use crate::scene::{LONG, Scene, raise};

/// Idle connections that are tried to hold.
const CROWD: usize = 10_000;

/// File descriptors of this process that are left for all else.
const SPARE: usize = 1_000;

/// How many are connecting at a time.
const AT_A_TIME: usize = 64;

/// The largest body that warden takes.
const BODY_LIMIT: usize = 7 * 1024 * 1024;

/// What warden must not take more of, in MiB: its limit where it is installed.
const MEMORY: u64 = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_are_admitted_whatever_strangers_do_and_memory_is_bounded() -> Result<()> {
    // Given a warden behind the API server
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    let (scene, stranger) = (Scene::with_bases(&stage, 1).await?, Stranger::to(&stage).await?);
    println!("before: {}", Memory::of(&stage)?);
    // When strangers come in crowds, one sort after the other
    let crowd = admitting(&scene, "a crowd that idles", idle_crowd(&stranger)).await?;
    println!("with {} connections of strangers: {}", crowd.len(), Memory::of(&stage)?);
    told(&stage).await?;
    admitting(&scene, "headers that do not end", slow_headers(&stranger)).await?;
    println!("after slow headers: {}", Memory::of(&stage)?);
    admitting(&scene, "bodies that are too large", too_large(&stranger)).await?;
    println!("after bodies of 7 MiB and a byte: {}", Memory::of(&stage)?);
    admitting(&scene, "bodies of tiny objects", tiny_objects(&stranger)).await?;
    println!("after bodies of tiny objects: {}", Memory::of(&stage)?);
    told(&stage).await?;
    // Then modules were admitted all the time, and memory has stayed within bounds
    let memory = Memory::of(&stage)?;
    ensure!(memory.most < MEMORY * 1024, "{memory}, and {MEMORY} MiB are all there is");
    Ok(())
}

/// What comes of `abuse`, while modules are admitted one after the other.
async fn admitting<T>(scene: &Scene<'_>, what: &str, abuse: impl Future<Output = Result<T>>) -> Result<T> {
    let is_over = AtomicBool::new(false);
    let abuse = async {
        let outcome = abuse.await;
        is_over.store(true, Ordering::Relaxed);
        outcome
    };
    let admitted = async {
        let mut times = Vec::new();
        // At least some, however fast the abuse.
        while !is_over.load(Ordering::Relaxed) || times.len() < 5 {
            let module = Module::new(&format!("m{}", times.len()), "1.0.0", &scene.base).deployment(1);
            let began = Instant::now();
            let args = ["apply", "--dry-run=server", "-o", "jsonpath={.spec.template.metadata.annotations}"];
            let output = scene.kubectl_with(&args, &module).await?.expect_success()?;
            ensure!(output.contains("warden.koupleless.io/placement"), "admitted as it was: {output}");
            times.push(began.elapsed());
        }
        Ok(times)
    };
    let (outcome, admitted) = tokio::join!(abuse, admitted);
    let (outcome, mut times) = (outcome.with_context(|| what.to_owned())?, admitted.with_context(|| what.to_owned())?);
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what}: {} modules admitted, by kubectl in {median:?}, at most {longest:?}", times.len());
    Ok(outcome)
}

/// A connection that is held and not used.
enum Held {
    Plain { _stream: TcpStream },
    Tls { _stream: Box<TlsStream<TcpStream>> },
}

/// As many connections as can be held: a quarter of them says nothing at all, another one sends half a ClientHello, the third
/// falls silent after the handshake, and the last after a first question.
async fn idle_crowd(stranger: &Stranger) -> Result<Vec<Held>> {
    let count = CROWD.min(open_files()?.saturating_sub(SPARE));
    let connect = |number: usize| async move {
        Ok::<_, anyhow::Error>(match number % 4 {
            0 => Held::Plain { _stream: TcpStream::connect(stranger.address).await? },
            1 => {
                let mut stream = TcpStream::connect(stranger.address).await?;
                // A record of 256 bytes, with a ClientHello of 252, of which no more comes.
                stream.write_all(&[22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3]).await?;
                Held::Plain { _stream: stream }
            }
            kind => {
                let mut stream = stranger.connect().await?;
                if kind == 3 {
                    ask(&mut stream).await?;
                }
                Held::Tls { _stream: Box::new(stream) }
            }
        })
    };
    // Those that are shown the door while they shake hands are no fault.
    let held: Vec<Held> = stream::iter(0..count)
        .map(connect)
        .buffer_unordered(AT_A_TIME)
        .filter_map(async |held| held.ok())
        .collect()
        .await;
    ensure!(held.len() > count * 9 / 10, "only {} of {count} connections came about", held.len());
    Ok(held)
}

/// Many who send a byte of their headers now and then, until they are shown the door or have had enough.
async fn slow_headers(stranger: &Stranger) -> Result<()> {
    let connect = |_| stranger.connect();
    let connected = stream::iter(0..1_500).map(connect).buffer_unordered(AT_A_TIME);
    let connected: Vec<_> = connected.filter_map(async |stream| stream.ok()).collect().await;
    let slow = connected.into_iter().map(|mut stream| async move {
        stream.write_all(b"POST /mutate HTTP/1.1\r\nX-Slow: ").await?;
        for _ in 0..20 {
            stream.write_all(b"x").await?;
            stream.flush().await?;
            sleep(Duration::from_millis(250)).await;
        }
        Ok::<_, io::Error>(())
    });
    let ended = join_all(slow).await;
    println!("of {} with slow headers {} were kept", ended.len(), ended.iter().filter(|ended| ended.is_ok()).count());
    Ok(())
}

/// Bodies of a byte more than is taken, several at a time.
async fn too_large(stranger: &Stranger) -> Result<()> {
    let body = vec![b' '; BODY_LIMIT + 1];
    let codes = post_many(stranger, &body, 64, 8).await?;
    ensure!(codes.iter().all(|code| [413, 429].contains(code)), "{codes:?}");
    println!("of {} that were too large {} were told so, the others to come again", codes.len(), count(&codes, 413));
    ensure!(count(&codes, 413) > 0, "{codes:?}");
    Ok(())
}

/// Bodies that take up a hundred times as much as JSON in memory: of the largest size, and as large as they are taken.
async fn tiny_objects(stranger: &Stranger) -> Result<()> {
    // A body for which there will never be room is told so if there are no others.
    for (objects, at_a_time, answered) in [(BODY_LIMIT / 8, 1, 413), (80_000, 8, 400)] {
        let body = format!("[{}null]", "{\"\":0},".repeat(objects));
        let codes = post_many(stranger, body.as_bytes(), 16 * at_a_time, at_a_time).await?;
        ensure!(codes.iter().all(|code| [answered, 429].contains(code)), "{codes:?}");
        let there = count(&codes, answered);
        println!("of {} with {objects} objects {there} were answered {answered}, the others 429", codes.len());
        ensure!(there > 0, "{codes:?}");
    }
    Ok(())
}

/// Posts a body so many times, some at a time. Gives the codes of the answers, but for those who were cut off before they
/// heard theirs, because they went on sending.
async fn post_many(stranger: &Stranger, body: &[u8], times: usize, at_a_time: usize) -> Result<Vec<u16>> {
    let post = |_| async move {
        let stream = stranger.connect().await.ok()?;
        let (mut reading, mut writing) = tokio::io::split(stream);
        let head = "POST /mutate HTTP/1.1\r\nHost: warden\r\nContent-Type: application/json\r\n";
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        let write = async {
            writing.write_all(head.as_bytes()).await?;
            writing.write_all(body).await?;
            writing.flush().await
        };
        let mut answer = [0; "HTTP/1.1 200".len()];
        let (_, read) = timeout(LONG, async { tokio::join!(write, reading.read_exact(&mut answer)) }).await.ok()?;
        read.ok()?;
        std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
    };
    let answers: Vec<Option<u16>> = stream::iter(0..times).map(post).buffer_unordered(at_a_time).collect().await;
    Ok(answers.into_iter().flatten().collect())
}

fn count(codes: &[u16], wanted: u16) -> usize {
    codes.iter().filter(|code| **code == wanted).count()
}

/// The file descriptors that this process may have.
fn open_files() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).context("no such limit")?;
    let soft = line.split_whitespace().next().context("no number")?;
    Ok(soft.parse().unwrap_or(usize::MAX))
}

/// What warden's process has of memory, in KiB.
struct Memory {
    now: u64,
    most: u64,
}

impl Memory {
    fn of(stage: &Stage) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{}/status", stage.warden()?.process().pid()))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
            Ok(line.split_whitespace().next().context("no number")?.parse()?)
        };
        Ok(Self { now: field("VmRSS:")?, most: field("VmHWM:")? })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resident {} MiB, at most {} MiB", self.now / 1024, self.most / 1024)
    }
}

/// Prints what warden counts of its connections.
async fn told(stage: &Stage) -> Result<()> {
    let metrics = stage.warden()?.metrics().await?;
    for line in metrics.lines().filter(|line| line.starts_with("warden_tls_")) {
        println!("  {line}");
    }
    Ok(())
}
