//! Files that we cannot serve with.

use koupleless_warden::tls::{self, CertificateError};

use crate::server::Certificate;

#[test]
fn a_pair_that_belongs_together_is_taken() {
    let pair = Certificate::new();
    tls::server_config(&pair.file("tls.crt"), &pair.file("tls.key")).unwrap();
}

#[test]
fn a_missing_file_is_named() {
    let pair = Certificate::new();
    let error = tls::server_config(&pair.file("none.crt"), &pair.file("tls.key")).unwrap_err();
    assert!(matches!(error, CertificateError::Read { what: "the certificate", .. }), "{error:?}");
    says(&error, "none.crt");
    let error = tls::server_config(&pair.file("tls.crt"), &pair.file("none.key")).unwrap_err();
    assert!(matches!(error, CertificateError::Read { what: "the key", .. }), "{error:?}");
    says(&error, "none.key");
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let pair = Certificate::new();
    for garbage in ["", "garbage", &std::fs::read_to_string(pair.file("tls.key")).unwrap()] {
        let file = pair.written("garbage.crt", garbage);
        let error = tls::server_config(&file, &pair.file("tls.key")).unwrap_err();
        assert!(matches!(error, CertificateError::Empty(_)), "{error:?}");
        says(&error, "garbage.crt");
    }
}

#[test]
fn a_certificate_that_is_cut_short_is_named() {
    let pair = Certificate::new();
    let file = pair.written("short.crt", &pair.pem[..pair.pem.len() / 2]);
    let error = tls::server_config(&file, &pair.file("tls.key")).unwrap_err();
    assert!(matches!(error, CertificateError::Read { what: "the certificate", .. }), "{error:?}");
    says(&error, "short.crt");
}

#[test]
fn a_file_without_a_key_is_named() {
    let pair = Certificate::new();
    let error = tls::server_config(&pair.file("tls.crt"), &pair.file("tls.crt")).unwrap_err();
    assert!(matches!(error, CertificateError::Read { what: "the key", .. }), "{error:?}");
    says(&error, "tls.crt");
}

#[test]
fn the_key_of_another_pair_is_refused() {
    let (pair, other) = (Certificate::new(), Certificate::new());
    let error = tls::server_config(&pair.file("tls.crt"), &other.file("tls.key")).unwrap_err();
    assert!(matches!(error, CertificateError::Unusable(_)), "{error:?}");
    says(&error, "certificate and key");
}

#[track_caller]
fn says(error: &CertificateError, part: &str) {
    assert!(error.to_string().contains(part), "{error}");
}
