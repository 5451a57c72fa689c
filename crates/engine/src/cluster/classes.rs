//! Pod classes: compiled specs by id, and which of them are of use.

use std::collections::VecDeque;
use std::sync::Arc;

use berth_model::pod::PodSpec;
use rustc_hash::{FxHashMap, FxHashSet};

use super::class_key::ClassKey;
use crate::ids::resources::Resources;
use crate::ids::symbols::{LabelSet, Symbols};
use crate::ids::{PodClassId, Sym};
use crate::pod_class::PodClass;

/// All classes. One without pods is kept for a while, since pods like those that left often come again.
#[derive(Clone, Debug, Default)]
pub(super) struct PodClasses {
    entries: Vec<Entry>,
    index: FxHashMap<ClassKey, PodClassId>,
    /// Keys of pods' labels that selectors mention.
    mentioned: FxHashSet<Sym>,
    /// Those of them that were not mentioned before [`PodClasses::take_new_mentions`].
    new_mentions: Vec<Sym>,
    /// PodClasses that ran out of pods, the longest ago first; some of them may have pods again.
    idle: VecDeque<PodClassId>,
    free: Vec<PodClassId>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// `None`: the id is free.
    class: Option<Arc<PodClass>>,
    members: u32,
    /// How often the id was given to a class.
    generation: u32,
}

/// How many classes without pods are kept.
const IDLE_KEPT: usize = 1 << 12;

impl PodClasses {
    /// A class.
    ///
    /// # Panics
    /// When the id is free: ids are only handed out for classes that have pods or may get some.
    pub(super) fn get(&self, id: PodClassId) -> &Arc<PodClass> {
        self.entries[id.index()].class.as_ref().expect("the id is a class")
    }

    pub(super) fn members(&self, id: PodClassId) -> u32 {
        self.entries[id.index()].members
    }

    pub(super) fn generation(&self, id: PodClassId) -> u32 {
        self.entries[id.index()].generation
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PodClassId, &PodClass)> {
        self.entries
            .iter()
            .zip(0u32..)
            .filter_map(|(entry, id)| Some((PodClassId(id), &**entry.class.as_ref()?)))
    }

    pub(super) fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// The class of a spec, compiled now if it is new.
    pub(super) fn classify(
        &mut self,
        spec: &Arc<PodSpec>,
        symbols: &mut Symbols,
        resources: &mut Resources,
    ) -> PodClassId {
        let class_key = ClassKey { spec: spec.clone(), labels: self.mentioned_labels(spec, symbols) };
        if let Some(&id) = self.index.get(&class_key) {
            return id;
        }
        let mut class = PodClass::compile(spec.clone(), class_key.labels, symbols, resources);
        let known = self.new_mentions.len();
        self.mention(class.mentions(symbols).into_iter());
        if self.new_mentions.len() > known {
            class.labels = self.mentioned_labels(spec, symbols);
        }
        let labels = class.labels.clone();
        let id = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry { class: None, members: 0, generation: 0 });
            PodClassId(u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 classes"))
        });
        let entry = &mut self.entries[id.index()];
        entry.class = Some(class.into());
        entry.generation += 1;
        self.index.insert(ClassKey { spec: spec.clone(), labels }, id);
        id
    }

    /// The labels of a spec that some selector mentions.
    fn mentioned_labels(&self, spec: &PodSpec, symbols: &mut Symbols) -> LabelSet {
        let mut labels = LabelSet::new();
        for (key, value) in spec.labels.iter() {
            if let Some(key) = symbols.find(key).filter(|key| self.mentioned.contains(key)) {
                labels.push((key, symbols.intern(value)));
            }
        }
        labels.sort_unstable();
        labels
    }

    /// A selector looks at pods' labels by these keys.
    pub(super) fn mention(&mut self, keys: impl Iterator<Item = Sym>) {
        for key in keys {
            if self.mentioned.insert(key) {
                self.new_mentions.push(key);
            }
        }
    }

    /// The keys that no selector had mentioned before: pods that have such labels must be classified again.
    pub(super) fn take_new_mentions(&mut self) -> Vec<Sym> {
        std::mem::take(&mut self.new_mentions)
    }

    pub(super) fn join(&mut self, id: PodClassId) {
        self.entries[id.index()].members += 1;
    }

    pub(super) fn leave(&mut self, id: PodClassId) {
        let entry = &mut self.entries[id.index()];
        entry.members -= 1;
        if entry.members == 0 {
            self.idle.push_back(id);
        }
    }

    /// Forgets half of the classes without pods once there are too many. Whoever knows classes by id must learn of it:
    /// the answer says whether ids are free now.
    pub(super) fn retire(&mut self) -> bool {
        if self.idle.len() <= IDLE_KEPT {
            return false;
        }
        let mut any = false;
        while self.idle.len() > IDLE_KEPT / 2
            && let Some(id) = self.idle.pop_front()
        {
            let entry = &mut self.entries[id.index()];
            if entry.members == 0
                && let Some(class) = entry.class.take()
            {
                self.index.remove(&ClassKey { spec: class.spec.clone(), labels: class.labels.clone() });
                self.free.push(id);
                any = true;
            }
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_without_pods_are_forgotten_once_there_are_many_and_their_ids_are_used_again() {
        let (mut classes, mut symbols, mut resources) =
            (PodClasses::default(), Symbols::default(), Resources::default());
        let spec = |n: usize| Arc::new(PodSpec { namespace: format!("n{n}").into(), ..PodSpec::default() });
        let kept = classes.classify(&spec(usize::MAX), &mut symbols, &mut resources);
        classes.join(kept);
        for n in 0..3 * IDLE_KEPT {
            let id = classes.classify(&spec(n), &mut symbols, &mut resources);
            classes.join(id);
            classes.leave(id);
            classes.retire();
        }
        assert!(classes.capacity() <= IDLE_KEPT + 2, "{}", classes.capacity());
        assert_eq!(classes.classify(&spec(usize::MAX), &mut symbols, &mut resources), kept);
        assert_eq!(classes.generation(kept), 1);
        let again = classes.classify(&spec(0), &mut symbols, &mut resources);
        assert!(classes.generation(again) > 1);
    }
}
