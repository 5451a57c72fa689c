package gen

import (
	"fmt"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// features: what nodes declare, gates, the host's network, pods made for one
// node as a DaemonSet's are, images, and pods that have ended.
func features(g *generator) {
	g.makeNodes(g.between(4, 12), labelNodes(g), func(n *v1.Node) {
		if g.chance(0.25) {
			taintNodes(g)(n)
		}
		if g.chance(0.6) {
			n.Status.DeclaredFeatures = []string{"RestartAllContainersOnContainerExits"}
		} else if g.chance(0.5) {
			n.Status.DeclaredFeatures = []string{"ExtendWebSocketsToKubelet", "FutureFeature"}
		}
		for _, a := range apps {
			if g.chance(0.3) {
				n.Status.Images = append(n.Status.Images, v1.ContainerImage{Names: []string{
					"registry.example/" + a + "@sha256:" + strings.Repeat("0c", 32), "registry.example/" + a + ":1",
				}, SizeBytes: int64(g.between(10, 1500)) << 20})
			}
		}
	})
	g.emitNodes()
	g.populate(g.between(5, 40), func(p *v1.Pod) { g.feature(p, false) })
	for range g.Intn(4) { // Ended pods keep their node's name, but take nothing of it.
		p := g.pod()
		g.hostNetwork(p)
		p.Spec.NodeName = g.nodeName()
		p.Status.Phase = v1.PodPhase(g.one("Succeeded", "Failed"))
		g.add("Pod", "v1", p)
	}
	g.pendEach(10, func(p *v1.Pod) { g.feature(p, true) })
}

func (g *generator) feature(p *v1.Pod, pending bool) {
	if g.chance(0.3) {
		g.tolerations(p)
	}
	switch g.Intn(7) {
	case 0:
		c := &p.Spec.Containers[0]
		if g.chance(0.3) {
			p.Spec.InitContainers = []v1.Container{{Name: "init", Image: "registry.example/init:1"}}
			c = &p.Spec.InitContainers[0]
		}
		c.RestartPolicy = ptr(v1.ContainerRestartPolicyNever)
		c.RestartPolicyRules = []v1.ContainerRestartRule{{
			Action:    v1.ContainerRestartRuleAction(g.one("RestartAllContainers", "RestartAllContainers", "Restart")),
			ExitCodes: &v1.ContainerRestartRuleOnExitCodes{Operator: v1.ContainerRestartRuleOnExitCodesOpIn, Values: []int32{3, 4}},
		}}
	case 1:
		if pending {
			p.Spec.SchedulingGates = []v1.PodSchedulingGate{{Name: "example.com/quota"}, {Name: "example.com/approval"}}[:g.between(1, 2)]
		}
	case 2:
		g.hostNetwork(p)
	case 3, 4:
		g.daemonPod(p)
	case 5:
		for i := range g.between(1, 3) {
			image := "registry.example/" + apps[g.Intn(5)] + g.one(":1", ":1", "@sha256:"+strings.Repeat("0c", 32), "")
			p.Spec.Containers = append(p.Spec.Containers, v1.Container{Name: fmt.Sprintf("c%d", i), Image: image})
		}
	}
}

func (g *generator) hostNetwork(p *v1.Pod) {
	p.Spec.HostNetwork = true
	for i := range g.between(0, 2) {
		port := int32([]int{80, 443, 9100}[g.Intn(3)])
		cp := v1.ContainerPort{Name: fmt.Sprintf("p%d", i), ContainerPort: port, Protocol: v1.Protocol(g.one("TCP", "UDP", "SCTP"))}
		if g.chance(0.5) { // Else the API server sets it.
			cp.HostPort = port
		}
		if i == 1 && p.Spec.Containers[0].Ports[0].ContainerPort == port {
			continue
		}
		p.Spec.Containers[0].Ports = append(p.Spec.Containers[0].Ports, cp)
	}
}

// daemonPod asks for nodes by their names, as the DaemonSet controller does.
func (g *generator) daemonPod(p *v1.Pod) {
	name := func() v1.NodeSelectorRequirement {
		n := g.nodeName()
		if g.chance(0.1) {
			n = "node-999"
		}
		op := v1.NodeSelectorOperator(g.one("In", "In", "In", "NotIn"))
		return v1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: op, Values: []string{n}}
	}
	s := &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchFields: []v1.NodeSelectorRequirement{name()}}}}
	if g.chance(0.3) {
		s.NodeSelectorTerms = append(s.NodeSelectorTerms, v1.NodeSelectorTerm{
			MatchFields: []v1.NodeSelectorRequirement{name()}, MatchExpressions: []v1.NodeSelectorRequirement{g.nodeReq()},
		})
	}
	if g.chance(0.2) {
		s.NodeSelectorTerms = append(s.NodeSelectorTerms, v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{g.nodeReq()}})
	}
	g.affinity(p).NodeAffinity = &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: s}
	for _, key := range []string{"node.kubernetes.io/unschedulable", "node.kubernetes.io/not-ready"} {
		p.Spec.Tolerations = append(p.Spec.Tolerations, v1.Toleration{Key: key, Operator: v1.TolerationOpExists})
	}
}
