package gen

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	podresources "k8s.io/component-helpers/resource"
)

// podLevel: resources of the pod as a whole, beside those of containers, init
// containers and sidecars, with overhead.
func podLevel(g *generator) {
	g.makeNodes(g.between(4, 12))
	g.emitNodes()
	g.populate(g.between(5, 60), g.prio, func(p *v1.Pod) {
		if g.chance(0.5) {
			g.podLevelPod(p)
		}
	})
	g.pendEach(10, g.prio, g.podLevelPod)
}

func (g *generator) podLevelPod(p *v1.Pod) {
	p.Spec.Containers = nil
	for i := range g.between(1, 3) {
		p.Spec.Containers = append(p.Spec.Containers, v1.Container{Name: fmt.Sprintf("c%d", i), Image: "registry.example/web:1", Resources: g.limited()})
	}
	for i := range g.Intn(3) {
		c := v1.Container{Name: fmt.Sprintf("i%d", i), Image: "registry.example/init:1", Resources: g.limited()}
		if g.chance(0.5) {
			c.RestartPolicy = ptr(v1.ContainerRestartPolicyAlways)
		}
		p.Spec.InitContainers = append(p.Spec.InitContainers, c)
	}
	if g.chance(0.25) {
		p.Spec.RuntimeClassName = ptr("sandboxed")
		p.Spec.Overhead = v1.ResourceList{"cpu": q("%dm", g.between(1, 5)*50), "memory": q("%dMi", g.between(1, 5)*30)}
	}
	first := &p.Spec.Containers[0].Resources
	if g.chance(0.2) {
		both(first, "nvidia.com/gpu", q("%d", g.between(1, 2)))
	}
	if g.chance(0.2) {
		both(first, "hugepages-2Mi", q("%dMi", g.between(1, 2)*64))
		both(first, "cpu", q("300m"))
	}
	p.Spec.Resources = g.podResources(p)
}

// both sets the request and the limit.
func both(r *v1.ResourceRequirements, name v1.ResourceName, n resource.Quantity) {
	if r.Requests == nil {
		r.Requests = v1.ResourceList{}
	}
	if r.Limits == nil {
		r.Limits = v1.ResourceList{}
	}
	r.Requests[name], r.Limits[name] = n, n
}

// limited draws the resources of a container: requests, limits, both, or neither.
func (g *generator) limited() v1.ResourceRequirements {
	cpu, mem := q("%dm", g.between(1, 12)*75), q("%dMi", g.between(1, 24)*50)
	cpuLimit, memLimit := cpu.DeepCopy(), mem.DeepCopy()
	cpuLimit.Add(q("%dm", g.Intn(4)*250))
	memLimit.Add(q("%dMi", g.Intn(4)*100))
	switch g.Intn(6) {
	case 0:
		return v1.ResourceRequirements{}
	case 1:
		return v1.ResourceRequirements{Limits: v1.ResourceList{"cpu": cpuLimit, "memory": memLimit}}
	case 2:
		return v1.ResourceRequirements{Requests: v1.ResourceList{"cpu": cpu, "memory": mem}}
	case 3:
		return v1.ResourceRequirements{Requests: v1.ResourceList{"cpu": cpu}}
	case 4:
		return v1.ResourceRequirements{Requests: v1.ResourceList{"cpu": cpu}, Limits: v1.ResourceList{"memory": memLimit}}
	}
	return v1.ResourceRequirements{Requests: v1.ResourceList{"cpu": cpu, "memory": mem}, Limits: v1.ResourceList{"cpu": cpuLimit, "memory": memLimit}}
}

// podResources draws pod-level resources that are no less than what the containers ask for, as the API demands.
func (g *generator) podResources(p *v1.Pod) *v1.ResourceRequirements {
	asked := podresources.AggregateContainerRequests(defaulted(p), podresources.PodResourcesOptions{})
	extra := v1.ResourceList{"cpu": q("%dm", g.Intn(5)*250), "memory": q("%dMi", g.Intn(5)*128), "hugepages-2Mi": q("%dMi", g.Intn(2)*64)}
	if g.chance(0.1) {
		extra["cpu"], extra["memory"] = q("9"), q("40Gi")
	}
	request := func(name v1.ResourceName) resource.Quantity {
		n := asked[name].DeepCopy()
		n.Add(extra[name])
		return n
	}
	limit := func(name v1.ResourceName) resource.Quantity {
		n := request(name)
		for _, c := range append(p.Spec.Containers, p.Spec.InitContainers...) {
			if l := c.Resources.Limits[name]; l.Cmp(n) > 0 {
				n = l
			}
		}
		n.Add(q("64Mi"))
		return n
	}
	r := &v1.ResourceRequirements{}
	switch g.Intn(7) {
	case 0:
		return nil
	case 1:
		r.Requests = v1.ResourceList{"cpu": request("cpu")}
	case 2:
		r.Requests = v1.ResourceList{"memory": request("memory")}
	case 3:
		r.Requests = v1.ResourceList{"cpu": request("cpu"), "memory": request("memory")}
	case 4:
		r.Limits = v1.ResourceList{"cpu": limit("cpu"), "memory": limit("memory")}
	case 5:
		r.Requests = v1.ResourceList{"cpu": request("cpu")}
		r.Limits = v1.ResourceList{"cpu": limit("cpu"), "memory": limit("memory")}
	case 6:
		r.Requests = v1.ResourceList{"cpu": request("cpu"), "memory": request("memory")}
		if huge := request("hugepages-2Mi"); !huge.IsZero() {
			both(r, "hugepages-2Mi", huge)
		}
	}
	return r
}
