//! The workload whose ready replicas a peer Deployment follows, instead of counting bases.

use std::fmt;

use thiserror::Error;

/// A Deployment or StatefulSet that a peer Deployment follows ([`crate::vocabulary::FOLLOW`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Follow {
    /// Its kind.
    pub kind: FollowedKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A kind of workload that a peer Deployment can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FollowedKind {
    /// `apps` Deployment.
    Deployment,
    /// `apps` StatefulSet.
    StatefulSet,
}

/// Why a text does not name a workload to follow. Displayed as the end of a sentence that begins with the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FollowError {
    /// It does not have two or three parts, separated by `/`.
    #[error("is neither Deployment/NAME nor StatefulSet/NAME, with or without NAMESPACE/ before it")]
    Parts,
    /// The first of three parts cannot be a namespace.
    #[error("does not begin with a valid namespace")]
    Namespace,
    /// The kind cannot be followed.
    #[error("has the kind {0:?}: only a Deployment or a StatefulSet can be followed")]
    Kind(String),
    /// The name cannot be that of a workload.
    #[error("does not name a workload: {0:?} cannot be a name")]
    Name(String),
}

impl Follow {
    /// Reads the annotation of a peer Deployment in `own_namespace`: `Deployment/NAME` or `StatefulSet/NAME`, preceded by
    /// `NAMESPACE/` where the workload is in another namespace.
    ///
    /// # Errors
    /// When the value does not name such a workload.
    pub fn parse(value: &str, own_namespace: &str) -> Result<Self, FollowError> {
        let (namespace, kind, name) = match value.split('/').collect::<Vec<_>>()[..] {
            [kind, name] => (own_namespace, kind, name),
            [namespace, kind, name] if is_label(namespace) => (namespace, kind, name),
            [_, _, _] => return Err(FollowError::Namespace),
            _ => return Err(FollowError::Parts),
        };
        let kind = match kind {
            "Deployment" => FollowedKind::Deployment,
            "StatefulSet" => FollowedKind::StatefulSet,
            other => return Err(FollowError::Kind(other.to_owned())),
        };
        if !is_subdomain(name) {
            return Err(FollowError::Name(name.to_owned()));
        }
        Ok(Self { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Whether this is the Deployment of that namespace and name.
    pub fn is_deployment(&self, namespace: &str, name: &str) -> bool {
        self.kind == FollowedKind::Deployment && self.namespace == namespace && self.name == name
    }
}

/// Whether `name` is valid as the name of most kinds (RFC 1123 subdomain).
fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether `name` is an RFC 1123 label: the name of a namespace, or one part of a subdomain.
fn is_label(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FollowedKind::Deployment => "Deployment",
            FollowedKind::StatefulSet => "StatefulSet",
        };
        write!(f, "{}/{kind}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Deployment/base", "shop/Deployment/base")]
    #[case("StatefulSet/base-1.eu", "shop/StatefulSet/base-1.eu")]
    #[case("infra/StatefulSet/base", "infra/StatefulSet/base")]
    fn a_workload_is_read(#[case] value: &str, #[case] reads: &str) {
        let follow = Follow::parse(value, "shop").unwrap();
        assert_eq!(follow.to_string(), reads);
        assert_eq!(Follow::parse(reads, "elsewhere").unwrap(), follow);
    }

    #[rstest]
    #[case::empty("", "neither")]
    #[case::name_alone("base", "neither")]
    #[case::too_much("a/b/Deployment/base", "neither")]
    #[case::kind("DaemonSet/base", "only a Deployment or a StatefulSet")]
    #[case::kind_in_small_letters("deployment/base", "only a Deployment or a StatefulSet")]
    #[case::no_name("Deployment/", "cannot be a name")]
    #[case::capitals("Deployment/Base", "cannot be a name")]
    #[case::selector("Deployment/a,metadata.name=b", "cannot be a name")]
    #[case::dots("Deployment/a..b", "cannot be a name")]
    #[case::spaces("Deployment/base ", "cannot be a name")]
    #[case::no_namespace("/Deployment/base", "namespace")]
    #[case::no_such_namespace("my_ns/Deployment/base", "namespace")]
    fn any_other_value_is_an_error(#[case] value: &str, #[case] says: &str) {
        let error = Follow::parse(value, "shop").unwrap_err().to_string();
        assert!(error.contains(says), "{value:?} {error}");
    }
}
