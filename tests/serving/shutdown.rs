//! The last answers before the end.

use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use koupleless_warden::serving::Patience;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::client::{Answer, in_time, post, read_to_the_end};
use crate::reviews::{creation_of, module};
use crate::server::{Gate, Server};

const COMPLETED: &str = "warden_tls_handshakes_total{outcome=\"Completed\"}";

#[tokio::test]
async fn a_review_under_way_is_finished_while_new_connections_are_refused() {
    let gate = Gate::default();
    let server = Server::with(gate.clone(), Patience::default()).await;
    let review = review_under_way(&server);
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
async fn a_review_that_does_not_end_is_given_up_in_the_end() {
    let gate = Gate::default();
    let server = Server::with(gate.clone(), Patience { drain: Duration::from_millis(50), ..Patience::default() }).await;
    review_under_way(&server);
    gate.reached().await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn an_idle_connection_is_left_to_its_client_which_may_be_about_to_use_it() {
    // Given a connection that was used
    let server = Server::start().await;
    let mut stream = server.client().connect().await;
    ask(&mut stream).await;
    // When the server ends, then it can be used once more, and is closed with the answer
    server.stop();
    ask(&mut stream).await;
    read_to_the_end(stream).await;
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_lets_go_of_its_connection_does_not_delay_the_end() {
    let server = Server::start().await;
    let mut stream = server.client().connect().await;
    ask(&mut stream).await;
    server.stop();
    drop(stream);
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_never_does_is_waited_for_until_the_time_to_drain_is_over() {
    let patience = Patience { drain: Duration::from_millis(50), ..Patience::default() };
    let server = Server::patient(patience).await;
    let mut stream = server.client().connect().await;
    ask(&mut stream).await;
    server.stop();
    read_to_the_end(stream).await;
    server.ended().await;
}

#[tokio::test]
async fn headers_that_do_not_end_do_not_delay_the_end() {
    let server = Server::start().await;
    let mut stream = server.client().connect().await;
    stream.write_all(b"POST /mutate HTTP/1.1\r\nHost: loc").await.unwrap();
    server.metric_becomes(COMPLETED, 1.0).await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn who_does_not_finish_its_handshake_does_not_delay_the_end() {
    let server = Server::start().await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    server.metric_becomes("warden_tls_connections", 1.0).await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn while_leaving_every_answer_tells_to_connect_elsewhere_next_time() {
    let gate = Gate::default();
    let server = Server::with(gate.clone(), Patience::default()).await;
    let under_way = review_under_way(&server);
    gate.reached().await;
    server.leave();
    gate.open();
    let answer = in_time(under_way).await.unwrap();
    assert_eq!((answer.code, &answer.headers["connection"]), (200, &"close".parse().unwrap()));
    // And who connects now is answered too, and the connection closed by us.
    let mut stream = server.client().connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let said = read_to_the_end(stream).await;
    assert!(said.starts_with("HTTP/1.1 404") && said.contains("connection: close\r\n"), "{said}");
}

#[tokio::test]
async fn before_it_leaves_connections_are_kept() {
    let server = Server::start().await;
    let answer = server.client().post("/mutate", creation_of(module()).to_string()).await;
    assert!(!answer.headers.contains_key("connection"), "{answer:?}");
}

#[tokio::test]
async fn while_leaving_http_2_is_answered_and_told_to_go_away() {
    let server = Server::start().await;
    let review = || post("/mutate", creation_of(module()).to_string());
    let stream = TokioIo::new(server.client().offering("h2").connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    assert_eq!(in_time(sender.send_request(review())).await.unwrap().status(), 200);
    server.leave();
    in_time(connection).await.unwrap().unwrap();
    // And one that is opened now is for one question.
    let answers = server.client().send_by_http2([review()]).await;
    assert_eq!(answers[0].code, 200);
    assert!(!answers[0].headers.contains_key("connection"));
}

/// One request, and its answer, which has no body.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(in_time(stream.read_u8()).await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 404"));
}

/// A client that waits for its answer.
fn review_under_way(server: &Server) -> JoinHandle<Answer> {
    let client = server.client();
    tokio::spawn(async move { client.post("/mutate", creation_of(module()).to_string()).await })
}
