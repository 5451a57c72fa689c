//! Kustomizations, rendered by the program that the user has.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

use crate::failure::words;
use crate::input::folder::{chart, kustomization_of};

/// The programs that render a kustomization, and their arguments before the folder.
const PROGRAMS: [(&str, &str); 2] = [("kubectl", "kustomize"), ("kustomize", "build")];

/// The manifests of a kustomization: what the first program on the `PATH` prints.
///
/// # Errors
/// When the folder is not a kustomization, no program is found, or the one that is found fails.
pub(super) fn render(folder: &Path) -> Result<Vec<u8>, String> {
    let name = folder.display();
    let is_remote = folder.to_str().is_some_and(|name| name.contains("://") || name.contains("?ref="));
    if !is_remote && kustomization_of(folder).is_none() {
        if let Some(problem) = chart(folder) {
            return Err(problem);
        }
        return Err(match fs::metadata(folder) {
            Ok(found) if found.is_dir() => {
                format!("{name}: no kustomization.yaml in this folder; use -f {name}")
            }
            Ok(_) => format!("{name} is a file; -k takes the folder of a kustomization"),
            Err(error) => format!("{name}: {}", words(&error)),
        });
    }
    for (program, verb) in PROGRAMS {
        match Command::new(program).arg(verb).arg(folder).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{program}: {}", words(&error))),
            Ok(Output { status, stdout, .. }) if status.success() => return Ok(stdout),
            Ok(Output { stderr, .. }) => {
                let said = String::from_utf8_lossy(&stderr);
                return Err(format!("{program} {verb} {name}: {}", message(said.trim())));
            }
        }
    }
    Err(format!(
        "{name}: neither kubectl nor kustomize is on the PATH; install one of them, or run where one is installed: \
         kubectl kustomize {name} | berth simulate -f -"
    ))
}

/// What a program says, without warnings and without the header of its log (`E1130 18:12:42.124018    2934 run.go:72]
/// "command failed" err="…"`).
fn message(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("# Warning")).collect();
    let said = lines.join("\n");
    match said.split_once("] \"command failed\" err=\"") {
        Some((_, error)) => error.trim_end_matches('"').replace("\\\"", "\"").replace("\\n", " "),
        None => said.trim_start_matches("error: ").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_the_header_of_a_log_are_left_out() {
        let cases = [
            ("error: no such thing", "no such thing"),
            ("# Warning: 'bases' is deprecated.\nerror: no such thing", "no such thing"),
            (
                r#"E1130 18:12:42.124018    2934 run.go:72] "command failed" err="accumulating \"a\":\nno file""#,
                "accumulating \"a\": no file",
            ),
        ];
        for (said, expected) in cases {
            assert_eq!(message(said), expected);
        }
    }
}
