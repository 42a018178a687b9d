//! `warden review --server` asks a cluster by dry run.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::eventually;

use super::review;
use crate::manifests::Module;
use crate::scene::{LONG, Scene, shared};

fn documents(objects: &[Value]) -> String {
    objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n")
}

#[tokio::test]
async fn what_the_cluster_admits_is_admitted_and_not_stored() -> Result<()> {
    // Given a module and another object
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let module = Module::new("orders", "1.0.0", &scene.base).deployment(1);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "orders"}});
    // When the cluster is asked about both
    let arguments = ["--server", "-n", &scene.namespace];
    let kubeconfig = scene.stage.plane.kubeconfig();
    review(&documents(&[module.clone(), map]), &arguments, kubeconfig)?.says(0, &[])?;
    // Then neither is there
    let stored = scene.kubectl(&["get", "deployments,configmaps", "-o", "name"]).await?.expect_success()?;
    ensure!(!stored.contains("orders"), "{stored}");
    // And once it is there, it is admitted as what the cluster returns
    scene.apply(&module).await?;
    let live = scene.get("deployment/orders").await?;
    review(&live.to_string(), &["--server"], kubeconfig)?.says(0, &[])?;
    Ok(())
}

#[tokio::test]
async fn what_only_the_cluster_refuses_is_refused_with_its_reason() -> Result<()> {
    // Given a module that runs
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let module = Module::new("orders", "1.0.0", &scene.base).deployment(1);
    scene.apply(&module).await?;
    // When manifests are reviewed that are refused for what is in the cluster
    let mut selector = module.clone();
    selector["spec"]["selector"]["matchLabels"] = json!({"virtual-kubelet.koupleless.io/component": "module"});
    let rebuilt: Value = serde_json::from_str(&module.to_string().replace("orders-1.0.0-ark", "orders-1.0.0-2-ark"))?;
    let unknown_kind = json!({"apiVersion": "example.com/v1", "kind": "Shop", "metadata": {"name": "a"}});
    let no_module = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": 1}});
    let kubeconfig = scene.stage.plane.kubeconfig();
    let namespace = ["-n", &scene.namespace];
    let asked = |object: &Value| review(&object.to_string(), &[&["--server"], &namespace[..]].concat(), kubeconfig);
    for (object, reason) in [
        (&selector, "field is immutable"),
        (&rebuilt, "BIZ_VERSION"),
        (&unknown_kind, "the cluster serves no kind Shop in example.com/v1. To fix it: correct apiVersion and kind"),
        (&no_module, "ConfigMap"),
    ] {
        // Then each is admitted offline, and refused with the reason of the cluster
        review(&object.to_string(), &namespace, kubeconfig)?.says(0, &[])?;
        let run = asked(object)?.says(1, &["refused", "problem: the API server refuses it: ", reason])?;
        ensure!(run.stdout.is_empty() && !run.stderr.contains("admission webhook"), "{run:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_problem_that_both_find_is_told_once_and_with_its_remedy() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let module = Module::new("orders", "1.0.0", &scene.base).deployment(1);
    let (mut quoted, mut misspelt, mut camel, mut baseless) =
        (module.clone(), module.clone(), module.clone(), module.clone());
    quoted["spec"]["replicas"] = json!("2");
    misspelt["spec"]["replica"] = json!(2);
    camel["spec"]["template"]["spec"]["containers"][0]["name"] = json!("orderService");
    baseless["metadata"]["annotations"] = json!({});
    for (object, remedy, words) in [
        // Given fields that the API server refuses, and of which a way out is known offline
        (
            &quoted,
            "spec.replicas: must be a whole number of 32 bits, and is a string. To fix it: remove the quotes.",
            true,
        ),
        (&misspelt, "spec[replica]: Kubernetes 1.36 has no such field. To fix it: write replicas", true),
        (&camel, "containers[0].name: \"orderService\" is not a valid name of a container", true),
        // And one that warden refuses, here and in the cluster
        (&baseless, "nothing says which bases this module is for", false),
    ] {
        // When the cluster is asked
        let arguments = ["--server", "-n", &scene.namespace, "-o", "table"];
        let run = review(&object.to_string(), &arguments, scene.stage.plane.kubeconfig())?.says(1, &[remedy])?;
        // Then the problem is told once, and the words of the API server only where they are others
        ensure!(run.stderr.matches(remedy).count() == 1, "{run:#?}");
        ensure!(!run.stderr.contains("problem: the API server refuses it"), "{run:#?}");
        ensure!(run.stderr.matches("the API server says: ").count() == usize::from(words), "{run:#?}");
        // And counted once; another jar name in the image is a warning
        let problems = run.stderr.matches("problem: ").count();
        let counted = run.stdout.lines().last().and_then(|row| row.split_whitespace().last());
        ensure!(problems == 1 && counted == Some("1"), "{run:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_is_not_there_yet_is_no_reason_to_refuse() -> Result<()> {
    let stage = shared().await?;
    let kubeconfig = stage.plane.kubeconfig();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "of-these-manifests"}});
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "of-these-manifests"}});
    // Given an object whose Namespace is among the manifests: it is told that it was not asked about
    let both = documents(&[namespace.clone(), map.clone()]);
    review(&both, &["--server"], kubeconfig)?
        .says(0, &["warning: the API server was not asked: its Namespace is in"])?;
    // And a module there is checked as without a cluster
    let mut module = Module::new("orders", "1.0.0", "base").deployment(1);
    module["metadata"]["namespace"] = json!("of-these-manifests");
    module["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    let both = documents(&[namespace, module]);
    let problem = "problem: spec.template.metadata.labels: the labels of the template do not match spec.selector";
    review(&both, &["--server"], kubeconfig)?.says(1, &["warning: the API server was not asked: ", problem])?;
    // And where it is not, it is refused with the way out
    let reason = "namespaces \"of-these-manifests\" not found. To fix it: create it first";
    review(&map.to_string(), &["--server"], kubeconfig)?.says(1, &[reason])?;
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_told_apart_from_a_refusal() -> Result<()> {
    let stage = shared().await?;
    // Given a kubeconfig that leads nowhere
    let path = stage.plane.dir().join("nowhere.kubeconfig");
    let text = std::fs::read_to_string(stage.plane.kubeconfig())?;
    std::fs::write(&path, text.replace(stage.plane.server(), "https://127.0.0.1:1"))?;
    // When a cluster is to be asked
    let refused = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    // Then the exit code says that it was not
    let advice = "--server needs a kubeconfig whose cluster answers";
    review(&refused.to_string(), &["--server"], &path)?.says(2, &["error: cannot ask the API server: ", advice])?;
    Ok(())
}

#[tokio::test]
async fn a_caller_without_the_right_is_told_apart_from_a_refusal() -> Result<()> {
    // Given accounts with one right on ConfigMaps, with both, and with none
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let namespace = scene.namespace.as_str();
    for (account, verbs) in [("creates", "create"), ("patches", "patch"), ("applies", "create,patch"), ("nothing", "")]
    {
        scene.kubectl(&["create", "serviceaccount", account]).await?.expect_success()?;
        if !verbs.is_empty() {
            let verbs = format!("--verb={verbs}");
            scene.kubectl(&["create", "role", account, &verbs, "--resource=configmaps"]).await?.expect_success()?;
            let role = format!("--role={account}");
            let to = format!("--serviceaccount={namespace}:{account}");
            scene.kubectl(&["create", "rolebinding", account, &role, &to]).await?.expect_success()?;
        }
    }
    let map = |metadata: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).to_string();
    let (named, generated) = (map(json!({"name": "a"})), map(json!({"generateName": "a-"})));
    let lacks_right = "--server needs the rights patch and create on the objects that it asks about";
    for (account, text, code, said) in [
        // When each asks, then who has the right is told the verdict, once the API server knows of the right
        ("applies", &named, 0, ""),
        ("creates", &generated, 0, ""),
        // And who does not have it is told that
        ("nothing", &named, 2, "cannot patch resource"),
        ("nothing", &generated, 2, "cannot create resource"),
        ("creates", &named, 2, "cannot patch resource"),
        // And to apply what is not there needs both rights
        ("patches", &named, 2, "cannot create resource"),
    ] {
        let kubeconfig = scene.stage.plane.kubeconfig_for_service_account(namespace, account).await?;
        let told = if code == 0 { "" } else { lacks_right };
        let asked = async || {
            let run = review(text, &["--server", "-n", namespace], &kubeconfig).map_err(|error| error.to_string())?;
            // Until the API server knows of it, it refuses to patch.
            if account == "patches" && run.stderr.contains("cannot patch") {
                return Err(run.stderr);
            }
            run.says(code, &[said, told]).map(|_| ()).map_err(|error| error.to_string())
        };
        // The API server learns of roles by a watch.
        eventually(&format!("{account} is answered"), LONG, asked).await.with_context(|| text.clone())?;
    }
    Ok(())
}

#[tokio::test]
async fn an_object_with_a_generated_name_is_judged_by_its_fields_too() -> Result<()> {
    let kubeconfig = shared().await?.plane.kubeconfig();
    // Given an object that the API server is to name, with a field that does not exist
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}, "dataa": {"a": "b"}});
    // When the cluster is asked, then it refuses the field
    review(&map.to_string(), &["--server"], kubeconfig)?.says(1, &["unknown field", "dataa"])?;
    Ok(())
}

#[tokio::test]
async fn the_namespace_of_a_module_counts_as_the_cluster_has_it() -> Result<()> {
    // Given a Namespace that declares the base of its modules, and an account that may not read it
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let namespace = scene.namespace.as_str();
    let base = format!("base.koupleless.io/name={}", scene.base);
    scene
        .kubectl(&["annotate", "namespace", namespace, &base, "base.koupleless.io/version=1.0.0"])
        .await?
        .expect_success()?;
    for arguments in [
        &["create", "serviceaccount", "ci"][..],
        &["create", "role", "ci", "--verb=create,patch", "--resource=deployments.apps"],
        &["create", "rolebinding", "ci", "--role=ci", &format!("--serviceaccount={namespace}:ci")],
    ] {
        scene.kubectl(arguments).await?.expect_success()?;
    }
    let mut module = Module::new("orders", "1.0.0", &scene.base).deployment(1);
    module["metadata"]["annotations"] = json!({});
    let module = module.to_string();
    // When a module there that says nothing of bases is reviewed
    let kubeconfig = scene.stage.plane.kubeconfig();
    let says_nothing = "nothing says which bases this module is for";
    review(&module, &["-n", namespace], kubeconfig)?.says(1, &[says_nothing])?;
    // Then with the cluster it is admitted, as the cluster admits it, and the output has the declared base
    let asked = async || -> Result<()> {
        let run = review(&module, &["-n", namespace, "--server"], kubeconfig)?.says(0, &[])?;
        ensure!(run.stdout.contains(&scene.base) && run.stderr.is_empty(), "{run:?}");
        Ok(())
    };
    let answered = async || asked().await.map_err(|error| error.to_string());
    eventually("warden in the cluster knows of the annotations", LONG, answered).await?;
    // And an account that may not read the Namespace is told so once
    let of_account = scene.stage.plane.kubeconfig_for_service_account(namespace, "ci").await?;
    let two = format!("{module}\n---\n{}", module.replace("orders", "carts"));
    let asked = async || {
        let run = review(&two, &["-n", namespace, "--server"], &of_account).map_err(|error| error.to_string())?;
        let warning = format!("warning: Namespace {namespace:?} was not read, so its declarations do not count: ");
        let told = run.stderr.matches(&warning).count();
        run.says(1, &["cannot get resource \"namespaces\"", says_nothing]).map_err(|error| error.to_string())?;
        if told == 1 { Ok(()) } else { Err(format!("told {told} times")) }
    };
    eventually("the account is answered", LONG, asked).await?;
    Ok(())
}
