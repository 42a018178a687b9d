//! What the Namespaces among the manifests lend to modules.

use rstest::rstest;

use super::folder::{Folder, Run, review_stdin};
use super::manifests::{MODULE, documents, module_without};

const SELECTION: &str = "        base.koupleless.io/name: base\n        base.koupleless.io/version: 1.0.0\n";

const NAMESPACE: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    virtual-kubelet.koupleless.io/env: gray
  annotations:
    base.koupleless.io/name: base
";

#[test]
fn a_module_without_a_base_is_refused_where_no_namespace_helps() {
    review_stdin(&module_without(SELECTION), &[]).ended(1).says(&["base.koupleless.io/name"]);
}

#[rstest]
#[case::before_it("a.yaml", "b.yaml")]
#[case::after_it("b.yaml", "a.yaml")]
fn a_namespace_in_another_file_lends_base_and_environment(#[case] namespace: &str, #[case] module: &str) {
    let folder = Folder::new().with(namespace, NAMESPACE).with(module, module_without(SELECTION));
    lent(&folder.review(&["-f", ".", "-o", "patch"]).ended(0));
}

#[rstest]
#[case::before_it(&[NAMESPACE, &module_without(SELECTION)])]
#[case::after_it(&[&module_without(SELECTION), NAMESPACE])]
fn a_namespace_in_the_same_file_lends_base_and_environment(#[case] manifests: &[&str]) {
    lent(&review_stdin(&documents(manifests), &["-o", "patch"]).ended(0));
}

#[test]
fn another_namespace_lends_nothing() {
    let elsewhere = NAMESPACE.replace("name: shop", "name: elsewhere");
    review_stdin(&documents(&[&elsewhere, &module_without(SELECTION)]), &[]).ended(1);
}

#[test]
fn a_module_without_a_namespace_is_in_the_one_that_is_named() {
    let module = MODULE.replace("  namespace: shop\n", "").replace(SELECTION, "");
    let run = review_stdin(&documents(&[NAMESPACE, &module]), &["-o", "patch", "-n", "shop"]);
    lent(&run.ended(0));
}

#[test]
fn a_module_without_a_namespace_is_in_the_default_one() {
    let default = NAMESPACE.replace("name: shop", "name: default");
    let module = MODULE.replace("  namespace: shop\n", "").replace(SELECTION, "");
    lent(&review_stdin(&documents(&[&default, &module]), &["-o", "patch"]).ended(0));
}

#[rstest]
#[case::of_its_namespace("shop", 1)]
#[case::of_another("elsewhere", 0)]
fn a_limit_range_that_demands_a_request_refuses_the_modules_of_its_namespace(
    #[case] namespace: &str,
    #[case] code: i32,
) {
    let limit_range = format!(
        "apiVersion: v1\nkind: LimitRange\nmetadata: {{name: floor, namespace: {namespace}}}\nspec:\n  limits:\n    - type: \
         Container\n      min: {{cpu: 100m}}\n"
    );
    let run = review_stdin(&documents(&[&limit_range, MODULE]), &["-o", "table"]).ended(code);
    if code == 1 {
        run.says(&["remove cpu from min in LimitRange floor"]);
    }
}

/// That the one module was given what [`NAMESPACE`] declares.
#[track_caller]
fn lent(run: &Run) {
    let patch = run.json()[0]["patch"].to_string();
    for part in [r#"\"name\":\"base\""#, r#"\"env\":\"gray\""#] {
        assert!(patch.contains(part), "nothing of {part} in {patch}");
    }
}
