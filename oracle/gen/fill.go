package gen

import (
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fill puts pods on nodes as long as a rough count of their CPU and memory fits.
func (g *generator) fill(n int, opts ...func(*v1.Pod)) {
	type room struct{ cpu, mem, pods int64 }
	left := map[string]*room{}
	for _, nd := range g.nodes {
		left[nd.Name] = &room{nd.Status.Allocatable.Cpu().MilliValue(), nd.Status.Allocatable.Memory().Value(), nd.Status.Allocatable.Pods().Value()}
	}
	for i := 0; i < n; i++ {
		p := g.pod()
		for _, o := range opts {
			o(p)
		}
		var cpu, mem int64
		for _, c := range p.Spec.Containers {
			r := c.Resources.Requests
			if r == nil {
				r = c.Resources.Limits
			}
			cpu += r.Cpu().MilliValue()
			mem += r.Memory().Value()
		}
		for try := 0; try < 4; try++ {
			name := g.nodeName()
			l := left[name]
			if l.cpu >= cpu && l.mem >= mem && l.pods >= 1 {
				l.cpu -= cpu
				l.mem -= mem
				l.pods--
				p.Spec.NodeName = name
				st := metav1.NewTime(time.Date(2026, 1, 2, 0, g.Intn(50), 0, 0, time.UTC))
				p.Status.StartTime = &st
				g.place(p)
				break
			}
		}
	}
}
