//! A plugin that decides as it should, and never wakes anybody.

use berth_engine::class::Class;
use berth_engine::effect::Effect;
use berth_engine::event::Event;
use berth_engine::ids::NodeRow;
use berth_engine::plugin::{Depends, Plugin, Prepared, Score};
use berth_engine::verdict::Rejection;
use berth_engine::view::PodView;

use crate::world::SharedPlugin;

/// Another plugin, deafened.
#[derive(Debug)]
pub(crate) struct Deaf {
    pub(crate) plugin: SharedPlugin,
    /// Only changes of placed pods have no effect.
    pub(crate) only_changes: bool,
}

impl Plugin for Deaf {
    fn name(&self) -> &'static str {
        self.plugin.name()
    }

    fn filter_depends(&self, class: &Class) -> Depends {
        self.plugin.filter_depends(class)
    }

    fn score_depends(&self, class: &Class) -> Depends {
        self.plugin.score_depends(class)
    }

    fn pre_enqueue(&self, pod: PodView<'_>) -> Option<Rejection> {
        self.plugin.pre_enqueue(pod)
    }

    fn keep_filter(&self, pod: PodView<'_>) -> Prepared<'static> {
        self.plugin.keep_filter(pod)
    }

    fn prepare_filter<'a>(&'a self, pod: PodView<'a>) -> Prepared<'a> {
        self.plugin.prepare_filter(pod)
    }

    fn keep_score(&self, pod: PodView<'_>) -> Option<Box<dyn Score>> {
        self.plugin.keep_score(pod)
    }

    fn prepare_score<'a>(&'a self, pod: PodView<'a>) -> Option<Box<dyn Score + 'a>> {
        self.plugin.prepare_score(pod)
    }

    fn reserve(&self, pod: PodView<'_>, node: NodeRow) -> Vec<Effect> {
        self.plugin.reserve(pod, node)
    }

    fn unblocks(&self, pod: PodView<'_>, event: &Event<'_>) -> bool {
        let heard = self.only_changes && !matches!(event, Event::PodChanged { .. });
        heard && self.plugin.unblocks(pod, event)
    }
}
