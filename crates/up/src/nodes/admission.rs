//! Whether a node accepts a pod: a pod may come without a scheduler, or by one that knows less than the node.
//!
//! Upstream: `pkg/kubelet/lifecycle/predicate.go` (`Admit`), for requests and the number of pods.

use std::collections::BTreeMap;

use berth_model::quantity::Quantity;

/// The name under which pods count.
const PODS: &str = "pods";

/// Amounts by resource.
pub(super) type Amounts = BTreeMap<String, Quantity>;

/// What the pods of a node use.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    pods: i64,
    /// In billionths, since quantities cannot be subtracted.
    nanos: BTreeMap<String, i128>,
}

/// Why a node does not accept a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    /// `status.reason`, for example `OutOfcpu`.
    pub(super) reason: String,
    /// The rest of `status.message`.
    pub(super) message: String,
}

impl Usage {
    /// Checks that a pod fits beside the others on a node that offers `allocatable`. Resources that the node does not
    /// name are not its own.
    pub(super) fn check(&self, requests: &Amounts, allocatable: &Amounts) -> Result<(), Rejection> {
        let all = allocatable.get(PODS).map_or(i64::MAX, |pods| pods.value());
        if self.pods + 1 > all {
            return Err(rejection(PODS, 1, self.pods.into(), all.into()));
        }
        for (name, requested) in requests.iter().filter(|(_, requested)| !requested.is_zero()) {
            let Some(capacity) = allocatable.get(name) else { continue };
            let used = self.nanos.get(name).copied().unwrap_or_default();
            if used + requested.nanos() > capacity.nanos() {
                let unit = if name == "cpu" { 1_000_000 } else { 1_000_000_000 };
                let amount = |nanos: i128| nanos.div_euclid(unit) + i128::from(nanos.rem_euclid(unit) > 0);
                return Err(rejection(
                    name,
                    amount(requested.nanos()),
                    amount(used),
                    amount(capacity.nanos()),
                ));
            }
        }
        Ok(())
    }

    /// Counts a pod.
    pub(super) fn add(&mut self, requests: &Amounts) {
        self.pods += 1;
        for (name, amount) in requests {
            *self.nanos.entry(name.clone()).or_default() += amount.nanos();
        }
    }

    /// Counts a pod no longer.
    pub(super) fn remove(&mut self, requests: &Amounts) {
        self.pods -= 1;
        for (name, amount) in requests {
            *self.nanos.entry(name.clone()).or_default() -= amount.nanos();
        }
    }
}

fn rejection(name: &str, requested: i128, used: i128, capacity: i128) -> Rejection {
    Rejection {
        reason: format!("OutOf{name}"),
        message: format!(
            "Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(list: &[(&str, &str)]) -> Amounts {
        list.iter().map(|(name, amount)| ((*name).to_owned(), Quantity::parse(amount).unwrap())).collect()
    }

    #[test]
    fn a_pod_that_does_not_fit_is_rejected_as_a_kubelet_does() {
        let node = amounts(&[("cpu", "2"), ("memory", "1Gi"), ("pods", "3")]);
        let mut usage = Usage::default();
        usage.add(&amounts(&[("cpu", "1500m")]));
        let check = |requests: &[(&str, &str)]| usage.check(&amounts(requests), &node).map_err(|r| r.message);
        assert_eq!(check(&[("cpu", "500m"), ("memory", "1Gi"), ("example.com/other", "9")]), Ok(()));
        let message = "Node didn't have enough resource: cpu, requested: 501, used: 1500, capacity: 2000";
        assert_eq!(check(&[("cpu", "501m")]), Err(message.to_owned()));
        assert_eq!(usage.check(&amounts(&[("memory", "2Gi")]), &node).unwrap_err().reason, "OutOfmemory");
        usage.add(&Amounts::new());
        usage.add(&Amounts::new());
        assert_eq!(usage.check(&Amounts::new(), &node).unwrap_err().reason, "OutOfpods");
        usage.remove(&amounts(&[("cpu", "1500m")]));
        assert_eq!(usage.check(&amounts(&[("cpu", "2")]), &node), Ok(()));
    }
}
