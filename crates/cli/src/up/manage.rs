//! `berth up list`, `stop`, `logs` and `kubeconfig`.

use std::fs;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use berth_up::instance::Instance;
use berth_up::process::{end_recorded, terminate};

use super::broken;
use crate::failure::Failure;
use crate::notice;

/// The time that a control plane has to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at it.
const LOOK: Duration = Duration::from_millis(50);

/// Prints the control planes: name, state, folder.
pub(super) fn list() -> Result<(), Failure> {
    let all = Instance::all().map_err(broken)?;
    if all.is_empty() {
        notice::note("there is no control plane; berth up starts one");
        return Ok(());
    }
    let width = all.iter().map(|instance| instance.name.len()).max().unwrap_or_default().max(4);
    print(&format!("{:width$}  STATE     KUBECONFIG\n", "NAME"))?;
    for instance in all {
        let state = match instance.runs() {
            Some(process) if instance.is_ready(process) => "running",
            Some(_) => "starting",
            None => "stopped",
        };
        print(&format!("{:width$}  {state:8}  {}\n", instance.name, instance.kubeconfig().display()))?;
    }
    Ok(())
}

/// Stops a control plane, and what an earlier one has left running.
pub(super) fn stop(name: &str) -> Result<(), Failure> {
    let instance = known(name)?;
    let Some(process) = instance.runs() else {
        let left = end_recorded(&instance.folder).map_err(broken)?;
        if left.is_empty() {
            notice::note(&format!("{name} does not run"));
        } else {
            notice::note(&format!("{name} did not run, but had left {}; now ended", left.join(", ")));
        }
        return Ok(());
    };
    terminate(process).map_err(broken)?;
    let begin = Instant::now();
    while instance.runs() == Some(process) {
        if begin.elapsed() > PATIENCE {
            let problem = format!(
                "{name} (process {process}) still runs {} s after it was asked to end",
                PATIENCE.as_secs()
            );
            return Err(Failure::input(problem));
        }
        sleep(LOOK);
    }
    Ok(())
}

/// Prints the log of a component, or the names of all logs.
pub(super) fn logs(name: &str, component: Option<&str>) -> Result<(), Failure> {
    let instance = known(name)?;
    let names = instance.logs().map_err(broken)?;
    let Some(component) = component else {
        return names.iter().try_for_each(|name| print(&format!("{name}\n")));
    };
    if !names.iter().any(|name| name == component) {
        let problem = format!("{name} has no log of {component}; it has those of {}", names.join(", "));
        return Err(Failure::input(problem));
    }
    let path = instance.log(component);
    let text = fs::read(&path).map_err(|error| Failure::unreadable(&path.display().to_string(), &error))?;
    print(&String::from_utf8_lossy(&text))
}

/// Prints the path of the kubeconfig.
pub(super) fn kubeconfig(name: &str) -> Result<(), Failure> {
    let path = known(name)?.kubeconfig();
    if !path.exists() {
        return Err(Failure::input(format!("{name} has no kubeconfig: it was never started")));
    }
    print(&format!("{}\n", path.display()))
}

/// The control plane of this name, which must have been started before.
fn known(name: &str) -> Result<Instance, Failure> {
    let all = Instance::all().map_err(broken)?;
    let names: Vec<String> = all.iter().map(|instance| instance.name.clone()).collect();
    all.into_iter().find(|instance| instance.name == name).ok_or_else(|| {
        let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Failure::input(format!("no control plane is named {name:?} (there is: {there_are})"))
            .hint("berth up starts one")
    })
}

fn print(text: &str) -> Result<(), Failure> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|error| Failure::unreadable("stdout", &error))
}
