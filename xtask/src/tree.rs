//! The project's own text files, read once for all checks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// One text file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the workspace, with `/` between folders.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, e)| e == extension)
    }

    /// The crate's folder name for a file below `crates/`, and `xtask` for xtask.
    pub(crate) fn crate_name(&self) -> Option<&str> {
        let mut folders = self.path.split('/');
        match folders.next()? {
            "crates" => folders.next(),
            "xtask" => Some("xtask"),
            _ => None,
        }
    }

    /// Rust that only tests compile, by where it stands: below `tests/` or `benches/`, or a module for tests.
    pub(crate) fn is_test(&self) -> bool {
        let stem = self.path.trim_end_matches(".rs").rsplit('/').next().unwrap_or_default();
        let folder = self.path.split('/').any(|part| matches!(part, "tests" | "benches"));
        folder || stem == "tests" || stem == "fixture" || stem.ends_with("_fixture")
    }

    /// The numbered lines of Rust before its test module, which is last by our rules.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = (1..).zip(self.text.lines()).peekable();
        std::iter::from_fn(move || {
            let (at, line) = lines.next()?;
            let opens_tests = line == "#[cfg(test)]"
                && lines.peek().is_some_and(|(_, next)| next.starts_with("mod ") && next.ends_with('{'));
            (!opens_tests).then_some((at, line))
        })
    }
}

/// What is read: the formats that people write here.
const EXTENSIONS: [&str; 8] = ["rs", "go", "md", "toml", "yaml", "json", "sh", "mod"];

/// Every text file of the project, by path.
pub(crate) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    walk(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(root: &Path, below: &str, sources: &mut Vec<Source>) -> Result<()> {
    let folder = root.join(below);
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            if name != "target" && name != ".git" {
                walk(root, &path, sources)?;
            }
        } else if path == ".ci/run" || EXTENSIONS.iter().any(|e| name.ends_with(&format!(".{e}"))) {
            let text =
                std::fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
