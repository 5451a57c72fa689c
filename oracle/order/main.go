// Command order prints in which order Go's sort.Slice leaves elements that tie.
//
//	order
//
// Upstream sorts the victims of preemption with it. The tests of
// crates/engine/src/preemption/order.rs hold the lines that it prints.
package main

import (
	"fmt"
	"sort"
)

// lengths are around the thresholds of the sorting, and beyond them.
var lengths = []int{12, 13, 14, 20, 31, 49, 50, 51, 64, 100, 128, 257, 1000}

// shapes give the keys to sort: of n elements the one at i.
var shapes = []struct {
	name string
	key  func(n, i int) int
}{
	{"equal", func(n, i int) int { return 0 }},
	{"two", func(n, i int) int { return mixed(i) % 2 }},
	{"few", func(n, i int) int { return mixed(i) % 5 }},
	{"many", func(n, i int) int { return mixed(i) % (n/2 + 1) }},
	{"ascending", func(n, i int) int { return i / 3 }},
	{"descending", func(n, i int) int { return (n - i) / 3 }},
	{"strictly descending", func(n, i int) int { return n - i }},
	{"nearly sorted", func(n, i int) int {
		if i%17 == 5 {
			return i/3 + 4
		}
		return i / 3
	}},
	{"pipe", func(n, i int) int { return min(i, n-i) / 2 }},
	{"saw", func(n, i int) int { return i % 7 }},
}

// mixed is a number below 2^31 that looks drawn by chance.
func mixed(i int) int {
	x := (uint64(i) + 1) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	return int((x ^ x>>27) >> 33)
}

func main() {
	for _, s := range shapes {
		for _, n := range lengths {
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			sort.Slice(order, func(a, b int) bool { return s.key(n, order[a]) < s.key(n, order[b]) })
			fmt.Printf("%s %d %016x\n", s.name, n, digest(order))
		}
	}
	for _, n := range lengths {
		fmt.Printf("adversary %d %016x\n", n, digest(adversary(n)))
	}
}

// adversary decides keys while they are compared, so that every pivot is a bad one (McIlroy, A Killer Adversary for
// Quicksort, 1999), and gives the keys.
func adversary(n int) []int {
	order, keys := make([]int, n), make([]int, n)
	for i := range order {
		order[i], keys[i] = i, n
	}
	solid, candidate := 0, 0
	sort.Slice(order, func(a, b int) bool {
		x, y := order[a], order[b]
		if keys[x] == n && keys[y] == n {
			frozen := y
			if x == candidate {
				frozen = x
			}
			keys[frozen] = solid
			solid++
		}
		if keys[x] == n {
			candidate = x
		} else if keys[y] == n {
			candidate = y
		}
		return keys[x] < keys[y]
	})
	return keys
}

func digest(numbers []int) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, n := range numbers {
		h = (h ^ uint64(n)) * 0x100000001b3
	}
	return h
}
