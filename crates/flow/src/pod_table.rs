//! The pods that the loop knows, and the state of each pod that is not bound.

use std::collections::BTreeSet;

use berth_engine::ids::PodRow;
use berth_engine::name::PluginName;
use berth_model::Str;
use rustc_hash::FxHashMap;

use crate::action::PodRef;
use crate::binding::Binding;
use crate::extender_state::ExtenderState;
use crate::status::PodStatus;

/// All pods by name, and the pods that are not bound, as far as the watch has delivered.
#[derive(Debug, Default)]
pub(crate) struct PodTable {
    by_name: FxHashMap<(Str, Str), PodRow>,
    /// By row. Bound pods have none.
    pending: Vec<Option<Box<PendingPod>>>,
    /// When which pod must be looked at. A timer that is not needed any more is harmless.
    timers: BTreeSet<(u64, PodRow)>,
    /// Assumed pods with effects that the watches have not delivered, or in PreBind. Some may have left it.
    awaiting_objects: BTreeSet<PodRow>,
}

/// A pod that this scheduler places and that is not bound yet.
#[derive(Debug)]
pub(crate) struct PendingPod {
    pod: PodRef,
    profile: usize,
    generation: i64,
    status: PodStatus,
    stage: PodStage,
}

/// How far a pod is on its way to a node.
#[derive(Debug)]
pub(crate) enum PodStage {
    /// It is in the queue.
    Queued,
    /// Extenders are asked about it.
    Extending(Box<ExtenderState>),
    /// It is assumed on a node.
    Binding(Box<Binding>),
}

/// A pod that is not bound, as far as the watch has delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingPodInfo<'a> {
    /// The pod.
    pub pod: &'a PodRef,
    /// An index of the profiles.
    pub profile: usize,
    /// The part of the queue as upstream's metrics name it; `extending` while extenders are asked, `binding` once it is
    /// assumed on a node.
    pub place: &'static str,
    /// The plugins that rejected it, sorted; empty if it waits for something else.
    pub plugins: &'a [PluginName],
    /// Why it is pending, in upstream's words: the message of its condition PodScheduled, which may not be written yet.
    pub message: Option<&'a Str>,
    /// How often it was tried.
    pub attempts: u32,
    /// The node that it is assumed on.
    pub node: Option<&'a Str>,
}

impl PodTable {
    /// The pod of this name.
    pub(crate) fn find(&self, namespace: &Str, name: &Str) -> Option<PodRow> {
        self.by_name.get(&(namespace.clone(), name.clone())).copied()
    }

    /// How many pods there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Adds a pod; `pending` is `None` if it is bound.
    pub(crate) fn insert(&mut self, namespace: Str, name: Str, row: PodRow, pending: Option<PendingPod>) {
        if self.pending.len() <= row.index() {
            self.pending.resize_with(row.index().saturating_add(1), || None);
        }
        self.pending[row.index()] = pending.map(Box::new);
        self.by_name.insert((namespace, name), row);
    }

    /// Removes a pod.
    pub(crate) fn remove(&mut self, namespace: &Str, name: &Str) {
        if let Some(row) = self.by_name.remove(&(namespace.clone(), name.clone())) {
            self.pending[row.index()] = None;
        }
    }

    /// The watch has delivered that the pod is bound.
    pub(crate) fn mark_bound(&mut self, row: PodRow) {
        if let Some(pending) = self.pending.get_mut(row.index()) {
            *pending = None;
        }
    }

    /// A pod that is not bound.
    pub(crate) fn get(&self, row: PodRow) -> Option<&PendingPod> {
        self.pending.get(row.index())?.as_deref()
    }

    /// A pod that is not bound.
    pub(crate) fn get_mut(&mut self, row: PodRow) -> Option<&mut PendingPod> {
        self.pending.get_mut(row.index())?.as_deref_mut()
    }

    /// The binding of a pod that is assumed on a node.
    pub(crate) fn binding_mut(&mut self, row: PodRow) -> Option<&mut Binding> {
        match &mut self.get_mut(row)?.stage {
            PodStage::Binding(binding) => Some(binding),
            _ => None,
        }
    }

    /// What extenders have answered about a pod.
    pub(crate) fn extending_mut(&mut self, row: PodRow) -> Option<&mut ExtenderState> {
        match &mut self.get_mut(row)?.stage {
            PodStage::Extending(state) => Some(state),
            _ => None,
        }
    }

    /// The pod is assumed on a node.
    pub(crate) fn begin_binding(&mut self, row: PodRow, binding: Binding) {
        if binding.awaits_objects() {
            self.awaiting_objects.insert(row);
        }
        if let Some(pending) = self.get_mut(row) {
            pending.stage = PodStage::Binding(Box::new(binding));
        }
    }

    /// Extenders are asked about the pod.
    pub(crate) fn begin_extending(&mut self, row: PodRow, state: ExtenderState) {
        if let Some(pending) = self.get_mut(row) {
            pending.stage = PodStage::Extending(Box::new(state));
        }
    }

    /// The binding ends without success: the pod is back in the queue.
    pub(crate) fn end_binding(&mut self, row: PodRow) -> Option<Binding> {
        let pending = self.get_mut(row)?;
        match std::mem::replace(&mut pending.stage, PodStage::Queued) {
            PodStage::Binding(binding) => Some(*binding),
            stage => {
                pending.stage = stage;
                None
            }
        }
    }

    /// Extenders are not asked any more. Their late answers have no effect.
    pub(crate) fn end_extending(&mut self, row: PodRow) -> Option<ExtenderState> {
        let pending = self.get_mut(row)?;
        match std::mem::replace(&mut pending.stage, PodStage::Queued) {
            PodStage::Extending(state) => Some(*state),
            stage => {
                pending.stage = stage;
                None
            }
        }
    }

    /// The pod must be looked at again at this time, in milliseconds.
    pub(crate) fn set_timer(&mut self, at: u64, row: PodRow) {
        self.timers.insert((at, row));
    }

    /// The next time at which a pod must be looked at.
    pub(crate) fn next_timer(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A pod that must be looked at by now.
    pub(crate) fn pop_timer(&mut self, now: u64) -> Option<PodRow> {
        let due = self.timers.first().copied().filter(|(at, _)| *at <= now)?;
        self.timers.remove(&due);
        Some(due.1)
    }

    /// The assumed pods with effects that the watches have not delivered, or in PreBind.
    pub(crate) fn awaiting_objects(&mut self) -> Vec<PodRow> {
        let pending = &self.pending;
        self.awaiting_objects.retain(|row| {
            let pod = pending.get(row.index()).and_then(Option::as_deref);
            pod.is_some_and(
                |pod| matches!(&pod.stage, PodStage::Binding(binding) if binding.awaits_objects()),
            )
        });
        self.awaiting_objects.iter().copied().collect()
    }

    /// The pods that are not bound, by row.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (PodRow, &PendingPod)> {
        (0..).map(PodRow).zip(&self.pending).filter_map(|(row, pending)| Some((row, pending.as_deref()?)))
    }
}

impl PendingPod {
    /// A pod that enters the queue.
    pub(crate) fn new(pod: PodRef, profile: usize, generation: i64, status: PodStatus) -> Self {
        Self { pod, profile, generation, status, stage: PodStage::Queued }
    }

    /// The pod.
    pub(crate) fn pod(&self) -> &PodRef {
        &self.pod
    }

    /// An index of the profiles.
    pub(crate) fn profile(&self) -> usize {
        self.profile
    }

    /// `metadata.generation`.
    pub(crate) fn generation(&self) -> i64 {
        self.generation
    }

    /// The watch delivered a newer version. Returns whether another process has changed the nomination.
    pub(crate) fn on_watch(&mut self, generation: i64, nominated: Option<&Str>) -> bool {
        self.generation = generation;
        self.status.on_watch(nominated)
    }

    /// How far the pod is.
    pub(crate) fn stage(&self) -> &PodStage {
        &self.stage
    }

    /// The status.
    pub(crate) fn status(&self) -> &PodStatus {
        &self.status
    }

    /// The status.
    pub(crate) fn status_mut(&mut self) -> &mut PodStatus {
        &mut self.status
    }

    /// Whether the pod is assumed on a node.
    pub(crate) fn is_binding(&self) -> bool {
        matches!(self.stage, PodStage::Binding(_))
    }

    /// Whether the pod is assumed on a node and its binding is not sent yet.
    pub(crate) fn is_in_pre_bind(&self) -> bool {
        matches!(&self.stage, PodStage::Binding(binding) if binding.is_in_pre_bind())
    }
}
