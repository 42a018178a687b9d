//! What a request is about, from its method and path.

use http::{Method, Uri};

/// What a write is for. Each kind is counted for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It changes the cluster: every write that is neither of the others.
    Main,
    /// A Lease: leader election.
    Lease,
    /// An Event.
    Event,
    /// A question in the form of a write: SelfSubjectAccessReview and its like.
    Review,
}

impl What {
    /// `None` for a request that only reads.
    pub(super) fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let is_write = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method);
        let of_group = |group: &str| uri.path().starts_with(&format!("/apis/{group}/"));
        is_write.then(|| match resource(uri.path()) {
            "leases" => Self::Lease,
            "events" => Self::Event,
            _ if of_group("authorization.k8s.io") || of_group("authentication.k8s.io") => Self::Review,
            _ => Self::Main,
        })
    }
}

pub(super) fn is_watch(uri: &Uri) -> bool {
    uri.query().unwrap_or_default().split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1"))
}

/// The resource in a path; a subresource belongs to its resource. Empty where there is none.
pub(super) fn resource(path: &str) -> &str {
    let mut segments = path.trim_start_matches('/').split('/');
    let after_version = match segments.next() {
        Some("api") => segments.nth(1),
        Some("apis") => segments.nth(2),
        _ => None,
    };
    match after_version {
        // The namespace itself, or what is in it.
        Some("namespaces") => match segments.nth(1) {
            None | Some("status" | "finalize") => "namespaces",
            Some(resource) => resource,
        },
        resource => resource.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_resource() {
        for (path, wanted) in [
            ("/api/v1/nodes", "nodes"),
            ("/api/v1/nodes/vnode.10.0.0.1.dev/status", "nodes"),
            ("/api/v1/namespaces", "namespaces"),
            ("/api/v1/namespaces/a", "namespaces"),
            ("/api/v1/namespaces/a/finalize", "namespaces"),
            ("/api/v1/namespaces/a/pods/p", "pods"),
            ("/apis/apps/v1/deployments", "deployments"),
            ("/apis/apps/v1/namespaces/a/deployments/d/scale", "deployments"),
            ("/version", ""),
            ("/", ""),
        ] {
            assert_eq!(resource(path), wanted, "{path}");
        }
    }

    #[test]
    fn writes_are_told_apart() {
        let of = |method: Method, path: &'static str| What::of(&method, &Uri::from_static(path));
        assert_eq!(of(Method::GET, "/api/v1/namespaces/a/pods/p"), None);
        assert_eq!(of(Method::PATCH, "/api/v1/namespaces/a/pods/p?fieldManager=warden"), Some(What::Main));
        assert_eq!(of(Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/a/leases/l"), Some(What::Lease));
        assert_eq!(of(Method::POST, "/apis/events.k8s.io/v1/namespaces/a/events"), Some(What::Event));
        assert_eq!(of(Method::POST, "/api/v1/namespaces/a/events"), Some(What::Event));
        assert_eq!(of(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"), Some(What::Review));
    }

    #[test]
    fn a_watch_is_told_from_a_list() {
        assert!(is_watch(&Uri::from_static("/api/v1/nodes?allowWatchBookmarks=true&watch=true")));
        assert!(!is_watch(&Uri::from_static("/api/v1/nodes?allowWatchBookmarks=true")));
    }
}
