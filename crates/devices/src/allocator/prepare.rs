//! What is known about the requests before the search begins: classes, counts, all devices of requests for all.

use berth_model::Str;
use berth_model::device::{
    ALLOCATION_RESULTS_MAX, AllocationMode, Ask, DeviceClass, DeviceRequest, ResourceClaim, SubRequest,
};

use super::search::{Place, Search};
use crate::capacity;
use crate::constraint::{Constraint, RequestName};

/// A request, or one alternative of it.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) ask: &'a SubRequest,
    /// The request that it is an alternative of.
    pub(super) parent: Option<&'a Str>,
    pub(super) class: &'a DeviceClass,
    /// How many devices it takes.
    pub(super) count: i64,
    /// The devices of a request for all.
    pub(super) all: Option<Vec<usize>>,
}

impl<'a> Request<'a> {
    pub(super) fn name(&self) -> RequestName<'a> {
        match self.parent {
            Some(request) => RequestName { request, alternative: Some(&self.ask.name) },
            None => RequestName { request: &self.ask.name, alternative: None },
        }
    }

    pub(super) fn wants_admin_access(&self) -> bool {
        self.ask.admin_access == Some(true)
    }
}

/// `namespace/name`.
pub(super) fn key(claim: &ResourceClaim) -> String {
    format!("{}/{}", claim.namespace, claim.name)
}

impl<'a> Search<'a> {
    /// Looks at all requests of all claims in order.
    ///
    /// # Errors
    /// The first that cannot be served at all, in upstream's words.
    pub(super) fn prepare(&mut self) -> Result<(), String> {
        for (at, claim) in self.claims.iter().copied().enumerate() {
            self.constraints.push(claim.spec.constraints.iter().map(Constraint::new).collect());
            self.requests.push(Vec::new());
            let mut total = 0;
            for request in &claim.spec.requests {
                let fewest = self.prepare_request(at, claim, request)?;
                if fewest > ALLOCATION_RESULTS_MAX as i64 - total {
                    return Err(format!(
                        "claim {}, request {}: adding {fewest} devices exceeds the claim limit of \
                         {ALLOCATION_RESULTS_MAX}, with {total} already accounted for",
                        key(claim),
                        request.name
                    ));
                }
                total += fewest;
            }
        }
        Ok(())
    }

    /// Prepares one request; says how many devices it takes at least.
    fn prepare_request(
        &mut self,
        at: usize,
        claim: &'a ResourceClaim,
        request: &'a DeviceRequest,
    ) -> Result<i64, String> {
        self.requests[at].push(Vec::new());
        let index = self.requests[at].len() - 1;
        let (asks, parent): (&[SubRequest], _) = match &request.ask {
            Ask::Exactly(ask) => (std::slice::from_ref(ask), None),
            Ask::FirstAvailable(asks) => (asks, Some(&request.name)),
        };
        let mut fewest = i64::MAX;
        for (alternative, ask) in asks.iter().enumerate() {
            let place = Place { claim: at, request: index, alternative };
            let prepared = self.prepare_ask(place, claim, ask, parent)?;
            fewest = fewest.min(prepared.count);
            self.requests[at][index].push(prepared);
        }
        Ok(fewest)
    }

    fn prepare_ask(
        &mut self,
        place: Place,
        claim: &'a ResourceClaim,
        ask: &'a SubRequest,
        parent: Option<&'a Str>,
    ) -> Result<Request<'a>, String> {
        let of = || format!("claim {}, request {}", key(claim), ask.name);
        let Some(class) = self.inventory.classes.get(&ask.class) else {
            return Err(format!(
                "{}: could not retrieve device class {}: deviceclass.resource.k8s.io {:?} not found",
                of(),
                ask.class,
                &*ask.class
            ));
        };
        let request = Request { ask, parent, class, count: 0, all: None };
        match ask.mode {
            AllocationMode::Count(count) => Ok(Request { count, ..request }),
            AllocationMode::All => {
                let all = self.all_devices(place, &request, &of)?;
                Ok(Request { count: all.len() as i64, all: Some(all), ..request })
            }
        }
    }

    /// The devices that match a request for all of them, in all pools.
    fn all_devices(
        &mut self,
        place: Place,
        request: &Request<'a>,
        of: &dyn Fn() -> String,
    ) -> Result<Vec<usize>, String> {
        let mut all = Vec::new();
        for pool in 0..self.pools.len() {
            let problem = match &self.pools[pool] {
                pool if pool.incomplete => "being updated",
                pool if pool.invalid => "invalid",
                _ => "",
            };
            if !problem.is_empty() {
                let id = &self.pools[pool].id;
                return Err(format!(
                    "{}: asks for all devices, but resource pool {id} is currently {problem}",
                    of()
                ));
            }
            for at in 0..self.candidates.len() {
                if self.candidates[at].pool != pool || !self.is_selectable(place, request, at)? {
                    continue;
                }
                // What is taken already is looked at later, so that a device that is short makes the request fail.
                let device = self.candidates[at].device;
                match capacity::fits(None, None, request.ask.capacity.as_ref(), &device.capacity) {
                    Ok(true) => all.push(at),
                    Ok(false) => {}
                    Err(why) => {
                        return Err(format!("{}: checking capacity for device {}: {why}", of(), device.name));
                    }
                }
            }
        }
        Ok(all)
    }
}
