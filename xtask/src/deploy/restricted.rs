//! Pods ask for no more than the Pod Security Standard `restricted` grants; the static pod, which needs kubeadm's
//! files, for no more than it must.

use serde_json::Value;

use super::Deploy;
use super::object::Object;

pub(super) fn check(deploy: &Deploy) -> Vec<String> {
    let mut problems = Vec::new();
    for object in deploy.all() {
        let Some(pod) = object.pod() else { continue };
        let Some(spec) = object.value.pointer(&format!("{pod}/spec")) else { continue };
        for (holds, what) in of_pod(spec, object) {
            if !holds {
                problems.push(format!("{object}: {what}"));
            }
        }
    }
    problems
}

fn of_pod(spec: &Value, object: &Object) -> Vec<(bool, &'static str)> {
    let context = &spec["securityContext"];
    let mut found = vec![(context["seccompProfile"]["type"] == "RuntimeDefault", "has no seccomp profile")];
    if object.kind() != "Pod" {
        found.push((context["runAsNonRoot"] == true, "may run as root"));
        found.push((context["runAsUser"] == 65532, "runs as another user than the image's"));
        found.push((spec["hostNetwork"].is_null(), "is in the host's network"));
    }
    for container in spec["containers"].as_array().into_iter().flatten() {
        let own = &container["securityContext"];
        found.push((own["allowPrivilegeEscalation"] == false, "may gain privileges"));
        found.push((own["readOnlyRootFilesystem"] == true, "may write its root file system"));
        found.push((own["capabilities"]["drop"] == Value::from(vec!["ALL"]), "keeps capabilities"));
        found.push((!container["resources"]["requests"].is_null(), "requests nothing"));
    }
    found
}
