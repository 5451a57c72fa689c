package gen

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (g *generator) selector() *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	switch g.Intn(5) {
	case 0, 1:
		s.MatchLabels = map[string]string{"app": apps[g.Intn(len(apps))]}
	case 2:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{labelIn("app", apps[g.Intn(5)], apps[g.Intn(5)])}
	case 3:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{
			{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{apps[g.Intn(5)]}},
			{Key: "tier", Operator: metav1.LabelSelectorOpExists},
		}
	case 4:
		s.MatchLabels = map[string]string{"tier": tiers[g.Intn(2)]}
	}
	return s
}

func (g *generator) podTerm() v1.PodAffinityTerm {
	t := v1.PodAffinityTerm{LabelSelector: g.selector(), TopologyKey: g.one(hostKey, zoneKey, zoneKey, "rack")}
	switch g.Intn(6) {
	case 0:
		t.Namespaces = []string{"team-a"}
	case 1:
		t.NamespaceSelector = &metav1.LabelSelector{}
	case 2:
		t.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"org": "blue"}}
	}
	return t
}

func (g *generator) podAffinity(p *v1.Pod, req float64) {
	if g.chance(req) {
		a := g.affinity(p)
		a.PodAffinity = &v1.PodAffinity{}
		for i := 0; i < g.between(1, 2); i++ {
			terms := &a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution
			*terms = append(*terms, g.podTerm())
		}
	}
	if g.chance(req) {
		a := g.affinity(p)
		a.PodAntiAffinity = &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{g.podTerm()}}
	}
	if g.chance(0.4) {
		a := g.affinity(p)
		if a.PodAffinity == nil {
			a.PodAffinity = &v1.PodAffinity{}
		}
		for i := 0; i < g.between(1, 2); i++ {
			terms := &a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution
			*terms = append(*terms, v1.WeightedPodAffinityTerm{Weight: int32(g.between(1, 100)), PodAffinityTerm: g.podTerm()})
		}
	}
	if g.chance(0.4) {
		a := g.affinity(p)
		if a.PodAntiAffinity == nil {
			a.PodAntiAffinity = &v1.PodAntiAffinity{}
		}
		terms := &a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution
		*terms = append(*terms, v1.WeightedPodAffinityTerm{Weight: int32(g.between(1, 100)), PodAffinityTerm: g.podTerm()})
	}
}

func (g *generator) namespaces() {
	for _, n := range []string{"default", "team-a", "team-b"} {
		l := map[string]string{"kubernetes.io/metadata.name": n}
		if n != "team-b" {
			l["org"] = "blue"
		}
		g.add("Namespace", "v1", &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n, Labels: l}})
	}
}
