//! Which objects belong to a controller: what it adopts and releases.
//!
//! Upstream: `controller_ref_manager.go` (`ClaimObject`).

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::pod::Controller;
use berth_model::selector::LabelSelector;

/// A controller that claims objects of its namespace.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// `metadata.uid`.
    pub uid: &'a Str,
    /// `spec.selector`. An empty selector, or none, selects nothing.
    pub selector: Option<&'a LabelSelector>,
    /// `metadata.deletionTimestamp` is set: it neither adopts nor releases.
    pub terminating: bool,
}

/// What a controller does with an object of its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The object is its own.
    Keep,
    /// The object has no controller: it becomes its own.
    Adopt,
    /// The object was its own, but is not selected any more: the owner reference is removed.
    Release,
    /// The object is not its own.
    Ignore,
}

/// Decides about an object: a pod, or a ReplicaSet of a Deployment.
pub fn claim(
    claimant: &Claimant<'_>,
    owner: Option<&Controller>,
    labels: &Labels,
    terminating: bool,
) -> Claim {
    let selects = |selector: &LabelSelector| !selector.requirements.is_empty() && selector.matches(labels);
    let selected = claimant.selector.is_some_and(selects);
    match owner {
        Some(owner) if owner.uid != *claimant.uid => Claim::Ignore,
        Some(_) if selected => Claim::Keep,
        Some(_) if claimant.terminating => Claim::Ignore,
        Some(_) => Claim::Release,
        None if selected && !claimant.terminating && !terminating => Claim::Adopt,
        None => Claim::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orphans_are_adopted_and_own_pods_that_are_not_selected_released() {
        use Claim::*;
        // owner's uid, label, the claimant terminates, the object terminates
        let cases = [
            (Some("u"), "web", false, false, Keep),
            (Some("u"), "web", true, true, Keep),
            (Some("u"), "api", false, false, Release),
            (Some("u"), "api", true, false, Ignore),
            (Some("v"), "web", false, false, Ignore),
            (None, "web", false, false, Adopt),
            (None, "web", true, false, Ignore),
            (None, "web", false, true, Ignore),
            (None, "api", false, false, Ignore),
        ];
        let selector = LabelSelector::from_labels(&Labels::from_iter([("app", "web")]));
        let uid: Str = "u".into();
        for (owner, label, ends, terminating, expected) in cases {
            let owner = owner.map(|uid| Controller {
                api_version: "apps/v1".into(),
                kind: "ReplicaSet".into(),
                name: "web-1".into(),
                uid: uid.into(),
            });
            let claimant = Claimant { uid: &uid, selector: Some(&selector), terminating: ends };
            let labels = Labels::from_iter([("app", label)]);
            let found = claim(&claimant, owner.as_ref(), &labels, terminating);
            assert_eq!(found, expected, "{owner:?} {label} {ends} {terminating}");
        }
    }

    #[test]
    fn an_empty_selector_selects_nothing() {
        let (uid, everything) = ("u".into(), LabelSelector::default());
        for selector in [None, Some(&everything)] {
            let claimant = Claimant { uid: &uid, selector, terminating: false };
            assert_eq!(claim(&claimant, None, &Labels::from_iter([("app", "web")]), false), Claim::Ignore);
        }
    }
}
