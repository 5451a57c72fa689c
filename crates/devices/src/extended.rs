//! Extended resources that a DeviceClass serves, and the claim that the scheduler makes for them.
//!
//! Upstream: dynamic-resource-allocation `deviceclass/extendedresourcecache`; plugins/dynamicresources
//! `extendeddynamicresources.go` (KEP-5004).

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::device::{AllocationMode, Ask, DeviceClass, DeviceRequest, SubRequest};
use berth_model::pod::{Container, PodSpec};

use crate::state::hash;

/// What the name of a class is prefixed with to be requested as an extended resource.
const CLASS_PREFIX: &str = "deviceclass.resource.kubernetes.io/";

/// Whether a resource can be served by a class: an extended resource, or one that names a class.
pub fn may_be_served(resource: &str) -> bool {
    let extended =
        resource.contains('/') && !resource.contains("kubernetes.io/") && !resource.starts_with("requests.");
    extended || resource.starts_with(CLASS_PREFIX)
}

/// The name of the claim that serves the extended resources of a pod. It follows from the pod, so that a write whose
/// answer was lost can be sent again. The API server gives upstream's claim a name (`generateName`).
pub fn claim_name(pod: &str, uid: &str) -> Str {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    const LONGEST: usize = 200;
    let mut rest = hash(3, uid, 0);
    let suffix = (0..10).map(|_| {
        let letter = LETTERS[(rest % LETTERS.len() as u64) as usize];
        rest /= LETTERS.len() as u64;
        char::from(letter)
    });
    let pod = pod.chars().take(LONGEST).collect::<String>();
    format!("{pod}-extended-resources-{}", suffix.collect::<String>()).as_str().into()
}

/// Which class serves which extended resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExtendedResources {
    /// The name of the class, by resource.
    class: BTreeMap<Str, Str>,
}

impl ExtendedResources {
    /// The name of the class that serves the resource.
    pub(crate) fn class(&self, resource: &str) -> Option<&Str> {
        self.class.get(resource)
    }

    /// Takes a class that is new, or that replaces an old one.
    ///
    /// Of two classes for one resource the newer wins, then the first by name. One that loses when it arrives is not
    /// taken at all, not even by its own name.
    pub(crate) fn upsert(
        &mut self,
        class: &DeviceClass,
        old: Option<&DeviceClass>,
        all: &BTreeMap<Str, DeviceClass>,
    ) {
        let explicit = class.extended_resource_name.as_ref();
        let holder = explicit.and_then(|name| self.class.get(name)).filter(|name| **name != class.name);
        if let Some(holder) = holder.and_then(|name| all.get(name)) {
            let wins = class.created > holder.created
                || (class.created == holder.created && class.name < holder.name);
            if !wins {
                return;
            }
        }
        if let Some(old) = old {
            self.remove(old);
        }
        if let Some(name) = explicit {
            self.class.insert(name.clone(), class.name.clone());
        }
        self.class.insert(implicit(class), class.name.clone());
    }

    /// Forgets a class.
    pub(crate) fn remove(&mut self, class: &DeviceClass) {
        self.class.remove(&implicit(class));
        if let Some(name) = &class.extended_resource_name {
            self.class.remove(name);
        }
    }
}

fn implicit(class: &DeviceClass) -> Str {
    format!("{CLASS_PREFIX}{}", class.name).as_str().into()
}

/// `v1.ContainerExtendedResourceRequest`: which request of the claim serves a container's resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestMapping {
    /// The container.
    pub container: Str,
    /// The extended resource.
    pub resource: Str,
    /// The request.
    pub request: Str,
}

/// The requests of the claim that serves these extended resources of a pod, by name, and what they are for. Init
/// containers that end before the others start use the devices of those.
pub(crate) fn requests(
    spec: &PodSpec,
    resources: &BTreeMap<Str, Str>,
) -> (Vec<DeviceRequest>, Vec<RequestMapping>) {
    let (mut requests, mut mappings) = (Vec::new(), Vec::new());
    for (resource, class) in resources {
        let (needed, uses) = of_resource(spec, resource);
        requests.extend(needed.into_iter().map(|needed| needed.request(class)));
        mappings.extend(uses);
    }
    requests.sort_by(|a, b| a.name.cmp(&b.name));
    (requests, mappings)
}

/// Devices for a container.
#[derive(Clone)]
struct Needed {
    name: Str,
    count: i64,
}

impl Needed {
    fn request(self, class: &Str) -> DeviceRequest {
        let exactly = SubRequest {
            name: self.name.clone(),
            class: class.clone(),
            mode: AllocationMode::Count(self.count),
            ..SubRequest::default()
        };
        DeviceRequest { name: self.name, ask: Ask::Exactly(exactly) }
    }
}

fn of_resource(spec: &PodSpec, resource: &Str) -> (Vec<Needed>, Vec<RequestMapping>) {
    let containers: Vec<&Container> = spec.init_containers.iter().chain(&spec.containers).collect();
    let ends_early = |at: usize| at < spec.init_containers.len() && !containers[at].sidecar;
    let mut stay: Vec<Option<Needed>> = vec![None; containers.len()];
    let mut mappings = Vec::new();
    for at in (0..containers.len()).filter(|at| !ends_early(*at)) {
        stay[at] = of_container(at, containers[at], resource, &[], &mut mappings);
    }
    // Init containers run one after the other: one request serves all of them, the largest.
    let mut largest: Option<Needed> = None;
    let (mut uses, mut names) = (Vec::new(), Vec::new());
    for at in (0..containers.len()).filter(|at| ends_early(*at)) {
        let Some(needed) = of_container(at, containers[at], resource, &stay[at..], &mut uses) else {
            continue;
        };
        names.push(needed.name.clone());
        if largest.as_ref().is_none_or(|largest| largest.count < needed.count) {
            largest = Some(needed);
        }
    }
    if let Some(largest) = &largest {
        for mapping in
            uses.iter_mut().filter(|mapping: &&mut RequestMapping| names.contains(&mapping.request))
        {
            mapping.request = largest.name.clone();
        }
    }
    mappings.extend(uses);
    (largest.into_iter().chain(stay.into_iter().flatten()).collect(), mappings)
}

/// What a container needs beside the requests that it can use, which are noted in the mappings.
fn of_container(
    at: usize,
    container: &Container,
    resource: &Str,
    usable: &[Option<Needed>],
    mappings: &mut Vec<RequestMapping>,
) -> Option<Needed> {
    let mapping = |request: &Str| RequestMapping {
        container: container.name.clone(),
        resource: resource.clone(),
        request: request.clone(),
    };
    let (_, wanted) = container.requests.iter().find(|(name, _)| name == resource)?;
    let wanted = wanted.is_whole().then(|| wanted.value()).filter(|wanted| *wanted != 0)?;
    let mut found = 0;
    for other in usable.iter().flatten() {
        found += other.count;
        mappings.push(mapping(&other.name));
        if found >= wanted {
            return None;
        }
    }
    let index = container.requests.iter().filter(|(name, _)| name < resource).count();
    let name: Str = format!("container-{at}-request-{index}").as_str().into();
    mappings.push(mapping(&name));
    Some(Needed { name, count: wanted - found })
}
