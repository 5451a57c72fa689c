//! Objects that stand for groups of pods: controllers with a pod template, services, disruption budgets.

mod budget;
mod controller;
mod job;
mod progress;
mod rollout;
mod service;

use berth_model::workload::{Workload, WorkloadKind};

use crate::context::Context;
use crate::decode::{decode, decode_model};
use crate::encode::{self, Fields};
use crate::object::Format;
use controller::{ControllerWire, ReplicationControllerWire};
pub(crate) use controller::{DESIRED, MAX, REVISION};
use job::{CronJobWire, JobWire};

impl Format for Workload {
    type Kinds = WorkloadKind;

    fn read(cx: &mut Context, kind: WorkloadKind, json: &str) -> serde_json::Result<Self> {
        match kind {
            WorkloadKind::Job => decode_model::<JobWire>(cx, json),
            WorkloadKind::CronJob => decode_model::<CronJobWire>(cx, json),
            WorkloadKind::ReplicationController => decode_model::<ReplicationControllerWire>(cx, json),
            kind => Ok(decode::<ControllerWire>(cx, json)?.into_model(cx, kind)),
        }
    }

    fn write(&self, fields: &mut Fields<'_>) {
        encode::workload(fields, self);
    }

    fn has_annotations(kind: WorkloadKind) -> bool {
        kind == WorkloadKind::ReplicaSet
    }
}
