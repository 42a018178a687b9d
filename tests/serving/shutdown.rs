//! The answers of a server that shuts down.

use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use koupleless_warden::serving::Timeouts;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::client::{Answer, in_time, post, read_to_the_end};
use crate::reviews::{creation_of, module};
use crate::server::{Gate, Server};

const COMPLETED: &str = "warden_tls_handshakes_total{outcome=\"completed\"}";

#[tokio::test]
async fn a_review_in_progress_is_finished_while_new_connections_are_refused() {
    let gate = Gate::default();
    let server = Server::with(gate.clone(), Timeouts::default()).await;
    let review = review_in_progress(&server);
    gate.reached().await;

    server.stop();
    let address = server.address;
    in_time(async move {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.open();

    assert_eq!(in_time(review).await.unwrap().code, 200);
    server.ended().await;
}

#[tokio::test]
async fn a_review_that_does_not_end_is_given_up_after_the_drain_timeout() {
    let gate = Gate::default();
    let server = Server::with(gate.clone(), Timeouts { drain: Duration::from_millis(50), ..Timeouts::default() }).await;
    review_in_progress(&server);
    gate.reached().await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn an_idle_connection_is_left_for_its_client_to_close() {
    // Given a connection that was used
    let server = Server::start().await;
    let mut stream = server.client().connect().await;
    ask(&mut stream).await;
    // When the server stops, then the client can use it once more, and the server closes it with the answer
    server.stop();
    ask(&mut stream).await;
    read_to_the_end(stream).await;
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_closes_its_connection_does_not_delay_the_end() {
    let server = Server::start().await;
    let mut stream = server.client().connect().await;
    ask(&mut stream).await;
    server.stop();
    drop(stream);
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_keeps_its_connection_delays_the_end_until_the_drain_timeout() {
    let timeouts = Timeouts { drain: Duration::from_millis(50), ..Timeouts::default() };
    let server = Server::with_timeouts(timeouts).await;
    let mut stream = server.client().connect().await;
    ask(&mut stream).await;
    server.stop();
    read_to_the_end(stream).await;
    server.ended().await;
}

#[tokio::test]
async fn unfinished_headers_do_not_delay_the_end() {
    let server = Server::start().await;
    let mut stream = server.client().connect().await;
    stream.write_all(b"POST /mutate HTTP/1.1\r\nHost: loc").await.unwrap();
    server.metric_becomes(COMPLETED, 1.0).await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn an_unfinished_handshake_does_not_delay_the_end() {
    let server = Server::start().await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    server.metric_becomes("warden_tls_connections", 1.0).await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn while_leaving_every_answer_asks_the_client_to_reconnect() {
    let gate = Gate::default();
    let server = Server::with(gate.clone(), Timeouts::default()).await;
    let in_progress = review_in_progress(&server);
    gate.reached().await;
    server.leave();
    gate.open();
    let answer = in_time(in_progress).await.unwrap();
    assert_eq!((answer.code, &answer.headers["connection"]), (200, &"close".parse().unwrap()));
    // And a client that connects now is answered too, and the server closes the connection.
    let mut stream = server.client().connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let said = read_to_the_end(stream).await;
    assert!(said.starts_with("HTTP/1.1 404") && said.contains("connection: close\r\n"), "{said}");
}

#[tokio::test]
async fn before_leaving_connections_are_kept() {
    let server = Server::start().await;
    let answer = server.client().post("/mutate", creation_of(module()).to_string()).await;
    assert!(!answer.headers.contains_key("connection"), "{answer:?}");
}

#[tokio::test]
async fn while_leaving_http_2_clients_are_answered_and_told_to_go_away() {
    let server = Server::start().await;
    let review = || post("/mutate", creation_of(module()).to_string());
    let stream = TokioIo::new(server.client().offering("h2").connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    assert_eq!(in_time(sender.send_request(review())).await.unwrap().status(), 200);
    server.leave();
    in_time(connection).await.unwrap().unwrap();
    // And a connection that is opened now serves one request.
    let answers = server.client().send_by_http2([review()]).await;
    assert_eq!(answers[0].code, 200);
    assert!(!answers[0].headers.contains_key("connection"));
}

/// Sends a request, and reads the answer, which has no body.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(in_time(stream.read_u8()).await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 404"));
}

/// Starts a client that waits for its answer.
fn review_in_progress(server: &Server) -> JoinHandle<Answer> {
    let client = server.client();
    tokio::spawn(async move { client.post("/mutate", creation_of(module()).to_string()).await })
}
