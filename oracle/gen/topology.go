package gen

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func mentions(s *metav1.LabelSelector, key string) bool {
	_, ok := s.MatchLabels[key]
	return ok || slices.ContainsFunc(s.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool { return r.Key == key })
}

func (g *generator) spread(p *v1.Pod) {
	for i := 0; i < g.between(1, 2); i++ {
		c := v1.TopologySpreadConstraint{MaxSkew: int32(g.between(1, 3)), TopologyKey: g.one(zoneKey, hostKey, "rack"),
			WhenUnsatisfiable: v1.UnsatisfiableConstraintAction(g.one("DoNotSchedule", "DoNotSchedule", "ScheduleAnyway")), LabelSelector: g.selector()}
		if i == 1 && p.Spec.TopologySpreadConstraints[0].TopologyKey == c.TopologyKey {
			continue
		}
		if g.chance(0.5) {
			c.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": p.Labels["app"]}}
		}
		if c.WhenUnsatisfiable == v1.DoNotSchedule && g.chance(0.25) {
			c.MinDomains = ptr(int32(g.between(1, 5)))
		}
		if g.chance(0.3) {
			c.NodeAffinityPolicy = ptr(v1.NodeInclusionPolicy(g.one("Honor", "Ignore")))
		}
		if g.chance(0.3) {
			c.NodeTaintsPolicy = ptr(v1.NodeInclusionPolicy(g.one("Honor", "Ignore")))
		}
		if g.chance(0.2) && !mentions(c.LabelSelector, "tier") {
			c.MatchLabelKeys = []string{"tier"}
			if c.LabelSelector == nil {
				c.LabelSelector = &metav1.LabelSelector{}
			}
		}
		p.Spec.TopologySpreadConstraints = append(p.Spec.TopologySpreadConstraints, c)
	}
}

func (g *generator) services() {
	for _, a := range apps[:g.between(1, 4)] {
		g.service(a, "default", map[string]string{"app": a})
	}
	g.add("ReplicaSet", "apps/v1", &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "ml-rs", Namespace: "team-a", UID: "rs-1"}, Spec: appsv1.ReplicaSetSpec{
		Replicas: ptr(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "ml"}},
		Template: v1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "ml"}}, Spec: v1.PodSpec{Containers: []v1.Container{{Name: "main", Image: "registry.example/ml:1"}}}}}})
}
