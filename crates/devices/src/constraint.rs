//! What the devices of several requests must have in common, or must not.
//!
//! Upstream: `matchAttributeConstraint` in `allocator_incubating.go`, `constraint.go`.

use berth_model::Str;
use berth_model::device::{Attribute, ConstraintRule, Device, DeviceConstraint};

/// A constraint and the attributes of the devices that are picked.
#[derive(Debug)]
pub(crate) struct Constraint<'a> {
    of: &'a DeviceConstraint,
    picked: Vec<&'a Attribute>,
}

/// Which request a device is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestName<'a> {
    pub(crate) request: &'a Str,
    pub(crate) alternative: Option<&'a Str>,
}

impl RequestName<'_> {
    /// `request` or `request/alternative`.
    pub(crate) fn full(&self) -> Str {
        match self.alternative {
            Some(alternative) => format!("{}/{alternative}", self.request).into(),
            None => self.request.clone(),
        }
    }

    /// Whether the names are those of the request or of all its alternatives.
    fn is_in(&self, names: &[Str]) -> bool {
        names.iter().any(|name| {
            name == self.request
                || self.alternative.is_some_and(|alternative| {
                    name.split_once('/').is_some_and(|(a, b)| *a == **self.request && *b == **alternative)
                })
        })
    }
}

impl<'a> Constraint<'a> {
    pub(crate) fn new(of: &'a DeviceConstraint) -> Self {
        Self { of, picked: Vec::new() }
    }

    fn applies(&self, name: RequestName<'_>) -> bool {
        self.of.requests.is_empty() || name.is_in(&self.of.requests)
    }

    /// Picks a device if the constraint allows it.
    pub(crate) fn add(&mut self, name: RequestName<'_>, driver: &str, device: &'a Device) -> bool {
        if !self.applies(name) {
            return true;
        }
        let (ConstraintRule::Match(attribute) | ConstraintRule::Distinct(attribute)) = &self.of.rule;
        let Some(value) = lookup(device, driver, attribute) else { return false };
        let allowed = match (&self.of.rule, self.picked.first()) {
            (_, None) => true,
            // Lists cannot be compared while the feature for them is off.
            _ if is_list(value) => false,
            (ConstraintRule::Match(_), Some(first)) => *first == value,
            (ConstraintRule::Distinct(_), Some(_)) => self.picked.iter().all(|one| *one != value),
        };
        if allowed {
            self.picked.push(value);
        }
        allowed
    }

    /// Takes back the device that was picked last.
    pub(crate) fn remove(&mut self, name: RequestName<'_>) {
        if self.applies(name) {
            self.picked.pop();
        }
    }
}

fn is_list(value: &Attribute) -> bool {
    matches!(value, Attribute::Ints(_) | Attribute::Bools(_) | Attribute::Strings(_) | Attribute::Versions(_))
}

/// An attribute by its fully qualified name. A name without domain is in the driver's.
fn lookup<'a>(device: &'a Device, driver: &str, name: &str) -> Option<&'a Attribute> {
    let get = |name: &str| {
        let at = device.attributes.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&device.attributes[at].1)
    };
    get(name).or_else(|| {
        let (domain, id) = name.split_once('/')?;
        (domain == driver).then(|| get(id)).flatten()
    })
}
