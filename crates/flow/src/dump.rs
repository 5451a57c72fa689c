//! Inputs from which another loop learns all that this one knows.

use berth_model::object::{Kind, Object};
use berth_model::pod_manifest::{PodManifest, ScheduledCondition};

use crate::input::Input;
use crate::scheduling_loop::SchedulingLoop;

impl SchedulingLoop {
    /// Inputs from which a new loop learns what this one knows, as after a restart of the process. What is in flight is
    /// not part of them, so nothing must be in flight ([`SchedulingLoop::is_quiet`]). Backoffs begin again.
    pub fn dump_inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for kind in Self::KINDS {
            inputs.push(Input::Listing(kind));
            inputs.extend(self.objects(kind).into_iter().map(Input::Applied));
            if !self.missing().contains(&kind) {
                inputs.push(Input::Listed(kind));
            }
        }
        inputs.push(Input::Leads(self.leads()));
        inputs
    }

    /// Whether nothing is in flight: no action waits for its reply, and no pod is assumed on a node.
    pub fn is_quiet(&self) -> bool {
        self.in_flight() == 0 && self.assumed() == 0
    }

    fn objects(&self, kind: Kind) -> Vec<Object> {
        match kind {
            Kind::Pod => self.manifests().map(|pod| Object::Pod(Box::new(pod))).collect(),
            kind => self.scheduler().cluster().objects(kind),
        }
    }

    fn manifests(&self) -> impl Iterator<Item = PodManifest> {
        let cluster = self.scheduler().cluster();
        cluster.pods().rows().map(|row| {
            let (generation, condition) = self.written_status(row);
            PodManifest {
                generation,
                scheduled: condition.map(|(reason, message)| ScheduledCondition {
                    status: "False".into(),
                    reason,
                    message,
                }),
                ..PodManifest::of(cluster.pods().entry(row).pod.clone())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::SchedulingLoop;
    use crate::tests::fixture::World;

    #[test]
    fn a_loop_with_the_inputs_of_another_decides_as_it_does() {
        let mut world = World::new();
        world.node("n1", 2);
        world.node_with("n2", 4, r#","labels":{"zone":"b"}"#);
        world.bound("a", 2, "n2");
        world.pod("big", 8);
        world.pod_with("gated", 1, r#""schedulingGates":[{"name":"g"}],"#, "");
        world.apply(
            r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default","labels":{"team":"x"}}}"#,
        );
        world.apply(
            r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"rs","namespace":"default"},
                "spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
                "spec":{"containers":[{"name":"c"}]}}}}"#,
        );
        world.run();
        assert!(world.flow.is_quiet());
        let inputs = world.flow.dump_inputs();
        let mut other = World::unlisted(|_| {});
        for input in inputs.clone() {
            other.take(input);
        }
        assert!(other.flow.synced());
        assert_eq!(format!("{:?}", other.flow.dump_inputs()), format!("{inputs:?}"));
        world.pod("b", 2);
        other.pod("b", 2);
        let bound = |lines: Vec<String>| {
            lines.into_iter().filter(|line| line.starts_with("bind")).collect::<Vec<_>>()
        };
        assert_eq!(bound(world.run()), bound(other.run()));
        assert_eq!(
            SchedulingLoop::KINDS.map(|kind| world.flow.count(kind)),
            SchedulingLoop::KINDS.map(|kind| other.flow.count(kind))
        );
    }
}
