//! What the documents show is what the commands print.
//!
//! A block marked `console` holds a command after `$ ` (lines that end in a backslash go on) and what it prints. Each
//! one that names `berth` is run by a shell in the project's folder. Durations differ from run to run and are not
//! compared, nor is the width of columns. `UPDATE_EXPECT=1 cargo test -p berth-cli --test documents` replaces what the
//! blocks show.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MARK: &str = "```console\n";

#[test]
fn commands_in_the_documents_print_what_is_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut checked = 0;
    for page in pages(&root) {
        let text = fs::read_to_string(&page).expect("a readable page");
        let mut made = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find(MARK) {
            let (before, block) = rest.split_at(start + MARK.len());
            let end = block.find("```").expect("a block that ends");
            let now = rerun(&root, &block[..end]);
            if !update {
                assert_eq!(without_durations(&now), without_durations(&block[..end]), "{}", page.display());
            }
            made += before;
            made += &now;
            rest = &block[end..];
            checked += 1;
        }
        made += rest;
        if update && without_durations(&made) != without_durations(&text) {
            fs::write(&page, made).expect("a writable page");
        }
    }
    assert!(checked > 0, "no page shows a command");
}

/// The README and all that is below docs.
fn pages(root: &Path) -> Vec<PathBuf> {
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "md" => pages.push(path),
                _ => {}
            }
        }
    }
    pages.sort();
    pages
}

/// A block with its command run again; one that does not name `berth` stays as it is.
fn rerun(root: &Path, block: &str) -> String {
    let mut shown = String::new();
    for line in block.split_inclusive('\n') {
        shown.push_str(line);
        if !line.ends_with("\\\n") {
            break;
        }
    }
    let command = shown.trim_start_matches("$ ");
    if !command.contains("berth ") {
        return block.to_string();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_berth"));
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders = binary.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&folders));
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(root)
        .env("PATH", std::env::join_paths(folders).expect("folders of a path"))
        .env_remove("COLUMNS")
        .env("KUBECONFIG", "/nonexistent/kubeconfig")
        .output()
        .expect("a shell can be run");
    shown + &String::from_utf8_lossy(&output.stdout)
}

/// The words of each line; of the line that tells durations the first, since they and the width of their columns
/// differ.
fn without_durations(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| {
            let is_time = line.trim_start().starts_with("time ");
            line.split_whitespace().take(if is_time { 1 } else { usize::MAX }).collect()
        })
        .collect()
}
