package gen

import (
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	zoneKey = "topology.kubernetes.io/zone"
	hostKey = "kubernetes.io/hostname"
)

// capacity: one pod whose claims wait for it: provisioning where storage is
// left, topologies that a class allows, and volumes that exist already.
func capacity(g *generator) {
	g.storageCluster()
	p := g.pod()
	g.mountSome(p)
	g.pend(p)
}

// claims: several such pods one after another, some of them with the same
// claims: what one of them gets is gone for the next.
func claims(g *generator) {
	g.storageCluster()
	for range 8 {
		p := g.pod()
		g.mountSome(p)
		g.pend(p)
	}
}

// claimNames are the claims that a pod may use; the last does not exist.
var claimNames = []string{
	"pool-0", "pool-1", "pool-2", "pool-3", "zonal-0", "zonal-1", "plain-0", "unknown-0", "local-0", "local-1", "local-2", "local-3",
	"block-0", "modes-0", "picky-0", "chosen-0", "bound-0", "bound-1", "single-0", "prebound-0", "odd-0", "missing",
}

func (g *generator) mountSome(p *v1.Pod) {
	taken := map[string]bool{}
	for range g.between(1, 3) {
		// The last kinds end the matter before any node is looked at, so they are rare.
		name := claimNames[g.Intn(len(claimNames)-3)]
		if g.chance(0.05) {
			name = claimNames[len(claimNames)-1-g.Intn(3)]
		}
		if !taken[name] {
			mount(p, name)
		}
		taken[name] = true
	}
}

func (g *generator) storageCluster() {
	if g.chance(0.25) {
		g.sc.Config = cfgHead + `  pluginConfig:
  - name: VolumeBinding
    args:
      bindTimeoutSeconds: 60
      shape:
      - utilization: 0
        score: 10
      - utilization: 70
        score: 3
      - utilization: 100
        score: 0
`
	}
	g.makeNodes(g.between(5, 12), labelNodes(g))
	g.emitNodes()
	wait := storagev1.VolumeBindingWaitForFirstConsumer
	g.class("pool", "pool.csi.example", wait)
	g.class("zonal", "pool.csi.example", wait, topology(zoneKey, g.one(zones...)), topology("disk", "ssd", "nvme"))
	g.class("plain", "plain.csi.example", wait)
	g.class("unknown", "nobody.csi.example", wait)
	g.class("local", "kubernetes.io/no-provisioner", wait)
	g.class("fast", "plain.csi.example", storagev1.VolumeBindingImmediate)
	g.driver("pool.csi.example", storagev1.CSIDriverSpec{StorageCapacity: ptr(true)})
	g.driver("plain.csi.example", storagev1.CSIDriverSpec{StorageCapacity: ptr(false)})
	g.capacities()
	g.staticVolumes()
	g.waitingClaims()
	g.otherClaims()
	g.populate(g.between(0, 12), func(p *v1.Pod) {
		if g.chance(0.3) {
			mount(p, g.one("bound-0", "bound-1", "single-0"))
		}
	})
}

// capacities says where how much is left. For a class and a node no two of
// them suffice, because upstream takes any.
func (g *generator) capacities() {
	n := 0
	add := func(class string, nodes *metav1.LabelSelector) {
		c := &storagev1.CSIStorageCapacity{
			ObjectMeta:   metav1.ObjectMeta{Name: fmt.Sprintf("capacity-%d", n), Namespace: "default"},
			NodeTopology: nodes, StorageClassName: class, Capacity: ptr(q("%dGi", g.between(0, 60))),
		}
		if g.chance(0.4) {
			c.MaximumVolumeSize = ptr(q("%dGi", g.between(5, 40)))
		}
		g.add("CSIStorageCapacity", storageAPI, c)
		n++
	}
	for _, class := range []string{"pool", "zonal"} {
		for _, z := range zones {
			switch g.Intn(6) {
			case 0: // Nothing is known of this zone.
			case 1:
				add(class, &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{labelIn(zoneKey, z)}})
			default:
				add(class, labelled(zoneKey, z))
			}
		}
	}
	add("pool", nil)
	add("plain", &metav1.LabelSelector{})
}

// staticVolumes are volumes without a claim, each of another size, because
// upstream takes any of the smallest.
func (g *generator) staticVolumes() {
	kept := false
	for i, size := range g.Perm(9) {
		name := fmt.Sprintf("static-%d", i)
		pv := volume(name, "local", q("%dGi", 5+4*size), localPath(name))
		pv.Spec.AccessModes = accessModes[g.Intn(3)]
		pv.Labels = map[string]string{"tier": g.one("gold", "silver")}
		reachable(pv, hostKey, g.nodeName(), g.nodeName())
		switch g.Intn(9) {
		case 0:
			pv.Spec.VolumeMode = ptr(v1.PersistentVolumeBlock)
		case 1:
			reachable(pv, zoneKey, g.one(zones...))
		case 2: // Kept for a claim, by its name alone; upstream takes any of two such volumes.
			if kept {
				break
			}
			kept = true
			pv.Spec.ClaimRef = &v1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "default", Name: "local-0"}
		case 3:
			pv.Spec.ClaimRef = &v1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "default", Name: "gone", UID: "pvc-gone"}
			pv.Status.Phase = v1.VolumeReleased
		case 4:
			pv.DeletionTimestamp = ptr(metav1.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))
			pv.Finalizers = []string{"kubernetes.io/pv-protection"}
		case 5:
			pv.Spec.PersistentVolumeSource = csi("plain.csi.example", name)
			pv.Spec.VolumeAttributesClassName = ptr("quick")
		}
		g.addVolume(pv)
	}
	pv := volume("spare", "pool", q("%dGi", g.between(5, 30)), csi("pool.csi.example", "spare"))
	reachable(pv, zoneKey, g.one(zones...))
	g.addVolume(pv)
}

// waitingClaims are claims that wait for a pod.
func (g *generator) waitingClaims() {
	for _, c := range []struct {
		class string
		n     int
	}{{"pool", 4}, {"zonal", 2}, {"plain", 1}, {"unknown", 1}, {"local", 4}} {
		for i := range c.n {
			g.addClaim(claim(fmt.Sprintf("%s-%d", c.class, i), c.class, q("%dGi", g.between(1, 36))))
		}
	}
	block := claim("block-0", "local", q("%dGi", g.between(1, 20)))
	block.Spec.VolumeMode = ptr(v1.PersistentVolumeBlock)
	g.addClaim(block)
	modes := claim("modes-0", "local", q("%dGi", g.between(1, 20)))
	modes.Spec.AccessModes = accessModes[g.Intn(3)]
	g.addClaim(modes)
	picky := claim("picky-0", "local", q("%dGi", g.between(1, 20)))
	picky.Spec.Selector = labelled("tier", "gold")
	if g.chance(0.3) {
		picky.Spec.VolumeAttributesClassName = ptr("quick")
	}
	g.addClaim(picky)
	chosen := claim("chosen-0", g.one("pool", "plain", "local"), q("%dGi", g.between(1, 20)))
	chosen.Annotations = map[string]string{"volume.kubernetes.io/selected-node": g.nodeName()}
	g.addClaim(chosen)
}

// otherClaims are claims that have a volume, and some that no pod can use.
func (g *generator) otherClaims() {
	for i := range 2 {
		c := claim(fmt.Sprintf("bound-%d", i), "pool", q("10Gi"))
		pv := volume(fmt.Sprintf("held-%d", i), "pool", q("10Gi"), csi("pool.csi.example", fmt.Sprintf("held-%d", i)))
		switch g.Intn(3) {
		case 0:
			reachable(pv, zoneKey, zones[g.Intn(3)], zones[g.Intn(3)])
		case 1:
			pv.Labels = map[string]string{zoneKey: g.one(zones...)}
		}
		bind(pv, c)
		if !g.chance(0.1) { // Else the claim has a volume that is no more.
			g.addVolume(pv)
		}
		g.addClaim(c)
	}
	single := claim("single-0", "plain", q("3Gi"))
	single.Spec.AccessModes = []v1.PersistentVolumeAccessMode{v1.ReadWriteOncePod}
	pv := volume("single", "plain", q("3Gi"), csi("plain.csi.example", "single"))
	pv.Spec.AccessModes = single.Spec.AccessModes
	bind(pv, single)
	g.addVolume(pv)
	g.addClaim(single)
	prebound := claim("prebound-0", "local", q("1Gi"))
	prebound.Spec.VolumeName = "static-0"
	g.addClaim(prebound)
	g.addClaim(g.oddClaim())
}

func (g *generator) oddClaim() *v1.PersistentVolumeClaim {
	c := claim("odd-0", "fast", q("1Gi"))
	switch g.Intn(5) {
	case 0: // Bound at once, so that no pod should see it unbound.
	case 1:
		c.Spec.StorageClassName = ptr("")
	case 2:
		c.Spec.StorageClassName = ptr("no-such-class")
	case 3:
		c.Spec.VolumeName = "lost"
		c.Status.Phase = v1.ClaimLost
	case 4:
		c.DeletionTimestamp = ptr(metav1.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))
		c.Finalizers = []string{"kubernetes.io/pvc-protection"}
	}
	return c
}
