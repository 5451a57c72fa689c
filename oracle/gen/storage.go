package gen

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const storageAPI = "storage.k8s.io/v1"

// accessModes are what volumes allow; a claim asks for one or two of a volume's.
var accessModes = [][]v1.PersistentVolumeAccessMode{
	{v1.ReadWriteOnce}, {v1.ReadWriteOnce, v1.ReadOnlyMany}, {v1.ReadWriteMany, v1.ReadWriteOnce}, {v1.ReadWriteOncePod},
}

func (g *generator) class(name, provisioner string, mode storagev1.VolumeBindingMode, allowed ...v1.TopologySelectorTerm) {
	g.add("StorageClass", storageAPI, &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, VolumeBindingMode: &mode, AllowedTopologies: allowed,
	})
}

func (g *generator) driver(name string, spec storagev1.CSIDriverSpec) {
	g.add("CSIDriver", storageAPI, &storagev1.CSIDriver{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
}

// topology allows the nodes with one of the values.
func topology(key string, values ...string) v1.TopologySelectorTerm {
	return v1.TopologySelectorTerm{MatchLabelExpressions: []v1.TopologySelectorLabelRequirement{{Key: key, Values: values}}}
}

// volume makes a volume that no claim has, for the caller to change.
func volume(name, class string, size resource.Quantity, source v1.PersistentVolumeSource) *v1.PersistentVolume {
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("pv-" + name)},
		Spec: v1.PersistentVolumeSpec{
			Capacity: v1.ResourceList{"storage": size}, AccessModes: []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
			StorageClassName: class, PersistentVolumeSource: source,
		},
		Status: v1.PersistentVolumeStatus{Phase: v1.VolumeAvailable},
	}
}

func csi(driver, handle string) v1.PersistentVolumeSource {
	return v1.PersistentVolumeSource{CSI: &v1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle}}
}

func localPath(name string) v1.PersistentVolumeSource {
	return v1.PersistentVolumeSource{Local: &v1.LocalVolumeSource{Path: "/mnt/" + name}}
}

// reachable limits a volume to the nodes whose label has one of the values.
func reachable(pv *v1.PersistentVolume, key string, values ...string) {
	pv.Spec.NodeAffinity = &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
		MatchExpressions: []v1.NodeSelectorRequirement{{Key: key, Operator: v1.NodeSelectorOpIn, Values: values}},
	}}}}
}

// claim makes a claim that has no volume, for the caller to change.
func claim(name, class string, size resource.Quantity) *v1.PersistentVolumeClaim {
	return &v1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID("pvc-" + name)},
		Spec: v1.PersistentVolumeClaimSpec{
			AccessModes: []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce}, StorageClassName: &class,
			Resources: v1.VolumeResourceRequirements{Requests: v1.ResourceList{"storage": size}},
		},
		Status: v1.PersistentVolumeClaimStatus{Phase: v1.ClaimPending},
	}
}

// bind makes the two each other's, as the volume controller does.
func bind(pv *v1.PersistentVolume, c *v1.PersistentVolumeClaim) {
	pv.Spec.ClaimRef = &v1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID}
	pv.Status.Phase = v1.VolumeBound
	c.Spec.VolumeName = pv.Name
	c.Status.Phase = v1.ClaimBound
	metav1.SetMetaDataAnnotation(&c.ObjectMeta, "pv.kubernetes.io/bind-completed", "yes")
}

func (g *generator) addVolume(pv *v1.PersistentVolume)    { g.add("PersistentVolume", "v1", pv) }
func (g *generator) addClaim(c *v1.PersistentVolumeClaim) { g.add("PersistentVolumeClaim", "v1", c) }

// mount gives a pod a claim of its namespace.
func mount(p *v1.Pod, claim string) {
	p.Namespace = "default"
	addSource(p, v1.VolumeSource{PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{ClaimName: claim}})
}

func addSource(p *v1.Pod, s v1.VolumeSource) {
	p.Spec.Volumes = append(p.Spec.Volumes, v1.Volume{Name: fmt.Sprintf("v%d", len(p.Spec.Volumes)), VolumeSource: s})
}
