//! Claims of ephemeral volumes: each pod that waits gets its own, which it owns.
//!
//! Upstream: `pkg/controller/volume/ephemeral/controller.go`, component-helpers `storage/ephemeral`.

use berth_model::Str;
use berth_model::pod::Pod;
use berth_model::volume::Claim;

use super::Expansion;

/// Makes the claims that are not there. `templates` are named after the pod's volumes.
pub(super) fn make_claims(expansion: &mut Expansion<'_>, pod: &Pod, templates: &[Claim]) {
    if pod.node.is_some() || pod.terminating {
        return;
    }
    for template in templates {
        let namespace = pod.spec.namespace.clone();
        let name = Str::from(format!("{}-{}", pod.name, template.name));
        if expansion.claims.insert((namespace.clone(), name.clone())) {
            let controller_uid = Some(pod.uid.clone());
            expansion.out.claims.push(Claim { namespace, name, controller_uid, ..template.clone() });
        }
    }
}
