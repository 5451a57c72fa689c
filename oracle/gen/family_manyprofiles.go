package gen

import (
	v1 "k8s.io/api/core/v1"
)

// profileTexts are profiles of one configuration, by their scheduler names.
var profileTexts = map[string]string{
	"weighty": `- schedulerName: weighty
  plugins:
    score:
      enabled:
      - name: PodTopologySpread
        weight: 10
      - name: NodeResourcesFit
        weight: 4
      - name: ImageLocality
      disabled:
      - name: InterPodAffinity
`,
	"nofilters": `- schedulerName: nofilters
  plugins:
    preFilter:
      disabled: [{name: NodeAffinity}, {name: PodTopologySpread}]
    filter:
      disabled: [{name: "*"}]
      enabled: [{name: NodeName}, {name: NodeResourcesFit}]
    score:
      disabled: [{name: NodeAffinity}]
`,
	"added": `- schedulerName: added
  pluginConfig:
  - name: NodeAffinity
    args:
      addedAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
          - matchExpressions:
            - {key: kubernetes.io/arch, operator: In, values: [amd64]}
          - matchExpressions:
            - {key: disk, operator: Exists}
        preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 30
          preference:
            matchExpressions:
            - {key: topology.kubernetes.io/zone, operator: In, values: [zone-a, zone-b]}
        - weight: 5
          preference:
            matchExpressions:
            - {key: cores, operator: Gt, values: ["4"]}
`,
	"ratio": `- schedulerName: ratio
  pluginConfig:
  - name: NodeResourcesFit
    args:
      ignoredResourceGroups: [example.com]
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources: [{name: cpu, weight: 2}, {name: memory, weight: 1}, {name: nvidia.com/gpu, weight: 4}]
        requestedToCapacityRatio:
          shape:
          - {utilization: 0, score: 10}
          - {utilization: 50, score: 2}
          - {utilization: 100, score: 5}
  - name: NodeResourcesBalancedAllocation
    args:
      resources: [{name: memory, weight: 1}, {name: ephemeral-storage, weight: 1}]
`,
	"listed": `- schedulerName: listed
  pluginConfig:
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints:
      - {maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}
      - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway}
  - name: InterPodAffinity
    args:
      hardPodAffinityWeight: 100
      ignorePreferredTermsOfExistingPods: true
`,
	"unlisted": `- schedulerName: unlisted
  pluginConfig:
  - name: PodTopologySpread
    args:
      defaultingType: List
  - name: InterPodAffinity
    args:
      hardPodAffinityWeight: 0
`,
	"minimal": `- schedulerName: minimal
  plugins:
    multiPoint:
      disabled: [{name: "*"}]
      enabled: [{name: PrioritySort}, {name: DefaultBinder}, {name: NodeResourcesFit, weight: 2}, {name: NodeAffinity, weight: 5}, {name: TaintToleration}, {name: NodeName}]
`,
	"reordered": `- schedulerName: reordered
  plugins:
    filter:
      enabled: [{name: NodeResourcesFit}, {name: NodeAffinity}]
    score:
      enabled: [{name: TaintToleration, weight: 1}]
    multiPoint:
      enabled: [{name: NodeResourcesBalancedAllocation, weight: 7}]
`,
	"packed": `- schedulerName: packed
  pluginConfig:
  - name: NodeResourcesFit
    args:
      ignoredResources: [nvidia.com/gpu]
      scoringStrategy:
        type: MostAllocated
        resources: [{name: nvidia.com/gpu, weight: 3}, {name: cpu, weight: 1}]
  plugins:
    multiPoint:
      disabled: [{name: DefaultPreemption}, {name: NodeResourcesBalancedAllocation}, {name: SchedulingGates}]
`,
}

var profileNames = []string{"weighty", "nofilters", "added", "ratio", "listed", "unlisted", "minimal", "reordered", "packed"}

// manyProfiles: profiles with other plugins, order, weights and arguments, each asked by some of the pods.
func manyProfiles(g *generator) {
	g.sc.Config = cfgHead
	names := []string{"default-scheduler"}
	for _, i := range g.Perm(len(profileNames))[:g.between(3, 6)] {
		names = append(names, profileNames[i])
		g.sc.Config += profileTexts[profileNames[i]]
	}
	g.namespaces()
	g.services()
	g.makeNodes(g.between(5, 14), labelNodes(g), taintNodes(g))
	g.emitNodes()
	shape := func(p *v1.Pod) {
		g.prio(p)
		if g.chance(0.25) {
			g.complexPod(p)
		}
		if g.chance(0.4) {
			g.tolerations(p)
		}
		if g.chance(0.3) {
			g.nodeAffinity(p)
		}
		if g.chance(0.2) {
			g.podAffinity(p, 0.15)
		}
		if g.chance(0.2) {
			g.spread(p)
		}
	}
	g.populate(g.between(10, 70), shape)
	g.pendEach(12, shape, func(p *v1.Pod) { p.Spec.SchedulerName = g.one(names...) })
}
