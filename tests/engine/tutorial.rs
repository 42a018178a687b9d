//! The official tutorials' manifests, as they stand there.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{Reviewed, create};

const ENGLISH: &str = include_str!("../fixtures/tutorial.yaml");
const CHINESE: &str = include_str!("../fixtures/tutorial-zh.yaml");

fn reviewed(manifest: &str) -> Reviewed {
    let manifest: Value = serde_saphyr::from_str(manifest).unwrap();
    create(Kind::Deployment, &manifest)
}

#[rstest]
#[case::english(ENGLISH, &["module-controller.koupleless.io/component was dropped", "no base has topology.kubernetes.io/zone"])]
#[case::chinese(CHINESE, &["module-controller.koupleless.io/component was dropped", "no base has label base.koupleless.io/stack"])]
fn is_admitted_and_its_dead_parts_are_named(#[case] manifest: &str, #[case] named: &[&str]) {
    let reviewed = reviewed(manifest);
    assert_eq!(reviewed.refused(), [""; 0]);
    for part in named {
        assert!(reviewed.warns_of(part), "{part}: {:?}", reviewed.warned());
    }
}

#[rstest]
#[case::english("english", ENGLISH)]
#[case::chinese("chinese", CHINESE)]
fn gets_this_patch_and_these_warnings(#[case] name: &str, #[case] manifest: &str) {
    let reviewed = reviewed(manifest);
    let told = json!({"patch": reviewed.verdict.patch, "warnings": reviewed.warned(), "pod": reviewed.pod});
    insta::assert_snapshot!(name, serde_json::to_string_pretty(&told).unwrap());
}
