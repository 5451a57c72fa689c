//! Normalization rules that several score plugins share.

use crate::plugin::MAX_SCORE;

/// Scales scores so that the highest becomes [`MAX_SCORE`]; all stay zero where the highest is zero.
///
/// Upstream: `plugins/helper/normalize_score.go`, `DefaultNormalizeScore`.
pub(crate) fn most_is_best(scores: &mut [i64]) {
    let max = scores.iter().copied().max().unwrap_or(0);
    if max == 0 {
        return;
    }
    for score in scores {
        *score = MAX_SCORE * *score / max;
    }
}

/// As [`most_is_best`], turned around: the lowest scores best; all get [`MAX_SCORE`] where the highest is zero.
pub(crate) fn fewest_is_best(scores: &mut [i64]) {
    let max = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        *score = if max == 0 { MAX_SCORE } else { MAX_SCORE - MAX_SCORE * *score / max };
    }
}

/// Scores by how far below the best they are: the highest becomes [`MAX_SCORE`], and being `span` lower costs all of
/// it. What is lower costs at least one point, so that nothing but the best scores [`MAX_SCORE`].
pub(crate) fn by_distance(scores: &mut [i64], span: u64) {
    let best = scores.iter().copied().max().unwrap_or(0);
    // Lower bits than these do not show in a score, and 64 bits divide much faster than 128.
    let cut = (u64::BITS - span.leading_zeros()).saturating_sub(56);
    let short = (span >> cut).max(1);
    for score in scores {
        let distance = best.abs_diff(*score);
        // To the nearest point: raw scores may be cut off, and a cut must not cost one.
        let cost = (2 * 100 * (distance >> cut).min(short) + short) / (2 * short);
        let cost = cost.clamp(u64::from(distance > 0), 100);
        *score = MAX_SCORE - cost.cast_signed();
    }
}

/// As [`by_distance`] with the span from the best to the worst: the worst scores zero.
pub(crate) fn by_distance_to_worst(scores: &mut [i64]) {
    let best = scores.iter().copied().max().unwrap_or(0);
    let worst = scores.iter().copied().min().unwrap_or(0);
    by_distance(scores, best.abs_diff(worst));
}

/// Turns costs into scores by ratio; costs come negated, so that the highest is the best. The lowest cost becomes
/// [`MAX_SCORE`], twice as much becomes half of it, rounded down, so that nothing but the best scores [`MAX_SCORE`].
pub(crate) fn by_ratio(scores: &mut [i64]) {
    let best = scores.iter().copied().max().unwrap_or(0);
    let lowest = best.unsigned_abs();
    for score in scores {
        let cost = score.unsigned_abs();
        *score = match lowest.checked_mul(100) {
            _ if cost == lowest => MAX_SCORE,
            Some(all) => (all / cost).cast_signed(),
            // The costs are so high that 128 bits are needed; a cost that is not the lowest is not zero.
            None => i64::try_from(u128::from(lowest) * 100 / u128::from(cost)).unwrap_or(0),
        };
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

    #[test]
    fn only_the_best_gets_the_highest_score_however_close_the_others_are() {
        let check = |raw: &[i64], expected: [&[i64]; 3]| {
            let rules: [fn(&mut [i64]); 3] = [|s| by_distance(s, 100), by_distance_to_worst, by_ratio];
            for (rule, expected) in rules.iter().zip(expected) {
                let mut scores = raw.to_vec();
                rule(&mut scores);
                assert_eq!(scores, expected, "{raw:?}");
            }
        };
        check(&[], [&[], &[], &[]]);
        check(&[-7, -7], [&[100, 100], &[100, 100], &[100, 100]]);
        check(&[-50, -51, -100], [&[100, 99, 50], &[100, 98, 0], &[100, 98, 50]]);
        check(&[0, -1, -300], [&[100, 99, 0], &[100, 99, 0], &[100, 0, 0]]);
        let least = -i64::MAX;
        check(&[least + 1, least], [&[100, 99], &[100, 0], &[100, 99]]);
        check(&[least, least, 0], [&[0, 0, 100], &[0, 0, 100], &[0, 0, 100]]);
    }
}
