//! The steps of an attempt, for a shell that measures what each takes: there is no clock here.

/// What a shell wants to know of an attempt while it goes on.
pub(crate) struct Watch<'a> {
    /// How many alternatives to a placement.
    pub(crate) alternatives: usize,
    pub(crate) over: &'a mut dyn FnMut(Step),
}

impl Watch<'_> {
    /// A step is over.
    pub(crate) fn over(&mut self, step: Step) {
        (self.over)(step);
    }
}

/// A step of an attempt that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was decided where the pod goes, or that it fits nowhere.
    Decision,
    /// The decision was compared with its alternatives.
    Comparison,
    /// What goes with the placement was reserved.
    Reserve,
    /// It was looked for pods that may have to go.
    PostFilter,
}
