//! The format of the configuration file: YAML, checked as a whole. `docs/configuration.md` describes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::reader::{Raw, Reader};
use super::{Fault, GRACE_PERIOD_SECONDS, HOLD_SECONDS, PeerOverrides, SettingsOverrides, WINDOW_SECONDS};
use crate::policy::{DefaultBase, Rule, Severities, Severity};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct File {
    default_env: Option<Raw>,
    default_toleration_seconds: Option<Raw>,
    default_base: Option<Base>,
    grace_period_seconds: Option<Raw>,
    rules: BTreeMap<String, Raw>,
    peer: Peer,
    log: Option<Raw>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Base {
    name: Option<Raw>,
    version: Option<Raw>,
    cluster_name: Option<Raw>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Peer {
    window: Option<Raw>,
    departure: Option<Raw>,
    mass_loss_window: Option<Raw>,
    mass_loss_hold: Option<Raw>,
}

/// Parses the contents of a file. An empty file sets nothing.
///
/// # Errors
/// Returns all faults.
pub(super) fn parse(text: &str) -> Result<SettingsOverrides, Vec<Fault>> {
    let file: Option<File> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| vec![syntax_fault(text, &error)])?;
    let file = file.unwrap_or_default();
    let mut reader = Reader::default();
    let overrides = SettingsOverrides {
        default_env: reader.label_value("defaultEnv", file.default_env.as_ref()),
        default_toleration_seconds: reader
            .seconds("defaultTolerationSeconds", file.default_toleration_seconds.as_ref(), &SECONDS)
            .and_then(|seconds| i64::try_from(seconds).ok()),
        default_base: file.default_base.map(|base| default_base(&mut reader, &base)),
        grace_period_seconds: reader.seconds(
            "gracePeriodSeconds",
            file.grace_period_seconds.as_ref(),
            &GRACE_PERIOD_SECONDS,
        ),
        severities: Some(severities(&mut reader, &file.rules)),
        peer: PeerOverrides {
            window: reader.seconds("peer.window", file.peer.window.as_ref(), &WINDOW_SECONDS),
            departure: reader.seconds("peer.departure", file.peer.departure.as_ref(), &WINDOW_SECONDS),
            mass_loss_window: reader.seconds(
                "peer.massLossWindow",
                file.peer.mass_loss_window.as_ref(),
                &WINDOW_SECONDS,
            ),
            mass_loss_hold: reader.seconds("peer.massLossHold", file.peer.mass_loss_hold.as_ref(), &HOLD_SECONDS),
        },
        log: reader.log_filter("log", file.log.as_ref()),
    };
    let mut faults = reader.faults;
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(overrides) } else { Err(faults) }
}

/// The seconds that Kubernetes accepts in a toleration.
const SECONDS: std::ops::RangeInclusive<u64> = 0..=i64::MAX.unsigned_abs();

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { with_snippet: false }
}

fn default_base(reader: &mut Reader, base: &Base) -> DefaultBase {
    DefaultBase {
        name: reader.label_value("defaultBase.name", base.name.as_ref()),
        version: reader.label_value("defaultBase.version", base.version.as_ref()),
        cluster_name: reader.label_value("defaultBase.clusterName", base.cluster_name.as_ref()),
    }
}

fn severities(reader: &mut Reader, rules: &BTreeMap<String, Raw>) -> Severities {
    let mut severities = Severities::default();
    for (name, raw) in rules {
        let field = format!("rules.{name}");
        let Some(rule) = Rule::named(name) else {
            let known: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
            reader.wrong(&field, raw, &format!("is for no rule; there are {}", known.join(", ")));
            continue;
        };
        let Some(severity) = raw.value.as_str().and_then(Severity::named) else {
            reader.wrong(&field, raw, "is neither warn nor deny");
            continue;
        };
        if let Err(error) = severities.set(rule, severity) {
            reader.wrong(&field, raw, &format!("is not possible: {error}"));
        }
    }
    severities
}

/// Makes a fault of an error of the YAML library. The library names no field if the structure is wrong, so the fault quotes the
/// line.
fn syntax_fault(text: &str, error: &serde_saphyr::Error) -> Fault {
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    let quoted = line
        .and_then(|line| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?))
        .map(|line| format!(", in {:?}", line.trim()));
    let what = error.to_string();
    // The library adds advice for programmers and the position at the end.
    let ends = [", set DuplicateKeyPolicy", "; use from_str", " at line "];
    let end = ends.iter().filter_map(|end| what.find(end)).min().unwrap_or(what.len());
    let what = &what[..end];
    Fault { line, what: format!("{what}{}", quoted.unwrap_or_default()) }
}

#[cfg(test)]
mod tests;
