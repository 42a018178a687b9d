//! What the API server shows of the Secret and the two webhook configurations.

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

use super::facts::{Bundles, CertificateId};
use super::{Names, material};
use crate::k8s::watch_one;

/// What was shown last.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The Secret; none before the first answer, and then none where there is no such Secret.
    pub(super) secret: Option<Option<Arc<Secret>>>,
    /// As the Secret.
    pub(super) mutating: Option<Option<Configuration>>,
    /// As the Secret.
    pub(super) validating: Option<Option<Configuration>>,
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

/// Where it is shown, and the task that fills it, which runs until it is dropped.
pub(super) fn watch(client: Client, names: &Names) -> (watch::Receiver<Seen>, impl Future<Output = ()> + Send + use<>) {
    let (sender, receiver) = watch::channel(Seen::default());
    let names = names.clone();
    let watch = async move {
        let secrets = Api::<Secret>::namespaced(client.clone(), &names.namespace);
        let (name, secret) = (&names.name, names.secret());
        let show = |change: &dyn Fn(&mut Seen)| sender.send_modify(|seen| change(seen));
        join3(
            watch_one(secrets, &secret, format!("Secret {secret}"), |secret| {
                let secret = secret.map(Arc::new);
                show(&|seen| seen.secret = Some(secret.clone()));
            }),
            watch_one(Api::all(client.clone()), name, "warden's MutatingWebhookConfiguration", |found| {
                let found = found.map(Configuration::from_mutating);
                show(&|seen| seen.mutating = Some(found.clone()));
            }),
            watch_one(Api::all(client.clone()), name, "warden's ValidatingWebhookConfiguration", |found| {
                let found = found.map(Configuration::from_validating);
                show(&|seen| seen.validating = Some(found.clone()));
            }),
        )
        .await;
    };
    (receiver, watch)
}

impl Seen {
    /// What the configurations that are there trust.
    pub(super) fn bundles(&self) -> Bundles {
        let (Some(mutating), Some(validating)) = (&self.mutating, &self.validating) else { return Bundles::Unknown };
        let each: Vec<_> = mutating.iter().chain(validating).flat_map(Configuration::trusts).collect();
        let Some(first) = each.first().cloned() else { return Bundles::Missing };
        let alike = each.iter().all(|trusted| *trusted == first);
        let trusted = each.iter().fold(first, |common, trusted| common.intersection(trusted).cloned().collect());
        Bundles::Are { trusted, alike }
    }

    /// What should be there and is not.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let kinds =
            [("MutatingWebhookConfiguration", &self.mutating), ("ValidatingWebhookConfiguration", &self.validating)];
        kinds.into_iter().filter(|(_, seen)| matches!(seen, Some(None))).map(|(kind, _)| kind).collect()
    }

    /// Everybody whom any webhook trusts.
    pub(super) fn trusted_by_any(&self) -> Vec<CertificateDer<'static>> {
        let configurations = [&self.mutating, &self.validating].into_iter().flatten().flatten();
        let mut all: Vec<_> = configurations.flat_map(|found| &found.webhooks).flat_map(Webhook::authorities).collect();
        all.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
        all.dedup();
        all
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

    /// Whom each of its webhooks trusts.
    fn trusts(&self) -> impl Iterator<Item = BTreeSet<CertificateId>> {
        self.webhooks.iter().map(|webhook| webhook.authorities().iter().map(|der| CertificateId::of(der)).collect())
    }

    /// The names of its webhooks.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.webhooks.iter().map(|webhook| webhook.name.as_str())
    }
}

impl Webhook {
    fn new(name: String, client_config: WebhookClientConfig) -> Self {
        Self { name, ca_bundle: client_config.ca_bundle }
    }

    /// What is no PEM, nobody is trusted by.
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
    fn what_has_not_all_been_looked_for_is_unknown() {
        // given the Secret, and one of the configurations
        let one = Seen { secret: Some(None), mutating: Some(Some(configuration(None))), validating: None };
        let other = Seen { mutating: None, validating: Some(None), ..one.clone() };
        // then
        assert_eq!([Seen::default().bundles(), one.bundles(), other.bundles()], [const { Bundles::Unknown }; 3]);
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let none = Seen { secret: Some(None), mutating: Some(None), validating: Some(None) };
        let one = Seen { validating: Some(Some(configuration(None))), ..none.clone() };

        assert_eq!(none.bundles(), Bundles::Missing);
        assert_eq!(one.bundles(), Bundles::Are { trusted: BTreeSet::new(), alike: true });
    }
}
