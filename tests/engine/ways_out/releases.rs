//! Releases, with and without a new version.

use koupleless_warden::module::Kind;
use serde_json::json;

use super::{
    Case, Edit, allows, another_jar, another_template, blue_green, canary, container, does_not_surge, frees,
    frees_none, nothing, opted_out, opts_in, peer, recreates, surges, template,
};
use crate::sample::{Cluster, edited, release};

pub(super) fn all() -> Vec<Case> {
    [releases(), same_version()].into_iter().flatten().collect()
}

fn releases() -> Vec<Case> {
    let half: Edit = |d| container(d)["env"][0]["value"] = json!("2.0.0");
    let both: Edit = |d| release(d, "2.0.0");
    let stateful = [nothing, half];
    let resumed = Case::update(
        "half-release",
        Kind::Deployment,
        [nothing, half],
        &["while the Deployment is paused, which it still is, change both", "kubectl rollout resume deployment/orders"],
        both,
    );
    let before = resumed.old.clone().unwrap();
    let revisions = Cluster::plain().revision(Kind::Deployment, &before);
    let paused = edited(resumed.broken.clone(), |d| d["spec"]["paused"] = json!(true));
    let resumed = Case { old: Some(paused), ..resumed }.within(revisions.clone(), revisions);
    let rolled: Edit = |d| {
        peer(d);
        frees(d);
    };
    vec![
        Case::update(
            "half-release",
            Kind::Deployment,
            [nothing, half],
            &["change both at once", "rollout pause"],
            both,
        ),
        Case::update("half-release", Kind::StatefulSet, stateful, &["change both at once", "kubectl apply"], both),
        resumed,
        Case::update(
            "peer-rollout",
            Kind::Deployment,
            [rolled, both],
            &["set maxUnavailable to 0 and maxSurge to 1"],
            frees_none,
        ),
    ]
}

fn same_version() -> Vec<Case> {
    const NEW: &[&str] = &["release it under a new BIZ_VERSION, in the same change as its jar"];
    const RECREATED: &[&str] = &["with RollingUpdate, maxSurge 1 and maxUnavailable 0"];
    const SHORT: &[&str] = &["in the same change as its jar", "with terminationGracePeriodSeconds 5"];
    const FREE: &[&str] = &["set maxUnavailable to 1"];
    let both: Edit = |d| release(d, "2.0.0");
    let surging_release: Edit = |d| {
        release(d, "2.0.0");
        frees_none(d);
    };
    let short_release: Edit = |d| {
        release(d, "2.0.0");
        template(d)["spec"]["terminationGracePeriodSeconds"] = json!(5);
    };
    let allows_and = &["\"true\", and set maxUnavailable to 1, or the strategy to Recreate"];
    let free: Edit = |d| {
        allows(d);
        frees(d);
    };
    let recreate: Edit = |d| {
        allows(d);
        recreates(d);
    };
    let surge_allowed: Edit = |d| {
        allows(d);
        does_not_surge(d);
    };
    let opted_in_allowed: Edit = |d| {
        allows(d);
        opts_in(d);
        frees(d);
    };
    let canary_allowed: Edit = |d| {
        allows(d);
        canary(d);
    };
    let clones_free: Edit = |d| d["spec"]["updateStrategy"] = json!({"maxUnavailable": 1});
    let clones_surge: Edit = |d| {
        allows(d);
        d["spec"]["updateStrategy"] = json!({"maxUnavailable": 0, "maxSurge": 1});
    };
    let allowed_blue_green: Edit = |d| {
        allows(d);
        blue_green(d);
    };
    let allowed_none: Edit = |d| {
        allows(d);
        frees_none(d);
    };
    let peer_none: Edit = |d| {
        peer(d);
        frees_none(d);
    };
    let opted_in: Edit = |d| {
        opts_in(d);
        frees(d);
    };
    let opted_out_peer: Edit = |d| {
        peer(d);
        opted_out(d);
    };
    let unlabelled = || (Cluster::plain().with_unlabelled(3), Cluster::plain());
    let jar = |kind, given, says, mend| Case::update("same-version", kind, [given, another_jar], says, mend);
    let not_apart =
        |given, says, mend| Case::update("not-kept-apart", Kind::Deployment, [given, another_template], says, mend);
    let (first, then) = unlabelled();
    let labelled_then = not_apart(peer_none, &["try again in some seconds", "set maxUnavailable to 1"], frees);
    vec![
        jar(Kind::Deployment, nothing, &["change both at once: BIZ_VERSION to a new version"], both),
        jar(
            Kind::Deployment,
            frees,
            &["annotate the Deployment with warden.koupleless.io/allow-same-version: \"true\""],
            allows,
        ),
        jar(Kind::Deployment, frees_none, allows_and, free),
        jar(Kind::Deployment, frees_none, allows_and, recreate),
        jar(
            Kind::Deployment,
            opted_out,
            &["and remove annotation warden.koupleless.io/inject", "and set"],
            opted_in_allowed,
        ),
        jar(Kind::Deployment, frees_none, &["\"true\", and try again in some seconds", "and set maxUnavailable"], free)
            .within(first.clone(), then.clone()),
        jar(Kind::StatefulSet, nothing, &["annotate the StatefulSet with"], allows),
        jar(Kind::DaemonSet, nothing, &["annotate the DaemonSet with"], allows),
        jar(Kind::DaemonSet, surges, &["\"true\", and set maxSurge to 0 and maxUnavailable to 1"], surge_allowed),
        jar(Kind::ArgoRollout, blue_green, &["\"true\", and release by strategy canary"], canary_allowed),
        Case::update("blocked-release", Kind::Deployment, [allowed_none, another_jar], FREE, frees),
        Case::update("blocked-release", Kind::Deployment, [allowed_none, another_jar], NEW, both),
        Case::update("blocked-release", Kind::Deployment, [peer_none, another_template], FREE, frees),
        Case::update("blocked-release", Kind::CloneSet, [clones_surge, another_jar], FREE, clones_free),
        Case::update(
            "blocked-release",
            Kind::ArgoRollout,
            [allowed_blue_green, another_jar],
            &["release by strategy canary with maxUnavailable 1"],
            canary,
        ),
        not_apart(opted_out, NEW, both),
        not_apart(opted_out, &["remove annotation warden.koupleless.io/inject from the template"], opted_in),
        not_apart(opted_out_peer, &["remove annotation warden.koupleless.io/inject", "set maxUnavailable"], opted_in),
        not_apart(frees, &["try again in some seconds"], nothing).within(first.clone(), then.clone()),
        labelled_then.within(first, then),
        Case::update(
            "surging-daemon-set",
            Kind::DaemonSet,
            [surges, another_template],
            &["set maxSurge to 0 and maxUnavailable to 1"],
            does_not_surge,
        ),
        Case::update("surging-daemon-set", Kind::DaemonSet, [surges, another_template], NEW, both),
        Case::update("released-again", Kind::Deployment, [frees, another_template], NEW, both),
        Case::update("released-again", Kind::Deployment, [recreates, another_template], RECREATED, surging_release),
        Case::update("released-again", Kind::StatefulSet, [nothing, another_template], SHORT, short_release),
        // With the grace period that a release had, as the remedy says, it is not told at all.
        Case::update("released-again", Kind::Deployment, [frees, another_template], SHORT, short_release),
        Case::update("unplaceable-template", Kind::Deployment, [frees_none, another_template], FREE, frees),
        Case::update("unplaceable-template", Kind::Deployment, [frees_none, another_template], NEW, both),
    ]
}
