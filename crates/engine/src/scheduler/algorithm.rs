//! Algorithms: named choices of score plugins, so that one word says how nodes are preferred.
//!
//! An algorithm is one score plugin in place of those of a profile; filters stay. A configuration can enable these
//! plugins too, and mix them: see docs/algorithms.md.

use std::fmt;
use std::str::FromStr;

use crate::plugins::{best_fit, least_load, random, weighted_least_load};

#[cfg(test)]
pub(crate) mod fixture;

/// How nodes are preferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Upstream's default profile: the best node by the weighted sum of all plugins.
    #[default]
    Greedy,
    /// A feasible node uniformly at random, from a seed.
    Random,
    /// The node with the lowest load.
    LeastLoad,
    /// The node that is left with the least room in the resources that the pod asks for.
    BestFit,
    /// The node whose load with the pod is lowest for its weight.
    WeightedLeastLoad,
}

impl Algorithm {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 5] =
        [Self::Greedy, Self::Random, Self::LeastLoad, Self::BestFit, Self::WeightedLeastLoad];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Random => "random",
            Self::LeastLoad => "least-load",
            Self::BestFit => "best-fit",
            Self::WeightedLeastLoad => "weighted-least-load",
        }
    }

    /// The plugin that takes the place of all score plugins of a profile; `None` if the profile's own score.
    pub fn score_plugin(self) -> Option<&'static str> {
        match self {
            Self::Greedy => None,
            Self::Random => Some(random::NAME),
            Self::LeastLoad => Some(least_load::NAME),
            Self::BestFit => Some(best_fit::NAME),
            Self::WeightedLeastLoad => Some(weighted_least_load::NAME),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No algorithm has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm(pub String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Algorithm::ALL.map(Algorithm::name).join(", ");
        write!(f, "there is no algorithm {:?}; the algorithms are {names}", self.0)
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let found = Self::ALL.into_iter().find(|a| a.name() == text);
        found.ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plugin::Plugin;
    use crate::plugins::{node_resources_balanced_allocation, node_resources_fit, taint_toleration};
    use crate::scan;

    /// What each plugin gives the nodes a, b and c of docs/algorithms.md, weighted, and the totals.
    fn scores(plugins: Vec<(Arc<dyn Plugin>, i64)>) -> String {
        let (world, pod) = fixture::worked_example();
        let profile = fixture::profile(plugins);
        let found = scan::diagnose(&profile, &world.cluster, pod);
        let lines: String = found.scores.iter().map(|(name, s)| format!("{name} {s:?}\n")).collect();
        format!("{lines}total {:?}\n", found.totals)
    }

    /// The numbers of docs/algorithms.md. What the other plugins of the profile give is the same for all its nodes.
    #[test]
    fn the_worked_examples_of_greedy_and_of_a_mixture() {
        let greedy: Vec<(Arc<dyn Plugin>, i64)> = vec![
            (Arc::new(taint_toleration::TaintToleration), 3),
            (Arc::new(node_resources_fit::NodeResourcesFit::default()), 1),
            (Arc::new(node_resources_balanced_allocation::NodeResourcesBalancedAllocation::default()), 1),
        ];
        expect_test::expect![[r#"
            TaintToleration [300, 300, 300]
            NodeResourcesFit [56, 52, 4]
            NodeResourcesBalancedAllocation [71, 73, 76]
            total [427, 425, 380]
        "#]]
        .assert_eq(&scores(greedy));
        let mixture: Vec<(Arc<dyn Plugin>, i64)> = vec![
            (Arc::new(best_fit::BestFit::default()), 3),
            (Arc::new(least_load::LeastLoad::default()), 2),
        ];
        expect_test::expect![[r#"
            BestFit [171, 0, 300]
            LeastLoad [200, 150, 62]
            total [371, 150, 362]
        "#]]
        .assert_eq(&scores(mixture));
    }

    #[test]
    fn an_algorithm_is_known_by_its_name_and_an_error_lists_the_names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        let error = "Best-Fit".parse::<Algorithm>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no algorithm \"Best-Fit\"; the algorithms are greedy, random, least-load, best-fit, weighted-least-load"
        );
    }
}
