use std::path::PathBuf;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;
use crate::settings::Given;

fn read(content: &str) -> Read {
    Read(Ok(content.to_owned()))
}

fn missing() -> Read {
    Read(Err(io::ErrorKind::NotFound.into()))
}

#[test]
fn a_content_is_judged_once_and_when_it_was_read_twice() {
    let mut reads = Reads::beginning_with(read("a"));
    let judged: Vec<bool> = ["a", "b", "b", "b", "a", "b", "c", "c"].map(|it| reads.next(read(it)).is_some()).into();
    assert_eq!(judged, [false, false, true, false, false, false, false, true]);
}

#[test]
fn a_file_that_is_away_for_one_read_is_not_missed_and_one_that_stays_away_is_told_once() {
    let mut reads = Reads::beginning_with(read("a"));
    assert!(reads.next(missing()).is_none() && reads.next(read("a")).is_none());
    assert!(reads.next(missing()).is_none() && reads.next(missing()).is_some() && reads.next(missing()).is_none());
    assert!(reads.next(read("a")).is_none() && reads.next(read("a")).is_some());
}

#[test]
fn the_hash_tells_contents_apart() {
    assert_eq!(read("").hash(), "cbf29ce484222325");
    assert_eq!(read("a").hash(), "af63dc4c8601ec8c");
}

/// A file that is followed, and what is shown of it.
struct Scene {
    folder: tempfile::TempDir,
    registry: Registry,
    in_force: InForce,
}

impl Scene {
    fn following(content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.yaml"), content).unwrap();
        let mut registry = Registry::default();
        let flags = Given { default_toleration_seconds: Some(7), ..Given::default() };
        let source = Source::new(Some(folder.path().join("config.yaml")), flags);
        let metrics = Metrics::register(&mut registry);
        let (in_force, task) = follow(source, Logging::default(), metrics).unwrap();
        tokio::spawn(task);
        Self { folder, registry, in_force }
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
async fn a_change_is_in_force_soon_and_garbage_changes_nothing() {
    // given
    let mut scene = Scene::following("defaultEnv: one");
    assert_eq!(scene.in_force.policy.borrow().default_env, "one");
    scene.shows(&format!("warden_config_info{{hash=\"{}\"}} 1", read("defaultEnv: one").hash())).await;
    // when it changes
    scene.write("defaultEnv: two\ndefaultTolerationSeconds: 1\npeer: {window: 9}");
    scene.in_force.policy.changed().await.unwrap();
    // then the new one is in force, and the flag still wins
    let policy = Arc::clone(&scene.in_force.policy.borrow_and_update());
    assert_eq!((policy.default_env.as_str(), policy.default_toleration_seconds), ("two", 7));
    assert_eq!(scene.in_force.peer.borrow_and_update().window, Duration::from_secs(9));
    scene.shows("warden_config_reloads_total{outcome=\"Applied\"} 1").await;
    // when it is garbage, then the old one stays and the metric says so
    scene.write("defaultEnv: [");
    scene.shows("warden_config_reload_failed 1").await;
    scene.shows("warden_config_reloads_total{outcome=\"Rejected\"} 1").await;
    assert!(!scene.in_force.policy.has_changed().unwrap());
    // when it is mended
    scene.write("defaultEnv: three");
    scene.shows("warden_config_reload_failed 0").await;
    assert_eq!(scene.in_force.policy.borrow().default_env, "three");
    scene.shows(&format!("warden_config_info{{hash=\"{}\"}} 1", read("defaultEnv: three").hash())).await;
    assert_eq!(scene.metrics().matches("warden_config_info{").count(), 1);
}

#[tokio::test]
async fn what_is_wrong_at_the_beginning_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("config.yaml");
    let begin = || {
        let source = Source::new(Some(file.clone()), Given::default());
        let begun = follow(source, Logging::default(), Metrics::default());
        begun.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(begin().starts_with(&format!("cannot read {}: ", file.display())), "{}", begin());
    std::fs::write(&file, "\nlogs: info").unwrap();
    assert!(begin().starts_with(&format!("{}: line 2: unknown field `logs`", file.display())), "{}", begin());
}

#[tokio::test]
async fn without_a_file_the_flags_are_in_force() {
    let flags = Given { default_env: Some("prod".to_owned()), ..Given::default() };
    let (in_force, _) = follow(Source::new(None, flags), Logging::default(), Metrics::default()).unwrap();
    assert_eq!(in_force.policy.borrow().default_env, "prod");
}
