package gen

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
)

// stored gives a pod what the API server sets on creation beside the defaults:
// label keys become part of the selectors, and pod-level resources are derived
// from those of the containers.
func stored(p *v1.Pod) {
	mergeLabelKeys(p)
	if p.Spec.Resources == nil {
		return
	}
	internal, out := &core.Pod{}, &v1.PodSpec{}
	if err := corev1.Convert_v1_Pod_To_core_Pod(defaulted(p), internal, nil); err != nil {
		panic(err)
	}
	podutil.DefaultPodLevelResources(internal)
	if err := corev1.Convert_core_PodSpec_To_v1_PodSpec(&internal.Spec, out, nil); err != nil {
		panic(err)
	}
	p.Spec.Resources = out.Resources
}

func defaulted(p *v1.Pod) *v1.Pod {
	p = p.DeepCopy()
	corev1.SetObjectDefaults_Pod(p)
	return p
}

func mergeLabelKeys(p *v1.Pod) {
	for i := range p.Spec.TopologySpreadConstraints {
		c := &p.Spec.TopologySpreadConstraints[i]
		mergeKeys(c.LabelSelector, c.MatchLabelKeys, metav1.LabelSelectorOpIn, p.Labels)
	}
	for _, t := range podTerms(p) {
		mergeKeys(t.LabelSelector, t.MatchLabelKeys, metav1.LabelSelectorOpIn, p.Labels)
		mergeKeys(t.LabelSelector, t.MismatchLabelKeys, metav1.LabelSelectorOpNotIn, p.Labels)
	}
}

func mergeKeys(s *metav1.LabelSelector, keys []string, op metav1.LabelSelectorOperator, labels map[string]string) {
	if s == nil {
		return
	}
	for _, k := range keys {
		if v, ok := labels[k]; ok {
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: k, Operator: op, Values: []string{v}})
		}
	}
}

// podTerms has every affinity and anti-affinity term of a pod.
func podTerms(p *v1.Pod) []*v1.PodAffinityTerm {
	a := p.Spec.Affinity
	if a == nil {
		return nil
	}
	var terms []*v1.PodAffinityTerm
	take := func(required []v1.PodAffinityTerm, preferred []v1.WeightedPodAffinityTerm) {
		for i := range required {
			terms = append(terms, &required[i])
		}
		for i := range preferred {
			terms = append(terms, &preferred[i].PodAffinityTerm)
		}
	}
	if pa := a.PodAffinity; pa != nil {
		take(pa.RequiredDuringSchedulingIgnoredDuringExecution, pa.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if pa := a.PodAntiAffinity; pa != nil {
		take(pa.RequiredDuringSchedulingIgnoredDuringExecution, pa.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	return terms
}
