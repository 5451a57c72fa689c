package gen

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// interPod: affinity and anti-affinity between pods, of both sides.
func interPod(g *generator) {
	switch g.Intn(5) {
	case 0:
		g.sc.Config = cfgHead + `  pluginConfig:
  - name: InterPodAffinity
    args:
      hardPodAffinityWeight: 50
`
	case 1:
		g.sc.Config = cfgHead + `  pluginConfig:
  - name: InterPodAffinity
    args:
      ignorePreferredTermsOfExistingPods: true
`
	}
	g.namespaces()
	g.makeNodes(g.between(5, 20), labelNodes(g))
	g.emitNodes()
	g.fill(g.between(5, 50), func(p *v1.Pod) { g.podAffinity(p, 0.08) })
	for i := 0; i < 12; i++ {
		p := g.pod()
		g.podAffinity(p, 0.3)
		g.pend(p)
	}
}

// spreadFamily: topology spread constraints of the pod.
func spreadFamily(g *generator) {
	g.makeNodes(g.between(5, 20), labelNodes(g), func(n *v1.Node) {
		if g.chance(0.15) {
			n.Spec.Taints = []v1.Taint{{Key: "dedicated", Value: "ml", Effect: v1.TaintEffectNoSchedule}}
		}
	})
	g.emitNodes()
	g.fill(g.between(5, 60))
	for i := 0; i < 12; i++ {
		p := g.pod()
		g.spread(p)
		if g.chance(0.3) {
			g.nodeAffinity(p)
		}
		g.pend(p)
	}
}

// defaultSpread: the default constraints that services and replica sets give.
func defaultSpread(g *generator) {
	switch g.Intn(3) {
	case 0:
		g.sc.Config = cfgHead + `  pluginConfig:
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints:
      - maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: DoNotSchedule
      - maxSkew: 3
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
`
	}
	g.services()
	g.makeNodes(g.between(5, 20), labelNodes(g))
	g.emitNodes()
	g.fill(g.between(5, 60))
	for i := 0; i < 12; i++ {
		p := g.pod()
		if p.Labels["app"] == "ml" && p.Namespace == "team-a" {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "ml-rs", UID: "rs-1", Controller: ptr(true)}}
		}
		g.pend(p)
	}
}
