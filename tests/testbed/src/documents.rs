//! Pages of the documentation, as far as tests read them: fenced blocks, headings and links.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The start of the comment that says where an example comes from.
const EXAMPLE: &str = "<!-- example: ";
const FENCE: &str = "```";

/// A page of Markdown.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its path in the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A fenced block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// The heading that it stands under, without its `#`.
    pub heading: &'a str,
    /// What stands behind the fence: the language, and what tests do with the block.
    pub info: &'a str,
    /// Where the example comes from, by a comment in the line above the fence.
    pub example: Option<&'a str>,
    /// The lines between the fences.
    pub lines: Vec<&'a str>,
}

impl Page {
    /// The page at `path` of the repository at `root`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(root: &Path, path: &str) -> Result<Self> {
        let text = fs::read_to_string(root.join(path)).with_context(|| path.to_owned())?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// The pages in `folder` of the repository at `root`, in the order of their names.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all_in(root: &Path, folder: &str) -> Result<Vec<Self>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(root.join(folder)).with_context(|| folder.to_owned())? {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
        let pages = names.iter().filter(|name| name.ends_with(".md"));
        pages.map(|name| Self::read(root, &Path::new(folder).join(name).to_string_lossy())).collect()
    }

    /// The fenced blocks, in their order.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines();
        let (mut heading, mut above) = ("", "");
        while let Some(line) = lines.next() {
            if let Some(info) = line.strip_prefix(FENCE) {
                let example = above.strip_prefix(EXAMPLE).and_then(|comment| comment.strip_suffix(" -->"));
                let lines = lines.by_ref().take_while(|line| *line != FENCE).collect();
                blocks.push(Block { heading, info, example, lines });
            } else if line.starts_with('#') {
                heading = line.trim_start_matches('#').trim();
            }
            above = line;
        }
        blocks
    }

    /// The anchors that GitHub gives to the headings.
    pub fn anchors(&self) -> BTreeSet<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }

    /// The targets of the links, without those that lead to other sites.
    pub fn links(&self) -> Vec<&str> {
        let after_text = self.prose().flat_map(|line| line.split("](").skip(1));
        let targets = after_text.filter_map(|rest| Some(rest.split_once(')')?.0));
        targets.filter(|target| !target.contains("://")).collect()
    }

    /// The lines outside of fenced blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut is_fenced = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.starts_with(FENCE);
            is_fenced ^= is_fence;
            !is_fenced && !is_fence
        })
    }
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_blocks_anchors_and_links() {
        // Given a page with all that is read of one
        let text = "# What happens when…\n\
                    See [there](other.md#a) and [home](https://example.com).\n\
                    <!-- example: table of x -->\n\
                    ```sh no-run\n# a [comment](no.md)\nls\n```\n\
                    ## 更新、回滚\n```\na\n```\n";
        let page = Page { path: "page.md".to_owned(), text: text.to_owned() };
        // Then each block has its heading, what stands behind the fence, and its comment
        let heading = "What happens when…";
        let lines = vec!["# a [comment](no.md)", "ls"];
        let first = Block { heading, info: "sh no-run", example: Some("table of x"), lines };
        let second = Block { heading: "更新、回滚", info: "", example: None, lines: vec!["a"] };
        assert_eq!(page.blocks(), [first, second]);
        // And nothing in a block is taken for a heading or a link
        assert_eq!(page.anchors(), ["what-happens-when", "更新回滚"].map(str::to_owned).into());
        assert_eq!(page.links(), ["other.md#a"]);
    }
}
