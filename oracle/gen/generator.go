// Package gen makes the scenarios of the corpus: clusters and pods drawn from
// a random stream that the family and the seed alone decide. The stream of a
// family is part of the corpus: a draw more or less changes every scenario
// after it, so a draw that has no effect any more stays.
package gen

import (
	"encoding/json"
	"fmt"
	"math/rand"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"berth.dev/oracle/scenario"
)

type generator struct {
	*rand.Rand
	// nNodes and nPods are the size of a replay.
	nNodes, nPods int
	sc            *scenario.Scenario
	podSeq        int
	nodes         []*v1.Node
	// spelling has, for each object by name, the text of quantities that
	// marshalling would write in another way.
	spelling map[string]spelling
}

func newGenerator(seed int64, family string, size Size) *generator {
	h := int64(0)
	for _, c := range family {
		h = h*131 + int64(c)
	}
	return &generator{
		Rand: rand.New(rand.NewSource(seed*7919 + h)), nNodes: size.Nodes, nPods: size.Pods,
		sc: &scenario.Scenario{Objects: []json.RawMessage{}, Pending: []json.RawMessage{}},
	}
}

func (g *generator) one(a ...string) string { return a[g.Intn(len(a))] }
func (g *generator) chance(p float64) bool  { return g.Float64() < p }
func (g *generator) between(a, b int) int   { return a + g.Intn(b-a+1) }

func (g *generator) add(kind, api string, o any) {
	g.sc.Objects = append(g.sc.Objects, raw(kind, api, o, nil))
}

func (g *generator) addSpelled(kind, api, name string, o any) {
	g.sc.Objects = append(g.sc.Objects, raw(kind, api, o, g.spelling[name].write))
}

// place adds a pod that runs.
func (g *generator) place(p *v1.Pod) {
	p.Status.Phase = v1.PodRunning
	g.addSpelled("Pod", "v1", p.Name, p)
}

// pend adds a pod to place.
func (g *generator) pend(p *v1.Pod) {
	g.sc.Pending = append(g.sc.Pending, raw("Pod", "v1", p, g.spelling[p.Name].write))
}

func q(f string, a ...any) resource.Quantity {
	return resource.MustParse(fmt.Sprintf(f, a...))
}

func ptr[T any](t T) *T { return &t }

// raw is an object as a user would write it: without what Go marshals though
// it is empty. The edit, if any, is the last word.
func raw(kind, api string, o any, edit func(map[string]any)) json.RawMessage {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		panic(err)
	}
	m["kind"], m["apiVersion"] = kind, api
	prune(m)
	if edit != nil {
		edit(m)
	}
	if b, err = json.Marshal(m); err != nil {
		panic(err)
	}
	return b
}

func prune(x any) {
	switch t := x.(type) {
	case map[string]any:
		for k, v := range t {
			prune(v)
			m, ok := v.(map[string]any)
			empty := ok && len(m) == 0
			if v == nil || empty && (k == "status" || k == "resources" || k == "loadBalancer" || k == "strategy") {
				delete(t, k)
			}
		}
	case []any:
		for _, v := range t {
			prune(v)
		}
	}
}
