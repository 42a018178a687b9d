//! Certificate files that cannot be served.

use koupleless_warden::certificates::{CertificateError, Files, PairError};

use crate::server::Certificate;

/// Loads the pair in these files of one folder.
fn pair(pair: &Certificate, certificate: &str, key: &str) -> Result<(), CertificateError> {
    Files { certificate: pair.file(certificate), key: pair.file(key) }.load().map(|_| ())
}

#[test]
fn a_matching_pair_is_loaded() {
    pair(&Certificate::new(), "tls.crt", "tls.key").unwrap();
}

#[test]
fn a_missing_file_is_named() {
    let files = Certificate::new();
    for (certificate, key, missing) in [("none.crt", "tls.key", "none.crt"), ("tls.crt", "none.key", "none.key")] {
        let error = pair(&files, certificate, key).unwrap_err();
        assert!(matches!(error, CertificateError::Read { .. }), "{error:?}");
        says(&error, missing);
    }
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let files = Certificate::new();
    for garbage in ["", "garbage", &std::fs::read_to_string(files.file("tls.key")).unwrap()] {
        files.written("garbage.crt", garbage);
        let error = pair(&files, "garbage.crt", "tls.key").unwrap_err();
        assert!(matches!(error, CertificateError::Pair { source: PairError::Empty, .. }), "{error:?}");
        says(&error, "garbage.crt");
    }
}

#[test]
fn a_certificate_that_is_cut_short_is_named() {
    let files = Certificate::new();
    files.written("short.crt", &files.pem[..files.pem.len() / 2]);
    let error = pair(&files, "short.crt", "tls.key").unwrap_err();
    let is_right = |error: &PairError| matches!(error, PairError::Read { what: "the certificate", .. });
    assert!(matches!(&error, CertificateError::Pair { source, .. } if is_right(source)), "{error:?}");
    says(&error, "short.crt");
}

#[test]
fn a_file_without_a_key_is_named() {
    let error = pair(&Certificate::new(), "tls.crt", "tls.crt").unwrap_err();
    let is_right = |error: &PairError| matches!(error, PairError::Read { what: "the key", .. });
    assert!(matches!(&error, CertificateError::Pair { source, .. } if is_right(source)), "{error:?}");
    says(&error, "tls.crt");
}

#[test]
fn the_key_of_another_pair_is_refused() {
    let (files, other) = (Certificate::new(), Certificate::new());
    files.written("other.key", &std::fs::read_to_string(other.file("tls.key")).unwrap());
    let error = pair(&files, "tls.crt", "other.key").unwrap_err();
    assert!(matches!(error, CertificateError::Pair { source: PairError::Unusable(_), .. }), "{error:?}");
    says(&error, "certificate and key");
}

#[track_caller]
fn says(error: &CertificateError, part: &str) {
    assert!(error.to_string().contains(part), "{error}");
}
