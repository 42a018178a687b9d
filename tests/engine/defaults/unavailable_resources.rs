//! What a LimitRange adds is set to zero.

use similar_asserts::assert_eq;

use super::*;

const LIMIT_RANGER: &str = "kubernetes.io/limit-ranger";

/// The resources of a module Pod that has these, of which LimitRanger says that it `added` some.
fn resources(given: Value, added: &str) -> Value {
    let pod = pod(|p| {
        p["metadata"]["annotations"][LIMIT_RANGER] = json!(format!("LimitRanger plugin set: {added}"));
        p["spec"]["containers"][0]["resources"] = given;
    });
    create(Kind::Pod, &pod).object["spec"]["containers"][0]["resources"].clone()
}

#[test]
fn what_was_added_is_zero() {
    let given = json!({"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}});
    let added = "cpu, memory request for container biz1; cpu, memory limit for container biz1";
    let zero = json!({"cpu": "0", "memory": "0"});
    assert_eq!(resources(given, added), json!({"requests": zero, "limits": zero}));
}

#[test]
fn what_the_user_requested_stays() {
    let given = json!({"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}});
    let after = resources(given, "cpu request for container biz1");
    assert_eq!(after, json!({"requests": {"cpu": "0", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}));
}

#[test]
fn a_limit_that_was_added_to_a_request_of_the_users_stays() {
    // Kubernetes refuses a request above its limit, and a limit alone keeps no Pod off a base
    let given = json!({"requests": {"memory": "64Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}});
    let after = resources(given, "cpu, memory limit for container biz1");
    assert_eq!(after, json!({"requests": {"memory": "64Mi"}, "limits": {"cpu": "0", "memory": "512Mi"}}));
}

#[test]
fn what_was_added_to_an_init_container_is_zero_too() {
    // Bases ignore it, and the scheduler reckons with what it requests
    let pod = pod(|p| {
        p["metadata"]["annotations"][LIMIT_RANGER] = json!("LimitRanger plugin set: cpu request for init container i");
        p["spec"]["initContainers"] =
            json!([{"name": "i", "image": "busybox", "resources": {"requests": {"cpu": "100m"}}}]);
    });
    let reviewed = create(Kind::Pod, &pod).object;
    assert_eq!(reviewed["spec"]["initContainers"][0]["resources"], json!({"requests": {"cpu": "0"}}));
}
