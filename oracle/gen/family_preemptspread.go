package gen

import (
	"time"

	v1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var priorities = []int32{-10, 0, 0, 500, 2000, 2000000}

// preemptSpread: preemption where more than room decides: affinity, spread,
// ports, budgets, terminating pods, pods that never preempt, and pods for whom
// a node is kept already.
func preemptSpread(g *generator) {
	g.namespaces()
	g.makeNodes(g.between(3, 9), func(n *v1.Node) {
		n.Status.Allocatable["pods"] = q("%d", g.between(6, 25))
		n.Status.Capacity["pods"] = n.Status.Allocatable["pods"]
		n.Status.Allocatable["cpu"] = q("%d", g.between(3, 8))
		if g.chance(0.15) {
			n.Spec.Taints = []v1.Taint{{Key: "dedicated", Value: "ml", Effect: v1.TaintEffectNoSchedule}}
		}
	})
	g.emitNodes()
	g.budgets()
	g.populate(g.between(15, 110), g.bystander)
	for range g.Intn(3) {
		p := g.pod()
		g.preemptor(p)
		p.Status.NominatedNodeName = g.nodeName()
		g.add("Pod", "v1", p)
	}
	for i := range 8 {
		p := g.pod()
		g.preemptor(p)
		stored(p)
		// Only the first may have a node of its own: for a later one it would matter to those before it.
		if i == 0 && g.chance(0.7) {
			p.Status.NominatedNodeName = g.nodeName()
		}
		g.pend(p)
	}
}

// bystander is a pod that runs and may have to go.
func (g *generator) bystander(p *v1.Pod) {
	p.Spec.Priority = ptr(priorities[g.Intn(5)])
	if g.chance(0.15) {
		g.podAffinity(p, 0.3)
	}
	g.webPort(p, 0.1)
	if g.chance(0.12) {
		p.DeletionTimestamp = ptr(metav1.Date(2026, 1, 3, 0, 0, g.podSeq%60, 0, time.UTC))
		p.DeletionGracePeriodSeconds = ptr(int64(30))
		if g.chance(0.6) {
			reason := g.one(v1.PodReasonPreemptionByScheduler, v1.PodReasonPreemptionByScheduler, "EvictionByEvictionAPI")
			p.Status.Conditions = []v1.PodCondition{{Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: reason}}
		}
	}
}

func (g *generator) preemptor(p *v1.Pod) {
	p.Spec.Priority = ptr(priorities[g.Intn(6)])
	p.Spec.Containers[0].Resources = asking(g.between(1, 20)*100, g.between(1, 30)*64)
	switch g.Intn(6) {
	case 0, 1:
		g.podAffinity(p, 0.7)
	case 2:
		g.spread(p)
	case 3:
		p.Spec.TopologySpreadConstraints = evenly(p, g.one(zoneKey, hostKey))
	}
	g.webPort(p, 0.25)
	if g.chance(0.12) {
		p.Spec.PreemptionPolicy = ptr(v1.PreemptNever)
	}
	if g.chance(0.3) {
		p.Spec.Tolerations = []v1.Toleration{{Key: "dedicated", Operator: v1.TolerationOpExists}}
	}
}

func (g *generator) webPort(p *v1.Pod, likely float64) {
	if g.chance(likely) {
		p.Spec.Containers[0].Ports = []v1.ContainerPort{{ContainerPort: 80, HostPort: 80, Protocol: v1.ProtocolTCP}}
	}
}

// budgets adds disruption budgets of every shape, some of them with evictions that are under way.
func (g *generator) budgets() {
	for i := range g.between(0, 4) {
		b := &policy.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: "budget-" + apps[i], Namespace: g.one("default", "team-a", "team-b")},
			Status: policy.PodDisruptionBudgetStatus{
				DisruptionsAllowed: int32(g.Intn(3)), ExpectedPods: 3, CurrentHealthy: 3, DesiredHealthy: 2, ObservedGeneration: 1,
			},
		}
		if g.chance(0.5) {
			b.Spec.MinAvailable = ptr(intstr.FromInt32(1))
		} else {
			b.Spec.MaxUnavailable = ptr(intstr.FromString("30%"))
		}
		switch g.Intn(5) {
		case 0: // Everything in its namespace.
			b.Spec.Selector = &metav1.LabelSelector{}
		case 1: // Nothing at all.
		default:
			b.Spec.Selector = g.selector()
		}
		if g.chance(0.3) {
			b.Status.DisruptedPods = map[string]metav1.Time{"pod-0003": metav1.NewTime(time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))}
		}
		g.add("PodDisruptionBudget", "policy/v1", b)
	}
}
