package gen

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// labelKeys: terms and constraints that take label values from the pod,
// selectors over namespaces, and pods whose namespace the cluster does not hold.
func labelKeys(g *generator) {
	if g.chance(0.7) {
		g.namespaces()
	}
	g.makeNodes(g.between(5, 14), labelNodes(g))
	g.emitNodes()
	g.populate(g.between(10, 60), g.keyed)
	g.pendEach(10, g.keyed)
}

func (g *generator) keyed(p *v1.Pod) {
	p.Labels["pod-template-hash"] = fmt.Sprintf("hash-%d", g.Intn(3))
	if g.chance(0.1) {
		p.Namespace = "nowhere"
	}
	a := &v1.Affinity{}
	switch g.Intn(6) {
	case 0:
		a.PodAffinity = &v1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.WeightedPodAffinityTerm{
			{Weight: int32(g.between(1, 100)), PodAffinityTerm: g.keyedTerm()}, {Weight: int32(g.between(1, 100)), PodAffinityTerm: g.keyedTerm()}}}
	case 1:
		a.PodAffinity = &v1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{g.keyedTerm()}}
	case 2:
		a.PodAntiAffinity = &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{g.keyedTerm()}}
	case 3:
		a.PodAntiAffinity = &v1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.WeightedPodAffinityTerm{
			{Weight: int32(g.between(1, 100)), PodAffinityTerm: g.keyedTerm()}}}
	case 4:
		g.keyedSpread(p)
		return
	case 5:
		return
	}
	p.Spec.Affinity = a
}

// keyedTerm takes the keys that its own selector does not mention, as the API demands.
func (g *generator) keyedTerm() v1.PodAffinityTerm {
	t := v1.PodAffinityTerm{TopologyKey: g.one(hostKey, zoneKey, "rack"), LabelSelector: g.selector()}
	switch g.Intn(4) {
	case 0:
		t.MatchLabelKeys = []string{"pod-template-hash"}
	case 1:
		t.MismatchLabelKeys = []string{"pod-template-hash"}
	case 2:
		if !mentions(t.LabelSelector, "tier") {
			t.MatchLabelKeys = []string{"tier", "absent-key"}
		}
	}
	switch g.Intn(6) {
	case 0:
		t.Namespaces = []string{"team-a", "nowhere"}
	case 1:
		t.NamespaceSelector = &metav1.LabelSelector{}
	case 2:
		t.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "org", Operator: metav1.LabelSelectorOpExists}}}
	case 3:
		t.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"org": "red"}}
		t.Namespaces = []string{"default"}
	}
	return t
}

func (g *generator) keyedSpread(p *v1.Pod) {
	c := v1.TopologySpreadConstraint{MaxSkew: int32(g.between(1, 2)), TopologyKey: g.one(hostKey, zoneKey, "rack"),
		WhenUnsatisfiable: v1.UnsatisfiableConstraintAction(g.one("DoNotSchedule", "ScheduleAnyway")), LabelSelector: g.selector(),
		MatchLabelKeys: []string{"pod-template-hash"}}
	switch g.Intn(5) {
	case 0:
		c.LabelSelector = &metav1.LabelSelector{}
	case 1: // Selects nothing.
		c.LabelSelector, c.MatchLabelKeys = nil, nil
	}
	p.Spec.TopologySpreadConstraints = []v1.TopologySpreadConstraint{c}
}
