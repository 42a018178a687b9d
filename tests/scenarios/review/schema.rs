//! The schema in `src/cli/review/native/` is that of the API server. `WARDEN_BLESS=1` writes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scene::shared;

/// The kinds that warden reviews, by the document that has them and the prefix of their name there.
const KINDS: [(&str, &str, &[&str]); 3] = [
    ("/openapi/v3/api/v1", "io.k8s.api.core.v1.", &["Pod", "ReplicationController"]),
    ("/openapi/v3/apis/apps/v1", "io.k8s.api.apps.v1.", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("/openapi/v3/apis/batch/v1", "io.k8s.api.batch.v1.", &["CronJob", "Job"]),
];

/// The types of which the required fields are kept: the API server refuses an object without one, which [`super::fields`] tries.
/// Of others it admits some: a header of HTTP without a value has an empty one.
const REQUIRED_OF: [&str; 22] = [
    "ConfigMapKeySelector",
    "Container",
    "ContainerPort",
    "CronJobSpec",
    "DaemonSetSpec",
    "DeploymentSpec",
    "EnvVar",
    "JobSpec",
    "LabelSelectorRequirement",
    "NodeSelector",
    "NodeSelectorRequirement",
    "ObjectFieldSelector",
    "PodAffinityTerm",
    "PodSpec",
    "ReplicaSetSpec",
    "ResourceFieldSelector",
    "SecretKeySelector",
    "StatefulSetSpec",
    "TopologySpreadConstraint",
    "Volume",
    "VolumeMount",
    "WeightedPodAffinityTerm",
];

/// A type, as `native/schema.rs` reads it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Type {
    pub(super) fields: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) required: Vec<String>,
}

pub(super) type Types = BTreeMap<String, Type>;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/cli/review/native/kubernetes-1.36.json")
}

/// The schema that ships.
pub(super) fn shipped() -> Result<Types> {
    Ok(serde_json::from_str(&fs::read_to_string(path())?)?)
}

/// A line for each type, so that a change is seen.
fn written(types: &Types) -> Result<String> {
    let line = |(name, kind): (&String, &Type)| Ok(format!("{name:?}: {}", serde_json::to_string(kind)?));
    let lines: Vec<String> = types.iter().map(line).collect::<Result<_>>()?;
    Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
}

/// Takes types out of a document of OpenAPI.
struct Pruner<'d> {
    schemas: &'d Value,
    types: &'d mut Types,
}

fn short(name: &str) -> &str {
    name.rsplit(['.', '/']).next().unwrap_or(name)
}

impl Pruner<'_> {
    fn add(&mut self, name: &str) -> Result<()> {
        if self.types.contains_key(short(name)) {
            return Ok(());
        }
        // Before its fields are: types have each other in them.
        self.types.insert(short(name).to_owned(), Type { fields: BTreeMap::new(), required: Vec::new() });
        let schema = &self.schemas[name];
        let properties = schema["properties"].as_object().with_context(|| format!("{name}: {schema}"))?;
        let mut fields = BTreeMap::new();
        for (field, schema) in properties {
            fields.insert(field.clone(), self.type_of(schema)?);
        }
        let is_kept = REQUIRED_OF.contains(&short(name));
        let required = schema["required"].as_array().filter(|_| is_kept).into_iter().flatten();
        let mut required: Vec<String> = required.filter_map(Value::as_str).map(str::to_owned).collect();
        required.sort();
        self.types.insert(short(name).to_owned(), Type { fields, required });
        Ok(())
    }

    fn type_of(&mut self, schema: &Value) -> Result<String> {
        if let Some(of) = schema["allOf"].as_array() {
            return self.type_of(of.first().context("allOf has nothing in it")?);
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            let schema = &self.schemas[name];
            return Ok(match (short(name), schema["type"].as_str()) {
                ("Quantity", _) => "quantity".to_owned(),
                ("IntOrString", _) => "int-or-string".to_owned(),
                (_, Some("object")) if schema["properties"].is_null() => "any".to_owned(),
                (of, Some("object")) => {
                    self.add(name)?;
                    of.to_owned()
                }
                (_, Some(scalar)) => scalar.to_owned(),
                other => bail!("{other:?}: {schema}"),
            });
        }
        Ok(match schema["type"].as_str().with_context(|| schema.to_string())? {
            "array" => format!("[]{}", self.type_of(&schema["items"])?),
            "object" if schema["additionalProperties"].is_null() => "any".to_owned(),
            "object" => format!("map[string]{}", self.type_of(&schema["additionalProperties"])?),
            "integer" => schema["format"].as_str().unwrap_or("int64").to_owned(),
            scalar => scalar.to_owned(),
        })
    }
}

#[tokio::test]
async fn the_schema_that_ships_is_that_of_the_api_server() -> Result<()> {
    // Given what the API server publishes
    let plane = &shared().await?.plane;
    let mut types = Types::new();
    for (document, prefix, kinds) in KINDS {
        let text = plane.kubectl(&["get", "--raw", document]).await?.expect_success()?;
        let document: Value = serde_json::from_str(&text)?;
        let mut pruner = Pruner { schemas: &document["components"]["schemas"], types: &mut types };
        for kind in kinds {
            pruner.add(&format!("{prefix}{kind}"))?;
        }
    }
    // When it is written as it ships
    let text = written(&types)?;
    if std::env::var_os("WARDEN_BLESS").is_some() {
        fs::write(path(), &text)?;
    }
    // Then it is what ships
    ensure!(fs::read_to_string(path())? == text, "WARDEN_BLESS=1 writes it anew");
    Ok(())
}
