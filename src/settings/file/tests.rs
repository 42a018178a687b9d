use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::settings::Settings;

/// The example in the documentation, which sets every field.
const EXAMPLE: &str = include_str!("../../../docs/configuration.md");

fn example() -> &'static str {
    let (_, rest) = EXAMPLE.split_once("```yaml\n").unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_documented_example_sets_every_field() {
    let overrides = parse(example()).unwrap();
    let base = DefaultBase {
        name: Some("base".to_owned()),
        version: Some("1.0.0".to_owned()),
        cluster_name: Some("main".to_owned()),
    };
    assert_eq!(overrides.default_base, Some(base));
    assert_eq!((overrides.default_env.as_deref(), overrides.default_toleration_seconds), (Some("prod"), Some(300)));
    assert_eq!(overrides.grace_period_seconds, Some(5));
    let windows =
        PeerOverrides { window: Some(2), departure: Some(15), mass_loss_window: Some(60), mass_loss_hold: Some(300) };
    assert_eq!((overrides.peer, overrides.log.as_deref()), (windows, Some("info,koupleless_warden::peer=debug")));
    let severities = overrides.severities.unwrap();
    assert_eq!(severities.of(Rule::named("module-labels").unwrap()), Severity::Warn);
    assert_eq!(severities.of(Rule::named("older-dialect").unwrap()), Severity::Deny);
}

#[rstest]
#[case::nothing("")]
#[case::a_comment("# nothing yet\n")]
#[case::null("null\n")]
#[case::empty_parts("rules:\npeer:\ndefaultBase:\nlog:\n")]
fn an_empty_file_leaves_the_defaults(#[case] text: &str) {
    let settings = Settings::from(parse(text).unwrap());
    assert_eq!(settings, Settings::from(SettingsOverrides::default()));
}

#[rstest]
#[case::unknown_field("log: info\nlogs: info\n", "line 2: unknown field `logs`")]
#[case::unknown_inner_field("peer:\n  windo: 1\n", "line 2: unknown field `windo`")]
#[case::not_a_map("peer: 3\n", "line 1: expected mapping start, in \"peer: 3\"")]
#[case::a_list("- log\n", "line 1: expected mapping start")]
#[case::twice("log: info\nlog: info\n", "line 2: duplicate mapping key: log, in \"log: info\"")]
#[case::two_documents("log: info\n---\nlog: info\n", "line 3: multiple YAML documents detected")]
#[case::garbage("\u{1}garbage", "line 1: unexpected character")]
#[case::an_environment_that_is_no_label("defaultEnv: a b\n", "line 1: defaultEnv: \"a b\" is not a label value")]
#[case::no_environment("defaultEnv: ''\n", "line 1: defaultEnv: \"\" is empty")]
#[case::a_version_without_quotes(
    "defaultBase:\n  version: 1.0\n",
    "line 2: defaultBase.version: 1.0 is no text: put it in quotes"
)]
#[case::a_window_of_nothing(
    "peer:\n  window: 0\n",
    "line 2: peer.window: 0 is no whole number of seconds from 1 to 86400"
)]
#[case::a_window_of_words("peer: {massLossHold: 5m}\n", "line 1: peer.massLossHold: \"5m\" is no whole number")]
#[case::negative_seconds("defaultTolerationSeconds: -1\n", "line 1: defaultTolerationSeconds: -1 is no whole number")]
#[case::no_grace(
    "gracePeriodSeconds: 0\n",
    "line 1: gracePeriodSeconds: 0 is no whole number of seconds from 1 to 86400"
)]
#[case::no_filter("log: a=b=c=d\n", "line 1: log: \"a=b=c=d\" is no log filter")]
#[case::no_such_rule(
    "rules:\n  sidecar: deny\n",
    "line 2: rules.sidecar: \"deny\" is for no rule; there are field-types, "
)]
#[case::no_such_severity("rules:\n  sidecars: no\n", "line 2: rules.sidecars: false is neither warn nor deny")]
#[case::a_vital_rule(
    "rules:\n  same-version: warn\n",
    "line 2: rules.same-version: \"warn\" is not possible: same-version cannot be lowered to warn: nothing would show"
)]
fn a_fault_has_its_line_and_field(#[case] text: &str, #[case] says: &str) {
    let faults = parse(text).unwrap_err();
    let told = faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
    assert!(told.starts_with(says), "{told}");
    assert!(!told.contains("from_str") && !told.contains("Options"), "{told}");
}

#[test]
fn all_faults_are_reported_at_once() {
    let faults = parse("defaultEnv: a b\nlog: 3\nrules: {biz-version: warn, nothing: warn}\n").unwrap_err();
    assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [Some(1), Some(2), Some(3), Some(3)]);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_has_faults(text in "\\PC{0,80}|([a-zA-Z]{1,9}: [a-z0-9{}\\[\\]&*!|>'\"#%@-]{0,9}\n){0,5}") {
        if let Err(faults) = parse(&text) {
            prop_assert!(!faults.is_empty());
        }
    }
}
