//! Churn: what changes while the measured pods are placed.

use std::collections::VecDeque;

use super::steps::{NodeNames, name};
use super::{Step, turn};
use crate::expression::{Expression, Variables};
use crate::template::{Filling, Template};

/// After how many measured pods a round comes; at least one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Every(i64);

impl Every {
    pub(super) fn new(pods: i64) -> Option<Self> {
        (pods > 0).then_some(Every(pods))
    }

    fn comes_after(self, measured: i64) -> bool {
        measured % self.0 == 0
    }
}

/// A churn op, compiled.
#[derive(Clone, Debug)]
pub(super) enum Churning {
    /// Creates an object of each template; every second round may remove them again.
    Create { every: Every, again: bool, namespace: String, objects: Vec<Made> },
    /// Replaces a node.
    Update { every: Every, node: Expression, templates: Vec<Template> },
    /// Removes pods by number.
    Delete { every: Every, prefix: String, namespace: String, count: i64 },
}

/// What a round creates.
#[derive(Clone, Debug)]
pub(super) struct Made {
    kind: String,
    prefix: String,
    template: Template,
}

impl Churning {
    pub(super) fn removes_pods(&self) -> bool {
        match self {
            Churning::Create { again, objects, .. } => {
                *again && objects.iter().any(|made| made.kind == "Pod")
            }
            Churning::Update { .. } => false,
            Churning::Delete { .. } => true,
        }
    }

    /// `op` is the number of the op: it keeps the names of two churns apart.
    pub(super) fn create(
        every: Every,
        again: bool,
        namespace: &str,
        op: usize,
        objects: Vec<(String, String, Template)>,
    ) -> Churning {
        let made = |(kind, template_name, template)| Made {
            kind,
            prefix: format!("churn{op}-{template_name}"),
            template,
        };
        let objects = objects.into_iter().map(made).collect();
        Churning::Create { every, again, namespace: namespace.to_string(), objects }
    }
}

/// A churn op at work.
#[derive(Clone, Debug)]
pub(super) struct State {
    churn: Churning,
    round: i64,
}

impl State {
    pub(super) fn new(churn: Churning) -> Self {
        State { churn, round: 0 }
    }

    /// Does a round, where one is due after so many measured pods.
    pub(super) fn after(&mut self, measured: i64, nodes: &NodeNames, out: &mut VecDeque<Step>) {
        let round = self.round;
        match &self.churn {
            Churning::Create { every, again, namespace, objects } if every.comes_after(measured) => {
                for object in objects {
                    out.push_back(object.step(round, *again, namespace));
                }
            }
            Churning::Update { every, node, templates } if every.comes_after(measured) => {
                let number = node.value(Variables { i: 0, round });
                if let Some((name, i)) = nodes.name(number) {
                    let variables = Variables { i, round };
                    let template = &templates[turn(round, templates.len())];
                    out.push_back(Step::Update(template.render(&Filling {
                        name,
                        variables,
                        ..Filling::default()
                    })));
                }
            }
            Churning::Delete { every, prefix, namespace, count } if every.comes_after(measured) => {
                if round < *count {
                    out.push_back(Step::Delete {
                        kind: "Pod".into(),
                        namespace: namespace.clone(),
                        name: name(prefix, round),
                    });
                }
            }
            _ => return,
        }
        self.round += 1;
    }
}

impl Made {
    fn step(&self, round: i64, again: bool, namespace: &str) -> Step {
        let number = if again { round / 2 } else { round };
        let name = name(&self.prefix, number);
        if again && round % 2 == 1 {
            let namespace = if self.kind == "Node" { "" } else { namespace };
            return Step::Delete { kind: self.kind.clone(), namespace: namespace.into(), name };
        }
        let variables = Variables { i: number, round };
        let filling = Filling { name, namespace: namespace.into(), node: String::new(), variables };
        let object = self.template.render(&filling);
        match self.kind.as_str() {
            "Pod" => Step::Schedule { pod: object, measured: false },
            _ => Step::Add(object),
        }
    }
}
