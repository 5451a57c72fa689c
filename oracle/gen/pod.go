package gen

import (
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var apps = []string{"web", "db", "cache", "batch", "ml"}
var tiers = []string{"front", "back"}

func (g *generator) requests() v1.ResourceRequirements {
	r := v1.ResourceRequirements{}
	switch g.Intn(8) {
	case 0:
		return r
	case 1:
		r.Limits = v1.ResourceList{"cpu": q("%dm", g.between(1, 20)*100), "memory": q("%dMi", g.between(1, 32)*64)}
		return r
	}
	r.Requests = v1.ResourceList{}
	if g.chance(0.9) {
		r.Requests["cpu"] = resource.MustParse(g.one("100m", "250m", "0.5", "1", "1500m", "2", "0.1", "33m"))
	}
	if g.chance(0.9) {
		r.Requests["memory"] = resource.MustParse(g.one("64Mi", "128Mi", "500Mi", "1Gi", "2G", "1.5Gi", "777M", "100000k"))
	}
	if g.chance(0.1) {
		r.Requests["ephemeral-storage"] = resource.MustParse(g.one("1Gi", "5Gi", "10G"))
	}
	return r
}

func (g *generator) pod() *v1.Pod {
	g.podSeq++
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("pod-%04d", g.podSeq), Namespace: g.one("default", "default", "team-a", "team-b"),
		UID:               types.UID(fmt.Sprintf("uid-%04d", g.podSeq)),
		CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, 0, g.podSeq, 0, time.UTC)),
		Labels:            map[string]string{"app": apps[g.Intn(len(apps))], "tier": tiers[g.Intn(2)]},
	}}
	p.Spec.Containers = []v1.Container{{Name: "main", Image: "registry.example/" + p.Labels["app"] + ":1", Resources: g.requests()}}
	return p
}

// fill puts pods on nodes as long as a rough count of their CPU and memory fits.

func (g *generator) complexPod(p *v1.Pod) {
	p.Spec.Containers = nil
	for i := 0; i < g.between(1, 3); i++ {
		p.Spec.Containers = append(p.Spec.Containers, v1.Container{Name: fmt.Sprintf("c%d", i), Image: "registry.example/web:1", Resources: g.requests()})
	}
	for i := 0; i < g.Intn(3); i++ {
		c := v1.Container{Name: fmt.Sprintf("i%d", i), Image: "registry.example/init:1", Resources: g.requests()}
		if g.chance(0.4) {
			c.RestartPolicy = ptr(v1.ContainerRestartPolicyAlways)
		}
		p.Spec.InitContainers = append(p.Spec.InitContainers, c)
	}
	if g.chance(0.2) {
		p.Spec.Overhead = v1.ResourceList{"cpu": q("%dm", g.between(1, 5)*50), "memory": q("%dMi", g.between(1, 5)*30)}
	}
	if g.chance(0.25) {
		c := &p.Spec.Containers[0]
		n := q("%d", g.between(1, 4))
		if c.Resources.Requests == nil {
			c.Resources.Requests = v1.ResourceList{}
		}
		if c.Resources.Limits == nil {
			c.Resources.Limits = v1.ResourceList{}
		}
		c.Resources.Requests["nvidia.com/gpu"], c.Resources.Limits["nvidia.com/gpu"] = n, n
	}
	if g.chance(0.1) {
		c := &p.Spec.Containers[0]
		n := q("%dMi", g.between(1, 4)*64)
		if c.Resources.Requests == nil {
			c.Resources.Requests = v1.ResourceList{}
		}
		if c.Resources.Limits == nil {
			c.Resources.Limits = v1.ResourceList{}
		}
		c.Resources.Requests["hugepages-2Mi"], c.Resources.Limits["hugepages-2Mi"] = n, n
		if c.Resources.Requests.Cpu().IsZero() && c.Resources.Limits.Cpu().IsZero() {
			c.Resources.Requests["cpu"] = q("100m")
		}
	}
	if g.chance(0.12) {
		p.Spec.Resources = ptr(asking(g.between(30, 60)*100, g.between(20, 60)*128))
		covering(p)
	}
}

// covering raises the pod-level requests to what the containers ask for together, as the API demands.
func covering(p *v1.Pod) {
	for name, have := range p.Spec.Resources.Requests {
		var need resource.Quantity
		for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
			r, ok := c.Resources.Requests[name]
			if !ok {
				r = c.Resources.Limits[name]
			}
			need.Add(r)
		}
		if need.Cmp(have) > 0 {
			p.Spec.Resources.Requests[name] = need
		}
	}
}

func (g *generator) prio(p *v1.Pod) {
	p.Spec.Priority = ptr(int32([]int{0, 0, 100, 1000, 1000000}[g.Intn(5)]))
}
