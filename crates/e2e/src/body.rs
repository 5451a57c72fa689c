//! The bodies: each plays one thing that users rely on, and looks at API objects only.

mod binding;
mod conversation;
mod deployment;
mod device;
mod events;
mod extender;
mod fault;
mod filter;
mod leader;
mod page;
mod placement;
mod preemption;
mod profile;
mod recording;
mod restart;
mod scheduler_page;
mod serving;
mod snapshot;
mod unblock;
mod volume;
mod volume_filter;

use anyhow::Result;

use crate::stage::Stage;

/// One thing to play.
pub struct Body {
    /// What it is about; also the name of its namespace.
    pub name: &'static str,
    /// For what upstream's scheduler does not have.
    pub only_berth: bool,
    /// Fails where users would be let down.
    pub play: fn(&mut Stage) -> Result<()>,
}

const fn body(name: &'static str, play: fn(&mut Stage) -> Result<()>) -> Body {
    Body { name, only_berth: false, play }
}

const fn of_berth(name: &'static str, play: fn(&mut Stage) -> Result<()>) -> Body {
    Body { name, only_berth: true, play }
}

/// All bodies. Those that the plain configuration is enough for come first, so that one scheduler does for them.
pub const BODIES: [Body; 54] = [
    body("simulated server", conversation::as_simulated),
    body("plain placement", placement::plain),
    body("every filter", filter::every),
    body("filters by volume", volume_filter::claims),
    body("filters by volumes in use", volume_filter::shared),
    body("events and conditions", events::texts),
    body("preemption spares a budget", preemption::budget),
    body("nominated node", preemption::nominated),
    body("preemption policy never", preemption::never),
    body("nominated pod is overtaken", preemption::overtaken),
    body("gates lifted", unblock::gates),
    body("node added", unblock::node_added),
    body("node label changed", unblock::label_changed),
    body("taint removed", unblock::taint_removed),
    body("node uncordoned", unblock::uncordoned),
    body("toleration added", unblock::toleration_added),
    body("pod deleted", unblock::pod_deleted),
    body("affinity satisfied later", unblock::friend_arrives),
    body("volume provisioned", volume::provisioned),
    body("volume chosen with the node", volume::chosen),
    body("claim made later", volume::claimed_later),
    body("devices claimed", device::claimed),
    body("device claim made later", device::made_later),
    body("prioritized devices", device::prioritized),
    body("devices tainted by a rule", device::tainted),
    body("extended resource of a class", device::extended),
    body("device claim write refused", device::write_refused),
    body("device attached before binding", device::attached),
    body("deletion while binding", binding::pods_deleted),
    body("node deleted while binding", binding::node_deleted),
    body("binding refused", fault::binding_refused),
    body("server restarts", fault::server_restarts),
    body("serving", serving::health_and_metrics),
    body("client certificates", serving::certificates),
    body("priority order", placement::by_priority),
    body("two profiles", profile::two),
    body("extender filters and prioritizes", extender::filters_and_prioritizes),
    body("extender binds", extender::binds),
    body("extender preempts", extender::preempts),
    body("dead extender", extender::dead),
    body("restart in mid-flow", restart::killed),
    body("killed twenty times", restart::killed_often),
    body("sigterm under load", restart::terminated),
    body("nominated pods go on after a restart", restart::nominated),
    body("leader failover", leader::failover),
    body("deposed leader binds nothing", leader::deposed),
    body("standby binds nothing", leader::standby),
    body("kube-scheduler replaced and back", leader::replaced),
    body("rights of the deployment", deployment::rights),
    of_berth("operations page followed", page::followed),
    of_berth("page of the scheduler", scheduler_page::shown),
    of_berth("snapshot foretells", snapshot::foretells),
    of_berth("recording replays", recording::replays),
    of_berth("recording is torn", recording::killed),
];
