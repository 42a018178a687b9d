//! Client certificates.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use koupleless_warden::runtime;
use koupleless_warden::serving::{ClientAuthority, TlsSettings};
use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, SupportedProtocolVersion};
use tempfile::TempDir;

use crate::authority::Authority;
use crate::client::{Client, in_time};
use crate::reviews::{creation_of, module};
use crate::server::Server;

const REJECTED: &str = "warden_tls_client_ca_rejected_total";
const COMPLETED: &str = "warden_tls_handshakes_total{outcome=\"completed\"}";

/// A file with authorities. It is removed when this is dropped.
struct File {
    folder: TempDir,
}

impl File {
    fn with(authorities: &[&Authority]) -> Self {
        runtime::install_crypto_provider();
        let file = Self { folder: tempfile::tempdir().unwrap() };
        file.write(&authorities.iter().map(|authority| authority.pem()).collect::<String>());
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    /// A server for clients with these names.
    async fn serve(&self, names: &[&str]) -> Server {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let (clients, file) = ClientAuthority::load(&self.path(), names).unwrap();
        Server::with_tls(TlsSettings { clients: Some(clients), ..TlsSettings::default() }, Some(file)).await
    }
}

async fn is_served(client: Client) {
    client.review("/mutate", &creation_of(module())).await;
}

#[rstest]
#[case::of_the_one_name(&["apiserver"], "apiserver")]
#[case::of_one_of_several_names(&["other", "apiserver"], "apiserver")]
#[case::of_any_name(&[], "any")]
#[case::without_a_name(&[], "")]
#[tokio::test]
async fn a_client_by_the_right_authority_is_served(
    #[case] names: &[&str],
    #[case] own: &str,
    #[values(&TLS12, &TLS13)] version: &'static SupportedProtocolVersion,
) {
    let authority = Authority::new("clients");
    let server = File::with(&[&authority]).serve(names).await;
    is_served(server.client().speaking(&[version]).known_by(authority.client(own))).await;
}

#[tokio::test]
async fn one_of_several_authorities_is_enough() {
    let (one, other) = (Authority::new("one"), Authority::new("other"));
    let server = File::with(&[&one, &other]).serve(&[]).await;
    is_served(server.client().known_by(one.client("apiserver"))).await;
    is_served(server.client().known_by(other.client("apiserver"))).await;
}

/// What a client without a valid certificate shows.
#[derive(Clone, Copy)]
enum Shows {
    Nothing,
    ByAnotherAuthority,
    ByOneOfTheSameName,
    OfAnotherName,
    WithoutAName,
    OfAServer,
}

#[rstest]
#[case(Shows::Nothing, AlertDescription::CertificateRequired)]
#[case(Shows::ByAnotherAuthority, AlertDescription::UnknownCA)]
#[case(Shows::ByOneOfTheSameName, AlertDescription::DecryptError)]
#[case(Shows::OfAnotherName, AlertDescription::CertificateUnknown)]
#[case(Shows::WithoutAName, AlertDescription::CertificateUnknown)]
#[case(Shows::OfAServer, AlertDescription::UnsupportedCertificate)]
#[tokio::test]
async fn a_stranger_is_refused_in_the_handshake(
    #[case] shows: Shows,
    #[case] alert: AlertDescription,
    #[values(&TLS12, &TLS13)] version: &'static SupportedProtocolVersion,
) {
    let (right, other) = (Authority::new("clients"), Authority::new("others"));
    let server = File::with(&[&right]).serve(&["apiserver"]).await;
    let client = server.client().speaking(&[version]);
    let client = match shows {
        Shows::Nothing => client,
        Shows::ByAnotherAuthority => client.known_by(other.client("apiserver")),
        Shows::ByOneOfTheSameName => client.known_by(Authority::new("clients").client("apiserver")),
        Shows::OfAnotherName => client.known_by(right.client("stranger")),
        Shows::WithoutAName => client.known_by(right.client("")),
        Shows::OfAServer => client.known_by(right.server("apiserver")),
    };
    let heard = client.alert().await;
    // TLS 1.2 has no alert of its own for a certificate that is missing.
    let is_missing_in_1_2 = alert == AlertDescription::CertificateRequired && version.version == TLS12.version;
    assert!(heard == alert || is_missing_in_1_2, "{heard:?}");
    assert_eq!(server.metric(COMPLETED), 0.0);
}

#[tokio::test]
async fn a_new_authority_in_the_file_replaces_the_old_one() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let file = File::with(&[&old]);
    let server = file.serve(&["apiserver"]).await;
    is_served(server.client().known_by(old.client("apiserver"))).await;
    file.write(&new.pem());
    in_time(async { while server.client().known_by(new.client("apiserver")).is_refused().await {} }).await;
    assert!(server.client().known_by(old.client("apiserver")).is_refused().await);
    assert_eq!(server.metric(REJECTED), 0.0);
}

#[tokio::test]
async fn garbage_in_the_file_changes_nothing_and_is_counted_once() {
    let authority = Authority::new("clients");
    let file = File::with(&[&authority]);
    let server = file.serve(&[]).await;
    file.write("garbage");
    server.metric_becomes(REJECTED, 1.0).await;
    is_served(server.client().known_by(authority.client("apiserver"))).await;
    // A missing file changes nothing either. Each fault is counted once, however often the file is read.
    std::fs::remove_file(file.path()).unwrap();
    server.metric_becomes(REJECTED, 2.0).await;
    is_served(server.client().known_by(authority.client("apiserver"))).await;
    let other = Authority::new("other");
    file.write(&other.pem());
    in_time(async { while server.client().known_by(other.client("apiserver")).is_refused().await {} }).await;
    assert_eq!(server.metric(REJECTED), 2.0);
}

/// What a writer has written so far may be valid by itself.
#[tokio::test]
async fn a_half_written_file_is_not_used_and_the_complete_one_is() {
    // Given a server that accepts clients of an old authority
    let (old, first, second) = (Authority::new("old"), Authority::new("first"), Authority::new("second"));
    let file = File::with(&[&old]);
    let server = file.serve(&[]).await;
    let is_refused = async |authority: &Authority| server.client().known_by(authority.client("a")).is_refused().await;
    // When a program writes two new authorities, and has written the first one and a part of a comment for a while
    let began = Instant::now();
    let mut text = format!("{}# ", first.pem());
    while began.elapsed() < Duration::from_secs(3) {
        text.push('.');
        file.write(&text);
        // Then only the old authority is accepted
        assert!(is_refused(&first).await && !is_refused(&old).await, "after {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.metric(REJECTED), 0.0);
    // When the file is complete, then both new ones are
    file.write(&format!("{text}\n{}", second.pem()));
    in_time(async { while is_refused(&second).await {} }).await;
    assert!(!is_refused(&first).await && is_refused(&old).await);
}

#[rstest]
#[case::empty("", "there is no certificate in it")]
#[case::garbage("garbage", "there is no certificate in it")]
#[case::cut_short("-----BEGIN CERTIFICATE-----\nMIIB", "missing section end")]
#[case::no_certificate("-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n", "BadEncoding")]
#[test]
fn a_file_that_cannot_be_used_is_named(#[case] text: &str, #[case] told: &str) {
    let file = File::with(&[]);
    file.write(text);
    let error = ClientAuthority::load(&file.path(), Vec::new()).unwrap_err().to_string();
    assert!(error.contains("ca.crt") && error.contains(told), "{error}");
}
