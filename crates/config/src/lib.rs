//! Reads a `KubeSchedulerConfiguration` (kubescheduler.config.k8s.io/v1, YAML or JSON) and decides everything it leaves
//! open: defaults, which plugins run at which extension point in which order, their weights and their arguments.
//!
//! What kube-scheduler 1.37.2 with default feature gates accepts, refuses and resolves, this crate does too, in the
//! same words. Where it differs, it does so on purpose:
//!
//! - All problems are reported at once, each with the path and the place of its field; upstream stops at the first
//!   wrong type, then at the first round of validation, then at the first plugin that cannot be set up. What upstream
//!   says of NodeResourcesFit and of plugins while it sets them up carries the path of the field here.
//! - A configuration of several documents is refused; upstream drops all but the first.
//! - An empty document is the default configuration; upstream refuses it.
//! - Plugins whose feature gate is off by default are left out, with a warning; upstream runs them to no effect.
//! - Whatever else has no effect is named in [`Configuration::warnings`].
//! - A repeated scheduler name is shown (upstream shows `{}`), a preferred term of an added affinity has `.preference`
//!   in its path, a wrong type is reported in our words, and an unknown field of args with its whole path.
//! - Berth has plugins of its own ([`RandomArgs`], [`LeastLoadArgs`], [`BestFitArgs`], [`WeightedLeastLoadArgs`]).
//! - A YAML merge key may be overridden by a field beside it; upstream calls that a duplicate.

mod args;
mod arguments;
mod client_connection;
mod configuration;
mod document;
mod duration;
mod engine;
mod error;
mod expand;
mod extender;
mod fields;
mod label;
mod leader_election;
mod path;
mod plugin;
mod plugin_config;
mod plugin_set;
mod profile;
mod queue_sort;
mod quote;
mod sink;

pub use args::{
    AddedAffinity, BalancedAllocationArgs, BestFitArgs, DefaultPreemptionArgs, DynamicResourcesArgs,
    FieldRequirement, InterPodAffinityArgs, LabelRequirement, LeastLoadArgs, NodeAffinityArgs,
    NodeInclusionPolicy, NodeResourcesFitArgs, NodeSelectorTerm, Operator, PluginArgs, PodTopologySpreadArgs,
    PreferredTerm, RandomArgs, ResourceWeight, ScoringStrategy, ShapePoint, SpreadConstraint,
    SpreadDefaulting, VolumeBindingArgs, WeightSource, WeightedLeastLoadArgs, WhenUnsatisfiable,
};
pub use client_connection::ClientConnection;
pub use configuration::{Configuration, parse, parse_known_plugins};
pub use document::Position;
pub use duration::Duration;
pub use engine::{profile, with_algorithm};
pub use error::{ConfigError, Problem, ProblemKind, Problems};
pub use extender::{Extender, ExtenderTls, ManagedResource};
pub use leader_election::LeaderElection;
pub use plugin::{ExtensionPoint, PluginEntry, REGISTRY, find as find_plugin};
pub use profile::{ExtensionPoints, ResolvedProfile, WeightedPlugin};
