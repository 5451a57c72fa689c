package gen

import (
	v1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// preemption: pods that outrank what runs.
func preemption(g *generator) {
	g.namespaces()
	g.makeNodes(g.between(3, 9), func(n *v1.Node) {
		n.Status.Allocatable["pods"] = q("%d", g.between(5, 30))
		n.Status.Capacity["pods"] = n.Status.Allocatable["pods"]
		n.Status.Allocatable["cpu"] = q("%d", g.between(2, 4))
	})
	g.emitNodes()
	for i, a := range apps[:g.between(0, 3)] {
		g.add("PodDisruptionBudget", "policy/v1", &policy.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: a, Namespace: g.one("default", "team-a")},
			Spec:       policy.PodDisruptionBudgetSpec{MinAvailable: ptr(intstr.FromInt32(1)), Selector: labelled("app", a)},
			Status:     policy.PodDisruptionBudgetStatus{DisruptionsAllowed: int32(g.Intn(2)), ExpectedPods: int32(i), ObservedGeneration: 1},
		})
	}
	g.fill(g.between(15, 110), func(p *v1.Pod) {
		g.prio(p)
		if g.chance(0.1) {
			g.podAffinity(p, 0.2)
		}
		if g.chance(0.05) {
			p.Spec.Containers[0].Ports = []v1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		}
	})
	for i := 0; i < 8; i++ {
		p := g.pod()
		p.Spec.Priority = ptr(int32([]int{0, 500, 2000, 2000000}[g.Intn(4)]))
		p.Spec.Containers[0].Resources.Requests = v1.ResourceList{"cpu": q("%dm", g.between(3, 25)*100), "memory": q("%dMi", g.between(1, 40)*64)}
		p.Spec.Containers[0].Resources.Limits = nil
		if g.chance(0.1) {
			p.Spec.PreemptionPolicy = ptr(v1.PreemptNever)
		}
		if g.chance(0.2) {
			g.podAffinity(p, 0.5)
		}
		if g.chance(0.2) {
			p.Spec.TopologySpreadConstraints = evenly(p, zoneKey)
		}
		if g.chance(0.15) {
			p.Spec.Containers[0].Ports = []v1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		}
		g.pend(p)
	}
}

// nominated: pods that wait for a node that was promised to them.
func nominated(g *generator) {
	g.namespaces()
	g.makeNodes(g.between(3, 8), labelNodes(g))
	g.emitNodes()
	g.fill(g.between(5, 60), func(p *v1.Pod) { g.prio(p) })
	for i := 0; i < g.between(1, 4); i++ {
		p := g.pod()
		g.prio(p)
		p.Spec.Containers[0].Resources.Requests = v1.ResourceList{"cpu": q("%dm", g.between(3, 40)*100), "memory": q("%dMi", g.between(1, 60)*64)}
		p.Spec.Containers[0].Resources.Limits = nil
		if g.chance(0.3) {
			g.podAffinity(p, 0.4)
		}
		if g.chance(0.2) {
			p.Spec.Containers[0].Ports = []v1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		}
		p.Status.NominatedNodeName = g.nodeName()
		g.add("Pod", "v1", p)
	}
	for i := 0; i < 8; i++ {
		p := g.pod()
		g.prio(p)
		if g.chance(0.3) {
			g.podAffinity(p, 0.4)
		}
		if g.chance(0.3) {
			g.spread(p)
		}
		if g.chance(0.2) {
			p.Spec.Containers[0].Ports = []v1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		}
		g.pend(p)
	}
}
