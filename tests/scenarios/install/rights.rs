//! What warden may do, and what it may not.

mod grant;
mod minimal;
mod play;
mod policy;
mod trial;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use rstest::rstest;
use serde_json::{Value, json};

use super::{NAME, chart, objects, plane, render, restricted_namespace};

#[rstest]
#[case::by_itself("self")]
#[case::cert_manager("certManager")]
fn no_rule_has_a_wildcard(#[case] mode: &str) -> Result<()> {
    let rendered = objects(&render(NAME, NAME, &["--set", &format!("certificates.mode={mode}")])?)?;
    let rules = rendered.iter().filter_map(|object| object["rules"].as_array()).flatten();
    let texts: Vec<String> = rules.map(Value::to_string).collect();
    ensure!(texts.len() > 5 && texts.iter().all(|rule| !rule.contains('*')), "{texts:?}");
    // And Secrets go by name, where there are any
    let secrets: Vec<&String> = texts.iter().filter(|rule| rule.contains("\"secrets\"")).collect();
    ensure!(secrets.len() == usize::from(mode == "self"), "{secrets:?}");
    ensure!(secrets.iter().all(|rule| rule.contains("\"resourceNames\":[\"koupleless-warden-tls\"]")), "{secrets:?}");
    Ok(())
}

#[test]
fn where_it_only_reads_it_may_not_write() -> Result<()> {
    // Given neither controllers nor certificates of its own
    let args = ["--set", "controllers={none},certificates.mode=certManager"];
    let rendered = objects(&render(NAME, NAME, &args)?)?;
    // Then all its rules are about reading
    let rules = rendered.iter().filter_map(|object| object["rules"].as_array()).flatten();
    let verbs: BTreeSet<&str> =
        rules.flat_map(|rule| rule["verbs"].as_array().into_iter().flatten()).filter_map(Value::as_str).collect();
    ensure!(verbs == BTreeSet::from(["get", "list", "watch"]), "{verbs:?}");
    Ok(())
}

#[tokio::test]
async fn it_may_do_what_it_needs_and_nothing_else() -> Result<()> {
    // Given warden installed as it comes
    let plane = plane().await?;
    restricted_namespace(&plane, NAME).await?;
    plane.helm(&["install", NAME, &chart(), "--namespace", NAME]).await?;
    let account = format!("--as=system:serviceaccount:{NAME}:{NAME}");
    // Then this is all that its account may do there, and elsewhere
    let mut lists = Vec::new();
    for namespace in [NAME, "default"] {
        let list = plane.kubectl(&["auth", "can-i", "--list", "-n", namespace, &account]).await?.expect_success()?;
        // The rights of every user have no resource, or are about the user's own account.
        let rows = list.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "));
        let rows: BTreeSet<String> = rows.filter(|row| !row.starts_with('[') && !row.starts_with("self")).collect();
        lists.push(rows.into_iter().collect::<Vec<_>>().join("\n"));
    }
    insta::assert_snapshot!(lists.join("\n\nin other Namespaces:\n"));

    // When its Secret has been deleted and it applies it, then the Secret is made: its name is in the request
    let secret = |name: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}).to_string();
    let own = format!("{NAME}-tls");
    plane.kubectl(&["-n", NAME, "delete", "secret", &own]).await?.expect_success()?;
    let apply = ["-n", NAME, &account, "apply", "--server-side", "-f", "-"];
    plane.kubectl_with_stdin(&apply, &secret(&own)).await?.expect_success()?;
    // And it may list that one, as a watch does
    let by_name = format!("--field-selector=metadata.name={own}");
    plane.kubectl(&["-n", NAME, &account, "get", "secrets", &by_name]).await?.expect_success()?;
    // But no other Secret, in none of these ways, nor another configuration
    let foreign = format!("{NAME}-other");
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": foreign}, "webhooks": [],
    });
    let refused: [(&[&str], String); 5] = [
        (&apply, secret(&foreign)),
        (&["-n", NAME, &account, "create", "-f", "-"], secret(&foreign)),
        (&["-n", NAME, &account, "get", "secrets"], String::new()),
        (&["-n", "default", &account, "apply", "--server-side", "-f", "-"], secret(&own)),
        (&[&account, "apply", "--server-side", "-f", "-"], configuration.to_string()),
    ];
    for (args, text) in refused {
        let output = plane.kubectl_with_stdin(args, &text).await?;
        ensure!(!output.success && output.stderr.contains("Forbidden"), "{args:?}: {output:?}");
    }
    Ok(())
}

#[test]
fn the_conditions_name_its_own_account_and_namespace() -> Result<()> {
    // Given the chart in another Namespace, under another name
    let rendered = objects(&render("platform", "gate", &["--set", "fullnameOverride=gate"])?)?;
    let validating = rendered.iter().find(|object| object["kind"] == "ValidatingWebhookConfiguration");
    let webhooks = validating.and_then(|object| object["webhooks"].as_array()).context("no webhooks")?;
    // Then it is that account whose scaling never waits, and that Namespace whose Pods never do
    let is_of_scales = |webhook: &&Value| webhook["name"] == "scale.validate.warden.koupleless.io";
    let scale = webhooks.iter().find(is_of_scales).context("no webhook")?;
    let expression = scale["matchConditions"][1]["expression"].as_str().unwrap_or_default();
    ensure!(expression.contains("\"system:serviceaccount:platform:gate\""), "{expression}");
    for webhook in webhooks {
        let excluded = &webhook["namespaceSelector"]["matchExpressions"][0]["values"];
        ensure!(excluded == &json!(["kube-system", "platform"]), "{excluded}");
        let service = &webhook["clientConfig"]["service"];
        ensure!(service["namespace"] == "platform" && service["name"] == "gate", "{service}");
    }
    Ok(())
}
