//! More connections and bodies than the limits permit.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream::{self, StreamExt as _};
use koupleless_warden::admission::http::BODY_LIMIT;
use koupleless_warden::serving::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::client::TlsStream;

use crate::client::{Answer, in_time, post, read_to_the_end};
use crate::reviews::{creation_of, module};
use crate::server::{Answering, Gate, Server, nothing_said};

const COMPLETED: &str = "warden_tls_handshakes_total{outcome=\"completed\"}";
const CONNECTIONS: &str = "warden_tls_connections";
const MEMORY: &str = "warden_tls_body_memory_bytes";
const REFUSED: &str = "warden_tls_bodies_refused_total";

/// The estimated memory per byte of text.
const PER_BYTE: usize = 3;

/// Limits of three connections, without a grace period.
fn three() -> Limits {
    Limits { connections: 3, grace: Duration::ZERO, ..Limits::default() }
}

fn closed(reason: &str) -> String {
    format!("warden_tls_connections_closed_total{{reason=\"{reason}\"}}")
}

/// A connection after its first answer.
async fn idle(server: &Server) -> TlsStream<TcpStream> {
    let mut stream = server.client().connect().await;
    ask(&mut stream).await;
    stream
}

/// Sends a request, and reads the answer.
async fn ask(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(in_time(stream.read_u8()).await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_silent_connection_is_evicted_first_and_then_the_longest_idle_one() {
    // Given three connections, the most there may be: two idle ones, and one without a request since its handshake
    let server = Server::limited(Answering(nothing_said), three()).await;
    let mut first = idle(&server).await;
    let second = idle(&server).await;
    let silent = server.client().connect().await;
    server.metric_becomes(COMPLETED, 3.0).await;
    // When one more is opened, then the silent one is evicted
    let mut third = idle(&server).await;
    read_to_the_end(silent).await;
    assert_eq!(server.metric(&closed("silent")), 1.0);
    // When the first sends a request and one more is opened, then the second has been idle for the longest time
    ask(&mut first).await;
    let _fourth = idle(&server).await;
    read_to_the_end(second).await;
    assert_eq!(server.metric(&closed("idle")), 1.0);
    // And the others are still served
    ask(&mut first).await;
    ask(&mut third).await;
    server.metric_becomes(CONNECTIONS, 3.0).await;
}

#[tokio::test]
async fn a_review_in_progress_is_never_evicted_and_the_new_connection_is_closed() {
    let gate = Gate::default();
    let server = Server::limited(gate.clone(), three()).await;
    let mut reviews = Vec::new();
    for _ in 0..3 {
        let client = server.client();
        reviews.push(tokio::spawn(async move { client.post("/mutate", creation_of(module()).to_string()).await }));
        gate.reached().await;
    }
    // When one more connection is opened, then it is closed
    let stream = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(read_to_the_end(stream).await, "");
    assert_eq!(server.metric(&closed("full")), 1.0);
    // And the reviews are answered
    for review in reviews {
        gate.open();
        assert_eq!(in_time(review).await.unwrap().code, 200);
    }
    // And then connections are accepted again
    server.metric_becomes(CONNECTIONS, 0.0).await;
    idle(&server).await;
}

#[tokio::test]
async fn a_slow_sender_is_evicted_for_a_new_connection() {
    let server = Server::limited(Answering(nothing_said), three()).await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut stream = server.client().connect().await;
        let headers = "POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        let headers = format!("{headers}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n");
        stream.write_all(headers.as_bytes()).await.unwrap();
        // The answer to `Expect` shows that the request has begun.
        in_time(stream.read_u8()).await.unwrap();
        slow.push(stream);
    }
    idle(&server).await;
    assert_eq!(server.metric(&closed("sending")), 1.0);
    // And its connection is closed.
    in_time(async {
        let mut rest = [0; 64];
        while slow[0].read(&mut rest).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    server.metric_becomes("warden_tls_connections", 3.0).await;
}

#[tokio::test]
async fn unfinished_handshakes_do_not_keep_other_clients_out() {
    let server = Server::limited(Answering(nothing_said), three()).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The first bytes of a record with a ClientHello.
        stream.write_all(&[22, 3, 1, 1, 0, 1]).await.unwrap();
        silent.push(stream);
    }
    server.client().review("/mutate", &creation_of(module())).await;
    server.metric_becomes(&closed("silent"), 48.0).await;
}

#[tokio::test]
async fn a_new_connection_completes_its_handshake_however_many_others_are_opened() {
    // Given as many idle connections as there may be, and a client that opens connections without pause
    let limits = Limits { connections: 8, grace: Duration::from_secs(3600), ..Limits::default() };
    let server = Server::limited(Answering(nothing_said), limits).await;
    for _ in 0..8 {
        let mut stream = idle(&server).await;
        tokio::spawn(async move { stream.read_u8().await });
    }
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    // When another client connects between these, then it is answered
    let slow = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..2 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    server.metric_becomes(&closed("idle"), 7.0).await;
    assert_eq!(server.metric(&closed("silent")), 0.0);
    drop(slow);
    server.client().review("/mutate", &creation_of(module())).await;
}

/// A body that sends its last byte when the sender is used.
fn in_two_parts(size: usize) -> (Body, oneshot::Sender<()>) {
    let (sender, wanted) = oneshot::channel();
    let rest = stream::once(async move {
        let _ = wanted.await;
        Ok::<_, std::io::Error>(Bytes::from_static(b" "))
    });
    let beginning = stream::iter([Ok(Bytes::from(vec![b' '; size - 1]))]);
    (Body::from_stream(beginning.chain(rest)), sender)
}

#[tokio::test]
async fn large_bodies_are_refused_without_memory_and_small_ones_are_accepted() {
    // Given eight clients that have sent all but the last byte of the largest body
    let server = Server::start().await;
    let send = |body: Body| {
        let client = server.client();
        tokio::spawn(async move { client.post("/mutate", body).await })
    };
    let (bodies, rests): (Vec<_>, Vec<_>) = (0..8).map(|_| in_two_parts(BODY_LIMIT)).unzip();
    let reviews: Vec<_> = bodies.into_iter().map(send).collect();
    server.metric_becomes(MEMORY, (8 * PER_BYTE * (BODY_LIMIT - 1)) as f64).await;
    // When another client sends as much, then it is refused
    let refused = send(Body::from(vec![b' '; BODY_LIMIT])).await.unwrap();
    assert_eq!((refused.code, &refused.headers["retry-after"]), (429, &"1".parse().unwrap()), "{refused:?}");
    assert_eq!(server.metric(REFUSED), 1.0);
    // And an ordinary review is answered
    server.client().review("/mutate", &creation_of(module())).await;
    // When the eight are answered, then there is memory again
    for rest in rests {
        rest.send(()).unwrap();
    }
    for review in reviews {
        is_no_json(&in_time(review).await.unwrap());
    }
    is_no_json(&send(Body::from(vec![b' '; BODY_LIMIT])).await.unwrap());
    server.metric_becomes(MEMORY, 0.0).await;
}

#[track_caller]
fn is_no_json(answer: &Answer) {
    assert_eq!(answer.code, 400, "{answer:?}");
}

#[tokio::test]
async fn the_headers_of_unfinished_requests_have_a_limit() {
    // Given memory for four long headers, and requests with such headers whose bodies do not end
    let limits = Limits { body_memory: 66 * 1024, ..Limits::default() };
    let server = Server::limited(Answering(nothing_said), limits).await;
    let unfinished = || {
        let mut request = post("/mutate", Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()));
        request.headers_mut().insert("x-long", "x".repeat(15 * 1024).parse().unwrap());
        let client = server.client();
        tokio::spawn(async move { client.send_by_http2([request]).await })
    };
    let requests: Vec<_> = (0..4).map(|_| unfinished()).collect();
    // When they hold the memory, then another request with long headers is refused
    let long = async || {
        let mut request = post("/", "");
        request.headers_mut().insert("x-long", "x".repeat(10 * 1024).parse().unwrap());
        server.client().send(request).await.code
    };
    in_time(async { while long().await != 429 {} }).await;
    // When they are given up, then there is memory again
    requests.iter().for_each(tokio::task::JoinHandle::abort);
    in_time(async { while long().await != 404 {} }).await;
}

/// As text these objects are small. In memory they would take more than there is for all reviews.
#[tokio::test]
async fn a_body_of_too_many_objects_is_refused_for_good() {
    let server = Server::start().await;
    let body = format!("[{}null]", "{\"\":0},".repeat(250_000));
    let answer = server.client().post("/mutate", body).await;
    assert_eq!(answer.code, 413, "{answer:?}");
    assert_eq!(server.metric(REFUSED), 1.0);
    server.metric_becomes(MEMORY, 0.0).await;
}
