//! One running scheduler: a flow and its watches.

use std::collections::BTreeMap;

use berth_engine::profile::Profile;
use berth_flow::{Action, Extender, Input, Now, Report, SchedulingLoop, Settings};

use crate::coverage::{self, Situation};
use crate::recording::{Recorded, Recording};
use crate::reference_model::ReferenceModel;
use crate::watch::Watches;

/// What a process is started with, for who replays it; [`settings`] are these.
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
  weight: 1
  managedResources:
  - name: example.com/licence
";

/// The settings of a process. The periodic flush is off: it would hide a wake-up that is missing.
pub fn settings(mut profiles: Vec<Profile>) -> Settings {
    profiles.iter_mut().for_each(|profile| profile.bind_timeout_millis = 5_000);
    let mut settings = Settings::new(profiles);
    settings.flush_millis = None;
    settings.extenders = vec![Extender {
        name: "http://fickle".into(),
        filters: true,
        weight: Some(1),
        preempts: false,
        binds: false,
        managed_resources: vec!["example.com/licence".into()],
        ignorable: false,
    }];
    settings
}

/// A scheduler process.
pub struct Instance {
    /// Numbers the processes of a history.
    pub id: usize,
    /// The flow that ships.
    pub flow: SchedulingLoop,
    /// Its view of the server.
    pub watches: Watches,
    /// Whether it was told that it leads.
    pub leads: bool,
    recording: Option<Recording>,
    model: ReferenceModel,
    actions: Vec<Action>,
    reports: Vec<Report>,
    objections: Vec<String>,
    situations: BTreeMap<Situation, u64>,
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
        }
    }

    /// The lease is this scheduler's, or not any more.
    pub fn lead(&mut self, now: Now, leads: bool) {
        self.leads = leads;
        self.take(now, Input::Leads(leads));
    }

    /// The flow is told something.
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

    /// How often which situation occurred since it was asked last.
    pub fn take_situations(&mut self) -> BTreeMap<Situation, u64> {
        std::mem::take(&mut self.situations)
    }

    /// Has the flow try a pod. `false`: there was none to try.
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

    /// The model hears of everything before anything else happens.
    fn listen(&mut self) {
        for report in self.flow.drain_reports() {
            self.objections.extend(self.model.on_report(&report));
            self.reports.push(report);
        }
        for action in self.flow.drain_actions() {
            self.model.on_action(&action);
            self.actions.push(action);
        }
    }

    /// What its model had to object to since it was asked last.
    pub fn objections(&mut self) -> Vec<String> {
        std::mem::take(&mut self.objections)
    }

    /// What the flow wants done, and what it tells.
    pub fn drain(&mut self) -> (Vec<Action>, Vec<Report>) {
        let actions = std::mem::take(&mut self.actions);
        if let Some(recording) = &mut self.recording {
            recording.act(&actions);
        }
        (actions, std::mem::take(&mut self.reports))
    }

    /// The history is over; what was recorded.
    pub fn end(self) -> Option<Recorded> {
        self.recording.map(Recording::end)
    }

    /// The process is killed; what was recorded by then.
    pub fn kill(self) -> Option<Recorded> {
        self.recording.map(Recording::kill)
    }
}
