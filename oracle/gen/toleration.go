package gen

import (
	v1 "k8s.io/api/core/v1"
)

func (g *generator) tolerations(p *v1.Pod) {
	for i := 0; i < g.Intn(4); i++ {
		t := v1.Toleration{Key: g.one("dedicated", "gpu", "spot", "maintenance")}
		if g.chance(0.5) {
			t.Operator = v1.TolerationOpExists
		} else {
			t.Value = g.one("", "ml", "true")
		}
		if g.chance(0.6) {
			t.Effect = v1.TaintEffect(g.one("NoSchedule", "PreferNoSchedule", "NoExecute"))
		}
		p.Spec.Tolerations = append(p.Spec.Tolerations, t)
	}
	if g.chance(0.06) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, v1.Toleration{Operator: v1.TolerationOpExists})
	}
}
