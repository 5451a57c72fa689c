package gen

import (
	"fmt"

	"berth.dev/oracle/scenario"
)

// Size is how large a scenario is, where the family does not draw it.
type Size struct{ Nodes, Pods int }

// Family is one kind of scenario and what the corpus holds of it: seeds 1 to Count.
type Family struct {
	Name  string
	Count int
	// Brief families have answers without verdicts, scores and victims.
	Brief bool
	// Sizes has the size of each seed, where the family does not draw it.
	Sizes []Size
	build func(*generator)
}

// Families is the manifest of the corpus.
var Families = []Family{
	{Name: "resources", Count: 20, build: resources},
	{Name: "strategies", Count: 20, build: strategies},
	{Name: "taints", Count: 20, build: taints},
	{Name: "nodeaffinity", Count: 20, build: nodeAffinityFamily},
	{Name: "ports", Count: 20, build: ports},
	{Name: "images", Count: 20, build: images},
	{Name: "interpod", Count: 20, build: interPod},
	{Name: "spread", Count: 20, build: spreadFamily},
	{Name: "defaultspread", Count: 20, build: defaultSpread},
	{Name: "volumes", Count: 80, build: volumes},
	{Name: "preemption", Count: 20, build: preemption},
	{Name: "nominated", Count: 20, build: nominated},
	{Name: "profiles", Count: 20, build: profiles},
	{Name: "mixed", Count: 20, build: mixed},
	{Name: "replay", Count: 4, Brief: true, Sizes: []Size{{300, 1500}, {300, 1500}, {300, 1500}, {1000, 5000}}, build: replay},
	{Name: "podlevel", Count: 20, build: podLevel},
	{Name: "quantities", Count: 20, build: quantities},
	{Name: "capacity", Count: 60, build: capacity},
	{Name: "claims", Count: 20, build: claims},
	{Name: "disks", Count: 20, build: disks},
	{Name: "attachlimits", Count: 20, build: attachLimits},
	{Name: "manyprofiles", Count: 20, build: manyProfiles},
	{Name: "preemptspread", Count: 20, build: preemptSpread},
	{Name: "features", Count: 20, build: features},
	{Name: "labelkeys", Count: 20, build: labelKeys},
	{Name: "owners", Count: 20, build: owners},
	{Name: "resize", Count: 20, build: resize},
}

// Find gives the family of that name.
func Find(name string) (Family, bool) {
	for _, f := range Families {
		if f.Name == name {
			return f, true
		}
	}
	return Family{}, false
}

// Scenario is the scenario of a seed, without answers. A seed that the corpus
// does not hold has the size of the first.
func (f Family) Scenario(seed int64) *scenario.Scenario {
	var size Size
	if len(f.Sizes) > 0 {
		size = f.Sizes[0]
	}
	if seed >= 1 && seed <= int64(len(f.Sizes)) {
		size = f.Sizes[seed-1]
	}
	g := newGenerator(seed, f.Name, size)
	f.build(g)
	g.sc.Name, g.sc.Family, g.sc.Seed = fmt.Sprintf("%s-%d", f.Name, seed), f.Name, seed
	return g.sc
}
