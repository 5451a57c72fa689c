package gen

import (
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// disks: volumes that a pod names itself and that two pods may not share,
// claims for one pod only, and the zone labels of volumes.
func disks(g *generator) {
	g.makeNodes(g.between(3, 8), labelNodes(g), func(n *v1.Node) {
		if g.chance(0.2) { // A node of an old cluster has the old label.
			n.Labels["failure-domain.beta.kubernetes.io/zone"] = n.Labels[zoneKey]
			if n.Labels[zoneKey] == "" {
				n.Labels["failure-domain.beta.kubernetes.io/zone"] = zones[0]
			}
			delete(n.Labels, zoneKey)
		}
	})
	g.emitNodes()
	g.class("fast", "plain.csi.example", storagev1.VolumeBindingImmediate)
	for i := range 3 {
		c := claim(fmt.Sprintf("single-%d", i), "fast", q("1Gi"))
		c.Spec.AccessModes = []v1.PersistentVolumeAccessMode{v1.ReadWriteOncePod}
		g.addBound(c, csi("plain.csi.example", c.Name), "")
	}
	for i := range 4 {
		key := g.one(zoneKey, zoneKey, "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/region")
		value := zones[g.Intn(3)]
		if key == "topology.kubernetes.io/region" {
			value = g.one("region-1", "region-2")
		} else if g.chance(0.3) {
			value += "__" + zones[g.Intn(3)]
		}
		g.addBound(claim(fmt.Sprintf("zoned-%d", i), "fast", q("1Gi")), csi("plain.csi.example", fmt.Sprintf("zoned-%d", i)), key+"="+value)
	}
	g.populate(g.between(5, 25), g.prio, g.mountDisk)
	g.pendEach(8, g.prio, g.mountDisk)
}

// addBound adds a claim with its volume, which may have a label key=value.
func (g *generator) addBound(c *v1.PersistentVolumeClaim, source v1.PersistentVolumeSource, label string) {
	pv := volume("pv-"+c.Name, *c.Spec.StorageClassName, q("1Gi"), source)
	pv.Spec.AccessModes = c.Spec.AccessModes
	if key, value, ok := strings.Cut(label, "="); ok {
		pv.Labels = map[string]string{key: value}
	}
	bind(pv, c)
	g.addVolume(pv)
	g.addClaim(c)
}

func (g *generator) mountDisk(p *v1.Pod) {
	p.Namespace = "default"
	for range g.between(0, 2) {
		n := g.Intn(3)
		readOnly := g.chance(0.4)
		var s v1.VolumeSource
		switch g.Intn(6) {
		case 0:
			s.GCEPersistentDisk = &v1.GCEPersistentDiskVolumeSource{PDName: fmt.Sprintf("disk-%d", n), ReadOnly: readOnly}
		case 1:
			s.AWSElasticBlockStore = &v1.AWSElasticBlockStoreVolumeSource{VolumeID: fmt.Sprintf("vol-%d", n), ReadOnly: readOnly}
		case 2:
			s.ISCSI = &v1.ISCSIVolumeSource{
				TargetPortal: fmt.Sprintf("10.0.0.%d:3260", g.between(1, 2)),
				IQN:          fmt.Sprintf("iqn.2026-01.example:disk-%d", n), Lun: int32(g.Intn(2)), ReadOnly: readOnly,
			}
		case 3:
			s.RBD = &v1.RBDVolumeSource{
				CephMonitors: []string{g.one("mon-a", "mon-b"), g.one("mon-c", "mon-d")},
				RBDPool:      g.one("", "fast"), RBDImage: fmt.Sprintf("image-%d", n), ReadOnly: readOnly,
			}
		case 4:
			s.PersistentVolumeClaim = &v1.PersistentVolumeClaimVolumeSource{ClaimName: fmt.Sprintf("single-%d", n)}
		case 5:
			s.PersistentVolumeClaim = &v1.PersistentVolumeClaimVolumeSource{ClaimName: fmt.Sprintf("zoned-%d", g.Intn(4))}
		}
		if !usesClaim(p, s) {
			addSource(p, s)
		}
	}
}

func usesClaim(p *v1.Pod, s v1.VolumeSource) bool {
	return s.PersistentVolumeClaim != nil && slices.ContainsFunc(p.Spec.Volumes, func(v v1.Volume) bool {
		return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == s.PersistentVolumeClaim.ClaimName
	})
}
