//! A scheduler process: a scheduling loop and its watches.

use std::collections::BTreeMap;

use berth_engine::profile::Profile;
use berth_flow::{Action, Extender, Input, Now, Report, SchedulingLoop, Settings};
use berth_model::Str;
use berth_model::object::Kind;

use crate::coverage::{self, Situation};
use crate::recording::{Recorded, Recording};
use crate::reference_model::ReferenceModel;
use crate::watch::Watches;

/// The resource about which an extender decides.
pub(crate) const LICENCE: &str = "example.com/licence";

/// The configuration of a process, for `berth replay`. [`settings`] has the same values.
pub const CONFIGURATION: &str = "\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- pluginConfig:
  - name: VolumeBinding
    args:
      bindTimeoutSeconds: 5
extenders:
- urlPrefix: http://fickle
  filterVerb: filter
  prioritizeVerb: prioritize
  preemptVerb: preempt
  weight: 1
  managedResources:
  - name: example.com/licence
";

/// The settings of a process. The periodic flush is off: it would hide an event that requeues no pod.
pub fn settings(mut profiles: Vec<Profile>) -> Settings {
    profiles.iter_mut().for_each(|profile| profile.bind_timeout_millis = 5_000);
    let mut settings = Settings::new(profiles);
    settings.flush_millis = None;
    settings.extenders = vec![Extender {
        name: "http://fickle".into(),
        filters: true,
        weight: Some(1),
        preempts: true,
        binds: false,
        managed_resources: vec![LICENCE.into()],
        ignorable: false,
    }];
    settings
}

/// A scheduler process.
pub struct Instance {
    /// The number of the process in its history.
    pub id: usize,
    /// The scheduling loop that ships.
    pub flow: SchedulingLoop,
    /// Its view of the server.
    pub watches: Watches,
    /// Whether it has received that it leads.
    pub leads: bool,
    recording: Option<Recording>,
    model: ReferenceModel,
    actions: Vec<Action>,
    reports: Vec<Report>,
    objections: Vec<String>,
    situations: BTreeMap<Situation, u64>,
    /// The version of nodes and pods, and that of claims on devices, that it had seen when it last decided about a pod,
    /// by uid.
    seen: BTreeMap<Str, (u64, u64)>,
}

impl Instance {
    /// A process that has just started; the seed decides how its connections fail.
    pub fn start(id: usize, connections: u64, profiles: Vec<Profile>, records: bool) -> Self {
        let recording = records.then(|| Recording::begin(id as u64));
        let flow = SchedulingLoop::new(settings(profiles));
        Self {
            id,
            flow,
            watches: Watches::new(connections ^ id as u64),
            leads: false,
            recording,
            model: ReferenceModel::default(),
            actions: Vec::new(),
            reports: Vec::new(),
            objections: Vec::new(),
            situations: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// The scheduler gains or loses the lease.
    pub fn lead(&mut self, now: Now, leads: bool) {
        self.leads = leads;
        self.take(now, Input::Leads(leads));
    }

    /// Passes an input to the loop.
    pub fn take(&mut self, now: Now, input: Input) {
        if let Some(recording) = &mut self.recording {
            recording.take(now, &input);
        }
        if let Some(situation) = coverage::of_input(&input, &self.flow, &self.model) {
            *self.situations.entry(situation).or_default() += 1;
        }
        self.model.on_input(&input);
        self.flow.take(now, input);
        self.listen();
    }

    /// The version of nodes and pods that the process had seen when it last decided about a pod.
    pub fn seen_for(&self, uid: &str) -> Option<u64> {
        self.seen.get(uid).map(|(nodes_and_pods, _)| *nodes_and_pods)
    }

    /// The version of claims on devices that the process had seen when it last decided about a pod.
    pub fn claims_seen_for(&self, uid: &str) -> Option<u64> {
        self.seen.get(uid).map(|(_, claims)| *claims)
    }

    /// How often each situation has occurred since the last call.
    pub fn take_situations(&mut self) -> BTreeMap<Situation, u64> {
        std::mem::take(&mut self.situations)
    }

    /// Runs one attempt. `false` if there was no pod to try.
    pub fn attempt(&mut self, now: Now) -> bool {
        let tried = self.flow.attempt(now);
        if let Some(recording) = &mut self.recording
            && (tried || self.flow.has_output())
        {
            recording.attempt(now);
        }
        self.listen();
        tried
    }

    /// Checks all output of the loop against the reference model before the next input.
    fn listen(&mut self) {
        for report in self.flow.drain_reports() {
            if let Report::Assumed(attempt, _) = &report {
                let seen =
                    (self.watches.seen(&[Kind::Node, Kind::Pod]), self.watches.seen(&[Kind::ResourceClaim]));
                self.seen.insert(attempt.pod.uid.clone(), seen);
            }
            self.objections.extend(self.model.on_report(&report));
            self.reports.push(report);
        }
        for action in self.flow.drain_actions() {
            self.objections.extend(self.model.on_action(&action));
            self.actions.push(action);
        }
    }

    /// What the reference model has found since the last call.
    pub fn objections(&mut self) -> Vec<String> {
        std::mem::take(&mut self.objections)
    }

    /// The actions and reports of the loop since the last call.
    pub fn drain(&mut self) -> (Vec<Action>, Vec<Report>) {
        let actions = std::mem::take(&mut self.actions);
        if let Some(recording) = &mut self.recording {
            recording.act(&actions);
        }
        (actions, std::mem::take(&mut self.reports))
    }

    /// Ends the process. Returns its recording.
    pub fn end(self) -> Option<Recorded> {
        self.recording.map(Recording::end)
    }

    /// Kills the process. Returns what was recorded by then.
    pub fn kill(self) -> Option<Recorded> {
        self.recording.map(Recording::kill)
    }
}
