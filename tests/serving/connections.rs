//! TLS and HTTP versions, limits of headers, and clients that take too long.

use std::time::Duration;

use axum::body::Body;
use futures::stream::{self, StreamExt as _};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use koupleless_warden::serving::{Timeouts, TlsSettings, TlsVersion};
use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ProtocolVersion, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{in_time, post, read_to_the_end};
use crate::reviews::{creation_of, module};
use crate::server::Server;

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const FATAL: u8 = 2;
const PROTOCOL_VERSION: u8 = 70;

const SHORT: Duration = Duration::from_millis(200);

#[rstest]
#[case::the_newer_one_if_both_are_offered(&[&TLS13, &TLS12], ProtocolVersion::TLSv1_3)]
#[case::tls_1_3(&[&TLS13], ProtocolVersion::TLSv1_3)]
#[case::tls_1_2(&[&TLS12], ProtocolVersion::TLSv1_2)]
#[tokio::test]
async fn tls_1_2_and_1_3_are_accepted(
    #[case] versions: &[&'static SupportedProtocolVersion],
    #[case] agreed: ProtocolVersion,
) {
    let server = Server::start().await;
    let client = server.client().speaking(versions);
    assert_eq!(client.connect().await.get_ref().1.protocol_version(), Some(agreed));
    client.review("/mutate", &creation_of(module())).await;
}

#[tokio::test]
async fn tls_1_2_is_refused_if_1_3_is_the_oldest_version() {
    let server = Server::with_tls(TlsSettings { min_version: TlsVersion::Tls13, ..TlsSettings::default() }, None).await;
    server.client().review("/mutate", &creation_of(module())).await;
    assert_eq!(server.client().speaking(&[&TLS12]).alert().await, AlertDescription::ProtocolVersion);
}

/// With a ClientHello written by hand, since rustls does not support TLS 1.1.
#[rstest]
#[case::tls_1_1([3, 2], &[ALERT, 3, 3, 0, 2, FATAL, PROTOCOL_VERSION])]
#[case::tls_1_2([3, 3], &[HANDSHAKE])]
#[tokio::test]
async fn tls_1_1_is_refused(#[case] newest: [u8; 2], #[case] answered: &[u8]) {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&hello(newest)).await.unwrap();
    let mut answer = vec![0; answered.len()];
    in_time(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, answered);
}

#[tokio::test]
async fn http_2_is_accepted() {
    let server = Server::start().await;
    let answers = server.client().send_by_http2([post("/mutate", creation_of(module()).to_string())]).await;
    assert_eq!(answers[0].code, 200, "{answers:?}");
}

#[tokio::test]
async fn a_connection_serves_several_reviews() {
    let server = Server::start().await;
    let stream = server.client().connect().await;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let answer = in_time(sender.send_request(post("/mutate", creation_of(module()).to_string()))).await.unwrap();
        assert_eq!(answer.status(), 200);
        in_time(axum::body::to_bytes(Body::new(answer.into_body()), usize::MAX)).await.unwrap();
    }
}

#[rstest]
#[case::not_begun(b"")]
#[case::not_finished(&hello([3, 3])[..20])]
#[tokio::test]
async fn a_handshake_that_takes_too_long_is_cut_off(#[case] sent: &[u8]) {
    let server = Server::with_timeouts(Timeouts { handshake: SHORT, ..Timeouts::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    assert_eq!(read_to_the_end(stream).await, "");
}

#[rstest]
#[case::not_begun("http/1.1", b"")]
#[case::of_http_1_not_finished("http/1.1", b"POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Ty")]
#[case::not_begun_by_http_2("h2", b"")]
#[case::of_either_version("h2", b"PRI")]
#[case::of_http_2_without_settings("h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
#[case::of_http_2_without_a_request("h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")]
#[tokio::test]
async fn headers_that_take_too_long_are_cut_off(#[case] protocol: &'static str, #[case] sent: &[u8]) {
    let server = Server::with_timeouts(Timeouts { headers: SHORT, ..Timeouts::default() }).await;
    let mut stream = server.client().offering(protocol).connect().await;
    stream.write_all(sent).await.unwrap();
    read_to_the_end(stream).await;
}

#[tokio::test]
async fn headers_may_have_32_kib_over_http_1() {
    let server = Server::start().await;
    let with_header = async |bytes: usize| {
        let mut stream = server.client().connect().await;
        let request = format!("POST / HTTP/1.1\r\nConnection: close\r\nX-Long: {}\r\n\r\n", "x".repeat(bytes));
        stream.write_all(request.as_bytes()).await.unwrap();
        read_to_the_end(stream).await
    };
    let (short, long) = (with_header(30 * 1024).await, with_header(33 * 1024).await);
    assert!(short.starts_with("HTTP/1.1 404 ") && long.starts_with("HTTP/1.1 431 "), "{short}\n{long}");
}

#[tokio::test]
async fn headers_may_have_16_kib_over_http_2() {
    let server = Server::start().await;
    let requests = [15, 17].map(|kib| {
        let mut request = post("/", "");
        request.headers_mut().insert("x-long", "x".repeat(kib * 1024).parse().unwrap());
        request
    });
    let answers = server.client().send_by_http2(requests).await;
    let codes: Vec<_> = answers.iter().map(|answer| answer.code).collect();
    assert_eq!(codes, [404, 431], "{answers:?}");
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    let server = Server::with_timeouts(Timeouts { headers: SHORT, ..Timeouts::default() }).await;
    let mut stream = server.client().connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert!(read_to_the_end(stream).await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_cut_off() {
    let server = Server::with_timeouts(Timeouts { request: SHORT, ..Timeouts::default() }).await;
    let mut stream = server.client().connect().await;
    let headers =
        "POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(headers.as_bytes()).await.unwrap();
    assert!(read_to_the_end(stream).await.starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_cut_off_by_http_2() {
    let server = Server::with_timeouts(Timeouts { request: SHORT, ..Timeouts::default() }).await;
    let beginning = stream::once(async { Ok::<_, std::io::Error>("{") });
    let body = Body::from_stream(beginning.chain(stream::pending()));
    assert_eq!(server.client().send_by_http2([post("/mutate", body)]).await[0].code, 408);
}

#[tokio::test]
async fn handshakes_are_counted_by_outcome() {
    let server = Server::with_timeouts(Timeouts { handshake: SHORT, ..Timeouts::default() }).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    TcpStream::connect(server.address).await.unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let _connected = server.client().connect().await;
    for (outcome, count) in [("completed", 1.0), ("failed", 1.0), ("timed_out", 1.0)] {
        server.metric_becomes(&format!("warden_tls_handshakes_total{{outcome=\"{outcome}\"}}"), count).await;
    }
    server.metric_becomes("warden_tls_connections", 1.0).await;
}

/// A ClientHello by RFC 5246 whose newest version is `newest`.
fn hello(newest: [u8; 2]) -> Vec<u8> {
    const CLIENT_HELLO: u8 = 1;
    const RANDOM: [u8; 32] = [7; 32];
    const NO_SESSION: [u8; 1] = [0];
    const SUITES: [u8; 4] = [0, 2, 0xc0, 0x2b]; // ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    const NO_COMPRESSION: [u8; 2] = [1, 0];
    const GROUPS: [u8; 8] = [0, 10, 0, 4, 0, 2, 0, 0x1d]; // x25519
    const POINT_FORMATS: [u8; 6] = [0, 11, 0, 2, 1, 0]; // uncompressed
    const SIGNATURES: [u8; 8] = [0, 13, 0, 4, 0, 2, 4, 3]; // ecdsa_secp256r1_sha256
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let extensions = [GROUPS.as_slice(), &POINT_FORMATS, &SIGNATURES].concat();
    let extensions = [&[0, length(&extensions)], extensions.as_slice()].concat();
    let hello = [newest.as_slice(), &RANDOM, &NO_SESSION, &SUITES, &NO_COMPRESSION, &extensions].concat();
    let message = [&[CLIENT_HELLO, 0, 0, length(&hello)], hello.as_slice()].concat();
    [&[HANDSHAKE, 3, 1, 0, length(&message)], message.as_slice()].concat()
}
