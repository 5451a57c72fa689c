//! Objects that stand for groups of pods: controllers with a pod template, services, disruption budgets.

mod budget;
mod controller;
mod job;
mod progress;
mod rollout;
mod service;

use berth_model::workload::{Workload, WorkloadKind};

use crate::context::Context;
use crate::decode::{decode, finished};
use crate::encode::{self, Fields};
use crate::object::Format;
use controller::{ControllerWire, ReplicationControllerWire};
use job::{CronJobWire, JobWire};

impl Format for Workload {
    type Kinds = WorkloadKind;

    fn read(cx: &mut Context, kind: WorkloadKind, json: &str) -> serde_json::Result<Self> {
        match kind {
            WorkloadKind::Job => finished::<JobWire>(cx, json),
            WorkloadKind::CronJob => finished::<CronJobWire>(cx, json),
            WorkloadKind::ReplicationController => finished::<ReplicationControllerWire>(cx, json),
            kind => Ok(decode::<ControllerWire>(cx, json)?.finish(cx, kind)),
        }
    }

    fn write(&self, fields: &mut Fields<'_>) {
        encode::workload(fields, self);
    }

    fn has_annotations(kind: WorkloadKind) -> bool {
        kind == WorkloadKind::ReplicaSet
    }
}
