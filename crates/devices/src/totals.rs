//! How many devices of a class a node has, for scores by how full nodes are.
//!
//! Upstream: plugins/noderesources `resource_allocation.go` (`calculateDRAResourceTotals`).

use berth_model::device::{Device, DeviceClass, DeviceId, Reach};

use crate::NodeView;
use crate::objects::DeviceObjects;
use crate::pools::reaches;

/// Devices of a class that a node can reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All of them.
    pub capacity: i64,
    /// Those that are allocated, in whole or in part.
    pub allocated: i64,
}

impl DeviceObjects {
    /// The devices of a class that the node can reach, in all slices, whether their pools are complete or not. None if
    /// a selector of the class fails.
    pub fn totals(&self, node: NodeView<'_>, class: &DeviceClass) -> Totals {
        self.count(node, class).unwrap_or_default()
    }

    fn count(&self, node: NodeView<'_>, class: &DeviceClass) -> Option<Totals> {
        let mut totals = Totals::default();
        for slice in self.slices_for(node.name) {
            let of_slice = reaches(node, &slice.reach);
            let per_device = slice.reach == Reach::PerDevice;
            for device in &slice.devices {
                let is_reached = of_slice || (per_device && reaches(node, &device.reach));
                if is_reached && self.is_of_class(&slice.driver, device, class)? {
                    totals.capacity += 1;
                    let id = DeviceId {
                        driver: slice.driver.clone(),
                        pool: slice.pool.name.clone(),
                        device: device.name.clone(),
                    };
                    totals.allocated += i64::from(self.allocated().is_allocated(&id));
                }
            }
        }
        Some(totals)
    }

    /// Whether all selectors of the class match; `None` if one fails. Upstream does not tell these selectors whether a
    /// device can be shared.
    fn is_of_class(&self, driver: &str, device: &Device, class: &DeviceClass) -> Option<bool> {
        if class.selectors.is_empty() {
            return Some(true);
        }
        let device = Device { allow_multiple_allocations: None, ..device.clone() };
        for expression in &class.selectors {
            let compiled = self.selectors().get(expression);
            let selector = compiled.as_ref().as_ref().ok()?;
            if !selector.matches(driver, &device).result.ok()? {
                return Some(false);
            }
        }
        Some(true)
    }
}
