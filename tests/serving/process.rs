//! `warden serve` as a process, from its start to SIGTERM.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

use rustls::version::TLS12;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::client::{Client, get, in_time};
use crate::reviews::{creation_of, refused_module};
use crate::server::{Certificate, LIMIT};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A cluster whose API server is not there.
const NO_CLUSTER: &str = "
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: none, user: {}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
";

#[tokio::test]
async fn without_an_api_server_it_answers_what_it_can_and_is_not_ready() {
    let warden = Warden::start(&["--shutdown-delay", "0"]);
    let answer = warden.client().review("/validate", &creation_of(refused_module())).await;
    assert_eq!(answer["response"]["allowed"], false);
    let readiness = get(warden.ops, "/readyz").await;
    let waiting = "[-]namespaces-synced\n[+]not-shutting-down\n[-]own-user-known\n[-]peers-synced\n";
    assert_eq!((readiness.code, readiness.body.as_str()), (503, waiting));
}

#[tokio::test]
async fn after_sigterm_it_goes_on_serving_for_the_shutdown_delay() {
    let warden = Warden::start(&["--shutdown-delay", "3"]);
    warden.terminate();
    warden.is_shutting_down().await;
    let answer = warden.client().review("/validate", &creation_of(refused_module())).await;
    assert_eq!(answer["response"]["allowed"], false);
    assert!(warden.ended().success());
}

#[tokio::test]
async fn a_second_sigterm_ends_it_at_once() {
    let warden = Warden::start(&["--shutdown-delay", "3600"]);
    warden.terminate();
    warden.is_shutting_down().await;
    warden.terminate();
    assert!(warden.ended().success());
}

#[tokio::test]
async fn an_unfinished_request_at_the_ops_port_does_not_delay_the_end() {
    let warden = Warden::start(&["--shutdown-delay", "0"]);
    let mut slow = TcpStream::connect(warden.ops).await.unwrap();
    slow.write_all(b"GET /met").await.unwrap();
    assert_eq!(get(warden.ops, "/healthz").await.code, 200);
    warden.terminate();
    assert!(warden.ended().success());
}

#[test]
fn an_unusable_certificate_ends_it_with_an_error() {
    let pair = Certificate::new();
    std::fs::write(pair.file("tls.key"), "garbage").unwrap();
    let output = command(&pair, LOOPBACK, &[]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot read the key") && said.contains("tls.key"), "{said}");
}

#[test]
fn an_unusable_client_ca_ends_it_with_an_error() {
    let pair = Certificate::new();
    let file = pair.written("clients.crt", "garbage");
    let output = command(&pair, LOOPBACK, &["--client-ca", file.to_str().unwrap()]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot use the client CA in") && said.contains("clients.crt"), "{said}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_if_one_is_required() {
    let authority = Authority::new("clients");
    let folder = Certificate::new();
    let file = folder.written("clients.crt", &authority.pem());
    let wanted = ["--client-ca", file.to_str().unwrap(), "--client-names", "other,apiserver"];
    let warden = Warden::start(&[&wanted[..], &["--tls-min-version", "1.3"]].concat());
    assert!(warden.client().is_refused().await);
    let client = warden.client().known_by(authority.client("apiserver"));
    let answer = client.review("/validate", &creation_of(refused_module())).await;
    assert_eq!(answer["response"]["allowed"], false);
    assert!(client.speaking(&[&TLS12]).is_refused().await);
}

/// A process that ends with its test.
pub(crate) struct Warden {
    child: Child,
    pub(crate) webhook: SocketAddr,
    pub(crate) ops: SocketAddr,
    pair: Certificate,
}

/// `warden serve` at two ports of this address.
fn command(pair: &Certificate, address: IpAddr, arguments: &[&str]) -> Command {
    let listen = SocketAddr::new(address, 0).to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_warden"));
    command.args(["serve", "--listen", &listen, "--ops-listen", &listen, "--log-format", "json"]);
    command.arg("--tls-cert").arg(pair.file("tls.crt")).arg("--tls-key").arg(pair.file("tls.key")).args(arguments);
    command.env("KUBECONFIG", pair.written("kubeconfig", NO_CLUSTER)).env("RUST_LOG", "info");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Warden {
    /// Starts it on loopback.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_at(LOOPBACK, arguments)
    }

    /// Starts it at two ports of `address`, and reads which ones from the log.
    pub(crate) fn start_at(address: IpAddr, arguments: &[&str]) -> Self {
        let pair = Certificate::new();
        let mut child = command(&pair, address, arguments).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        // Reads to the end, or the process would block at a full pipe.
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let fields = serde_json::from_str::<Value>(&line).unwrap()["fields"].take();
                if fields["message"] == "serving" {
                    sender.send(fields).unwrap();
                }
            }
        });
        let fields = receiver.recv_timeout(LIMIT).expect("warden does not serve");
        let address = |field: &str| fields[field].as_str().unwrap().parse().unwrap();
        Self { child, webhook: address("listen"), ops: address("ops"), pair }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_at(self.webhook.ip())
    }

    /// A client that calls the webhook's port at `address`.
    pub(crate) fn client_at(&self, address: IpAddr) -> Client {
        Client::new(SocketAddr::new(address, self.webhook.port()), &self.pair.pem)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn terminate(&self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits until it is shutting down.
    async fn is_shutting_down(&self) {
        in_time(async {
            while !get(self.ops, "/readyz").await.body.contains("[-]not-shutting-down") {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits for its end.
    fn ended(mut self) -> ExitStatus {
        let deadline = std::time::Instant::now() + 2 * LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(std::time::Instant::now() < deadline, "warden does not end");
            thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
