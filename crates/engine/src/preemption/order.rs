//! The order that upstream's sorting leaves things in, those that tie included.
//!
//! Upstream sorts victims with Go's `sort.Slice`, which keeps ties in place for up to 12 elements only. Which pod
//! is spared first among equals decides which one is evicted, so beyond that the steps of Go's sorting have to be
//! followed: a pattern-defeating quicksort (<https://arxiv.org/pdf/2106.05123>) without chance, whose pivots,
//! thresholds and swaps are those of Go 1.19 and later.

use std::ops::Range;

/// Longest run that is sorted by insertion.
const INSERTION_MAX: usize = 12;
/// From this length on a pivot is the median of three medians, and single misplaced elements are put right in place.
const LONG: usize = 50;
/// How many misplaced elements are put right before sorting in earnest.
const REPAIRS_MAX: usize = 5;

/// Sorts as Go's `sort.Slice` does. `less` must be a strict weak order.
pub(super) fn sort<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    let whole = 0..items.len();
    let limit = bit_length(items.len());
    Sorting { items, less }.quicksort(whole, limit);
}

/// How many bits it takes to write the number.
fn bit_length(number: usize) -> u32 {
    usize::BITS - number.leading_zeros()
}

struct Sorting<'a, T, Less> {
    items: &'a mut [T],
    less: Less,
}

/// What choosing a pivot tells about the order that is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Ascending,
    Descending,
    Unknown,
}

impl<T, Less: Fn(&T, &T) -> bool> Sorting<'_, T, Less> {
    fn less(&self, a: usize, b: usize) -> bool {
        (self.less)(&self.items[a], &self.items[b])
    }

    /// Sorts a range; after `limit` bad pivots more it does so by a heap.
    fn quicksort(&mut self, mut range: Range<usize>, mut limit: u32) {
        let mut was_balanced = true;
        let mut was_partitioned = true;
        while range.len() > INSERTION_MAX {
            if limit == 0 {
                return self.heapsort(range);
            }
            if !was_balanced {
                self.break_patterns(&range);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.choose_pivot(&range);
            if hint == Hint::Descending {
                self.items[range.clone()].reverse();
                pivot = range.start + range.end - 1 - pivot;
                hint = Hint::Ascending;
            }
            if was_balanced && was_partitioned && hint == Hint::Ascending && self.repair(&range) {
                return;
            }
            // Nothing in the range is less than the element before it. If the pivot is not greater than that one, it is
            // equal to it, and so may be many others.
            if range.start > 0 && !self.less(range.start - 1, pivot) {
                range.start = self.partition_equal(&range, pivot);
                continue;
            }
            let (middle, untouched) = self.partition(&range, pivot);
            was_partitioned = untouched;
            let (left, right) = (range.start..middle, middle + 1..range.end);
            let shorter = (middle - range.start).min(range.end - middle);
            was_balanced = shorter >= range.len() / 8;
            // Go counts the pivot as part of the right side when it looks for the longer one.
            if middle - range.start < range.end - middle {
                self.quicksort(left, limit);
                range = right;
            } else {
                self.quicksort(right, limit);
                range = left;
            }
        }
        self.insertion_sort(range);
    }

    fn insertion_sort(&mut self, range: Range<usize>) {
        for at in range.clone().skip(1) {
            self.sink(at, range.start);
        }
    }

    /// Moves an element to the left for as long as it is less than its neighbour, but not beyond `first`.
    fn sink(&mut self, mut at: usize, first: usize) {
        while at > first && self.less(at, at - 1) {
            self.items.swap(at, at - 1);
            at -= 1;
        }
    }

    fn heapsort(&mut self, range: Range<usize>) {
        let (first, count) = (range.start, range.len());
        for root in (0..=(count - 1) / 2).rev() {
            self.sift_down(first, root, count);
        }
        for last in (0..count).rev() {
            self.items.swap(first, first + last);
            self.sift_down(first, 0, last);
        }
    }

    /// Moves an element down the heap of `count` elements that begins at `first`, until no child is greater.
    fn sift_down(&mut self, first: usize, mut root: usize, count: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= count {
                return;
            }
            if child + 1 < count && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.items.swap(first + root, first + child);
            root = child;
        }
    }

    /// Swaps three elements in the middle with ones that a fixed sequence picks.
    fn break_patterns(&mut self, range: &Range<usize>) {
        let length = range.len();
        let mut random = length as u64;
        let mask = (1 << bit_length(length)) - 1;
        let middle = range.start + length / 4 * 2;
        for at in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = (random & mask) as usize;
            if other >= length {
                other -= length;
            }
            self.items.swap(at, range.start + other);
        }
    }

    fn choose_pivot(&self, range: &Range<usize>) -> (usize, Hint) {
        let quarter = range.len() / 4;
        let mut points = [1, 2, 3].map(|n| range.start + quarter * n);
        let mut swaps = 0;
        if range.len() >= LONG {
            points = points.map(|at| self.median([at - 1, at, at + 1], &mut swaps));
        }
        let pivot = self.median(points, &mut swaps);
        let hint = match swaps {
            0 => Hint::Ascending,
            // All that four medians can swap; one median alone never tells that a range descends.
            12 => Hint::Descending,
            _ => Hint::Unknown,
        };
        (pivot, hint)
    }

    /// The point with the element in the middle; each pair that is found in the wrong order counts as a swap.
    fn median(&self, points: [usize; 3], swaps: &mut u32) -> usize {
        let mut order = |a: usize, b: usize| {
            let wrong = self.less(b, a);
            *swaps += u32::from(wrong);
            if wrong { (b, a) } else { (a, b) }
        };
        let [a, b, c] = points;
        let (a, b) = order(a, b);
        let (b, _) = order(b, c);
        order(a, b).1
    }

    /// Puts a few misplaced elements of a range right that is nearly sorted; whether it then is sorted.
    fn repair(&mut self, range: &Range<usize>) -> bool {
        let mut at = range.start + 1;
        for _ in 0..REPAIRS_MAX {
            while at < range.end && !self.less(at, at - 1) {
                at += 1;
            }
            if at == range.end {
                return true;
            }
            if range.len() < LONG {
                return false;
            }
            self.items.swap(at, at - 1);
            if at - range.start >= 2 {
                self.sink(at - 1, 0);
            }
            let mut greater = at + 1;
            while greater < range.end && self.less(greater, greater - 1) {
                self.items.swap(greater, greater - 1);
                greater += 1;
            }
        }
        false
    }

    /// Puts what is less than the pivot before it and all else after it. Where the pivot now is, and whether everything
    /// was on its side already.
    fn partition(&mut self, range: &Range<usize>, pivot: usize) -> (usize, bool) {
        let first = range.start;
        self.items.swap(first, pivot);
        let (mut low, mut high) = (first + 1, range.end - 1);
        let mut untouched = true;
        loop {
            while low <= high && self.less(low, first) {
                low += 1;
            }
            while low <= high && !self.less(high, first) {
                high -= 1;
            }
            if low > high {
                self.items.swap(high, first);
                return (high, untouched);
            }
            self.items.swap(low, high);
            untouched = false;
            low += 1;
            high -= 1;
        }
    }

    /// Puts what is equal to the pivot before what is greater; nothing is less. Where the greater ones begin.
    fn partition_equal(&mut self, range: &Range<usize>, pivot: usize) -> usize {
        let first = range.start;
        self.items.swap(first, pivot);
        let (mut low, mut high) = (first + 1, range.end - 1);
        loop {
            while low <= high && !self.less(first, low) {
                low += 1;
            }
            while low <= high && self.less(first, high) {
                high -= 1;
            }
            if low > high {
                return low;
            }
            self.items.swap(low, high);
            low += 1;
            high -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use proptest::prelude::*;

    use super::*;

    fn mixed(at: usize) -> usize {
        let x = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((x ^ x >> 27) >> 33) as usize
    }

    /// The key of element `at` of `n`, in a shape of `oracle/order`.
    fn key(shape: &str, n: usize, at: usize) -> usize {
        match shape {
            "equal" => 0,
            "two" => mixed(at) % 2,
            "few" => mixed(at) % 5,
            "many" => mixed(at) % (n / 2 + 1),
            "ascending" => at / 3,
            "descending" => (n - at) / 3,
            "strictly descending" => n - at,
            "nearly sorted" => at / 3 + if at % 17 == 5 { 4 } else { 0 },
            "pipe" => at.min(n - at) / 2,
            "saw" => at % 7,
            other => panic!("no shape {other:?}"),
        }
    }

    /// Keys that are decided while they are compared, so that every pivot is a bad one; see `oracle/order`.
    fn adversary(n: usize) -> Vec<usize> {
        let keys = RefCell::new(vec![n; n]);
        let (solid, candidate) = (Cell::new(0), Cell::new(0));
        sort(&mut (0..n).collect::<Vec<usize>>(), |&x, &y| {
            let mut keys = keys.borrow_mut();
            if keys[x] == n && keys[y] == n {
                keys[if x == candidate.get() { x } else { y }] = solid.get();
                solid.set(solid.get() + 1);
            }
            if keys[x] == n {
                candidate.set(x);
            } else if keys[y] == n {
                candidate.set(y);
            }
            keys[x] < keys[y]
        });
        keys.into_inner()
    }

    fn digest(numbers: &[usize]) -> u64 {
        numbers.iter().fold(0xcbf2_9ce4_8422_2325, |h: u64, &n| (h ^ n as u64).wrapping_mul(0x0100_0000_01b3))
    }

    /// The recorded orders are what `go run ./order` prints in the folder `oracle`.
    #[test]
    fn ties_end_up_where_go_leaves_them() {
        for line in include_str!("order.txt").lines() {
            let (case, expected) = line.rsplit_once(' ').unwrap();
            let (shape, n) = case.rsplit_once(' ').unwrap();
            let n = n.parse().unwrap();
            let order = if shape == "adversary" {
                adversary(n)
            } else {
                let mut order: Vec<usize> = (0..n).collect();
                sort(&mut order, |&a, &b| key(shape, n, a) < key(shape, n, b));
                order
            };
            assert_eq!(format!("{:016x}", digest(&order)), expected, "{case}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_sorted_and_stable_where_it_is_short(
            keys in proptest::collection::vec(0u8..9, 0..300)
        ) {
            let mut order: Vec<usize> = (0..keys.len()).collect();
            let mut stable = order.clone();
            sort(&mut order, |&a, &b| keys[a] < keys[b]);
            prop_assert!(order.windows(2).all(|pair| keys[pair[0]] <= keys[pair[1]]));
            stable.sort_by_key(|&at| keys[at]);
            if keys.len() <= INSERTION_MAX {
                prop_assert_eq!(&order, &stable);
            }
            order.sort_unstable();
            stable.sort_unstable();
            prop_assert_eq!(order, stable);
        }
    }
}
