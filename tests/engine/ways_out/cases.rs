//! What a module is, its bases and its annotations; and what is only warned of.

use koupleless_warden::module::Kind;
use serde_json::{Value, json};

use super::{
    Case, Edit, allows, another_template, container, frees_none, no_base, nothing, opted_out, opts_in, peer, selects,
    template,
};
use crate::sample::{
    ALLOW_SAME_VERSION, BASE_CLUSTER, BASE_NAME, BASE_VERSION, COMPONENT, COMPONENT_OLDER, Cluster, ENV, FOLLOW,
    INJECT, NAME, OWN_TOLERATIONS, REQUIRED, STRATEGY, VERSION, module, release,
};

pub(super) fn all() -> Vec<Case> {
    [what_a_module_is(), which_bases(), annotations(), only_warned_of()].into_iter().flatten().collect()
}

fn what_a_module_is() -> Vec<Case> {
    let unlabelled: Edit = |d| {
        d["metadata"]["labels"][COMPONENT] = json!("module-deployment");
        template(d)["metadata"]["labels"] = json!({"app": "orders"});
    };
    let labelled: Edit = |d| template(d)["metadata"]["labels"][COMPONENT] = json!("module");
    let add = &["add the label virtual-kubelet.koupleless.io/component: module to the template"];
    let unlabelled_peer: Edit = |d| {
        d["metadata"]["labels"] = json!({COMPONENT: "module-deployment", STRATEGY: "peer"});
        template(d)["metadata"]["labels"] = json!({"app": "orders"});
        frees_none(d);
    };
    vec![
        Case::create(
            "field-types",
            |d| container(d)["env"][0]["value"] = json!(1),
            &["put the value in quotes"],
            |d| {
                container(d)["env"][0]["value"] = json!("1");
            },
        ),
        Case::create(
            "field-types",
            |d| container(d)["env"] = json!({}),
            &["make it a list"],
            |d| container(d)["env"] = json!([{"name": "BIZ_VERSION", "value": "1.0.0"}]),
        ),
        Case::create("component-label", unlabelled, add, labelled),
        // From before warden: ModuleController ignored the old Pods, so that no base has the module.
        Case::update("component-label", Kind::Deployment, [unlabelled_peer, another_template], add, labelled),
        Case::create(
            "biz-version",
            |d| container(d)["env"] = json!([]),
            &["set BIZ_VERSION to the version in the jar's manifest, as a literal value"],
            |d| container(d)["env"] = json!([{"name": "BIZ_VERSION", "value": "1.0.0"}]),
        ),
        Case::update(
            "biz-version",
            Kind::Deployment,
            [nothing, |d| release(d, "2.0.0+build.7")],
            &["set BIZ_VERSION to \"2.0.0-build.7\", and build the jar under that version"],
            |d| release(d, "2.0.0-build.7"),
        ),
        Case::create(
            "biz-version",
            |d| {
                container(d)["env"] =
                    json!([{"name": "BIZ_VERSION", "value": "1"}, {"name": "BIZ_VERSION", "value": "2"}])
            },
            &["keep the one in the jar's manifest"],
            |d| release(d, "2"),
        ),
        Case::create(
            "jar-image",
            |d| template(d)["spec"]["containers"] = json!([]),
            &["add a container with the module's name and jar"],
            |d| {
                *container_list(d) = module(Kind::Deployment)["spec"]["template"]["spec"]["containers"].take();
            },
        ),
        Case::create(
            "jar-image",
            |d| container(d)["image"] = json!("nginx:1"),
            &["set the image to the URL"],
            |d| {
                release(d, "1.0.0");
            },
        ),
        Case::create(
            "jar-image",
            |d| container(d)["image"] = json!("https://repo.example.com/orders-1.0.0-ark-biz.jar\n"),
            &["remove the blank"],
            |d| container(d)["image"] = json!("https://repo.example.com/orders-1.0.0-ark-biz.jar"),
        ),
        Case::create(
            "module-labels",
            |d| template(d)["metadata"]["labels"][NAME] = json!("other"),
            &["make the label and the container's name agree, or remove the label"],
            |d| template(d)["metadata"]["labels"] = json!({COMPONENT: "module"}),
        ),
    ]
}

fn container_list(object: &mut Value) -> &mut Value {
    &mut template(object)["spec"]["containers"]
}

fn which_bases() -> Vec<Case> {
    let declares: Edit = |d| template(d)["metadata"]["annotations"] = json!({BASE_NAME: "base", BASE_VERSION: "1.0.0"});
    let says_nothing: Edit = |d| {
        no_base(d);
        template(d)["metadata"]["annotations"][INJECT] = json!("false");
    };
    let opted_out: Edit = |d| template(d)["metadata"]["annotations"][INJECT] = json!("false");
    let workload_opted_out: Edit = |d| {
        no_base(d);
        d["metadata"]["annotations"] = json!({BASE_NAME: "base", INJECT: "false"});
    };
    let selects_bases: Edit = |d| {
        selects(d);
        template(d)["spec"]["tolerations"] = json!([]);
    };
    let by_hand = &["add a required node affinity (In) on", "and tolerations of"];
    let again = &["remove annotation warden.koupleless.io/inject"];
    let declare_again = &["remove annotation warden.koupleless.io/inject, and annotate the template"];
    vec![
        Case::create("base-selection", no_base, &["annotate the template, the Deployment or the Namespace"], declares),
        Case::create("base-selection", no_base, &["or add a required node affinity (In) on them"], selects),
        Case::create("base-selection", no_base, &["the Namespace with base.koupleless.io/name"], nothing)
            .within(Cluster::plain(), Cluster::plain().annotated(BASE_NAME, "base").annotated(BASE_VERSION, "1.0.0")),
        Case::create("base-selection", opted_out, by_hand, selects),
        Case::create("base-selection", opted_out, again, opts_in),
        Case::create("base-selection", says_nothing, by_hand, selects),
        Case::create("base-selection", workload_opted_out, &["annotate the template or the Namespace"], declares),
        Case::create("base-selection", workload_opted_out, &["annotate the template or the Namespace"], nothing)
            .within(Cluster::plain(), Cluster::plain().annotated(BASE_NAME, "base")),
        Case::create("base-selection", workload_opted_out, &["or add a required node affinity"], selects_bases),
        Case::create("base-selection", workload_opted_out, &["remove annotation", "from the Deployment"], |d| {
            d["metadata"]["annotations"].as_object_mut().unwrap().remove(INJECT);
        }),
        Case::create("base-selection", says_nothing, declare_again, declares),
        Case::create(
            "open-terms",
            |d| {
                selects(d);
                let terms = &mut template(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"];
                terms.as_array_mut().unwrap().push(json!({"matchExpressions": [{"key": ENV, "operator": "Exists"}]}));
                no_base(d);
            },
            &["require base.koupleless.io/name and base.koupleless.io/version in every term"],
            selects,
        ),
    ]
}

fn annotations() -> Vec<Case> {
    vec![
        Case::create(
            "annotation-values",
            |d| d["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("yes"),
            &["set it to one of the two, in quotes"],
            allows,
        ),
        Case::create(
            "annotation-values",
            |d| d["metadata"]["annotations"][FOLLOW] = json!("web"),
            &["set it to Deployment/NAME"],
            |d| d["metadata"]["annotations"][FOLLOW] = json!("Deployment/web"),
        ),
        Case::create(
            "annotation-values",
            |d| template(d)["metadata"]["annotations"][BASE_VERSION] = json!("1 or 2"),
            &["set it to the value that the bases have"],
            |d| template(d)["metadata"]["annotations"][BASE_VERSION] = json!("1"),
        ),
        Case::create("opted-out", opted_out, &["remove the annotation"], opts_in),
        Case::create(
            "unknown-annotations",
            |d| d["metadata"]["annotations"]["warden.koupleless.io/injected"] = json!("false"),
            &["remove it"],
            |d| d["metadata"]["annotations"] = json!({}),
        ),
        Case::create(
            "misplaced-annotations",
            |d| d["metadata"]["annotations"][FOLLOW] = json!("Deployment/web"),
            &["put it on a Deployment with strategy peer"],
            peer,
        ),
        Case::create(
            "misplaced-annotations",
            |d| {
                selects(d);
                d["metadata"]["annotations"][INJECT] = json!("false");
            },
            &["add it to the template"],
            |d| template(d)["metadata"]["annotations"][INJECT] = json!("false"),
        ),
        Case::create(
            "overruled-declarations",
            |d| {
                selects(d);
                template(d)["metadata"]["annotations"] = json!({BASE_NAME: "another"});
            },
            &["declare what the pod spec requires"],
            |d| template(d)["metadata"]["annotations"] = json!({BASE_NAME: "base"}),
        ),
        Case::create(
            "unknown-strategy",
            |d| d["metadata"]["labels"][STRATEGY] = json!("peers"),
            &["set it to \"peer\""],
            peer,
        ),
    ]
}

fn only_warned_of() -> Vec<Case> {
    const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
    let ends: Edit = |d| {
        template(d)["spec"]["tolerations"] = json!([
            {"key": "schedule.koupleless.io/virtual-node", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 6},
        ]);
    };
    let no_seconds: Edit = |d| {
        template(d)["spec"]["tolerations"][0].as_object_mut().unwrap().remove("tolerationSeconds");
    };
    let in_tree: Edit = |d| {
        template(d)["spec"]["tolerations"] = json!([
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ]);
    };
    let ceiling = || Cluster::plain().limited("ceiling", json!([{"type": "Pod", "max": {"cpu": "1"}}]));
    let dead: Edit = |d| template(d)["spec"]["nodeSelector"] = json!({"vnode.koupleless.io/name": "base"});
    vec![
        Case::create(
            "too-large",
            |d| {
                peer(d);
                let tolerations = (0..2000).map(|number| json!({"key": format!("key-{number}"), "operator": "Exists"}));
                template(d)["spec"]["tolerations"] = tolerations.collect();
            },
            &["use fewer or shorter labels, affinity terms, tolerations"],
            |d| template(d)["spec"]["tolerations"] = json!([]),
        ),
        Case::create(
            "unconsented-follow",
            |d| {
                peer(d);
                d["metadata"]["namespace"] = json!("shop");
                d["metadata"]["annotations"][FOLLOW] = json!("bases/Deployment/base");
            },
            &["ask its owner to write that annotation onto it or its Namespace"],
            nothing,
        )
        .within(Cluster::plain().with_consent(false), Cluster::plain().with_consent(true)),
        Case::create(
            "meant-as-module",
            |d| template(d)["metadata"]["labels"] = json!({"app": "orders"}),
            &["add the label virtual-kubelet.koupleless.io/component: module to the template"],
            |d| template(d)["metadata"]["labels"][COMPONENT] = json!("module"),
        ),
        Case::create(
            "meant-as-module",
            |d| {
                d["metadata"]["labels"] = json!({"virtual-kubelet.koupleles.io/component": "module"});
                template(d)["metadata"]["labels"] = json!({"app": "orders"});
            },
            &["set label virtual-kubelet.koupleless.io/component: module on the template"],
            |d| template(d)["metadata"]["labels"][COMPONENT] = json!("module"),
        ),
        Case::new("uninstalls-first", Kind::DaemonSet, nothing, &["set maxSurge to 1 and maxUnavailable to 0"], |d| {
            d["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        }),
        Case::new("uninstalls-first", Kind::DaemonSet, nothing, &["or set terminationGracePeriodSeconds to 5"], |d| {
            template(d)["spec"]["terminationGracePeriodSeconds"] = json!(5);
        }),
        Case::create(
            "unused-fields",
            |d| container(d)["livenessProbe"] = json!({"httpGet": {"port": 8080}}),
            &["remove"],
            |d| {
                container(d).as_object_mut().unwrap().remove("livenessProbe");
            },
        ),
        Case::create("limit-ranges", nothing, &["remove cpu from min in LimitRange floor"], nothing).within(
            Cluster::plain().limited("floor", json!([{"type": "Container", "min": {"cpu": "100m"}}])),
            Cluster::plain(),
        ),
        Case::create("limit-ranges", nothing, &["set it to \"0\""], |d| {
            container(d)["resources"] = json!({"limits": {"cpu": "0"}});
        })
        .within(ceiling(), ceiling()),
        Case::create("limit-ranges", nothing, &["add an item of type Container with a default for cpu"], nothing)
            .within(ceiling(), ceiling().limited("ceiling", json!([{"type": "Container", "default": {"cpu": "1"}}]))),
        Case::create(
            "older-dialect",
            |d| template(d)["metadata"]["labels"] = json!({COMPONENT_OLDER: "module"}),
            &["use virtual-kubelet.koupleless.io/component instead"],
            |d| template(d)["metadata"]["labels"] = json!({COMPONENT: "module"}),
        ),
        Case::create(
            "older-dialect",
            |d| {
                template(d)["metadata"]["annotations"] =
                    json!({"basement.koupleless.io/name": "base", BASE_NAME: "base"})
            },
            &["remove it, and declare the base by base.koupleless.io/name and base.koupleless.io/version"],
            |d| template(d)["metadata"]["annotations"] = json!({BASE_NAME: "base", BASE_VERSION: "1.0.0"}),
        ),
        Case::create(
            "topology-spread",
            |d| {
                template(d)["spec"]["topologySpreadConstraints"] =
                    json!([{"topologyKey": "topology.kubernetes.io/zone"}])
            },
            &["spread over kubernetes.io/hostname instead"],
            |d| template(d)["spec"]["topologySpreadConstraints"][0]["topologyKey"] = json!("kubernetes.io/hostname"),
        ),
        Case::create("dead-labels", dead, &["remove it"], |d| template(d)["spec"]["nodeSelector"] = json!({})),
        Case::create(
            "sidecars",
            |d| container_list(d).as_array_mut().unwrap().push(json!({"name": "proxy", "image": "envoy"})),
            &["remove it"],
            |d| {
                container_list(d).as_array_mut().unwrap().pop();
            },
        ),
        Case::create(
            "resources",
            |d| container(d)["resources"] = json!({"requests": {"cpu": "1"}}),
            &["remove cpu from requests and limits"],
            |d| container(d)["resources"] = json!({}),
        ),
        Case::create(
            "namespace-restrictions",
            nothing,
            &["remove annotation scheduler.alpha.kubernetes.io/node-selector from the Namespace"],
            nothing,
        )
        .within(Cluster::plain().annotated(NODE_SELECTOR, "pool=a"), Cluster::plain()),
        Case::create("toleration-seconds", ends, &["remove the seconds"], no_seconds),
        Case::create("outage-seconds", in_tree, &["remove the seconds, or"], no_seconds),
        Case::create("outage-seconds", in_tree, &["annotate the template with"], |d| {
            template(d)["metadata"]["annotations"][OWN_TOLERATIONS] = json!("true");
        }),
        Case::create(
            "jar-file-name",
            |d| container(d)["name"] = json!("orders"),
            &["name the container and the jar's file after the bizName"],
            |d| container(d)["name"] = json!("biz1"),
        ),
        Case::create(
            "jar-file-name",
            |d| container(d)["env"][0]["value"] = json!("2"),
            &["set BIZ_VERSION and the jar's file name to the version in its manifest"],
            |d| release(d, "2"),
        ),
        Case::create(
            "version-in-selector",
            |d| {
                template(d)["metadata"]["labels"][VERSION] = json!("1.0.0");
                d["spec"]["selector"]["matchLabels"] = json!({VERSION: "1.0.0"});
            },
            &["select by labels that do not change"],
            |d| d["spec"]["selector"]["matchLabels"] = json!({"app": "orders"}),
        ),
        Case::create(
            "baseline-labels",
            |d| d["metadata"]["labels"] = json!({ENV: "dev", BASE_CLUSTER: "default"}),
            &["remove the label virtual-kubelet.koupleless.io/env from the Deployment's metadata"],
            |d| d["metadata"]["labels"] = json!({BASE_CLUSTER: "default"}),
        ),
    ]
}
