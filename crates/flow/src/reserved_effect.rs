//! An effect of a placement, from the reservation to the version of the object that has it.

use berth_engine::cluster::{Assumed, Cluster};
use berth_engine::effect::Effect;
use berth_engine::name::PluginName;
use berth_engine::scheduler::Reserved;
use berth_model::object::{Kind, ObjectKey};

use crate::input::FailureKind;
use crate::queue::Backoff;

/// The delay before a request is sent again whose answer was lost.
const RETRY: Backoff = Backoff { initial_millis: 500, max_millis: 30_000 };

/// Whether a request that failed like this may have been carried out, now or earlier, if `lost` answers to it were lost
/// before. If so, returns how many are lost now, and when the request is sent again. A refusal does not tell what became
/// of an earlier request without an answer.
pub(crate) fn retry(kind: FailureKind, lost: u32, now: u64) -> Option<(u32, u64)> {
    let may_be_done = kind == FailureKind::Unknown || kind == FailureKind::Refused && lost > 0;
    let lost = lost.saturating_add(1);
    may_be_done.then(|| (lost, now.saturating_add(RETRY.after(lost))))
}

/// An effect that the engine has applied to the cluster.
#[derive(Debug)]
pub(crate) struct ReservedEffect {
    plugin: PluginName,
    effect: Effect,
    /// What reverts it, unless the watch has delivered the effect.
    assumed: Option<Assumed>,
    /// The watch has delivered the effect. From now on an object without it means that another process has removed it.
    is_delivered: bool,
    write: WriteState,
}

/// What is known of the write that makes an effect true. `lost` is the number of answers that were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteState {
    /// It is sent, or about to be sent.
    InFlight { lost: u32 },
    /// It may have been carried out. It is sent again at this time, in milliseconds.
    Lost { lost: u32, retry_at: u64 },
    /// It was carried out, or it failed.
    Answered,
}

impl ReservedEffect {
    /// An effect that was applied just now. Its write is about to be sent.
    pub(crate) fn new(reserved: Reserved) -> Self {
        let Reserved { plugin, effect, assumed } = reserved;
        Self { plugin, effect, assumed, is_delivered: false, write: WriteState::InFlight { lost: 0 } }
    }

    /// The plugin that reserved it.
    pub(crate) fn plugin(&self) -> &PluginName {
        &self.plugin
    }

    /// The effect.
    pub(crate) fn effect(&self) -> &Effect {
        &self.effect
    }

    /// Whether the object, as the watch delivered it last, has the effect or cannot get it.
    pub(crate) fn needs_nothing(&self) -> bool {
        self.assumed.is_none()
    }

    /// Whether the watch tells that the write was carried out. If it was sent twice, only an answer tells: the watch may
    /// have delivered the effect of the first request, and the second may repeat it after it is undone.
    pub(crate) fn is_known(&self) -> bool {
        let was_sent_once = match self.write {
            WriteState::InFlight { lost } => lost == 0,
            WriteState::Lost { lost, .. } => lost == 1,
            WriteState::Answered => true,
        };
        was_sent_once && self.needs_nothing()
    }

    /// Whether the watch has delivered the effect, and no write can repeat it.
    pub(crate) fn is_delivered(&self) -> bool {
        self.is_delivered
    }

    /// Whether the write was answered.
    pub(crate) fn is_written(&self) -> bool {
        self.write == WriteState::Answered
    }

    /// Whether devices are held that the claim, as the watch delivered it last, cannot get.
    pub(crate) fn is_held(&self) -> bool {
        self.assumed.as_ref().is_some_and(Assumed::is_held)
    }

    /// Whether it gives devices to a claim.
    fn allocates(&self) -> bool {
        match &self.effect {
            Effect::ReserveDevices(wanted) => wanted.allocation.is_some(),
            Effect::MakeDeviceClaim(_) => true,
            Effect::BindVolume { .. } | Effect::ProvisionVolume { .. } => false,
        }
    }

    /// Whether it reserves devices, and the write may still be carried out: no other pod may get the devices.
    pub(crate) fn holds_devices_in_flight(&self) -> bool {
        self.allocates() && !self.is_written()
    }

    /// The write was answered.
    pub(crate) fn on_write_answered(&mut self) {
        self.write = WriteState::Answered;
        self.is_delivered |= self.needs_nothing();
    }

    /// The write failed with this kind of failure. If it may have been carried out, and nothing else would keep what it
    /// reserves from others, it is sent again. Returns when.
    ///
    /// Upstream frees the devices (`Unreserve`), and another pod may get them.
    pub(crate) fn on_write_failed(&mut self, kind: FailureKind, now: u64) -> Option<u64> {
        let WriteState::InFlight { lost } = self.write else { return None };
        if self.is_known() || !self.allocates() {
            return None;
        }
        let (lost, retry_at) = retry(kind, lost, now)?;
        self.write = WriteState::Lost { lost, retry_at };
        Some(retry_at)
    }

    /// When the write is sent again, in milliseconds.
    pub(crate) fn retry_at(&self) -> Option<u64> {
        match self.write {
            WriteState::Lost { retry_at, .. } => Some(retry_at),
            _ => None,
        }
    }

    /// Whether the write must be sent again by now.
    pub(crate) fn retry_is_due(&self, now: u64) -> bool {
        self.retry_at().is_some_and(|at| at <= now)
    }

    /// Whether the write is sent again now.
    pub(crate) fn take_retry(&mut self, now: u64) -> bool {
        let WriteState::Lost { lost, retry_at } = self.write else { return false };
        let is_due = retry_at <= now;
        if is_due {
            self.write = WriteState::InFlight { lost };
        }
        is_due
    }

    /// The watch delivered an object. It may be older than the write, so the effect stays applied until the watch has
    /// delivered it. Returns whether pods that wait for what becomes of the write may be helped.
    pub(crate) fn on_object(&mut self, cluster: &mut Cluster, key: &ObjectKey) -> bool {
        if self.is_delivered || self.effect.object() != *key {
            return false;
        }
        // What would be undone is another object by now, unless it is apart from the object.
        if let Some(held) = self.assumed.take_if(|assumed| assumed.is_held()) {
            cluster.undo(held);
        }
        self.assumed = cluster.apply(&self.effect);
        if self.needs_nothing() && self.holds_devices_in_flight() {
            self.assumed = cluster.hold(&self.effect);
        }
        if !self.needs_nothing() {
            return false;
        }
        if self.retry_at().is_some() && self.is_known() {
            self.write = WriteState::Answered; // it is not sent again
        }
        // Another process may have written the same devices. If the claim loses them, a write in flight allocates them.
        self.is_delivered = !self.holds_devices_in_flight();
        self.is_delivered && cluster.settle(&self.effect)
    }

    /// Reverts it, unless the watch has delivered it. Returns an object that is not changed, although what it stands for
    /// may help pods: the claim whose write is known now, or devices that were held apart from it.
    pub(crate) fn revert(self, cluster: &mut Cluster) -> Option<ObjectKey> {
        match self.assumed {
            Some(assumed) => {
                let was_held = assumed.is_held();
                cluster.undo(assumed);
                was_held.then(|| ObjectKey {
                    kind: Kind::ResourceSlice,
                    namespace: "".into(),
                    name: "".into(),
                })
            }
            None => cluster.settle(&self.effect).then(|| self.effect.object()),
        }
    }
}
