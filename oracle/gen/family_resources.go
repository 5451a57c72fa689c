package gen

import (
	v1 "k8s.io/api/core/v1"
)

// resources: requests of every shape against nodes that are partly full.
func resources(g *generator) {
	g.makeNodes(g.between(3, 15))
	g.emitNodes()
	g.fill(g.between(0, 80), func(p *v1.Pod) {
		if g.chance(0.3) {
			g.complexPod(p)
		}
	})
	for i := 0; i < 10; i++ {
		p := g.pod()
		g.complexPod(p)
		g.pend(p)
	}
}

// strategyTexts go on where cfgHead ends.
var strategyTexts = []string{
	`  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: MostAllocated
        resources:
        - name: cpu
          weight: 3
        - name: memory
          weight: 1
        - name: nvidia.com/gpu
          weight: 5
`,
	`  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources:
        - name: cpu
          weight: 1
        - name: nvidia.com/gpu
          weight: 3
        requestedToCapacityRatio:
          shape:
          - utilization: 0
            score: 0
          - utilization: 40
            score: 7
          - utilization: 100
            score: 10
`,
	`  pluginConfig:
  - name: NodeResourcesFit
    args:
      ignoredResources: ["nvidia.com/gpu"]
      scoringStrategy:
        type: LeastAllocated
        resources:
        - name: memory
          weight: 2
        - name: ephemeral-storage
          weight: 1
  - name: NodeResourcesBalancedAllocation
    args:
      resources:
      - name: cpu
        weight: 1
      - name: memory
        weight: 1
      - name: nvidia.com/gpu
        weight: 1
`,
	`  plugins:
    score:
      disabled:
      - name: NodeResourcesBalancedAllocation
      - name: ImageLocality
      enabled:
      - name: NodeResourcesFit
        weight: 7
    filter:
      disabled:
      - name: TaintToleration
`,
}

// strategies: the scoring strategies of NodeResourcesFit, and plugins switched off.
func strategies(g *generator) {
	g.sc.Config = cfgHead + strategyTexts[g.Intn(len(strategyTexts))]
	g.makeNodes(g.between(4, 14), taintNodes(g))
	g.emitNodes()
	g.fill(g.between(5, 80))
	for i := 0; i < 10; i++ {
		p := g.pod()
		g.complexPod(p)
		g.pend(p)
	}
}
