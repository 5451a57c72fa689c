//! Kustomizations, rendered by the program that the user has.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

use crate::failure::words;

/// The programs that render a kustomization, and their arguments before the folder.
const PROGRAMS: [(&str, &str); 2] = [("kubectl", "kustomize"), ("kustomize", "build")];

/// The manifests of a kustomization: what the first program on the `PATH` prints.
///
/// # Errors
/// When no program is found, or the one that is found fails.
pub(super) fn render(folder: &Path) -> Result<Vec<u8>, String> {
    let name = folder.display();
    for (program, verb) in PROGRAMS {
        match Command::new(program).arg(verb).arg(folder).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{program}: {}", words(&error))),
            Ok(Output { status, stdout, .. }) if status.success() => return Ok(stdout),
            Ok(Output { stderr, .. }) => {
                let said = String::from_utf8_lossy(&stderr);
                return Err(format!(
                    "{program} {verb} {name}: {}",
                    said.trim().trim_start_matches("error: ")
                ));
            }
        }
    }
    Err(format!(
        "{name}: neither kubectl nor kustomize is on the PATH; install one of them, or run where one is installed: \
         kubectl kustomize {name} | berth simulate -f -"
    ))
}
