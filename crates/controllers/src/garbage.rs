//! Garbage collection: pods and ReplicaSets whose owner is gone are deleted.
//!
//! Upstream: `garbagecollector/garbagecollector.go` (`attemptToDeleteItem`).

use berth_model::pod::Controller;

/// The places of objects whose controller does not exist. `exists` says whether there is an object of that kind, name
/// and uid in the namespace of the dependent.
pub fn collect<'a>(
    owners: impl IntoIterator<Item = Option<&'a Controller>>,
    exists: impl Fn(&Controller) -> bool,
) -> Vec<usize> {
    let gone = |owner: Option<&Controller>| owner.is_some_and(|owner| !exists(owner));
    owners.into_iter().enumerate().filter(|(_, owner)| gone(*owner)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_an_owner_that_is_gone_are_deleted() {
        let owner = |uid: &str| Controller {
            api_version: "apps/v1".into(),
            kind: "ReplicaSet".into(),
            name: "web".into(),
            uid: uid.into(),
        };
        let (alive, gone) = (owner("1"), owner("2"));
        let found = collect([Some(&alive), Some(&gone), None, Some(&gone)], |owner| &*owner.uid == "1");
        assert_eq!(found, [1, 3]);
    }
}
