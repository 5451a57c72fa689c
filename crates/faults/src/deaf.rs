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
pub(crate) struct Deaf(pub(crate) SharedPlugin);

impl Plugin for Deaf {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn filter_depends(&self, class: &Class) -> Depends {
        self.0.filter_depends(class)
    }

    fn score_depends(&self, class: &Class) -> Depends {
        self.0.score_depends(class)
    }

    fn pre_enqueue(&self, pod: PodView<'_>) -> Option<Rejection> {
        self.0.pre_enqueue(pod)
    }

    fn keep_filter(&self, pod: PodView<'_>) -> Prepared<'static> {
        self.0.keep_filter(pod)
    }

    fn prepare_filter<'a>(&'a self, pod: PodView<'a>) -> Prepared<'a> {
        self.0.prepare_filter(pod)
    }

    fn keep_score(&self, pod: PodView<'_>) -> Option<Box<dyn Score>> {
        self.0.keep_score(pod)
    }

    fn prepare_score<'a>(&'a self, pod: PodView<'a>) -> Option<Box<dyn Score + 'a>> {
        self.0.prepare_score(pod)
    }

    fn reserve(&self, pod: PodView<'_>, node: NodeRow) -> Vec<Effect> {
        self.0.reserve(pod, node)
    }

    fn unblocks(&self, _: PodView<'_>, _: &Event<'_>) -> bool {
        false
    }
}
