package gen

import (
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// resize: pods whose node has not yet given them what they ask for now, or
// still gives more, and pods that are on their way out.
func resize(g *generator) {
	g.makeNodes(g.between(2, 6), func(n *v1.Node) {
		n.Status.Allocatable["cpu"], n.Status.Allocatable["memory"] = q("%d", g.between(3, 8)), q("%dGi", g.between(4, 12))
	})
	g.emitNodes()
	g.populate(g.between(5, 30), g.prio, g.resizedPod)
	g.pendEach(10, g.prio, func(p *v1.Pod) {
		p.Spec.Containers[0].Resources = asking(g.between(1, 16)*100, g.between(1, 16)*128)
		if g.chance(0.3) {
			g.spread(p)
		}
	})
}

func (g *generator) resizedPod(p *v1.Pod) {
	p.Spec.Containers = nil
	list := func() v1.ResourceList {
		return v1.ResourceList{"cpu": q("%dm", g.between(1, 10)*100), "memory": q("%dMi", g.between(1, 10)*64)}
	}
	report := func(name string, restarts bool) v1.ContainerStatus {
		s := v1.ContainerStatus{Name: name, Image: "registry.example/web:1", ImageID: "registry.example/web@sha256:0", Ready: true, Started: ptr(true)}
		if g.chance(0.6) {
			s.AllocatedResources = list()
		}
		if g.chance(0.6) {
			s.Resources = &v1.ResourceRequirements{Requests: list()}
		}
		if !restarts {
			s.Ready = false
		}
		return s
	}
	for i := range g.between(1, 2) {
		name := fmt.Sprintf("c%d", i)
		c := v1.Container{Name: name, Image: "registry.example/web:1", Resources: v1.ResourceRequirements{Requests: list()}}
		p.Spec.Containers = append(p.Spec.Containers, c)
		if g.chance(0.8) {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, report(name, true))
		}
	}
	if g.chance(0.4) {
		c := v1.Container{Name: "side", Image: "registry.example/side:1", Resources: v1.ResourceRequirements{Requests: list()}}
		if g.chance(0.7) {
			c.RestartPolicy = ptr(v1.ContainerRestartPolicyAlways)
		}
		p.Spec.InitContainers = []v1.Container{c}
		p.Status.InitContainerStatuses = []v1.ContainerStatus{report("side", c.RestartPolicy != nil)}
	}
	switch g.Intn(5) {
	case 0:
		p.Status.Conditions = []v1.PodCondition{{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: v1.PodReasonInfeasible}}
	case 1:
		p.Status.Conditions = []v1.PodCondition{{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: v1.PodReasonDeferred}}
	case 2:
		p.Status.Conditions = []v1.PodCondition{{Type: v1.PodResizeInProgress, Status: v1.ConditionTrue}}
	}
	if g.chance(0.3) { // Pod-level resources have a status of their own.
		p.Spec.Resources = g.podResources(p)
		p.Status.AllocatedResources = list()
		if g.chance(0.7) {
			p.Status.Resources = &v1.ResourceRequirements{Requests: list()}
		}
	}
	if g.chance(0.15) {
		p.DeletionTimestamp = ptr(metav1.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))
		p.DeletionGracePeriodSeconds = ptr(int64(30))
	}
}
