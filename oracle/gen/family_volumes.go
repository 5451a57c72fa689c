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
	g.makeNodes(g.between(4, 12), func(n *v1.Node) {})
	g.emitNodes()
	for _, n := range g.nodes {
		if g.chance(0.8) {
			g.add("CSINode", "storage.k8s.io/v1", &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: n.Name, UID: types.UID("csinode-" + n.Name)}, Spec: storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{{Name: "csi.example", NodeID: n.Name, Allocatable: &storagev1.VolumeNodeResources{Count: ptr(int32(g.between(1, 3)))}}}}})
		}
	}
	imm, wffc := storagev1.VolumeBindingImmediate, storagev1.VolumeBindingWaitForFirstConsumer
	g.add("CSIDriver", "storage.k8s.io/v1", &storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: "csi.example"}})
	g.add("StorageClass", "storage.k8s.io/v1", &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Provisioner: "csi.example", VolumeBindingMode: &imm})
	g.add("StorageClass", "storage.k8s.io/v1", &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "local"}, Provisioner: "kubernetes.io/no-provisioner", VolumeBindingMode: &wffc})
	g.add("StorageClass", "storage.k8s.io/v1", &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "zonal"}, Provisioner: "csi.example", VolumeBindingMode: &wffc, AllowedTopologies: []v1.TopologySelectorTerm{{MatchLabelExpressions: []v1.TopologySelectorLabelRequirement{{Key: "topology.kubernetes.io/zone", Values: slices.Compact([]string{zones[g.Intn(3)], zones[g.Intn(3)]})}}}}})
	pv := func(name, sc string, claim string, aff *v1.VolumeNodeAffinity, zone string, mode v1.PersistentVolumeAccessMode) {
		p := &v1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("pv-" + name)}, Spec: v1.PersistentVolumeSpec{Capacity: v1.ResourceList{"storage": q("%dGi", g.between(5, 40))}, AccessModes: []v1.PersistentVolumeAccessMode{mode}, StorageClassName: sc, NodeAffinity: aff,
			PersistentVolumeSource: v1.PersistentVolumeSource{CSI: &v1.CSIPersistentVolumeSource{Driver: "csi.example", VolumeHandle: name}}}}
		if zone != "" {
			p.Labels = map[string]string{"topology.kubernetes.io/zone": zone}
		}
		p.Status.Phase = v1.VolumeAvailable
		if claim != "" {
			p.Spec.ClaimRef = &v1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "default", Name: claim, UID: types.UID("pvc-" + claim)}
			p.Status.Phase = v1.VolumeBound
		}
		g.add("PersistentVolume", "v1", p)
	}
	pvc := func(name, sc, vol string, mode v1.PersistentVolumeAccessMode) {
		c := &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID("pvc-" + name)}, Spec: v1.PersistentVolumeClaimSpec{AccessModes: []v1.PersistentVolumeAccessMode{mode}, StorageClassName: &sc, VolumeName: vol, Resources: v1.VolumeResourceRequirements{Requests: v1.ResourceList{"storage": q("%dGi", g.between(1, 20))}}}}
		c.Status.Phase = v1.ClaimPending
		if vol != "" {
			c.Status.Phase = v1.ClaimBound
			c.Annotations = map[string]string{"pv.kubernetes.io/bind-completed": "yes"}
		}
		g.add("PersistentVolumeClaim", "v1", c)
	}
	aff := func(key string, vals ...string) *v1.VolumeNodeAffinity {
		return &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchExpressions: []v1.NodeSelectorRequirement{{Key: key, Operator: v1.NodeSelectorOpIn, Values: vals}}}}}}
	}
	var claims []string
	for i := 0; i < 4; i++ {
		n, c := fmt.Sprintf("bound-%d", i), fmt.Sprintf("claim-%d", i)
		mode := v1.PersistentVolumeAccessMode(g.one("ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"))
		switch g.Intn(3) {
		case 0:
			pv(n, "fast", c, aff("topology.kubernetes.io/zone", zones[g.Intn(3)]), "", mode)
		case 1:
			pv(n, "fast", c, nil, zones[g.Intn(3)], mode)
		case 2:
			pv(n, "fast", c, aff("kubernetes.io/hostname", g.nodeName(), g.nodeName()), "", mode)
		}
		pvc(c, "fast", n, mode)
		claims = append(claims, c)
	}
	for i := 0; i < 3; i++ {
		pv(fmt.Sprintf("local-%d", i), "local", "", aff("kubernetes.io/hostname", g.nodeName()), "", v1.ReadWriteOnce)
	}
	pvc("wait-local", "local", "", v1.ReadWriteOnce)
	pvc("wait-zonal", "zonal", "", v1.ReadWriteOnce)
	pvc("unbound", "fast", "", v1.ReadWriteOnce)
	claims = append(claims, "wait-local", "wait-zonal", "unbound", "missing")
	vol := func(p *v1.Pod, c string) {
		p.Namespace = "default"
		p.Spec.Volumes = append(p.Spec.Volumes, v1.Volume{Name: fmt.Sprintf("v%d", len(p.Spec.Volumes)), VolumeSource: v1.VolumeSource{PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{ClaimName: c}}})
	}
	g.fill(g.between(3, 12), func(p *v1.Pod) {
		if g.chance(0.6) {
			vol(p, claims[g.Intn(4)])
		}
	})
	p := g.pod()
	if g.chance(0.8) {
		vol(p, claims[g.Intn(len(claims))])
	}
	if g.chance(0.3) {
		vol(p, claims[g.Intn(4)])
	}
	if g.chance(0.1) {
		p.Spec.Volumes = append(p.Spec.Volumes, v1.Volume{Name: "scratch", VolumeSource: v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{}}})
	}
	g.pend(p)
}
