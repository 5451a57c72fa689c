//! How full the storage of a pod's claims would be on a node, as a score.
//!
//! Upstream: `volumebinding/scorer.go`, and `Score` in `volumebinding/volume_binding.go`.

use berth_model::volume::Claim;
use smallvec::SmallVec;

use crate::scoring::shape::{ShapePoint, at_utilization};

use super::search::Found;

/// What is requested of a class, and what there is, in bytes.
struct ClassUse<'a> {
    class: &'a str,
    requested: i64,
    capacity: i64,
}

/// The mean over the classes, rounded: of the volumes that are taken, or where there are none, of the capacity that
/// new volumes come from.
pub(super) fn of(found: &Found<'_>, shape: &[ShapePoint]) -> i64 {
    let mut classes: SmallVec<[ClassUse<'_>; 2]> = SmallVec::new();
    for (claim, volume) in &found.bindings {
        let of_class = entry(&mut classes, claim);
        of_class.requested = of_class.requested.wrapping_add(claim.request.value());
        of_class.capacity = of_class.capacity.wrapping_add(volume.capacity.value());
    }
    if found.bindings.is_empty() {
        for (claim, capacity) in &found.provisions {
            let Some(capacity) = capacity else { continue };
            let of_class = entry(&mut classes, claim);
            of_class.requested = of_class.requested.wrapping_add(claim.request.value());
            // The claims of a class share its capacity.
            of_class.capacity = *capacity;
        }
    }
    if classes.is_empty() {
        return 0;
    }
    let sum: i64 = classes.iter().map(|c| at_utilization(shape, utilization(c))).sum();
    (sum as f64 / classes.len() as f64).round() as i64
}

/// The use of a claim's class, which is that of its volume too.
fn entry<'l, 'a>(classes: &'l mut SmallVec<[ClassUse<'a>; 2]>, claim: &'a Claim) -> &'l mut ClassUse<'a> {
    let class = claim.storage_class.as_deref().unwrap_or_default();
    let at = classes.iter().position(|c| c.class == class).unwrap_or_else(|| {
        classes.push(ClassUse { class, requested: 0, capacity: 0 });
        classes.len() - 1
    });
    &mut classes[at]
}

/// In percent.
fn utilization(class: &ClassUse<'_>) -> i64 {
    if class.capacity == 0 || class.requested > class.capacity {
        return 100;
    }
    class.requested.wrapping_mul(100).wrapping_div(class.capacity)
}
