//! Devices that several claims share: how much a request takes, and whether that is left.
//!
//! Upstream: `structured/internal/incubating/consumable_capacity.go`, with the gate `DRAFractionalCapacityRange` off.

use berth_model::Str;
use berth_model::device::{Capacity, RequestPolicy, ValidRange};
use berth_model::quantity::Amount;

use crate::state::{Amounts, amount};

/// Whether what is asked for can be had beside what is taken, in allocations and in the one at hand.
///
/// # Errors
/// An amount that cannot be computed with, which ends the whole attempt.
pub(crate) fn fits(
    taken: Option<&Amounts>,
    taken_now: Option<&Amounts>,
    asked: Option<&Amounts>,
    capacity: &[(Str, Capacity)],
) -> Result<bool, String> {
    let has = |name: &Str| capacity.iter().any(|(known, _)| known == name);
    if asked.into_iter().flatten().any(|(name, _)| !has(name)) {
        return Ok(false);
    }
    let consumed = consumed(asked, capacity)?;
    for ((name, capacity), (_, wanted)) in capacity.iter().zip(&consumed) {
        if capacity.policy.as_ref().is_some_and(|policy| violates(wanted, policy)) {
            return Ok(false);
        }
        let mut sum = wanted.clone();
        for taken in [taken, taken_now].into_iter().flatten() {
            if let Some(amount) = amount(taken, name) {
                sum = amount + &sum;
            }
        }
        if sum > capacity.value {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a request takes of each capacity.
///
/// # Errors
/// An amount that cannot be computed with.
pub(crate) fn consumed(asked: Option<&Amounts>, capacity: &[(Str, Capacity)]) -> Result<Amounts, String> {
    let mut all = Vec::with_capacity(capacity.len());
    for (name, capacity) in capacity {
        let wanted = asked.and_then(|asked| amount(asked, name));
        let taken = one(wanted, capacity).map_err(|why| format!("capacity {:?}: {why}", &**name))?;
        if taken.is_negative() {
            return Err(format!("capacity {:?}: capacity value is negative", &**name));
        }
        all.push((name.clone(), taken));
    }
    Ok(all)
}

fn one(wanted: Option<&Amount>, capacity: &Capacity) -> Result<Amount, String> {
    let policy = capacity.policy.as_ref();
    let Some(wanted) = wanted else {
        return Ok(policy.and_then(|policy| policy.default.as_ref()).unwrap_or(&capacity.value).clone());
    };
    let Some(policy) = policy else { return Ok(wanted.clone()) };
    match &policy.valid_range {
        Some(range @ ValidRange { min: Some(min), .. }) => round_up(wanted, min, range.step.as_ref()),
        _ => Ok(policy.valid_values.iter().find(|value| wanted <= value).unwrap_or(wanted).clone()),
    }
}

/// The next whole step from the smallest amount.
fn round_up(wanted: &Amount, min: &Amount, step: Option<&Amount>) -> Result<Amount, String> {
    let unrepresentable = "capacity request cannot be represented in the device's range arithmetic";
    if wanted < min {
        return Ok(min.clone());
    }
    let Some(step) = step else { return Ok(wanted.clone()) };
    if wanted.quantity() > berth_model::quantity::Quantity::from_units(i64::MAX) {
        return Err(format!("{unrepresentable}: request {wanted} exceeds MaxInt64"));
    }
    let (from, by) = (min.value(), step.value());
    let added = wanted.value().wrapping_sub(from);
    let steps =
        added.checked_div(by).unwrap_or_default() + i64::from(added.checked_rem(by).unwrap_or_default() != 0);
    match steps.checked_mul(by).and_then(|total| total.checked_add(from)) {
        Some(total) => Ok(Amount::new(total, step.format())),
        None => {
            Err(format!("{unrepresentable}: rounding request {wanted} up to the next step passes MaxInt64"))
        }
    }
}

fn violates(wanted: &Amount, policy: &RequestPolicy) -> bool {
    if policy.default.as_ref().is_some_and(|default| wanted.same_representation(default)) {
        return false;
    }
    if let Some(range) = &policy.valid_range {
        let beyond = range.max.as_ref().is_some_and(|max| wanted > max);
        let between_steps = range.step.as_ref().is_some_and(|step| {
            let min = range.min.as_ref().map_or(0, Amount::value);
            wanted.value().wrapping_sub(min).checked_rem(step.value()).unwrap_or_default() != 0
        });
        return beyond || between_steps;
    }
    !policy.valid_values.is_empty() && !policy.valid_values.contains(wanted)
}
