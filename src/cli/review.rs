//! `warden review`: the same engine on files.

mod print;
mod read;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::module::Kind;
use crate::policy::{Policy, Request, Verdict};
use crate::settings::Source;
use read::{Input, Manifest};

/// Say what the cluster would make of manifests, and what it would refuse.
///
/// Namespaces among the manifests lend their modules what they declare. Exit code: 0 admitted, 1 refused, 2 not readable.
#[derive(Debug, Args)]
pub(super) struct Review {
    /// A file, a folder (its .yaml, .yml and .json files) or - for standard input; may be given several times.
    #[arg(short = 'f', long = "filename", required = true, value_name = "FILE|DIR|-")]
    filename: Vec<String>,
    /// What to print of the objects that are admitted; what is found goes to standard error.
    #[arg(short = 'o', long, value_enum, default_value = "yaml")]
    output: Output,
    /// The namespace of manifests that say none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    #[command(flatten)]
    settings: super::SettingsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// What the cluster would get, ready for kubectl apply.
    Yaml,
    /// The same as JSON; a List where there are several.
    Json,
    /// What is filled in, line by line.
    Diff,
    /// What is filled in, as JSON patches.
    Patch,
    /// A line per object.
    Table,
}

/// A manifest and what became of it.
struct Reviewed {
    manifest: Manifest,
    /// The object as the cluster would get it.
    object: Value,
    /// None for what is no module and passes untouched.
    verdict: Option<Verdict>,
}

/// The exit code for refused manifests.
const REFUSED: u8 = 1;
/// The exit code for what could not be read.
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
        let policy = settings.policy;
        let input = Input::read(&self.filename);
        let reviewed: Vec<Reviewed> =
            input.manifests.iter().map(|manifest| review(&policy, &input, &self.namespace, manifest)).collect();
        let mut findings = String::new();
        for error in &input.errors {
            findings.push_str(&format!("error: {error}\n"));
        }
        findings.push_str(&print::findings(&reviewed));
        let printed = print::objects(self.output, &reviewed).and_then(|text| io::stdout().write_all(text.as_bytes()));
        let told = io::stderr().write_all(findings.as_bytes());
        match printed.and(told) {
            // Who reads us has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                eprintln!("error: cannot print: {error}");
                return ExitCode::from(UNREADABLE);
            }
            Ok(()) => {}
        }
        let refused = reviewed.iter().filter_map(|one| one.verdict.as_ref()).any(|verdict| !verdict.admits());
        ExitCode::from(match (input.errors.is_empty(), refused) {
            (false, _) => UNREADABLE,
            (true, true) => REFUSED,
            (true, false) => 0,
        })
    }
}

fn review(policy: &Policy, input: &Input, default_namespace: &str, manifest: &Manifest) -> Reviewed {
    let object = manifest.object.clone();
    let kind = Kind::of_manifest(manifest.text("apiVersion"), manifest.text("kind"));
    let module = kind.filter(|kind| crate::module::Workload::new(*kind, &object).is_module());
    let Some(kind) = module else {
        return Reviewed { manifest: manifest.clone(), object, verdict: None };
    };
    let namespace = input.namespaces.get(manifest.namespace().unwrap_or(default_namespace));
    let (object, verdict) = policy.review(Request { kind, old: None, namespace, peers: None }, object);
    Reviewed { manifest: manifest.clone(), object, verdict: Some(verdict) }
}
