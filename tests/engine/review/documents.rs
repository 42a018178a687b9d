//! The commands, examples and links of README and docs.
//!
//! A command in a fence marked `sh` is run here, from the root of the repository; `sh exit-1` says that it ends with that code.
//! `sh cluster` is run by `tests/scenarios/install/documents.rs`, and `sh no-run` (another cluster, a registry, minutes) by
//! people. An example of output has a comment above it that says where it
//! comes from, and is compared with that. `WARDEN_BLESS=1` writes the examples anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use koupleless_warden::module::Kind;
use koupleless_warden::policy::{Policy, Request};
use serde_json::Value;
use warden_testbed::documents::{Block, Page};

/// A line of a shortened example: any lines of the output may be left out here.
const LEFT_OUT: &str = "...";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> Page {
    Page::read(root(), path).unwrap()
}

fn all_pages() -> Vec<Page> {
    let folders = ["", "docs", "docs/zh", "benches", "fuzz"];
    folders.into_iter().flat_map(|folder| Page::all_in(root(), folder).unwrap()).collect()
}

/// Runs `command` as a user does who has `warden` on the path: its exit code, standard output and standard error.
fn run(command: &str) -> (Option<i32>, String, String) {
    let folder = Path::new(env!("CARGO_BIN_EXE_warden")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(root()).env("PATH", path).stdin(Stdio::null());
    let output = shell.env_remove("WARDEN_DEFAULT_ENV").env_remove("WARDEN_CONFIG").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_command_that_can_be_run_ends_as_it_says() {
    let mut count = 0;
    for page in all_pages() {
        for block in page.blocks() {
            let code = match block.info {
                "sh" => 0,
                "sh exit-1" => 1,
                "sh cluster" | "sh no-run" => continue,
                other if other.starts_with("sh") => panic!("{}: {other:?} is no mark of a command", page.path),
                _ => continue,
            };
            for command in block.lines.iter().filter(|line| !line.is_empty()) {
                // Given a command of the offline part: nothing else belongs into such a block
                assert!(command.starts_with("warden review "), "{}: {command:?} cannot be run offline", page.path);
                // When it is run
                let (ended, _, stderr) = run(command);
                // Then it ends as it says
                assert_eq!(ended, Some(code), "{}: {command}\n{stderr}", page.path);
                count += 1;
            }
        }
    }
    assert!(count >= 6, "only {count} commands were found");
}

/// What an example shows, by the words of its comment; none for one that only a cluster can show.
fn output_of(example: &str) -> Option<String> {
    let words: Vec<&str> = example.split(' ').collect();
    match words[..] {
        [format @ ("diff" | "table"), "of", path] => Some(run(&format!("warden review -f {path} -o {format}")).1),
        ["refusal", "of", path] => Some(refusal(path, None)),
        ["refusal", "of", path, "after", before] => Some(refusal(path, Some(before))),
        _ => None,
    }
}

/// The refusal of the Deployment in the file at `path`, as kubectl prints it; it comes after the one in the file `before`.
fn refusal(path: &str, before: Option<&str>) -> String {
    let object =
        |path: &str| -> Value { serde_saphyr::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap() };
    let request = Request::creation(Kind::Deployment);
    let policy = Policy::default();
    let old = before.map(|before| policy.review(request, object(before)).0);
    let (reviewed, verdict) = policy.review(Request { old: old.as_ref(), ..request }, object(path));
    let title = format!("The Deployment {} is invalid: ", reviewed["metadata"]["name"]);
    match verdict.violations.as_slice() {
        [one] => format!("{title}{one}\n"),
        several => several.iter().fold(format!("{title}\n"), |text, one| format!("{text}* {one}\n")),
    }
}

/// Whether `shown` is `output`, but for lines that are left out where it says so.
fn is_part(shown: &[&str], output: &str) -> bool {
    let mut output = output.lines();
    let mut may_skip = false;
    for line in shown {
        if *line == LEFT_OUT {
            may_skip = true;
            continue;
        }
        let found = if may_skip { output.any(|other| other == *line) } else { output.next() == Some(*line) };
        if !found {
            return false;
        }
        may_skip = false;
    }
    may_skip || output.next().is_none()
}

#[test]
fn every_example_is_what_warden_prints() {
    let mut count = 0;
    for page in all_pages() {
        let mut blessed = page.text.clone();
        for block in page.blocks() {
            let Some(output) = block.example.and_then(output_of) else { continue };
            count += 1;
            if is_part(&block.lines, &output) {
                continue;
            }
            let shown = format!("{}\n", block.lines.join("\n"));
            let is_whole = !block.lines.contains(&LEFT_OUT);
            if is_whole && std::env::var_os("WARDEN_BLESS").is_some() {
                blessed = blessed
                    .replace(&format!("```{}\n{shown}```", block.info), &format!("```{}\n{output}```", block.info));
                continue;
            }
            let advice = if is_whole { "WARDEN_BLESS=1 writes it anew" } else { "lines are left out only at \"...\"" };
            similar_asserts::assert_eq!(shown, output, "{}: {:?}: {advice}", page.path, block.example);
        }
        if blessed != page.text {
            fs::write(root().join(&page.path), blessed).unwrap();
        }
    }
    assert!(count >= 10, "only {count} examples were found");
}

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    for page in all_pages() {
        let folder = Path::new(&page.path).parent().unwrap();
        for link in page.links() {
            let (path, fragment) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let target: PathBuf = if path.is_empty() { page.path.clone().into() } else { folder.join(path) };
            assert!(root().join(&target).exists(), "{}: {link} leads nowhere", page.path);
            if let Some(fragment) = fragment {
                let anchors = self::page(target.to_str().unwrap()).anchors();
                assert!(anchors.contains(fragment), "{}: {link}: there are {anchors:?}", page.path);
            }
        }
    }
}

/// The blocks of a page without the comments in them, which are in the language of the page.
fn commands(page: &Page) -> Vec<(String, Vec<String>)> {
    let without_comment = |line: &&str| line.split("   #").next().unwrap_or_default().trim_end().to_owned();
    let blocks = page.blocks().into_iter();
    let lines =
        |block: &Block<'_>| block.lines.iter().filter(|line| !line.starts_with('#')).map(without_comment).collect();
    blocks.map(|block| (block.info.to_owned(), lines(&block))).collect()
}

#[test]
fn the_chinese_pages_have_the_same_commands_and_examples() {
    let pairs =
        Page::all_in(root(), "docs").unwrap().into_iter().map(|page| (page.path.replace("docs/", "docs/zh/"), page));
    for (chinese, english) in pairs.chain([("README.zh.md".to_owned(), page("README.md"))]) {
        let chinese = page(&chinese);
        similar_asserts::assert_eq!(commands(&english), commands(&chinese), "{}", chinese.path);
    }
}

#[test]
fn a_shortened_example_leaves_lines_out_only_where_it_says_so() {
    let output = "a\nb\nc\nd\n";
    for shown in [&["a", "b", "c", "d"][..], &["a", "...", "d"], &["...", "c", "d"], &["a", "b", "..."]] {
        assert!(is_part(shown, output), "{shown:?}");
    }
    for shown in [&["a", "b", "c"][..], &["a", "c", "d"], &["a", "...", "b", "d"], &["...", "d", "c"]] {
        assert!(!is_part(shown, output), "{shown:?}");
    }
}
