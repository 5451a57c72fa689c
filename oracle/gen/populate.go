package gen

import (
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podresources "k8s.io/component-helpers/resource"
)

// room is what is left on a node.
type room struct {
	node *v1.Node
	free v1.ResourceList
}

// takes reports whether the pod fits, and if so counts it.
func (r *room) takes(p *v1.Pod) bool {
	need := podresources.PodRequests(defaulted(p), podresources.PodResourcesOptions{})
	need[v1.ResourcePods] = q("1")
	for name, n := range need {
		if have := r.free[name]; !n.IsZero() && have.Cmp(n) < 0 {
			return false
		}
	}
	for name, n := range need {
		have := r.free[name]
		have.Sub(n)
		r.free[name] = have
	}
	return true
}

// populate runs up to n pods where they fit. No two start at the same moment,
// so that the order of victims is never left to chance.
func (g *generator) populate(n int, shapes ...func(*v1.Pod)) {
	rooms := make([]*room, len(g.nodes))
	for i, nd := range g.nodes {
		rooms[i] = &room{node: nd, free: nd.Status.Allocatable.DeepCopy()}
		if rooms[i].free == nil {
			rooms[i].free = v1.ResourceList{}
		}
	}
	for range n {
		p := g.pod()
		for _, shape := range shapes {
			shape(p)
		}
		stored(p)
		for range 4 {
			r := rooms[g.Intn(len(rooms))]
			if r.takes(p) {
				p.Spec.NodeName = r.node.Name
				start := metav1.NewTime(time.Date(2026, 1, 2, 0, g.Intn(600), g.podSeq%60, g.podSeq/60, time.UTC))
				p.Status.StartTime = &start
				g.place(p)
				break
			}
		}
	}
}

// pendEach adds n shaped pods to place.
func (g *generator) pendEach(n int, shapes ...func(*v1.Pod)) {
	for range n {
		p := g.pod()
		for _, shape := range shapes {
			shape(p)
		}
		stored(p)
		g.pend(p)
	}
}
