//! Two schedulers, of which one leads.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use berth_up::process::Signal;
use serde_json::{Value, json};

use super::placement::nodes_in_use;
use super::restart::{fill, once_each, room_for_all, some_placed};
use crate::client::eventually;
use crate::object::{node, pod};
use crate::scheduler::{Kind, Scheduler};
use crate::stage::Stage;

pub(super) const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler";

/// Short, so that a test of failing over is.
const LEASE_S: u64 = 4;

/// A leader and one that stands by, in the midst of a flow of pods.
struct Reign {
    /// How many pods there are.
    count: usize,
    first: Scheduler,
    /// The leader's identity.
    leader: String,
    _second: Scheduler,
}

impl Reign {
    /// Begins, and waits until one in `part` pods is placed.
    fn begin(stage: &mut Stage, part: usize) -> Result<Self> {
        stage.nobody_schedules();
        stage.api.delete(LEASE)?;
        let count = room_for_all(stage)?;
        let first = Scheduler::start_as(stage.kind, stage.plane, &elected(), "first")?;
        let leader = holder(stage, None)?;
        let _second = Scheduler::start_as(stage.kind, stage.plane, &elected(), "second")?;
        fill(stage, count)?;
        some_placed(stage, count / part)?;
        Ok(Self { count, first, leader, _second })
    }
}

pub(super) fn failover(stage: &mut Stage) -> Result<()> {
    let Reign { count, mut first, leader, _second } = Reign::begin(stage, 5)?;
    first.process.kill()?;
    let start = Instant::now();
    let next = holder(stage, Some(&leader))?;
    let took = start.elapsed();
    ensure!(took < Duration::from_secs(LEASE_S * 3), "{next} leads {} s after {leader} died", took.as_secs());
    once_each(stage, count)
}

pub(super) fn deposed(stage: &mut Stage) -> Result<()> {
    let Reign { count, mut first, leader, _second } = Reign::begin(stage, 10)?;
    // Asleep, as a machine that is moved: it wakes up long after its lease has gone to another, in the middle of all.
    first.process.signal(Signal::STOP)?;
    holder(stage, Some(&leader))?;
    first.process.signal(Signal::CONT)?;
    let status = first.process.ended(Duration::from_secs(20)).context("a deposed leader goes on")?;
    ensure!(!status.success(), "a leader that lost its lease says that all is well");
    once_each(stage, count)
}

pub(super) fn replaced(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    stage.api.delete(LEASE)?;
    let start = |name: &str, kind: Kind| Scheduler::start_as(kind, stage.plane, &elected(), name);
    let mut first = start("first", Kind::Upstream)?;
    let before = holder(stage, None)?;
    stage.nodes(&[node("host")])?;
    stage.pod(&pod("before"))?;
    stage.placed("before")?;
    // In, as docs/operations.md says: the new one stands by, then the old one is asked to end.
    let mut second = start("second", stage.kind)?;
    second.ready()?;
    first.process.terminate()?;
    first.process.ended(Duration::from_secs(30))?;
    let between = holder(stage, Some(&before))?;
    stage.pod(&pod("between"))?;
    stage.placed("between")?;
    // And back.
    let _third = start("third", Kind::Upstream)?;
    second.process.terminate()?;
    second.process.ended(Duration::from_secs(30))?;
    holder(stage, Some(&between))?;
    stage.pod(&pod("after"))?;
    stage.placed("after").map(|_| ())
}

pub(super) fn standby(stage: &mut Stage) -> Result<()> {
    stage.nobody_schedules();
    stage.nodes(&[node("host")])?;
    let now = server_time(stage)?;
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kube-scheduler", "namespace": "kube-system"},
        "spec": {"holderIdentity": "somebody-else", "leaseDurationSeconds": 600, "acquireTime": now, "renewTime": now},
    });
    stage.api.delete(LEASE)?;
    stage.api.create("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases", &lease)?;
    let mut scheduler = Scheduler::start(stage.kind, stage.plane, &elected())?;
    stage.pod(&pod("pod"))?;
    // There is nothing to wait for: the test is that nothing happens.
    std::thread::sleep(Duration::from_secs(3));
    scheduler.process.alive()?;
    ensure!(nodes_in_use(stage)?.is_empty(), "a standby binds");
    stage.api.delete(LEASE)?;
    ensure!(stage.placed("pod")? == "host");
    // It gives the lease back when it is asked to end, so that the next one need not wait for it to run out.
    scheduler.process.terminate()?;
    let status = scheduler.process.ended(Duration::from_secs(30))?;
    ensure!(status.success(), "asked to end, it ended with {status}");
    Ok(())
}

/// Leader election with a short lease.
pub(super) fn elected() -> Value {
    json!({"leaderElection": {
        "leaderElect": true, "leaseDuration": format!("{LEASE_S}s"), "renewDeadline": "3s", "retryPeriod": "1s",
    }})
}

/// Waits until somebody leads, somebody else than `not`, and says who.
fn holder(stage: &Stage, not: Option<&str>) -> Result<String> {
    eventually("somebody leads", || {
        let lease = stage.api.get(LEASE)?.unwrap_or_default();
        let holder = lease["spec"]["holderIdentity"].as_str().filter(|name| !name.is_empty());
        Ok(holder.filter(|name| Some(*name) != not).map(str::to_owned))
    })
}

/// The server's time, as it writes it, in microseconds.
fn server_time(stage: &Stage) -> Result<String> {
    let made =
        stage.api.create(&stage.core("configmaps"), &json!({"metadata": {"generateName": "clock-"}}))?;
    let time = made["metadata"]["creationTimestamp"].as_str().context("an object without a time")?;
    Ok(time.replace('Z', ".000000Z"))
}
