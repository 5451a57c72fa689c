//! Objects that events name, as in `deploy/web`, `job/shop/render` or `pod/a`.

use berth_model::Str;
use berth_model::manifests::Manifests;
use berth_model::object::{Kind, ObjectKey};

use crate::changes::SCALED;

/// Kinds that are no workloads, with the names that kubectl knows.
const OTHERS: [(Kind, &[&str]); 3] = [
    (Kind::Pod, &["pod", "po", "pods"]),
    (Kind::Node, &["node", "no", "nodes"]),
    (Kind::Budget, &["pdb", "poddisruptionbudget", "poddisruptionbudgets"]),
];

/// The object that `KIND/NAME` or `KIND/NAMESPACE/NAME` names. Without a namespace it is that of the only workload of
/// this name, or else `default`.
///
/// # Errors
/// If the text has another form, or several namespaces have the name.
pub(super) fn find(text: &str, manifests: &Manifests) -> Result<ObjectKey, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, name] => (*kind, None, *name),
        [kind, namespace, name] => (*kind, Some(*namespace), *name),
        _ => {
            return Err(format!(
                "found {text:?}, expected KIND/NAME or KIND/NAMESPACE/NAME, as in deploy/web"
            ));
        }
    };
    let lower = kind.to_lowercase();
    let workload = SCALED.iter().find(|(_, names)| names.contains(&lower.as_str()));
    let other = OTHERS.iter().find(|(_, names)| names.contains(&lower.as_str()));
    let kind = match (workload, other) {
        (Some((kind, _)), _) => Kind::Workload(*kind),
        (None, Some((kind, _))) => *kind,
        (None, None) => {
            let names: Vec<&str> = SCALED.iter().map(|(_, names)| names[0]).collect();
            let others: Vec<&str> = OTHERS.iter().map(|(_, names)| names[0]).collect();
            let known = [names, others].concat().join(", ");
            return Err(format!("found the kind {kind:?}, expected one of {known}"));
        }
    };
    if !kind.is_namespaced() {
        return Ok(ObjectKey { kind, namespace: Str::default(), name: name.into() });
    }
    let named = manifests.workloads.iter().map(|entry| &entry.value);
    let named = named.filter(|workload| Kind::Workload(workload.kind) == kind && &*workload.name == name);
    let mut namespaces: Vec<Str> = named.map(|workload| workload.namespace.clone()).collect();
    namespaces.sort();
    namespaces.dedup();
    let namespace = match (namespace, namespaces.as_slice()) {
        (Some(namespace), _) => namespace.into(),
        (None, [only]) => only.clone(),
        (None, []) => "default".into(),
        (None, several) => {
            return Err(format!("{text}: several namespaces have it: {}; name one", several.join(", ")));
        }
    };
    Ok(ObjectKey { kind, namespace, name: name.into() })
}
