//! One running scheduler: a flow and its watches.

use berth_engine::profile::Profile;
use berth_flow::{Extender, Flow, Input, Now, Settings};

use crate::watch::Watches;

/// A scheduler process.
pub struct Instance {
    /// Numbers the processes of a history.
    pub id: usize,
    /// The flow that ships.
    pub flow: Flow,
    /// Its view of the server.
    pub watches: Watches,
    /// Whether it was told that it leads.
    pub leads: bool,
}

impl Instance {
    /// A process that has just started. The periodic flush is off: it would hide a wake-up that is missing.
    pub fn start(id: usize, profiles: Vec<Profile>) -> Self {
        let mut settings = Settings::new(profiles);
        settings.flush_millis = None;
        settings.bind_timeout_millis = 5_000;
        settings.extenders = vec![Extender {
            name: "fickle".into(),
            filters: true,
            weight: Some(1),
            preempts: false,
            binds: false,
            managed_resources: vec!["example.com/licence".into()],
            ignorable: false,
        }];
        Self { id, flow: Flow::new(settings), watches: Watches::default(), leads: false }
    }

    /// The lease is this scheduler's, or not any more.
    pub fn lead(&mut self, now: Now, leads: bool) {
        self.leads = leads;
        self.flow.take(now, Input::Leads(leads));
    }
}
