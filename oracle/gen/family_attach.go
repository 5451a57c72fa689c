package gen

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	gcePlugin, gceDriver = "kubernetes.io/gce-pd", "pd.csi.storage.gke.io"
	ebsPlugin, ebsDriver = "kubernetes.io/aws-ebs", "ebs.csi.aws.com"
	azurePlugin          = "kubernetes.io/azure-disk"
	azureDriver          = "disk.csi.azure.com"
)

// attachLimits: how many volumes of a driver a node can attach, with several
// drivers, volumes of migrated in-tree plugins, ephemeral claims, attachments
// of pods that are gone, and drivers that a node lacks.
func attachLimits(g *generator) {
	g.makeNodes(g.between(3, 7))
	g.emitNodes()
	g.csiNodes()
	wait := storagev1.VolumeBindingWaitForFirstConsumer
	g.class("a", "a.csi.example", storagev1.VolumeBindingImmediate)
	g.class("b", "b.csi.example", wait)
	g.class("c", "c.csi.example", wait)
	g.class("gce", gcePlugin, wait)
	g.driver("a.csi.example", storagev1.CSIDriverSpec{})
	g.driver("b.csi.example", storagev1.CSIDriverSpec{PreventPodSchedulingIfMissing: ptr(true)})
	g.driver("c.csi.example", storagev1.CSIDriverSpec{PreventPodSchedulingIfMissing: ptr(false)})
	for i := range 6 {
		c := claim(fmt.Sprintf("a-%d", i), "a", q("1Gi"))
		c.Spec.AccessModes = []v1.PersistentVolumeAccessMode{v1.ReadWriteMany}
		source := csi("a.csi.example", c.Name)
		switch {
		case i == 4:
			source = v1.PersistentVolumeSource{GCEPersistentDisk: &v1.GCEPersistentDiskVolumeSource{PDName: "disk-4"}}
		case i == 5:
			source = v1.PersistentVolumeSource{NFS: &v1.NFSVolumeSource{Server: "nfs.example", Path: "/export"}}
		}
		g.addBound(c, source, "")
	}
	for i := range 3 {
		g.addClaim(claim(fmt.Sprintf("b-%d", i), "b", q("1Gi")))
		g.addClaim(claim(fmt.Sprintf("c-%d", i), "c", q("1Gi")))
		g.addClaim(claim(fmt.Sprintf("gce-%d", i), "gce", q("1Gi")))
	}
	for i := range g.between(0, 4) {
		g.add("VolumeAttachment", storageAPI, &storagev1.VolumeAttachment{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("attachment-%d", i)},
			Spec: storagev1.VolumeAttachmentSpec{Attacher: "a.csi.example", NodeName: g.nodeName(),
				Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: ptr(fmt.Sprintf("pv-a-%d", g.Intn(6)))}},
		})
	}
	g.populate(g.between(4, 16), func(p *v1.Pod) { g.mountAttached(p, 0) })
	g.pendEach(8, func(p *v1.Pod) { g.mountAttached(p, 0.15) })
}

func (g *generator) csiNodes() {
	for _, n := range g.nodes {
		if g.chance(0.1) {
			continue
		}
		cn := &storagev1.CSINode{ObjectMeta: metav1.ObjectMeta{Name: n.Name, UID: types.UID("csinode-" + n.Name)}}
		cn.Spec.Drivers = []storagev1.CSINodeDriver{}
		for _, d := range []string{"a.csi.example", "b.csi.example", "c.csi.example", gceDriver, ebsDriver, azureDriver} {
			if g.chance(0.2) {
				continue
			}
			driver := storagev1.CSINodeDriver{Name: d, NodeID: n.Name}
			if g.chance(0.8) {
				driver.Allocatable = &storagev1.VolumeNodeResources{Count: ptr(int32(g.between(0, 3)))}
			}
			cn.Spec.Drivers = append(cn.Spec.Drivers, driver)
		}
		if g.chance(0.7) {
			migrated := g.one(gcePlugin, gcePlugin+","+ebsPlugin, gcePlugin+","+ebsPlugin+","+azurePlugin)
			cn.Annotations = map[string]string{"storage.alpha.kubernetes.io/migrated-plugins": migrated}
		}
		g.add("CSINode", storageAPI, cn)
	}
}

// mountAttached draws volumes; foreign is how likely an ephemeral claim belongs to another pod.
func (g *generator) mountAttached(p *v1.Pod, foreign float64) {
	p.Namespace = "default"
	for range g.between(0, 3) {
		var s v1.VolumeSource
		switch g.Intn(8) {
		case 0, 1, 2:
			s.PersistentVolumeClaim = &v1.PersistentVolumeClaimVolumeSource{ClaimName: fmt.Sprintf("a-%d", g.Intn(6))}
		case 3:
			s.PersistentVolumeClaim = &v1.PersistentVolumeClaimVolumeSource{ClaimName: fmt.Sprintf("%s-%d", g.one("b", "c", "gce"), g.Intn(3))}
		case 4:
			s.GCEPersistentDisk = &v1.GCEPersistentDiskVolumeSource{PDName: fmt.Sprintf("inline-%d", g.Intn(3)), ReadOnly: true}
		case 5:
			s.AWSElasticBlockStore = &v1.AWSElasticBlockStoreVolumeSource{VolumeID: fmt.Sprintf("vol-%04d", g.podSeq)}
		case 6:
			s.AzureDisk = &v1.AzureDiskVolumeSource{
				DiskName:    fmt.Sprintf("disk-%d", g.Intn(3)),
				DataDiskURI: fmt.Sprintf("/subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/disks/disk-%d", g.Intn(3)),
				Kind:        ptr(v1.AzureManagedDisk), ReadOnly: ptr(true),
			}
		case 7:
			g.ephemeral(p, foreign)
			continue
		}
		if !usesClaim(p, s) {
			addSource(p, s)
		}
	}
}

// ephemeral gives a pod a claim of its own, which now and then its controller
// has not made yet, or which belongs to another pod.
func (g *generator) ephemeral(p *v1.Pod, foreign float64) {
	class := g.one("b", "c")
	spec := claim("template", class, q("1Gi")).Spec
	addSource(p, v1.VolumeSource{Ephemeral: &v1.EphemeralVolumeSource{VolumeClaimTemplate: &v1.PersistentVolumeClaimTemplate{Spec: spec}}})
	if g.chance(foreign) {
		return
	}
	c := claim(p.Name+"-"+p.Spec.Volumes[len(p.Spec.Volumes)-1].Name, class, q("1Gi"))
	owner := p.UID
	if g.chance(foreign) {
		owner = "uid-other"
	}
	c.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: p.Name, UID: owner, Controller: ptr(true), BlockOwnerDeletion: ptr(true)}}
	g.addClaim(c)
}
