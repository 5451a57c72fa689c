//! The parts of `berth up` and `berth node` that need no component. `crates/e2e` tests the rest.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A machine without components and control planes.
struct Machine(PathBuf);

impl Machine {
    fn new(name: &str) -> Self {
        let home = std::env::temp_dir().join(format!("berth-cli-up-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        Self(home)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        command.args(args).env("HOME", &self.0).env("PATH", &self.0).env("NO_COLOR", "1");
        command.env_remove("XDG_DATA_HOME").env_remove("XDG_CACHE_HOME").output().unwrap()
    }

    /// What a refused command prints on stderr.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert_eq!(output.stdout, b"", "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_missing_component_is_named_with_the_ways_to_get_it() {
    let machine = Machine::new("missing");
    let said = machine.refused(&["up"]);
    let cache = machine.0.join(".cache/berth/components/1.37.2");
    let first = format!("error: etcd is neither in a folder of PATH nor in {}.", cache.display());
    assert!(said.starts_with(&first), "{said}");
    for way in ["1. --fetch downloads", "2. --build builds", "3. --components DIR uses"] {
        assert!(said.contains(way), "{said}");
    }
    assert!(!Path::new(&machine.0.join(".local")).exists(), "nothing was created");
}

#[test]
fn what_cannot_work_is_refused_before_anything_starts() {
    let machine = Machine::new("refused");
    let config = machine.0.join("scheduler.yaml");
    std::fs::write(
        &config,
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\na: 1\n",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let cases: [(&[&str], &str); 10] = [
        (
            &["up", "--record", "r", "--scheduler", "upstream"],
            "--record: only Berth's scheduler records its inputs",
        ),
        (&["up", "--config", config, "--scheduler", "none"], "--config: there is no scheduler to configure"),
        (&["up", "--config", config], "scheduler.yaml:3:4: unknown field \"a\""),
        (&["up", "--name", "A b"], "\"A b\" cannot be a name; it must have at most 63 lower-case letters"),
        (&["up", "--node-cpu", "many"], "expected a positive quantity, such as 8, 500m or 32Gi"),
        (&["up", "--node-grace", "1ms"], "expected a duration of at least 1s, such as 8s"),
        (&["up", "--kubernetes", "latest"], "expected a release such as 1.37.2"),
        (&["up", "-f", "none.yaml"], "cannot read none.yaml: No such file or directory"),
        (&["up", "stop", "b"], "no control plane is named \"b\" (there is: none)"),
        (&["node", "fail", "n"], "\"default\" does not run; start it with `berth up --name default`"),
    ];
    for (args, expected) in cases {
        let said = machine.refused(args);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn without_control_planes_the_list_is_empty() {
    let output = Machine::new("list").run(&["up", "list"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "note: there is no control plane; berth up starts one\n"
    );
}
