//! `warden review`: injection and checks on files, offline, by the code that the webhooks run.

mod print;
mod read;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::module::{Kind, Workload};
use crate::policy::{Policy, Request, Verdict, made_pod};
use crate::settings::Source;
use read::{Input, Manifest};

/// Show what warden fills in to manifests, and what it refuses or warns about.
///
/// Declarations of Namespaces and demands of LimitRanges among the manifests apply to their modules. Exit code: 0 admitted, 1 refused, 2 unreadable.
#[derive(Debug, Args)]
pub(super) struct Review {
    /// A file, a folder (its .yaml, .yml and .json files) or - for standard input; can be repeated.
    #[arg(short = 'f', long = "filename", required = true, value_name = "FILE|DIR|-")]
    filename: Vec<String>,
    /// What to print of the admitted objects. Warnings and problems go to standard error.
    #[arg(short = 'o', long, value_enum, default_value = "yaml")]
    output: Output,
    /// Print the Pods that come of the modules instead: warden completes them when their controllers create them.
    #[arg(long)]
    pods: bool,
    /// Refuse what a rule warns about, too.
    #[arg(long)]
    strict: bool,
    /// The namespace of manifests without one.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    #[command(flatten)]
    settings: super::SettingsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The objects as the cluster stores them, ready for kubectl apply.
    Yaml,
    /// The same as JSON; a List if there are several.
    Json,
    /// What is filled in to the objects and to their Pods, as a unified diff.
    Diff,
    /// What is filled in, as JSON patches.
    Patch,
    /// One line per object.
    Table,
}

/// A manifest and the result of its review.
struct Reviewed<'a> {
    manifest: &'a Manifest,
    /// The object as the cluster would store it.
    object: Value,
    /// Whether it is a module. Other objects pass unchanged, and are checked only for whether they were meant as modules.
    is_module: bool,
    verdict: Verdict,
    /// The Pod that its controller makes, and that Pod completed. None for a bare Pod, which is the object, and where the object is
    /// not a module.
    pod: Option<(Value, Value)>,
}

/// The exit code for refused manifests.
const REFUSED: u8 = 1;
/// The exit code for input that cannot be read.
const UNREADABLE: u8 = 2;

impl Review {
    pub(super) fn run(self) -> ExitCode {
        let settings = match Source::new(self.settings.config.clone(), self.settings.overrides()).read() {
            Ok(settings) => settings,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(UNREADABLE);
            }
        };
        let policy = if self.strict { settings.policy.strict() } else { settings.policy };
        let input = Input::read(&self.filename, &self.namespace);
        let reviewed: Vec<Reviewed<'_>> =
            input.manifests.iter().map(|manifest| review(&policy, &input, &self.namespace, manifest)).collect();
        let mut problems: String = input.errors.iter().map(|error| format!("error: {error}\n")).collect();
        problems.push_str(&print::problems(&reviewed));
        let printed =
            print::objects(self.output, self.pods, &reviewed).and_then(|text| io::stdout().write_all(text.as_bytes()));
        let reported = io::stderr().write_all(problems.as_bytes());
        match printed.and(reported) {
            // The reader of the pipe stopped early, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                eprintln!("error: cannot print: {error}");
                return ExitCode::from(UNREADABLE);
            }
            Ok(()) => {}
        }
        let refused = reviewed.iter().any(|one| !one.verdict.admits());
        ExitCode::from(match (input.errors.is_empty(), refused) {
            (false, _) => UNREADABLE,
            (true, true) => REFUSED,
            (true, false) => 0,
        })
    }
}

fn review<'a>(policy: &Policy, input: &Input, default_namespace: &str, manifest: &'a Manifest) -> Reviewed<'a> {
    let object = manifest.object.clone();
    let kind = Kind::of_manifest(manifest.text("apiVersion"), manifest.text("kind"));
    let Some(kind) = kind else {
        let verdict = policy.check_other_kind(&object);
        return Reviewed { manifest, object, is_module: false, verdict, pod: None };
    };
    let namespace = manifest.namespace().unwrap_or(default_namespace);
    let limit_ranges = input.limit_ranges.get(namespace).map_or(&[][..], Vec::as_slice);
    let request = Request { limit_ranges, ..Request::creation(kind).in_namespace(input.namespaces.get(namespace)) };
    if !Workload::new(kind, &object).is_module() {
        let verdict = policy.check(request, &object);
        return Reviewed { manifest, object, is_module: false, verdict, pod: None };
    }
    let (object, verdict) = policy.review(request, object);
    let pod = (kind != Kind::Pod).then(|| (made_pod(kind, &object), policy.pod_of(request, &object)));
    Reviewed { manifest, object, is_module: true, verdict, pod }
}
