use std::path::PathBuf;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;
use crate::settings::SettingsOverrides;

#[test]
fn the_hash_is_the_beginning_of_what_sha256sum_prints() {
    assert_eq!(hash(b""), "e3b0c44298fc1c14");
    assert_eq!(hash(b"abc"), "ba7816bf8f01cfea");
}

/// A configuration file that is followed, and its metrics.
struct Scene {
    folder: tempfile::TempDir,
    registry: Registry,
    live: LiveSettings,
}

impl Scene {
    fn following(content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.yaml"), content).unwrap();
        let mut registry = Registry::default();
        let flags = SettingsOverrides { default_toleration_seconds: Some(7), ..SettingsOverrides::default() };
        let source = Source::new(Some(folder.path().join("config.yaml")), flags);
        let metrics = Metrics::register(&mut registry);
        let (live, task) = follow(source, Logging::default(), metrics).unwrap();
        tokio::spawn(task);
        Self { folder, registry, live }
    }

    fn write(&self, content: &str) {
        std::fs::write(self.folder.path().join("config.yaml"), content).unwrap();
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text
    }

    async fn shows(&self, line: &str) {
        let shown = async {
            while !self.metrics().contains(line) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let shown = tokio::time::timeout(Duration::from_secs(20), shown).await;
        assert!(shown.is_ok(), "no {line} in {}", self.metrics());
    }
}

#[tokio::test]
async fn a_change_becomes_active_and_garbage_changes_nothing() {
    // given
    let mut scene = Scene::following("defaultEnv: one");
    assert_eq!(scene.live.policy.borrow().default_env, "one");
    scene.shows(&format!("warden_config_info{{hash=\"{}\"}} 1", hash(b"defaultEnv: one"))).await;
    // when it changes
    scene.write("defaultEnv: two\ndefaultTolerationSeconds: 1\npeer: {window: 9}");
    scene.live.policy.changed().await.unwrap();
    // then it is active, and the flag still overrides it
    let policy = Arc::clone(&scene.live.policy.borrow_and_update());
    assert_eq!((policy.default_env.as_str(), policy.default_toleration_seconds), ("two", 7));
    assert_eq!(scene.live.peer.borrow_and_update().window, Duration::from_secs(9));
    scene.shows("warden_config_reloads_total{outcome=\"applied\"} 1").await;
    // when it is garbage, then the old one stays active and the metrics show it
    scene.write("defaultEnv: [");
    scene.shows("warden_config_reload_failed 1").await;
    scene.shows("warden_config_reloads_total{outcome=\"rejected\"} 1").await;
    assert!(!scene.live.policy.has_changed().unwrap());
    // when it is repaired, then it is active
    scene.write("defaultEnv: three");
    scene.shows("warden_config_reload_failed 0").await;
    assert_eq!(scene.live.policy.borrow().default_env, "three");
    scene.shows(&format!("warden_config_info{{hash=\"{}\"}} 1", hash(b"defaultEnv: three"))).await;
    assert_eq!(scene.metrics().matches("warden_config_info{").count(), 1);
}

#[tokio::test]
async fn a_fault_at_the_start_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("config.yaml");
    let begin = || {
        let source = Source::new(Some(file.clone()), SettingsOverrides::default());
        let begun = follow(source, Logging::default(), Metrics::default());
        begun.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(begin().starts_with(&format!("cannot read {}: ", file.display())), "{}", begin());
    std::fs::write(&file, "\nlogs: info").unwrap();
    assert!(begin().starts_with(&format!("{}: line 2: unknown field `logs`", file.display())), "{}", begin());
}

#[tokio::test]
async fn without_a_file_the_flags_are_active() {
    let flags = SettingsOverrides { default_env: Some("prod".to_owned()), ..SettingsOverrides::default() };
    let (live, _) = follow(Source::new(None, flags), Logging::default(), Metrics::default()).unwrap();
    assert_eq!(live.policy.borrow().default_env, "prod");
}
