package gen

import (
	v1 "k8s.io/api/core/v1"
)

// Every text is one that the API server takes; # marks a number without quotes.
var (
	nodeCPU    = []string{"4", "#4", "#8", "3920m", "3.92", "4e0", "0.0039k", "7910000u", "+8", "80e-1", "7999999999n"}
	nodeMemory = []string{
		"16Gi", "16777216Ki", "17179869184", "#17179869184", "17.18e9", "0.015625Ti", "16384Mi", "8e9", "7.5Gi", "+8G", "31.3Gi", "8000000001m",
	}
	nodePods = []string{"110", "1.1e2", "#10", "0.01k", "4", "3000m"}
	podCPU   = []string{
		"100m", "0.5", "#0.5", "1", "#1", "1e0", "1e-1", "15e-1", "+1", "1.5", "0.001", "100u", "100n", "1u", "1500000n",
		"0", "#0", "2e+0", "0.25e1", "250000u", ".5", "2.", "1k", "0.0001", "999999n",
	}
	podMemory = []string{
		"1.5Gi", "0.1Mi", "5k", "1e3", "128e6", "64Mi", "65536Ki", "0.0625Gi", "100M", "123456789", "#123456789", "1.000001Gi",
		"+512Mi", "1e9", "500m", "0", "1Ti", "0.3Gi", "1e-1", "2e9", "0.001Ti",
	}
	units = []string{"1e3", "5k", "1Ki", "#1", "+1", "2e0", "0"}
	// giant amounts are more than upstream can count; the sum of two is beyond what it defines.
	giant = []string{"12E", "8Ei", "9223372036854775807", "1e19"}
)

// quantities: amounts written in every way that there is, zero requests,
// and nodes that report nothing for a resource.
func quantities(g *generator) {
	g.spelling = map[string]spelling{}
	g.makeNodes(g.between(3, 9), g.spellNode)
	for _, n := range g.nodes {
		g.addSpelled("Node", "v1", n.Name, n)
	}
	g.populate(g.between(3, 40), g.spellPod)
	g.pendEach(10, g.spellPod)
}

func (g *generator) spellNode(n *v1.Node) {
	texts := map[v1.ResourceName]string{"cpu": g.one(nodeCPU...), "memory": g.one(nodeMemory...), "pods": g.one(nodePods...)}
	if g.chance(0.4) {
		texts["example.com/units"] = g.one("1e4", "12E", "8Ki", "#6", "0")
	}
	if g.chance(0.5) {
		texts["ephemeral-storage"] = g.one("100Gi", "1e11", "0.1Ti", "107374182400")
	}
	switch g.Intn(8) {
	case 0:
		delete(texts, "memory")
	case 1:
		delete(texts, "cpu")
	case 2:
		if g.chance(0.3) {
			delete(texts, "pods")
		}
	}
	path := "status.allocatable"
	s := spelling{path: texts}
	n.Status.Allocatable, n.Status.Capacity = s.quantities(path), s.quantities(path)
	switch g.Intn(10) {
	case 0: // The API server gives a node without allocatable its capacity.
		n.Status.Allocatable = nil
		s = spelling{"status.capacity": texts}
	case 1:
		n.Status.Capacity = nil
	}
	g.spelling[n.Name] = s
}

func (g *generator) spellPod(p *v1.Pod) {
	s := spelling{}
	containers := g.between(1, 2)
	huge := containers == 1 && g.chance(0.15)
	for i := range containers {
		if i == 1 {
			p.Spec.Containers = append(p.Spec.Containers, v1.Container{Name: "side", Image: "registry.example/side:1"})
		}
		requests := map[v1.ResourceName]string{}
		if g.chance(0.85) {
			requests["cpu"] = g.one(podCPU...)
		}
		if g.chance(0.85) {
			requests["memory"] = g.one(podMemory...)
		}
		if huge && g.chance(0.6) {
			requests["memory"] = g.one(giant...)
		}
		if g.chance(0.1) {
			requests["ephemeral-storage"] = g.one("1e9", "1Gi", "0", "0.5G")
		}
		at := "spec.containers." + string(rune('0'+i)) + ".resources."
		if len(requests) > 0 {
			s[at+"requests"] = requests
		}
		if g.chance(0.15) {
			u := g.one(units...)
			if huge {
				u = g.one(giant...)
			}
			requests["example.com/units"] = u
			s[at+"requests"] = requests
			s[at+"limits"] = map[v1.ResourceName]string{"example.com/units": u}
		} else if g.chance(0.15) && len(requests) > 0 {
			// Limits alone: the requests are theirs.
			delete(s, at+"requests")
			s[at+"limits"] = requests
		}
		p.Spec.Containers[i].Resources = v1.ResourceRequirements{Requests: s.quantities(at + "requests"), Limits: s.quantities(at + "limits")}
	}
	g.spelling[p.Name] = s
}
