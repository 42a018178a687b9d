//! What the image is built from.

use std::fs;
use std::path::Path;

/// The images that the Dockerfile fetches: all of its stages but those that are empty.
fn fetched(dockerfile: &str) -> Vec<&str> {
    let stages = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM "));
    let images = stages.filter_map(|stage| stage.split(' ').find(|word| !word.starts_with("--")));
    images.filter(|image| *image != "scratch").collect()
}

#[test]
fn the_image_is_built_from_an_image_that_its_digest_names() {
    // Given the images from which it is built
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/image/Dockerfile");
    let dockerfile = fs::read_to_string(path).unwrap();
    let images = fetched(&dockerfile);
    assert_eq!(images.len(), 1, "{images:?}");
    for image in images {
        // Then each has a digest, so that a tag that moves changes nothing
        let (tag, digest) = image.split_once("@sha256:").unwrap_or_else(|| panic!("{image} has no digest"));
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(is_digest, "{digest}");
        // And is of the toolchain that CI uses
        assert_eq!(tag, format!("rust:{}-alpine", env!("CARGO_PKG_RUST_VERSION")));
    }
    // And no other is fetched that reads the file
    assert!(!dockerfile.to_lowercase().contains("syntax="), "a syntax line names an image without a digest");
}
