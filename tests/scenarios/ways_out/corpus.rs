//! All mistakes. Those of a module, its base and its annotations are here.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::case::{
    BASE_NAME, COMPONENT, Case, Corpus, Edit, INJECT, Mend, NAME, STRATEGY, VERSION, WayOut, apart, container,
    deployment, edited, mended, nothing, release, remove_annotation, required, template,
};
use super::refusal::Refusal;
use super::releases::{the_same_version, version_and_jar};
use super::{NAMESPACE, Step};
use crate::manifests::Module;

/// The rules that refuse and cannot be walked with the others, and why.
pub(super) const NOT_SHOWN: &[(&str, &str)] = &[
    (
        "field-types",
        "the API server refuses fields of another type before it calls webhooks; tests/engine/ways_out has it",
    ),
    ("limit-ranges", "a LimitRange would refuse all others in the Namespace; tests/scenarios/placement.rs has it"),
];

/// All cases, for bases called `base`.
pub(super) fn corpus(base: &str) -> Vec<Case> {
    let mut corpus = Corpus { base, cases: Vec::new() };
    what_a_module_is(&mut corpus);
    which_bases(&mut corpus);
    values_of_annotations(&mut corpus);
    version_and_jar(&mut corpus);
    the_same_version(&mut corpus);
    corpus.cases
}

fn what_a_module_is(corpus: &mut Corpus<'_>) {
    let unlabelled: Edit = |m| {
        m["metadata"]["labels"][COMPONENT] = json!("module-deployment");
        template(m)["metadata"]["labels"] = json!({"app": template(m)["metadata"]["labels"]["app"]});
    };
    let label: Mend = |refusal, m| {
        let (key, value) = refusal.pair_after("add the label ")?;
        template(m)["metadata"]["labels"][key] = json!(value);
        Ok(())
    };
    corpus.new_one("component-label", "label-new", "its Pods lack label", unlabelled, label);
    let labelled: Edit = |m| m["metadata"]["labels"][COMPONENT] = json!("module-deployment");
    let loses_it: Edit = |m| {
        release(m, "2.0.0");
        template(m)["metadata"]["labels"] = json!({"app": template(m)["metadata"]["labels"]["app"]});
    };
    corpus.update("component-label", "label-update", "its Pods lack label", [labelled, loses_it], "2.0.0", label);

    let no_version: Edit = |m| container(m)["env"] = json!([]);
    corpus.new_one("biz-version", "version-missing", "is missing", no_version, |refusal, m| {
        refusal.says("set BIZ_VERSION to the version in the jar's manifest, as a literal value")?;
        *refusal.field(m, 0)? = json!([{"name": "BIZ_VERSION", "value": "1.0.0"}]);
        Ok(())
    });
    let reference: Edit = |m| {
        container(m)["env"] =
            json!([{"name": "BIZ_VERSION", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]);
    };
    corpus.new_one("biz-version", "version-referred-to", "comes from a reference", reference, |refusal, m| {
        refusal.says("as a literal value")?;
        *refusal.field(m, 1)? = json!({"name": "BIZ_VERSION", "value": "1.0.0"});
        Ok(())
    });
    let empty: Edit = |m| container(m)["env"][0]["value"] = json!("");
    corpus.new_one("biz-version", "version-empty", "is empty", empty, |refusal, m| {
        refusal.says("set BIZ_VERSION to the version in the jar's manifest")?;
        *refusal.field(m, 0)? = json!("1.0.0");
        Ok(())
    });
    let colon: Edit = |m| container(m)["env"][0]["value"] = json!("1.0.0:");
    corpus.new_one("biz-version", "version-colon", "contains ':'", colon, |refusal, m| {
        let version = refusal.between("set BIZ_VERSION to \"", "\", and build the jar under that version")?.to_owned();
        release(m, &version);
        Ok(())
    });
    let twice: Edit = |m| {
        container(m)["env"] =
            json!([{"name": "BIZ_VERSION", "value": "2.0.0"}, {"name": "BIZ_VERSION", "value": "1.0.0"}]);
    };
    corpus.new_one("biz-version", "version-twice", "is set twice", twice, |refusal, m| {
        refusal.says("keep the one in the jar's manifest")?;
        *refusal.field(m, 1)? = json!([{"name": "BIZ_VERSION", "value": "1.0.0"}]);
        Ok(())
    });
    let without: Edit = |m| {
        release(m, "2.0.0");
        container(m)["env"] = json!([]);
    };
    corpus.update("biz-version", "version-update", "is missing", [nothing, without], "2.0.0", |refusal, m| {
        refusal.says("set BIZ_VERSION to the version in the jar's manifest")?;
        *refusal.field(m, 0)? = json!([{"name": "BIZ_VERSION", "value": "2.0.0"}]);
        Ok(())
    });

    let url: Mend = |refusal, m| {
        // The example in the text is such a URL, of another module.
        let example = refusal.between("set the image to the URL of the jar, such as ", ".jar")?;
        let (before, _) = example.split_once("biz1-").context("another example")?;
        let module = container(m)["name"].as_str().unwrap_or_default().to_owned();
        let version = container(m)["env"][0]["value"].as_str().unwrap_or_default().to_owned();
        *refusal.field(m, 0)? = json!(format!("{before}{module}-{version}-ark-biz.jar"));
        Ok(())
    };
    corpus.new_one("jar-image", "jar-none", "is not a jar", |m| container(m)["image"] = json!("nginx:1"), url);
    corpus.new_one("jar-image", "jar-path", "is not a URL", |m| container(m)["image"] = json!("jar-path-1.jar"), url);
    let blank: Edit =
        |m| container(m)["image"] = json!(format!("{}\n", container(m)["image"].as_str().unwrap_or_default()));
    corpus.new_one("jar-image", "jar-blank", "begins or ends with a blank", blank, |refusal, m| {
        refusal.says("remove the blank")?;
        let image = refusal.field(m, 0)?;
        *image = json!(image.as_str().unwrap_or_default().trim());
        Ok(())
    });
    let an_image: Edit = |m| {
        release(m, "2.0.0");
        container(m)["image"] = json!("nginx:2");
    };
    corpus.update("jar-image", "jar-update", "is not a jar", [nothing, an_image], "2.0.0", url);

    let agree: Mend = |refusal, m| {
        refusal.says("make the label and the container's name agree")?;
        let module = container(m)["name"].clone();
        *refusal.field(m, 0)? = module;
        Ok(())
    };
    let other_name: Edit = |m| template(m)["metadata"]["labels"][NAME] = json!("other");
    corpus.new_one("module-labels", "name-at-odds", "the container's name is", other_name, agree);
    let labelled: Edit = |m| template(m)["metadata"]["labels"][VERSION] = json!("1.0.0");
    let removed: Mend = |refusal, m| {
        refusal.says("or remove the label")?;
        let key = refusal.key();
        refusal.field(m, 1)?.as_object_mut().context("no labels")?.remove(&key).context("no such label")?;
        Ok(())
    };
    let left: Edit = |m| release(m, "2.0.0");
    corpus.update("module-labels", "version-at-odds", "but BIZ_VERSION is", [labelled, left], "2.0.0", removed);
    let selected: Edit = |m| {
        template(m)["metadata"]["labels"][VERSION] = json!("1.0.0");
        m["spec"]["selector"]["matchLabels"][VERSION] = json!("1.0.0");
    };
    let its_own: Mend = |refusal, m| {
        refusal.says("another one needs its own Deployment")?;
        m["metadata"]["name"] = json!("version-selected-2");
        m["spec"]["selector"]["matchLabels"][VERSION] = json!("2.0.0");
        *refusal.field(m, 0)? = json!("2.0.0");
        Ok(())
    };
    corpus.update("module-labels", "version-selected", "but BIZ_VERSION is", [selected, left], "2.0.0", its_own);
}

fn which_bases(corpus: &mut Corpus<'_>) {
    const NO_BASE: &str = "nothing says which bases";
    const RULE: &str = "base-selection";
    // What is to be declared is left in an annotation without a meaning.
    let lost: Edit = |m| m["metadata"]["annotations"] = json!({"note": m["metadata"]["annotations"][BASE_NAME]});
    fn declared(refusal: &Refusal, manifest: &Value) -> Result<Value> {
        let [name, version] = refusal.keys_after(" with ")?;
        Ok(json!({name: manifest["metadata"]["annotations"]["note"], version: "1.0.0"}))
    }
    corpus.new_one(RULE, "base-of-template", NO_BASE, lost, |refusal, m| {
        refusal.says("annotate the template,")?;
        let annotations = declared(refusal, m)?;
        template(m)["metadata"]["annotations"] = annotations;
        Ok(())
    });
    corpus.new_one(RULE, "base-by-affinity", NO_BASE, lost, |refusal, m| {
        refusal.says("or add a required node affinity (In) on them")?;
        let annotations = declared(refusal, m)?;
        template(m)["spec"]["affinity"] = required(&annotations);
        Ok(())
    });
    let loses_it: Edit = |m| {
        release(m, "2.0.0");
        m["metadata"]["annotations"] = json!({"note": m["metadata"]["annotations"][BASE_NAME]});
    };
    corpus.update(RULE, "base-update", NO_BASE, [nothing, loses_it], "2.0.0", |refusal, m| {
        refusal.says("the Deployment or the Namespace")?;
        m["metadata"]["annotations"] = declared(refusal, m)?;
        Ok(())
    });
    // The Namespace is annotated, and the manifest applied again as it is.
    let broken = edited(deployment("base-of-namespace", "1.0.0", corpus.base), lost);
    let again = broken.clone();
    let way_out: WayOut = Box::new(move |refusal| {
        refusal.says("or the Namespace")?;
        let annotations = declared(refusal, &again)?;
        let pairs = annotations.as_object().into_iter().flatten();
        let pairs: Vec<String> =
            pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
        let annotate = format!("kubectl annotate namespace {NAMESPACE} {}", pairs.join(" "));
        Ok(vec![Step::Kubectl(annotate), Step::Apply(again.clone())])
    });
    corpus.cases.push(Case::new(RULE, "base-of-namespace", NO_BASE, Step::Apply(broken), way_out));
    let broken = edited(Module::new("base-of-pod", "1.0.0", corpus.base).pod(), lost);
    let way_out = mended(broken.clone(), |refusal, m| {
        refusal.says("annotate the Pod or its Namespace")?;
        m["metadata"]["annotations"] = declared(refusal, m)?;
        Ok(())
    });
    let of_pod = Case::new(RULE, "base-of-pod", NO_BASE, Step::Apply(broken), way_out);
    corpus.cases.push(Case { bases: 1, ..of_pod });

    let opted_out: Edit = |m| template(m)["metadata"]["annotations"][INJECT] = json!("false");
    let no_effect = "the declared base has no effect";
    corpus.new_one(RULE, "opted-out-by-hand", no_effect, opted_out, |refusal, m| {
        let [name, version] = refusal.keys_after("add a required node affinity (In) on ")?;
        let annotations = json!({name: m["metadata"]["annotations"][BASE_NAME], version: "1.0.0"});
        let [first, second] = refusal.keys_after("and tolerations of ")?;
        let app = template(m)["metadata"]["labels"]["app"].clone();
        let spec = &mut template(m)["spec"];
        spec["affinity"] = required(&annotations);
        spec["affinity"]["podAntiAffinity"] = apart(&app);
        spec["tolerations"] = json!([{"key": first, "operator": "Exists"}, {"key": second, "operator": "Exists"}]);
        Ok(())
    });
    corpus.new_one(RULE, "opted-out-undone", no_effect, opted_out, |refusal, m| {
        remove_annotation(m, refusal.word_after("or remove annotation ")?)
    });
}

fn values_of_annotations(corpus: &mut Corpus<'_>) {
    const RULE: &str = "annotation-values";
    let yes: Edit = |m| m["metadata"]["annotations"]["warden.koupleless.io/allow-same-version"] = json!("yes");
    let one_of_the_two: Mend = |refusal, m| {
        refusal.says("set it to one of the two, in quotes")?;
        *refusal.field(m, 0)? = json!("true");
        Ok(())
    };
    corpus.new_one(RULE, "switch", "is neither \"true\" nor \"false\"", yes, one_of_the_two);
    let yes_and_a_release: Edit = |m| {
        release(m, "2.0.0");
        m["metadata"]["annotations"]["warden.koupleless.io/allow-same-version"] = json!("yes");
    };
    let says = "is neither \"true\" nor \"false\"";
    corpus.update(RULE, "switch-update", says, [nothing, yes_and_a_release], "2.0.0", one_of_the_two);
    let two: Edit = |m| m["metadata"]["annotations"]["base.koupleless.io/version"] = json!("1.0.0 or 2.0.0");
    corpus.new_one(RULE, "two-versions", "so no base can have it", two, |refusal, m| {
        refusal.says("set it to the value that the bases have")?;
        *refusal.field(m, 0)? = json!("1.0.0");
        Ok(())
    });
    let follows: Edit = |m| {
        m["metadata"]["labels"][STRATEGY] = json!("peer");
        m["metadata"]["annotations"]["warden.koupleless.io/follow"] = json!("switch-update");
    };
    corpus.new_one(RULE, "follows", "is neither Deployment/NAME nor", follows, |refusal, m| {
        let form = refusal.between("set it to ", " or")?;
        *refusal.field(m, 0)? = json!(form.replace("NAME", "switch-update"));
        Ok(())
    });
}
