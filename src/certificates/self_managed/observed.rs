//! What the API server shows of the Secret and of the two webhook configurations.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join3;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use super::facts::{CertificateId, TrustedAuthorities};
use super::{Names, material};
use crate::k8s::watch_one;

/// The latest state that the API server has reported.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    pub(super) secret: Presence<Arc<Secret>>,
    pub(super) mutating: Presence<Configuration>,
    pub(super) validating: Presence<Configuration>,
}

/// Whether an object exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Presence<T> {
    /// The API server has not answered yet.
    #[default]
    Unknown,
    /// The object does not exist.
    Absent,
    /// The object exists.
    Present(T),
}

/// The webhooks of one configuration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Configuration {
    webhooks: Vec<Webhook>,
}

#[derive(Debug, Clone, PartialEq)]
struct Webhook {
    name: String,
    ca_bundle: Option<ByteString>,
}

/// Returns the channel that has the latest state, and the task that watches the objects, which runs until it is dropped.
pub(super) fn watch(
    client: Client,
    names: &Names,
) -> (watch::Receiver<Observed>, impl Future<Output = ()> + Send + use<>) {
    let (sender, receiver) = watch::channel(Observed::default());
    let names = names.clone();
    let watch = async move {
        let secrets = Api::<Secret>::namespaced(client.clone(), &names.namespace);
        let (name, secret) = (&names.name, names.secret());
        join3(
            watch_one(secrets, &secret, format!("Secret {secret}"), |secret| {
                sender.send_modify(|observed| observed.secret = Presence::of(secret.map(Arc::new)));
            }),
            watch_one(Api::all(client.clone()), name, "warden's MutatingWebhookConfiguration", |found| {
                let found = found.map(Configuration::from_mutating);
                sender.send_modify(|observed| observed.mutating = Presence::of(found));
            }),
            watch_one(Api::all(client.clone()), name, "warden's ValidatingWebhookConfiguration", |found| {
                let found = found.map(Configuration::from_validating);
                sender.send_modify(|observed| observed.validating = Presence::of(found));
            }),
        )
        .await;
    };
    (receiver, watch)
}

impl Observed {
    /// What the existing configurations trust.
    pub(super) fn trusted(&self) -> TrustedAuthorities {
        if [&self.mutating, &self.validating].contains(&&Presence::Unknown) {
            return TrustedAuthorities::Unknown;
        }
        let by_each: Vec<_> = self.configurations().flat_map(Configuration::trusted_by_each).collect();
        let Some(first) = by_each.first().cloned() else { return TrustedAuthorities::NoWebhooks };
        let uniform = by_each.iter().all(|trusted| *trusted == first);
        let by_all = by_each.iter().fold(first, |common, trusted| common.intersection(trusted).cloned().collect());
        TrustedAuthorities::Known { by_all, uniform }
    }

    /// The kinds of the configurations that do not exist.
    pub(super) fn missing_configurations(&self) -> Vec<&'static str> {
        let kinds =
            [("MutatingWebhookConfiguration", &self.mutating), ("ValidatingWebhookConfiguration", &self.validating)];
        kinds
            .into_iter()
            .filter(|(_, configuration)| **configuration == Presence::Absent)
            .map(|(kind, _)| kind)
            .collect()
    }

    /// The authorities that any webhook trusts.
    pub(super) fn trusted_by_any(&self) -> Vec<CertificateDer<'static>> {
        let webhooks = self.configurations().flat_map(|configuration| &configuration.webhooks);
        let mut all: Vec<_> = webhooks.flat_map(Webhook::authorities).collect();
        all.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
        all.dedup();
        all
    }

    fn configurations(&self) -> impl Iterator<Item = &Configuration> {
        [&self.mutating, &self.validating].into_iter().filter_map(Presence::present)
    }
}

impl<T> Presence<T> {
    fn of(object: Option<T>) -> Self {
        object.map_or(Self::Absent, Self::Present)
    }

    /// The object, if it is known to exist.
    pub(super) fn present(&self) -> Option<&T> {
        match self {
            Self::Present(object) => Some(object),
            Self::Unknown | Self::Absent => None,
        }
    }
}

impl Configuration {
    fn from_mutating(found: MutatingWebhookConfiguration) -> Self {
        let webhooks = found.webhooks.unwrap_or_default().into_iter();
        Self { webhooks: webhooks.map(|webhook| Webhook::new(webhook.name, webhook.client_config)).collect() }
    }

    fn from_validating(found: ValidatingWebhookConfiguration) -> Self {
        let webhooks = found.webhooks.unwrap_or_default().into_iter();
        Self { webhooks: webhooks.map(|webhook| Webhook::new(webhook.name, webhook.client_config)).collect() }
    }

    /// For each webhook, the authorities that it trusts.
    fn trusted_by_each(&self) -> impl Iterator<Item = BTreeSet<CertificateId>> {
        self.webhooks.iter().map(|webhook| webhook.authorities().iter().map(|der| CertificateId::of(der)).collect())
    }

    /// The names of the webhooks.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.webhooks.iter().map(|webhook| webhook.name.as_str())
    }
}

impl Webhook {
    fn new(name: String, client_config: WebhookClientConfig) -> Self {
        Self { name, ca_bundle: client_config.ca_bundle }
    }

    /// The authorities in `caBundle`. A bundle that is not PEM has none.
    fn authorities(&self) -> Vec<CertificateDer<'static>> {
        let bundle = self.ca_bundle.as_ref().map(|bundle| material::authorities(&bundle.0));
        bundle.and_then(Result::ok).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(ca_bundle: Option<&[u8]>) -> Configuration {
        let ca_bundle = ca_bundle.map(|bundle| ByteString(bundle.to_vec()));
        Configuration { webhooks: vec![Webhook { name: "a.example.com".to_owned(), ca_bundle }] }
    }

    #[test]
    fn before_both_configurations_are_reported_nothing_is_known() {
        // Given the Secret, and one of the configurations
        let present = || Presence::Present(configuration(None));
        let one = Observed { secret: Presence::Absent, mutating: present(), validating: Presence::Unknown };
        let other = Observed { mutating: Presence::Unknown, validating: Presence::Absent, ..one.clone() };
        // Then
        let trusted = [Observed::default().trusted(), one.trusted(), other.trusted()];
        assert_eq!(trusted, [const { TrustedAuthorities::Unknown }; 3]);
    }

    #[test]
    fn absent_configurations_are_told_from_those_that_trust_no_authority() {
        let none = Observed { secret: Presence::Absent, mutating: Presence::Absent, validating: Presence::Absent };
        let one = Observed { validating: Presence::Present(configuration(None)), ..none.clone() };

        assert_eq!(none.trusted(), TrustedAuthorities::NoWebhooks);
        assert_eq!(one.trusted(), TrustedAuthorities::Known { by_all: BTreeSet::new(), uniform: true });
        assert_eq!(one.missing_configurations(), ["MutatingWebhookConfiguration"]);
    }
}
