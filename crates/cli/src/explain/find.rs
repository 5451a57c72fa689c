//! The pod that is meant.

use berth_engine::cluster::Cluster;
use berth_engine::ids::PodRow;

use crate::failure::Failure;
use crate::human;

/// Of many candidates so many are named.
const NAMED: usize = 10;

/// Finds a pod by name, or by namespace and name.
///
/// # Errors
/// Where no pod or more than one has the name.
pub(super) fn pod(cluster: &Cluster, wanted: &str) -> Result<PodRow, Failure> {
    let pods = || cluster.pods().rows().map(|row| (row, &cluster.pods().entry(row).pod));
    let (namespace, name) = match wanted.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, wanted),
    };
    let in_namespace = |pod: &berth_model::pod::Pod| namespace.is_none_or(|n| n == &*pod.spec.namespace);
    let found: Vec<_> = pods().filter(|(_, pod)| &*pod.name == name && in_namespace(pod)).collect();
    if let [(row, _)] = found.as_slice() {
        return Ok(*row);
    }
    if found.is_empty() {
        let close =
            pods().filter(|(_, pod)| !name.is_empty() && pod.name.contains(name) && in_namespace(pod));
        let mut names: Vec<String> = close.map(|(_, pod)| pod.key()).collect();
        names.sort();
        let failure = Failure::input(format!("no pod is named {wanted:?} among {}", cluster.pods().len()));
        return Err(match names.as_slice() {
            [] => failure.hint("berth simulate -o wide lists the pods"),
            names => failure.hint(format!("there is {}", human::list(names, NAMED))),
        });
    }
    let mut names: Vec<String> = found.iter().map(|(_, pod)| pod.key()).collect();
    names.sort();
    let count = names.len();
    Err(Failure::input(format!("{count} pods are named {wanted:?}: {}", human::list(&names, NAMED)))
        .hint(format!("name one as {}", names[0])))
}
