//! `warden review`: injection and checks on files, offline, by the code that the webhooks run.

mod native;
mod print;
mod read;
mod refusal;
mod server;

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::module::Kind;
use crate::policy::{Policy, Request, Verdict, Violation, made_pod};
use crate::settings::Source;
use read::{Input, Manifest};
use refusal::{Refusal, Told};
use server::{CannotAsk, Server, ServerVerdict};

/// Show what warden fills in to manifests, and what it refuses or warns about.
///
/// Declarations of Namespaces and demands of LimitRanges among the manifests apply to their modules. Exit code: 0 all admitted, 1 some
/// refused, 2 some not readable, 3 both.
#[derive(Debug, Args)]
pub(super) struct Review {
    /// A file, a folder (its .yaml, .yml and .json files) or - for standard input; several with commas, or repeated.
    #[arg(short = 'f', long = "filename", required = true, value_delimiter = ',', value_name = "FILE|DIR|-")]
    filename: Vec<String>,
    /// Read the folders in a folder, too.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Ask the cluster of your kubeconfig as well, by a dry run: with its own schema, quotas and webhooks. It stores nothing.
    #[arg(long)]
    server: bool,
    /// What to print of the admitted objects. Warnings and problems go to standard error.
    #[arg(short = 'o', long, value_enum, default_value = "yaml")]
    output: Output,
    /// Print the Pods that come of the modules instead: warden completes them when their controllers create them.
    #[arg(long)]
    pods: bool,
    /// Refuse what a rule warns about, too.
    #[arg(long)]
    strict: bool,
    /// The namespace of manifests without one. If not set: default, or with --server that of the kubeconfig.
    #[arg(short, long)]
    namespace: Option<String>,
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
    /// Why the API server refuses it, beside the violations, where it was asked and does.
    refused_by_server: Option<Told>,
    /// What the API server could not say.
    not_asked: Option<&'static str>,
}

impl Reviewed<'_> {
    /// Whether nothing refuses it.
    fn is_admitted(&self) -> bool {
        self.refused_by_server.is_none() && self.verdict.admits()
    }

    /// Adds what the API server is known to refuse, where it is not asked.
    fn check_natively(&mut self) {
        let violations = self.native_violations();
        native::add_untold(&mut self.verdict.violations, violations);
    }

    fn native_violations(&self) -> Vec<Violation> {
        let kind = self.manifest.module_kind().filter(|_| self.is_module);
        kind.map(|kind| native::check(kind, &self.manifest.object)).unwrap_or_default()
    }

    /// Adds why the API server refuses it. What is known offline has a remedy, which the API server does not say.
    fn add_refusal(&mut self, refusal: &Refusal) {
        let mut violations = self.native_violations();
        violations.retain(|violation| refusal.names(violation));
        native::add_untold(&mut self.verdict.violations, violations);
        self.refused_by_server = Some(refusal.told_beside(&self.verdict.violations));
    }

    /// How many problems it has.
    fn problems(&self) -> usize {
        self.verdict.violations.len() + self.refused_by_server.as_ref().map_or(0, |told| told.problems.len())
    }
}

/// The exit code for refused manifests.
const REFUSED: u8 = 1;
/// The exit code for input that cannot be read, and for a cluster that cannot be asked. Added to [`REFUSED`] where both is so.
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
        let mut server = match self.server.then(Server::of_kubeconfig).transpose() {
            Ok(server) => server,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(UNREADABLE);
            }
        };
        let policy = if self.strict { settings.policy.strict() } else { settings.policy };
        let of_server = server.as_ref().map(|server| server.namespace().to_owned());
        let namespace = self.namespace.clone().or(of_server).unwrap_or_else(|| "default".to_owned());
        let mut input = Input::read(&self.filename, self.recursive, &namespace);
        if let Some(server) = &server {
            add_namespaces_of(server, &namespace, &mut input);
        }
        let mut reviewed: Vec<Reviewed<'_>> =
            input.manifests.iter().map(|manifest| review(&policy, &input, &namespace, manifest)).collect();
        let asked = match server.as_mut() {
            Some(server) => ask(server, &input, &namespace, &mut reviewed),
            None => {
                reviewed.iter_mut().for_each(Reviewed::check_natively);
                Ok(())
            }
        };
        let mut problems: String = input.errors.iter().map(|error| format!("error: {error}\n")).collect();
        problems.extend(asked.as_ref().err().map(|error| format!("error: {error}\n")));
        problems.extend(input.warnings.iter().map(|warning| format!("warning: {warning}\n")));
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
        let is_refused = !reviewed.iter().all(Reviewed::is_admitted);
        let is_unreadable = !input.errors.is_empty() || asked.is_err();
        ExitCode::from(u8::from(is_refused) * REFUSED + u8::from(is_unreadable) * UNREADABLE)
    }
}

/// Adds the Namespaces of the modules that the cluster has and the manifests do not: they can declare bases. Without an answer
/// the review goes on, because not every account may read Namespaces.
fn add_namespaces_of(server: &Server, default_namespace: &str, input: &mut Input) {
    let of_modules = input.manifests.iter().filter(|manifest| manifest.is_module());
    let names: BTreeSet<String> =
        of_modules.map(|manifest| manifest.namespace().unwrap_or(default_namespace).to_owned()).collect();
    for name in names {
        if input.namespaces.contains_key(&name) {
            continue;
        }
        match server.namespace_facts(&name) {
            Ok(facts) => input.namespaces.extend(facts.map(|facts| (name, facts))),
            Err(error) => {
                let warning =
                    format!("Namespace {name:?} was not read, so its declarations do not count: {}", error.why());
                return input.warnings.push(warning);
            }
        }
    }
}

/// Reviews a manifest by the rules of the webhooks.
fn review<'a>(policy: &Policy, input: &Input, default_namespace: &str, manifest: &'a Manifest) -> Reviewed<'a> {
    let object = manifest.object.clone();
    let reviewed = |object, verdict| Reviewed {
        manifest,
        object,
        is_module: false,
        verdict,
        pod: None,
        refused_by_server: None,
        not_asked: None,
    };
    let Some(kind) = manifest.module_kind() else {
        let verdict = policy.check_other_kind(&object);
        return reviewed(object, verdict);
    };
    let namespace = manifest.namespace().unwrap_or(default_namespace);
    let limit_ranges = input.limit_ranges.get(namespace).map_or(&[][..], Vec::as_slice);
    let request = Request { limit_ranges, ..Request::creation(kind).in_namespace(input.namespaces.get(namespace)) };
    if !manifest.is_module() {
        let verdict = policy.check(request, &object);
        return reviewed(object, verdict);
    }
    let (object, verdict) = policy.review(request, object);
    let pod = (kind != Kind::Pod).then(|| (made_pod(kind, &object), policy.pod_of(request, &object)));
    Reviewed { is_module: true, pod, ..reviewed(object, verdict) }
}

/// Asks the API server about every object, modules or not, until it cannot be asked. The others are checked without it.
fn ask(
    server: &mut Server,
    input: &Input,
    default_namespace: &str,
    reviewed: &mut [Reviewed<'_>],
) -> Result<(), CannotAsk> {
    let mut rest = reviewed.iter_mut();
    while let Some(one) = rest.next() {
        let namespace = one.manifest.namespace().unwrap_or(default_namespace);
        match server.ask(one.manifest, namespace) {
            Ok(ServerVerdict::Accepted) => {}
            Ok(ServerVerdict::Refused(refusal)) => one.add_refusal(&refusal),
            Ok(ServerVerdict::NoNamespace(_)) if input.namespaces.contains_key(namespace) => {
                one.not_asked = Some("its Namespace is in these manifests, and not yet in the cluster");
                one.check_natively();
            }
            Ok(ServerVerdict::NoNamespace(why)) => {
                let remedy = "create it first, or correct metadata.namespace or -n";
                one.add_refusal(&Refusal::new(format!("{why}. To fix it: {remedy}.")));
            }
            Err(error) => {
                one.check_natively();
                rest.for_each(Reviewed::check_natively);
                return Err(error);
            }
        }
    }
    Ok(())
}
