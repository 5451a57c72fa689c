package gen

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func labelled(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func labelIn(key string, values ...string) metav1.LabelSelectorRequirement {
	return metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: values}
}

// evenly demands that pods of the same app are spread over the domains.
func evenly(p *v1.Pod, topologyKey string) []v1.TopologySpreadConstraint {
	return []v1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: topologyKey, WhenUnsatisfiable: v1.DoNotSchedule, LabelSelector: labelled("app", p.Labels["app"]),
	}}
}

// asking requests milli-CPUs and MiB.
func asking(cpu, memory int) v1.ResourceRequirements {
	return v1.ResourceRequirements{Requests: v1.ResourceList{"cpu": q("%dm", cpu), "memory": q("%dMi", memory)}}
}

func (g *generator) service(name, namespace string, selector map[string]string) {
	g.add("Service", "v1", &v1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       v1.ServiceSpec{Selector: selector, Ports: []v1.ServicePort{{Port: 80}}},
	})
}
