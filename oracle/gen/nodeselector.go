package gen

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
)

func (g *generator) nodeReq() v1.NodeSelectorRequirement {
	switch g.Intn(7) {
	case 0:
		return v1.NodeSelectorRequirement{Key: zoneKey, Operator: v1.NodeSelectorOpIn, Values: []string{zones[g.Intn(3)], zones[g.Intn(3)]}}
	case 1:
		return v1.NodeSelectorRequirement{Key: "kubernetes.io/arch", Operator: v1.NodeSelectorOpNotIn, Values: []string{"arm64"}}
	case 2:
		return v1.NodeSelectorRequirement{Key: "disk", Operator: v1.NodeSelectorOpExists}
	case 3:
		return v1.NodeSelectorRequirement{Key: "disk", Operator: v1.NodeSelectorOpDoesNotExist}
	case 4:
		return v1.NodeSelectorRequirement{Key: "cores", Operator: v1.NodeSelectorOpGt, Values: []string{fmt.Sprint(g.Intn(30))}}
	case 5:
		return v1.NodeSelectorRequirement{Key: "cores", Operator: v1.NodeSelectorOpLt, Values: []string{fmt.Sprint(g.Intn(30))}}
	}
	return v1.NodeSelectorRequirement{Key: "disk", Operator: v1.NodeSelectorOpIn, Values: []string{g.one("ssd", "hdd", "nvme")}}
}

func (g *generator) nodeTerm() v1.NodeSelectorTerm {
	t := v1.NodeSelectorTerm{}
	for i := 0; i < g.between(1, 2); i++ {
		t.MatchExpressions = append(t.MatchExpressions, g.nodeReq())
	}
	if g.chance(0.1) {
		t.MatchFields = []v1.NodeSelectorRequirement{{Key: "metadata.name", Operator: v1.NodeSelectorOpIn, Values: []string{g.nodeName()}}}
	}
	return t
}

func (g *generator) affinity(p *v1.Pod) *v1.Affinity {
	if p.Spec.Affinity == nil {
		p.Spec.Affinity = &v1.Affinity{}
	}
	return p.Spec.Affinity
}

func (g *generator) nodeAffinity(p *v1.Pod) {
	if g.chance(0.3) {
		p.Spec.NodeSelector = map[string]string{"topology.kubernetes.io/zone": zones[g.Intn(3)]}
		if g.chance(0.3) {
			p.Spec.NodeSelector["disk"] = g.one("ssd", "hdd")
		}
	}
	na := &v1.NodeAffinity{}
	if g.chance(0.5) {
		na.RequiredDuringSchedulingIgnoredDuringExecution = &v1.NodeSelector{}
		for i := 0; i < g.between(1, 2); i++ {
			terms := &na.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
			*terms = append(*terms, g.nodeTerm())
		}
	}
	for i := 0; i < g.Intn(4); i++ {
		terms := &na.PreferredDuringSchedulingIgnoredDuringExecution
		*terms = append(*terms, v1.PreferredSchedulingTerm{Weight: int32(g.between(1, 100)), Preference: g.nodeTerm()})
	}
	if na.RequiredDuringSchedulingIgnoredDuringExecution != nil || na.PreferredDuringSchedulingIgnoredDuringExecution != nil {
		g.affinity(p).NodeAffinity = na
	}
}
