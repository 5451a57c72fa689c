//! Classes that leave out what no selector mentions against classes by all labels: the decisions are the same.

use proptest::prelude::*;

use crate::config;
use crate::history::{History, Step};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_no_selector_mentions_decides_nothing(steps in proptest::collection::vec(Step::any(), 1..60)) {
        let (mut lazy, mut eager) = (History::default(), History::with_all_mentioned());
        for step in &steps {
            for history in [&mut lazy, &mut eager] {
                history.take(step, &mut |_, _| Ok(())).map_err(TestCaseError::fail)?;
            }
            prop_assert_eq!(&lazy.decisions, &eager.decisions, "after {:?}", step);
        }
    }
}
