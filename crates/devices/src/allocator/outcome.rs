//! From what was picked to what is written into a claim's status.

use berth_model::Str;
use berth_model::device::{
    AllocatedDevice, Allocation, AllocationConfig, Ask, DeviceRequest, Reach, ResourceClaim,
};
use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};

use super::AllocationError;
use super::search::{Picked, Search};

impl<'a> Search<'a> {
    /// The allocations of a search that has found a solution.
    ///
    /// # Errors
    /// Selectors of several slices that cannot be merged.
    pub(super) fn allocations(&self) -> Result<Vec<Allocation>, AllocationError> {
        self.claims
            .iter()
            .enumerate()
            .map(|(at, claim)| {
                let results = self.picked[at].iter().map(|picked| self.result(picked)).collect();
                let node_selector = self.node_selector(at).map_err(|text| AllocationError {
                    text: format!("create NodeSelector for claim {}: {text}", claim.name),
                    node_local: false,
                })?;
                Ok(Allocation { results, config: self.config(at, claim), node_selector, timestamp: None })
            })
            .collect()
    }

    fn result(&self, picked: &Picked) -> AllocatedDevice {
        let place = picked.place;
        let request = &self.requests[place.claim][place.request][place.alternative];
        let candidate = &self.candidates[picked.candidate];
        AllocatedDevice {
            request: request.name().full(),
            device: candidate.id(),
            admin_access: request.wants_admin_access(),
            tolerations: request.ask.tolerations.clone(),
            binding_conditions: candidate.device.binding_conditions.clone().unwrap_or_default(),
            binding_failure_conditions: candidate.device.binding_failure_conditions.clone(),
            // The shell that writes the claim gives the share its identity.
            share_id: picked.share.as_ref().map(|_| Str::default()),
            consumed_capacity: picked.share.clone().unwrap_or_default(),
        }
    }

    /// Configuration of the classes, each once, then that of the claim as far as it is for what was chosen.
    fn config(&self, at: usize, claim: &ResourceClaim) -> Vec<AllocationConfig> {
        let mut config: Vec<AllocationConfig> = Vec::new();
        let mut of_classes: Vec<(&Str, std::ops::Range<usize>)> = Vec::new();
        for (number, alternatives) in self.requests[at].iter().enumerate() {
            let request = &alternatives[self.chosen_alternative(at, number)];
            let (class, name) = (request.class, request.name().full());
            if let Some((_, range)) = of_classes.iter().find(|(known, _)| **known == class.name) {
                for entry in &mut config[range.clone()] {
                    entry.requests.push(name.clone());
                }
                continue;
            }
            let start = config.len();
            config.extend(class.config.iter().map(|opaque| AllocationConfig {
                from_class: true,
                requests: vec![name.clone()],
                opaque: opaque.clone(),
            }));
            of_classes.push((&class.name, start..config.len()));
        }
        for entry in &claim.spec.config {
            let mut requests = claim.spec.requests.iter().enumerate();
            if entry.requests.is_empty()
                || requests.any(|(number, request)| self.is_meant(at, number, request, &entry.requests))
            {
                let (requests, opaque) = (entry.requests.clone(), entry.opaque.clone());
                config.push(AllocationConfig { from_class: false, requests, opaque });
            }
        }
        for entry in config.iter_mut().filter(|entry| !entry.requests.is_empty()) {
            let mut requests = claim.spec.requests.iter().enumerate();
            if requests.all(|(number, request)| self.is_meant(at, number, request, &entry.requests)) {
                entry.requests.clear();
            }
        }
        config
    }

    fn chosen_alternative(&self, claim: usize, request: usize) -> usize {
        self.chosen.get(&(claim, request)).copied().unwrap_or_default()
    }

    /// Whether the names have the request, or the alternative of it that was chosen.
    fn is_meant(&self, at: usize, number: usize, request: &DeviceRequest, names: &[Str]) -> bool {
        if names.contains(&request.name) {
            return true;
        }
        let Ask::FirstAvailable(alternatives) = &request.ask else { return false };
        let chosen = &alternatives[self.chosen_alternative(at, number)];
        names.iter().any(|name| **name == *format!("{}/{}", request.name, chosen.name))
    }

    /// The nodes from which all devices of a claim can be reached; `None` means all.
    fn node_selector(&self, at: usize) -> Result<Option<NodeSelector>, String> {
        let mut merged = NodeSelectorTerm::default();
        for picked in &self.picked[at] {
            let candidate = &self.candidates[picked.candidate];
            let reach = match &candidate.slice.reach {
                Reach::PerDevice => &candidate.device.reach,
                reach => reach,
            };
            if matches!(reach, Reach::Node(_)) || candidate.device.binds_to_node {
                let name = Requirement {
                    key: "metadata.name".into(),
                    operator: Operator::In,
                    values: vec![self.node.name.into()],
                };
                let term = NodeSelectorTerm { expressions: Vec::new(), fields: vec![name] };
                return Ok(Some(NodeSelector { terms: vec![term] }));
            }
            let Reach::Selected(selector) = reach else { continue };
            match &selector.terms[..] {
                [] => {}
                [term] => {
                    add_requirements(&mut merged.fields, &term.fields);
                    add_requirements(&mut merged.expressions, &term.expressions);
                }
                terms => {
                    return Err(format!("unsupported ResourceSlice.NodeSelector with {} terms", terms.len()));
                }
            }
        }
        let some = !merged.fields.is_empty() || !merged.expressions.is_empty();
        Ok(some.then(|| NodeSelector { terms: vec![merged] }))
    }
}

/// Adds requirements that are not there yet; the order of their values does not matter.
fn add_requirements(to: &mut Vec<Requirement>, from: &[Requirement]) {
    let sorted = |requirement: &Requirement| {
        let mut values = requirement.values.clone();
        values.sort();
        values.dedup();
        values
    };
    for requirement in from {
        let known = to.iter().any(|known| {
            known.key == requirement.key
                && known.operator == requirement.operator
                && sorted(known) == sorted(requirement)
        });
        if !known {
            to.push(requirement.clone());
        }
    }
}
