package gen

import (
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
)

// taints: taints, tolerations and cordoned nodes.
func taints(g *generator) {
	g.makeNodes(g.between(4, 16), taintNodes(g))
	g.emitNodes()
	g.fill(g.between(0, 30))
	for i := 0; i < 12; i++ {
		p := g.pod()
		g.tolerations(p)
		g.chance(0.1) // Without effect, and part of the stream.
		g.pend(p)
	}
}

// nodeAffinityFamily: node selectors, required and preferred terms, affinity added by the profile.
func nodeAffinityFamily(g *generator) {
	if g.chance(0.2) {
		g.sc.Config = cfgHead + `  pluginConfig:
  - name: NodeAffinity
    args:
      addedAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
          - matchExpressions:
            - key: kubernetes.io/arch
              operator: In
              values: [amd64]
`
	}
	g.makeNodes(g.between(5, 20), labelNodes(g))
	g.emitNodes()
	g.fill(g.between(0, 30))
	for i := 0; i < 12; i++ {
		p := g.pod()
		g.nodeAffinity(p)
		g.pend(p)
	}
}

// ports: host ports with protocols and addresses.
func ports(g *generator) {
	g.makeNodes(g.between(2, 8))
	g.emitNodes()
	port := func(p *v1.Pod) {
		for i := 0; i < g.between(1, 2); i++ {
			cp := v1.ContainerPort{
				ContainerPort: 80, HostPort: int32([]int{80, 443, 8080}[g.Intn(3)]),
				Protocol: v1.Protocol(g.one("TCP", "UDP", "TCP")), HostIP: g.one("", "", "0.0.0.0", "127.0.0.1", "10.0.0.1"),
			}
			if !slices.Contains(p.Spec.Containers[0].Ports, cp) {
				p.Spec.Containers[0].Ports = append(p.Spec.Containers[0].Ports, cp)
			}
		}
		if g.chance(0.15) {
			p.Spec.HostNetwork = true
			for i := range p.Spec.Containers[0].Ports {
				p.Spec.Containers[0].Ports[i].ContainerPort = p.Spec.Containers[0].Ports[i].HostPort
			}
		}
	}
	g.fill(g.between(2, 10), port)
	for i := 0; i < 10; i++ {
		p := g.pod()
		port(p)
		g.pend(p)
	}
}

// images: images that nodes already hold.
func images(g *generator) {
	imgs := []string{}
	for _, a := range apps {
		imgs = append(imgs, "registry.example/"+a+":1")
	}
	size := map[string]int64{}
	for _, i := range imgs {
		size[i] = int64(g.between(5, 1800)) * 1024 * 1024
	}
	g.makeNodes(g.between(3, 12), func(n *v1.Node) {
		for _, i := range imgs {
			if g.chance(0.4) {
				names := []string{i, strings.TrimSuffix(i, ":1") + "@sha256:" + strings.Repeat("ab", 32)}
				n.Status.Images = append(n.Status.Images, v1.ContainerImage{Names: names, SizeBytes: size[i]})
			}
		}
		if g.chance(0.3) {
			n.Status.Images = append(n.Status.Images, v1.ContainerImage{Names: []string{"docker.io/library/busybox:latest", "busybox:latest"}, SizeBytes: 900 << 20})
		}
	})
	g.emitNodes()
	g.fill(g.between(0, 20))
	for i := 0; i < 10; i++ {
		p := g.pod()
		if g.chance(0.4) {
			p.Spec.Containers = append(p.Spec.Containers, v1.Container{Name: "side", Image: g.one("busybox", "registry.example/web:1", "registry.example/ml:1")})
		}
		if g.chance(0.2) {
			p.Spec.InitContainers = append(p.Spec.InitContainers, v1.Container{Name: "init", Image: "registry.example/db:1"})
		}
		g.pend(p)
	}
}
