//! Normalization rules that several score plugins share.

use crate::plugin::MAX_SCORE;

/// Scales scores so that the highest becomes [`MAX_SCORE`]; all stay zero where the highest is zero.
///
/// Upstream: `plugins/helper/normalize_score.go`, `DefaultNormalizeScore`.
pub fn most_is_best(scores: &mut [i64]) {
    let max = scores.iter().copied().max().unwrap_or(0);
    if max == 0 {
        return;
    }
    for score in scores {
        *score = MAX_SCORE * *score / max;
    }
}

/// As [`most_is_best`], turned around: the lowest scores best; all get [`MAX_SCORE`] where the highest is zero.
pub fn fewest_is_best(scores: &mut [i64]) {
    let max = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        *score = if max == 0 { MAX_SCORE } else { MAX_SCORE - MAX_SCORE * *score / max };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_scaled_by_the_highest() {
        let cases: &[(&[i64], &[i64], &[i64])] =
            &[(&[0, 0], &[0, 0], &[100, 100]), (&[1, 3, 2], &[33, 100, 66], &[67, 0, 34]), (&[], &[], &[])];
        for (raw, most, fewest) in cases {
            let mut scores = raw.to_vec();
            most_is_best(&mut scores);
            assert_eq!(scores, *most);
            let mut scores = raw.to_vec();
            fewest_is_best(&mut scores);
            assert_eq!(scores, *fewest);
        }
    }
}
