//! The last answers before the end.

use std::time::Duration;

use koupleless_warden::tls::Patience;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::client::{Answer, in_time, read_to_the_end};
use crate::reviews::{creation_of, module};
use crate::server::{Gate, Server};

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
async fn an_idle_connection_does_not_delay_the_end() {
    let server = Server::start().await;
    let mut stream = server.client().connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    in_time(stream.read_exact(&mut answer)).await.unwrap();
    server.stop();
    read_to_the_end(stream).await;
    server.ended().await;
}

/// A client that waits for its answer.
fn review_under_way(server: &Server) -> JoinHandle<Answer> {
    let client = server.client();
    tokio::spawn(async move { client.post("/mutate", creation_of(module()).to_string()).await })
}
