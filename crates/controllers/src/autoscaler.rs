//! HorizontalPodAutoscalers: the size of their target.
//!
//! Measurements are not looked at; the caller says which size to assume. Upstream: `podautoscaler/horizontal.go`
//! (`reconcileAutoscaler`).

/// Which size an autoscaler is assumed to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The present size, within the bounds.
    #[default]
    Current,
    /// `spec.minReplicas`.
    Min,
    /// `spec.maxReplicas`.
    Max,
}

/// The size of a target of `current` replicas. A target that is scaled to 0 stays so, unless `min` is 0 too.
pub fn replicas(mode: Mode, min: i32, max: i32, current: i32) -> i32 {
    if current == 0 && min != 0 {
        return 0;
    }
    match mode {
        Mode::Current if current > max => max,
        Mode::Current => current.max(min),
        Mode::Min => min,
        Mode::Max => max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_within_the_bounds() {
        let cases = [
            (Mode::Current, 5, 5),
            (Mode::Current, 1, 2),
            (Mode::Current, 20, 10),
            (Mode::Current, 0, 0),
            (Mode::Min, 5, 2),
            (Mode::Max, 5, 10),
            (Mode::Max, 0, 0),
        ];
        for (mode, current, expected) in cases {
            assert_eq!(replicas(mode, 2, 10, current), expected, "{mode:?} {current}");
        }
        assert_eq!(replicas(Mode::Max, 0, 10, 0), 10);
    }
}
