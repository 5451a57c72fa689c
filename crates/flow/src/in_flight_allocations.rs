//! Devices of attempts that have ended while the write may still be carried out: the pod was deleted, or the attempt has
//! failed for another reason. No other pod gets the devices before it is known what became of the write.
//!
//! Upstream: `inFlightAllocations` in `plugins/dynamicresources/dra_manager.go`; a binding cycle goes on there although
//! its pod was deleted.

use std::collections::BTreeMap;

use berth_engine::cluster::Cluster;
use berth_engine::effect::Effect;
use berth_engine::ids::PodRow;
use berth_model::Str;
use berth_model::object::ObjectKey;

use crate::input::FailureKind;
use crate::reserved_effect::ReservedEffect;

/// A write of PreBind: the uid of its pod, the attempt, and the index of the effect.
pub(crate) type WriteId = (Str, u32, usize);

/// The writes of devices whose attempts have ended.
#[derive(Debug, Default)]
pub(crate) struct InFlightAllocations(BTreeMap<WriteId, InFlightAllocation>);

#[derive(Debug)]
struct InFlightAllocation {
    /// The row that the pod had. Another pod may have it by now.
    row: PodRow,
    reserved: ReservedEffect,
}

impl InFlightAllocations {
    /// An attempt has ended before this write was answered.
    pub(crate) fn insert(&mut self, write: WriteId, row: PodRow, reserved: ReservedEffect) {
        self.0.insert(write, InFlightAllocation { row, reserved });
    }

    /// Whether the attempt of this write has ended.
    pub(crate) fn contains(&self, write: &WriteId) -> bool {
        self.0.contains_key(write)
    }

    /// The write was carried out: the watch delivers the claim. Returns the effect.
    pub(crate) fn on_written(&mut self, write: &WriteId) -> Option<ReservedEffect> {
        self.0.remove(write).map(|it| it.reserved)
    }

    /// The write failed. Returns the effect to revert if it was not carried out; otherwise it is sent again, if this
    /// scheduler leads.
    pub(crate) fn on_failed(
        &mut self,
        write: &WriteId,
        kind: FailureKind,
        leads: bool,
        now: u64,
    ) -> Option<ReservedEffect> {
        let is_retried =
            leads && self.0.get_mut(write).is_some_and(|it| it.reserved.on_write_failed(kind, now).is_some());
        if is_retried { None } else { self.0.remove(write).map(|it| it.reserved) }
    }

    /// The watch delivered an object. Returns whether pods that wait for what becomes of a write may be helped.
    pub(crate) fn on_object(&mut self, cluster: &mut Cluster, key: &ObjectKey) -> bool {
        let mut settles = false;
        self.0.retain(|_, it| {
            settles |= it.reserved.on_object(cluster, key);
            !it.reserved.is_delivered()
        });
        settles
    }

    /// Another scheduler leads: writes whose answers were lost are not sent again. Returns the effects to revert.
    pub(crate) fn on_leadership_lost(&mut self) -> Vec<ReservedEffect> {
        let lost = self.0.extract_if(.., |_, it| it.reserved.retry_at().is_some());
        lost.map(|(_, it)| it.reserved).collect()
    }

    /// The writes that are sent again now, with the rows that their pods had.
    pub(crate) fn take_due(&mut self, now: u64) -> Vec<(WriteId, PodRow, Effect)> {
        let due = self.0.iter_mut().filter(|(_, it)| it.reserved.retry_is_due(now));
        due.map(|(write, it)| {
            it.reserved.take_retry(now);
            (write.clone(), it.row, it.reserved.effect().clone())
        })
        .collect()
    }

    /// When the next write is sent again, in milliseconds.
    pub(crate) fn next_timer(&self) -> Option<u64> {
        self.0.values().filter_map(|it| it.reserved.retry_at()).min()
    }
}
