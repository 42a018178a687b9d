//! The house: arrows between rooms point down, pure rooms do no I/O, and only the vocabulary spells keys.

use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;

/// The rooms of `src/`, from the roof to the ground. A room uses only rooms below it.
const ROOMS: [&str; 14] = [
    "cli",
    "settings",
    "admission",
    "identity",
    "peer",
    "certificates",
    "serving",
    "runtime",
    "cluster",
    "k8s",
    "fit",
    "policy",
    "module",
    "vocabulary",
];

/// The rooms that decide and do nothing else. Besides them, every file called `plan.rs` is pure.
const PURE_ROOMS: [&str; 4] = ["fit", "policy", "module", "vocabulary"];

/// What a pure file must not use: clients, runtimes, clocks, files, the network.
const IMPURE: [&str; 13] = [
    "kube::",
    "tokio::",
    "hyper::",
    "axum::",
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "tracing::",
];

/// A line of code of the product: no comment, and of no test.
struct Line {
    file: PathBuf,
    room: String,
    number: usize,
    text: String,
}

impl Line {
    fn at(&self) -> String {
        format!("src/{}:{}: {}", self.file.display(), self.number, self.text.trim())
    }
}

fn product() -> Vec<Line> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = Vec::new();
    collect(&src, &src, &mut lines);
    assert!(lines.len() > 5_000, "only {} lines of code were found", lines.len());
    lines
}

fn collect(src: &Path, folder: &Path, lines: &mut Vec<Line>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if ["tests", "testing", "simulation"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(src, &path, lines);
            continue;
        }
        let file = path.strip_prefix(src).unwrap().to_owned();
        let room = Path::new(file.components().next().unwrap().as_os_str()).with_extension("");
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().enumerate().take_while(|(_, text)| text.trim() != "mod tests {");
        lines.extend(code.filter(|(_, text)| !text.trim_start().starts_with("//")).map(|(at, text)| Line {
            file: file.clone(),
            room: room.to_str().unwrap().to_owned(),
            number: at + 1,
            text: text.to_owned(),
        }));
    }
}

/// The rooms that a line names: `crate::room` or, in a list of imports, `crate::{room, other::Thing}`.
fn rooms_named(text: &str) -> Vec<&str> {
    text.split("crate::")
        .skip(1)
        .flat_map(|rest| {
            let word = |part: &str| {
                part.trim().len() - part.trim().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len()
            };
            match rest.strip_prefix('{') {
                Some(list) => list
                    .split('}')
                    .next()
                    .unwrap_or_default()
                    .split(',')
                    .map(|part| &part.trim()[..word(part)])
                    .collect::<Vec<_>>(),
                None => vec![&rest[..word(rest)]],
            }
        })
        .collect()
}

#[rstest]
#[case("use crate::k8s::ObjectKey;", &["k8s"])]
#[case("use crate::{peer, serving::Listener};", &["peer", "serving"])]
#[case("    crate::module::Workload::new(crate::policy::X)", &["module", "policy"])]
#[case("pub(in crate::cli::serve) fn x()", &["cli"])]
fn the_rooms_that_a_line_names_are_found(#[case] line: &str, #[case] rooms: &[&str]) {
    assert_eq!(rooms_named(line), rooms);
}

#[test]
fn every_room_is_known() {
    let mut rooms: Vec<_> = product().into_iter().map(|line| line.room).collect();
    rooms.sort();
    rooms.dedup();
    let known: Vec<_> = ROOMS.iter().copied().chain(["lib", "main"]).collect();
    let unknown: Vec<_> = rooms.iter().filter(|room| !known.contains(&room.as_str())).collect();
    assert!(unknown.is_empty(), "add these to ROOMS, each in its place: {unknown:?}");
}

#[test]
fn arrows_point_down() {
    let floor = |room: &str| ROOMS.iter().position(|known| *known == room);
    let upward: Vec<_> = product()
        .iter()
        .filter_map(|line| {
            let own = floor(&line.room)?;
            let up = rooms_named(&line.text).into_iter().filter_map(floor).find(|other| *other < own)?;
            Some(format!("{} uses {} above it: {}", line.room, ROOMS[up], line.at()))
        })
        .collect();
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn pure_rooms_and_plans_do_nothing_but_decide() {
    let is_pure = |line: &&Line| {
        PURE_ROOMS.contains(&line.room.as_str()) || line.file.file_name().is_some_and(|name| name == "plan.rs")
    };
    let impure: Vec<_> = product()
        .iter()
        .filter(is_pure)
        .filter(|line| IMPURE.iter().any(|word| line.text.contains(word)))
        .map(Line::at)
        .collect();
    assert!(impure.is_empty(), "{}", impure.join("\n"));
}

#[test]
fn only_the_vocabulary_spells_keys() {
    let spelled: Vec<_> = product()
        .iter()
        .filter(|line| line.room != "vocabulary" && line.text.contains("koupleless.io"))
        .map(Line::at)
        .collect();
    assert!(spelled.is_empty(), "{}", spelled.join("\n"));
}
