package gen

import (
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// volumes: claims that are bound, wait for a consumer, or are missing.
func volumes(g *generator) {
	g.makeNodes(g.between(4, 12))
	g.emitNodes()
	for _, n := range g.nodes {
		if g.chance(0.8) {
			limit := &storagev1.VolumeNodeResources{Count: ptr(int32(g.between(1, 3)))}
			driver := storagev1.CSINodeDriver{Name: "csi.example", NodeID: n.Name, Allocatable: limit}
			g.add("CSINode", storageAPI, &storagev1.CSINode{
				ObjectMeta: metav1.ObjectMeta{Name: n.Name, UID: types.UID("csinode-" + n.Name)},
				Spec:       storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{driver}},
			})
		}
	}
	g.driver("csi.example", storagev1.CSIDriverSpec{})
	g.class("fast", "csi.example", storagev1.VolumeBindingImmediate)
	g.class("local", "kubernetes.io/no-provisioner", storagev1.VolumeBindingWaitForFirstConsumer)
	allowed := slices.Compact([]string{zones[g.Intn(3)], zones[g.Intn(3)]})
	g.class("zonal", "csi.example", storagev1.VolumeBindingWaitForFirstConsumer, topology(zoneKey, allowed...))
	claimed := g.volumesAndClaims()
	claims := append(slices.Clone(claimed), "wait-local", "wait-zonal", "unbound", "missing")
	g.fill(g.between(3, 12), func(p *v1.Pod) {
		if g.chance(0.6) {
			mount(p, claimed[g.Intn(4)])
		}
	})
	p := g.pod()
	if g.chance(0.8) {
		mount(p, claims[g.Intn(len(claims))])
	}
	if g.chance(0.3) {
		mount(p, claimed[g.Intn(4)])
	}
	if g.chance(0.1) {
		p.Spec.Volumes = append(p.Spec.Volumes, v1.Volume{Name: "scratch", VolumeSource: v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{}}})
	}
	g.pend(p)
}

// volumesAndClaims adds volumes with and without a claim, and gives the names of the claims that have one.
func (g *generator) volumesAndClaims() []string {
	size := func(from, to int) v1.ResourceList { return v1.ResourceList{"storage": q("%dGi", g.between(from, to))} }
	var claimed []string
	for i := range 4 {
		modes := []v1.PersistentVolumeAccessMode{v1.PersistentVolumeAccessMode(g.one("ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"))}
		name := fmt.Sprintf("bound-%d", i)
		pv := volume(name, "fast", q("0"), csi("csi.example", name))
		switch g.Intn(3) {
		case 0:
			reachable(pv, zoneKey, zones[g.Intn(3)])
		case 1:
			pv.Labels = map[string]string{zoneKey: zones[g.Intn(3)]}
		case 2:
			reachable(pv, hostKey, g.nodeName(), g.nodeName())
		}
		pv.Spec.Capacity, pv.Spec.AccessModes = size(5, 40), modes
		c := claim(fmt.Sprintf("claim-%d", i), "fast", q("0"))
		c.Spec.Resources.Requests, c.Spec.AccessModes = size(1, 20), modes
		bind(pv, c)
		g.addVolume(pv)
		g.addClaim(c)
		claimed = append(claimed, c.Name)
	}
	for i := range 3 {
		name := fmt.Sprintf("local-%d", i)
		pv := volume(name, "local", q("0"), csi("csi.example", name))
		reachable(pv, hostKey, g.nodeName())
		pv.Spec.Capacity = size(5, 40)
		g.addVolume(pv)
	}
	for _, c := range []struct{ name, class string }{{"wait-local", "local"}, {"wait-zonal", "zonal"}, {"unbound", "fast"}} {
		g.addClaim(claim(c.name, c.class, size(1, 20)["storage"]))
	}
	return claimed
}
