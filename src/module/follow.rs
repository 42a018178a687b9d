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

impl FollowedKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Deployment, Self::StatefulSet];
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

    /// Whether a peer Deployment in `namespace` may follow it, where these are the annotations [`crate::vocabulary::FOLLOWERS`] of the
    /// workload and of its Namespace. One in its own namespace always may: who can write it there can read the workload, too.
    pub fn is_open_to(&self, namespace: &str, consents: [Option<&str>; 2]) -> bool {
        self.namespace == namespace || consents.into_iter().flatten().any(|consent| allows(consent, namespace))
    }

    /// Whether this is the Deployment of that namespace and name.
    pub fn is_deployment(&self, namespace: &str, name: &str) -> bool {
        self.kind == FollowedKind::Deployment && self.namespace == namespace && self.name == name
    }
}

/// The longest list of namespaces that counts, in bytes, so that little is kept of each workload. A longer one consents to nothing;
/// `*` consents to all.
pub const MAX_FOLLOWERS_BYTES: usize = 4096;

/// Whether this value of [`crate::vocabulary::FOLLOWERS`] allows a peer Deployment in `namespace` to follow.
fn allows(consent: &str, namespace: &str) -> bool {
    consent.len() <= MAX_FOLLOWERS_BYTES && consent.split(',').map(str::trim).any(|it| it == "*" || it == namespace)
}

/// What is wrong with a value of [`crate::vocabulary::FOLLOWERS`], as the end of a sentence that begins with the value.
///
/// # Errors
/// When some part of it can name no namespace, or it is too long to be heeded.
pub fn check_followers(value: &str) -> Result<(), String> {
    if value.len() > MAX_FOLLOWERS_BYTES {
        return Err(format!("has more than {MAX_FOLLOWERS_BYTES} bytes, and consents to nothing"));
    }
    match value.split(',').map(str::trim).find(|part| *part != "*" && !is_label(part)) {
        Some(part) => Err(format!("names {part:?}, which cannot be a namespace")),
        None => Ok(()),
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
    #[case::own_namespace("infra", None, None, true)]
    #[case::no_consent("shop", None, None, false)]
    #[case::of_the_workload("shop", Some("bank,shop"), None, true)]
    #[case::of_the_namespace("shop", None, Some("bank, shop"), true)]
    #[case::to_all("shop", Some("*"), None, true)]
    #[case::to_others("shop", Some("shopping,sho"), Some("bank"), false)]
    #[case::to_none("shop", Some(""), Some(","), false)]
    fn another_namespace_follows_by_consent(
        #[case] namespace: &str,
        #[case] workload: Option<&str>,
        #[case] of_namespace: Option<&str>,
        #[case] open: bool,
    ) {
        let base = Follow::parse("infra/StatefulSet/base", "shop").unwrap();
        assert_eq!(base.is_open_to(namespace, [workload, of_namespace]), open);
    }

    #[test]
    fn a_list_that_is_too_long_consents_to_nothing() {
        let base = Follow::parse("infra/StatefulSet/base", "shop").unwrap();
        let list = |bytes: usize| format!("{}shop", ",".repeat(bytes - 4));
        assert!(base.is_open_to("shop", [Some(&list(MAX_FOLLOWERS_BYTES)), None]));
        assert!(!base.is_open_to("shop", [Some(&list(MAX_FOLLOWERS_BYTES + 1)), None]));
    }

    #[rstest]
    #[case::one("shop", "")]
    #[case::some("shop, bank", "")]
    #[case::all("*", "")]
    #[case::empty("", "names \"\", which cannot be a namespace")]
    #[case::pattern("shop-*", "names \"shop-*\", which cannot be a namespace")]
    #[case::too_long(&"x,".repeat(2049), "has more than 4096 bytes, and consents to nothing")]
    fn a_consent_is_checked(#[case] value: &str, #[case] says: &str) {
        assert_eq!(check_followers(value).err().unwrap_or_default(), says);
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
