package gen

import (
	v1 "k8s.io/api/core/v1"
)

// profiles: three profiles in one configuration.
func profiles(g *generator) {
	g.sc.Config = cfgHead + `- schedulerName: packer
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: MostAllocated
        resources: [{name: cpu, weight: 1}]
  plugins:
    multiPoint:
      disabled: [{name: ImageLocality}]
    score:
      disabled: [{name: PodTopologySpread}, {name: InterPodAffinity}]
- schedulerName: bare
  plugins:
    multiPoint:
      disabled: [{name: "*"}]
      enabled: [{name: PrioritySort}, {name: DefaultBinder}, {name: NodeName}, {name: NodeUnschedulable}, {name: NodeResourcesFit, weight: 3}, {name: TaintToleration, weight: 1}]
`
	g.namespaces()
	g.makeNodes(g.between(4, 14), labelNodes(g), taintNodes(g))
	g.emitNodes()
	g.fill(g.between(5, 60))
	for i := 0; i < 12; i++ {
		p := g.pod()
		p.Spec.SchedulerName = g.one("default-scheduler", "packer", "bare", "")
		if g.chance(0.4) {
			g.tolerations(p)
		}
		if g.chance(0.3) {
			g.nodeAffinity(p)
		}
		g.chance(0.2) // Without effect, and part of the stream.
		g.pend(p)
	}
}

// mixed: everything at once.
func mixed(g *generator) {
	g.namespaces()
	g.services()
	g.makeNodes(g.between(8, 25), labelNodes(g), taintNodes(g))
	g.emitNodes()
	anything := func(p *v1.Pod) {
		if g.chance(0.3) {
			g.complexPod(p)
		}
		if g.chance(0.4) {
			g.tolerations(p)
		}
		if g.chance(0.25) {
			g.nodeAffinity(p)
		}
		if g.chance(0.25) {
			g.podAffinity(p, 0.15)
		}
		if g.chance(0.25) {
			g.spread(p)
		}
		g.prio(p)
	}
	g.fill(g.between(10, 120), anything)
	for i := 0; i < 14; i++ {
		p := g.pod()
		anything(p)
		if g.chance(0.05) {
			p.Spec.SchedulingGates = []v1.PodSchedulingGate{{Name: "example.com/wait"}}
		}
		g.pend(p)
	}
}

// replay: many nodes and pods.
func replay(g *generator) {
	g.namespaces()
	g.services()
	n, m := g.nNodes, g.nPods
	if n == 0 {
		n, m = 300, 1500
	}
	g.makeNodes(n, labelNodes(g), taintNodes(g))
	g.emitNodes()
	for i := 0; i < m; i++ {
		p := g.pod()
		if g.chance(0.3) {
			g.tolerations(p)
		}
		if g.chance(0.1) {
			g.nodeAffinity(p)
		}
		if g.chance(0.1) {
			g.podAffinity(p, 0.05)
		}
		if g.chance(0.1) {
			g.spread(p)
		}
		g.pend(p)
	}
}
