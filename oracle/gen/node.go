package gen

import (
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var zones = []string{"zone-a", "zone-b", "zone-c"}

type nodeOpt func(*v1.Node)

func (g *generator) makeNodes(n int, opts ...nodeOpt) {
	for i := 0; i < n; i++ {
		cpu := []int{2, 4, 8, 16, 32}[g.Intn(5)]
		mem := cpu * []int{2, 4, 8}[g.Intn(3)]
		z := zones[g.Intn(len(zones))]
		nd := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%03d", i), Labels: map[string]string{
			"kubernetes.io/hostname":        fmt.Sprintf("node-%03d", i),
			"topology.kubernetes.io/zone":   z,
			"topology.kubernetes.io/region": "region-1",
			"kubernetes.io/arch":            g.one("amd64", "amd64", "arm64"),
			"rack":                          fmt.Sprintf("%s-r%d", z, g.Intn(4)),
		}}}
		nd.Status.Capacity = v1.ResourceList{
			"cpu": q("%d", cpu), "memory": q("%dGi", mem),
			"pods": q("%d", []int{4, 10, 30, 110}[g.Intn(4)]), "ephemeral-storage": q("%dGi", g.between(20, 200)),
		}
		if g.chance(0.25) {
			nd.Status.Capacity["nvidia.com/gpu"] = q("%d", []int{1, 2, 4, 8}[g.Intn(4)])
		}
		if g.chance(0.2) {
			nd.Status.Capacity["hugepages-2Mi"] = q("%dMi", g.between(1, 8)*64)
		}
		nd.Status.Allocatable = v1.ResourceList{}
		for k, v := range nd.Status.Capacity {
			nd.Status.Allocatable[k] = v
		}
		nd.Status.Allocatable["cpu"] = q("%dm", cpu*1000-g.between(0, 3)*70)
		nd.Status.Allocatable["memory"] = q("%dMi", mem*1024-g.between(0, 4)*157)
		for _, o := range opts {
			o(nd)
		}
		g.nodes = append(g.nodes, nd)
	}
}
func (g *generator) emitNodes() {
	for _, n := range g.nodes {
		g.add("Node", "v1", n)
	}
}
func (g *generator) nodeName() string { return g.nodes[g.Intn(len(g.nodes))].Name }

func labelNodes(g *generator) nodeOpt {
	return func(n *v1.Node) {
		if g.chance(0.6) {
			n.Labels["disk"] = g.one("ssd", "hdd", "nvme")
		}
		if g.chance(0.7) {
			n.Labels["cores"] = fmt.Sprint(n.Status.Capacity.Cpu().Value())
		}
		if g.chance(0.05) {
			n.Labels["cores"] = "many"
		}
		if g.chance(0.1) {
			delete(n.Labels, "topology.kubernetes.io/zone")
		}
	}
}

func taintNodes(g *generator) nodeOpt {
	return func(n *v1.Node) {
		for i := 0; i < g.Intn(3); i++ {
			t := v1.Taint{Key: g.one("dedicated", "gpu", "spot", "maintenance"), Value: g.one("", "ml", "true"),
				Effect: v1.TaintEffect(g.one("NoSchedule", "PreferNoSchedule", "PreferNoSchedule", "NoExecute"))}
			if !slices.ContainsFunc(n.Spec.Taints, func(o v1.Taint) bool { return o.Key == t.Key && o.Effect == t.Effect }) {
				n.Spec.Taints = append(n.Spec.Taints, t)
			}
		}
		if g.chance(0.07) {
			n.Spec.Unschedulable = true
		}
	}
}
