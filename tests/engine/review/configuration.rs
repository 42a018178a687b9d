//! What a configuration file changes.

use rstest::rstest;

use super::folder::Folder;
use super::manifests::{MODULE, module_with, module_without};

const SELECTION: &str = "        base.koupleless.io/name: base\n        base.koupleless.io/version: 1.0.0\n";
/// [`MODULE`] with a label that ModuleController does not read any more.
fn older() -> String {
    module_with(
        "        app: biz1\n        virtual",
        "        module-controller.koupleless.io/component: module\n        app: biz1\n        virtual",
    )
}

#[test]
fn a_rule_that_is_raised_refuses() {
    let folder = Folder::new().with("module.yaml", older()).with("config.yaml", "rules: {older-dialect: deny}");
    folder.review(&["-f", "module.yaml"]).ended(0).says(&["warning: label module-controller.koupleless.io/component"]);
    folder.review(&["-f", "module.yaml", "--config", "config.yaml"]).ended(1).says(&[
        "problem: spec.template.metadata.labels[module-controller.koupleless.io/component]: ",
        "To fix it: use virtual-kubelet.koupleless.io/component instead.",
    ]);
}

#[test]
fn a_rule_that_is_lowered_warns() {
    let folder = Folder::new()
        .with("module.yaml", module_without(SELECTION))
        .with("config.yaml", "rules: {base-selection: warn}");
    folder.review(&["-f", "module.yaml"]).ended(1);
    let run = folder.review(&["-f", "module.yaml", "--config", "config.yaml"]).ended(0);
    run.says(&["warning: nothing says which bases this module is for"]);
}

#[test]
fn a_base_for_modules_that_say_none_is_filled_in() {
    let config = "defaultBase: {name: common, version: '2'}";
    let folder = Folder::new().with("module.yaml", module_without(SELECTION)).with("config.yaml", config);
    let run = folder.review(&["-f", "module.yaml", "--config", "config.yaml", "-o", "json"]).ended(0);
    assert!(run.stdout.contains(r#"\"name\":\"common\""#), "{run:#?}");
}

#[test]
fn arguments_win_over_the_file_and_the_file_over_the_default() {
    let folder = Folder::new().with("module.yaml", MODULE).with("config.yaml", "defaultEnv: of-file");
    let env = |arguments: &[&str]| {
        let run = folder.review(&[&["-f", "module.yaml", "-o", "json", "--pods"], arguments].concat()).ended(0);
        run.json()["spec"]["tolerations"][1]["value"].clone()
    };
    assert_eq!(env(&[]), "dev");
    assert_eq!(env(&["--config", "config.yaml"]), "of-file");
    assert_eq!(env(&["--config", "config.yaml", "--default-env", "of-flag"]), "of-flag");
}

#[rstest]
#[case::not_there("other.yaml", "", "error: cannot read other.yaml: ")]
#[case::garbage("config.yaml", "rules: [", "error: config.yaml: line 1: ")]
#[case::an_unknown_field("config.yaml", "log: info\nrule: {}", "error: config.yaml: line 2: unknown field `rule`")]
#[case::a_rule_that_stands(
    "config.yaml",
    "rules: {jar-image: warn}",
    "error: config.yaml: line 1: rules.jar-image: \"warn\" is not possible: jar-image cannot be lowered to warn: "
)]
fn a_file_that_cannot_be_used_is_told_apart_from_a_refusal(
    #[case] name: &str,
    #[case] content: &str,
    #[case] says: &str,
) {
    let folder = Folder::new().with("module.yaml", MODULE).with("config.yaml", content);
    let run = folder.review(&["-f", "module.yaml", "--config", name]).ended(2).says(&[says]);
    assert_eq!(run.stdout, "");
}
