//! A bare Pod that is applied again.
//!
//! `kubectl apply` sends the user's lists whole, without what was filled in when the Pod was created. The API server refuses
//! to remove tolerations or affinity from a Pod, and to change its grace period. So warden puts back what it filled in, where what is
//! in the request is that from which the Pod was created. New tolerations are kept.

use serde_json::Value;

use super::draft::Draft;
use super::{Policy, Request};
use crate::module::Workload;

/// Puts affinity, grace period and tolerations of the `old` Pod back into the draft.
pub(super) fn keep_what_it_was_made_with(draft: &mut Draft, request: Request<'_>, policy: &Policy, old: &Value) {
    let made = made_from(draft.object(), request, policy);
    let template = Workload::new(request.kind, old).template();
    let affinity = template.spec_path().field("affinity");
    let of_old = affinity.get(old).filter(|of_old| affinity.get(&made) == Some(of_old));
    let grace_period = template.grace_period_path();
    let seconds_of_old = grace_period.get(old).filter(|of_old| grace_period.get(&made) == Some(of_old));
    let tolerations = template.tolerations_path();
    let list = |object| tolerations.get(object).and_then(Value::as_array);
    let kept = list(old).zip(list(&made)).and_then(|(of_old, made)| {
        let sent = list(draft.object()).into_iter().flatten();
        // Without the tolerations that Kubernetes itself added since: warden removed their seconds.
        let more = sent.filter(|toleration| !of_old.contains(toleration) && made.contains(toleration));
        let all_are_there = of_old.iter().all(|toleration| made.contains(toleration));
        all_are_there.then(|| of_old.iter().chain(more).cloned().collect())
    });
    let put_back = [(&affinity, of_old.cloned()), (&grace_period, seconds_of_old.cloned()), (&tolerations, kept)];
    for (path, value) in put_back {
        if let Some(value) = value.filter(|value| path.get(draft.object()) != Some(value)) {
            draft.set(path, value);
        }
    }
}

/// The Pod as it would be created today, before the scheduler binds it.
fn made_from(pod: &Value, request: Request<'_>, policy: &Policy) -> Value {
    let mut unbound = pod.clone();
    if let Some(spec) = unbound.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("nodeName");
    }
    policy.inject(Request { old: None, ..request }, unbound).0
}
