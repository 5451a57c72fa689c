//! Everything that a flow knows, told anew.

use berth_model::object::{Kind, Object};
use berth_model::pod_manifest::{PodManifest, ScheduledCondition};

use crate::flow::Flow;
use crate::input::Input;

impl Flow {
    /// Inputs from which a new flow comes to know what this one knows: as if the process started anew. What is on its way
    /// is not told, so there must be nothing ([`Flow::is_quiet`]); backoffs begin again.
    pub fn restate(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for kind in Self::KINDS {
            inputs.push(Input::Listing(kind));
            inputs.extend(self.objects(kind).into_iter().map(Input::Applied));
            if !self.missing().contains(&kind) {
                inputs.push(Input::Listed(kind));
            }
        }
        inputs.push(Input::Leads(self.leads));
        inputs
    }

    /// Whether nothing is on its way: no action waits for its reply, and no pod for its binding.
    pub fn is_quiet(&self) -> bool {
        self.in_flight() == 0 && self.assumed() == 0
    }

    fn objects(&self, kind: Kind) -> Vec<Object> {
        match kind {
            Kind::Pod => self.manifests().map(|pod| Object::Pod(Box::new(pod))).collect(),
            kind => self.scheduler.cluster().objects(kind),
        }
    }

    fn manifests(&self) -> impl Iterator<Item = PodManifest> {
        let cluster = self.scheduler.cluster();
        cluster.pods().rows().map(|row| {
            let track = self.tracks.get(row);
            let condition = track.and_then(|track| track.condition.clone());
            PodManifest {
                generation: track.map_or(0, |track| track.generation),
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
    use crate::flow::Flow;
    use crate::tests::fixture::World;

    #[test]
    fn a_flow_that_is_told_what_another_knows_decides_as_that_one() {
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
        let told = world.flow.restate();
        let mut other = World::unlisted(|_| {});
        for input in told.clone() {
            other.take(input);
        }
        assert!(other.flow.synced());
        assert_eq!(format!("{:?}", other.flow.restate()), format!("{told:?}"));
        world.pod("b", 2);
        other.pod("b", 2);
        let bound =
            |told: Vec<String>| told.into_iter().filter(|t| t.starts_with("bind")).collect::<Vec<_>>();
        assert_eq!(bound(world.run()), bound(other.run()));
        assert_eq!(
            Flow::KINDS.map(|kind| world.flow.count(kind)),
            Flow::KINDS.map(|kind| other.flow.count(kind))
        );
    }
}
