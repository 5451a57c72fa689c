package gen

import (
	"encoding/json"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	internalapps "k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	"k8s.io/kubernetes/pkg/apis/storage"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
	storagevalidation "k8s.io/kubernetes/pkg/apis/storage/validation"
)

// perFamily is how many seeds of each family are looked at.
const perFamily = 20

func TestEveryObjectIsOneThatTheAPIServerTakes(t *testing.T) {
	for _, f := range Families {
		for seed := range min(f.Count, perFamily) {
			sc := f.Scenario(int64(seed + 1))
			for _, raw := range append(sc.Objects, sc.Pending...) {
				if errs := validate(t, raw); len(errs) > 0 {
					t.Errorf("%s: %v\n%s", sc.Name, errs.ToAggregate(), raw)
				}
			}
			if f.Brief {
				break
			}
		}
	}
}

func validate(t *testing.T, raw json.RawMessage) field.ErrorList {
	t.Helper()
	o, _, err := legacyscheme.Codecs.UniversalDeserializer().Decode(raw, nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	legacyscheme.Scheme.Default(o)
	internal, err := legacyscheme.Scheme.UnsafeConvertToVersion(o, runtime.InternalGroupVersioner)
	if err != nil {
		t.Fatal(err)
	}
	switch x := internal.(type) {
	case *core.Pod:
		return validatePod(x)
	case *core.Node:
		return validation.ValidateNode(x)
	case *core.Namespace:
		return validation.ValidateNamespace(x)
	case *core.PersistentVolume:
		return validation.ValidatePersistentVolume(x, validation.ValidationOptionsForPersistentVolume(x, nil))
	case *core.PersistentVolumeClaim:
		return validation.ValidatePersistentVolumeClaim(x, validation.ValidationOptionsForPersistentVolumeClaimCreate())
	case *core.Service:
		x.Spec.ClusterIP, x.Spec.ClusterIPs = "None", []string{"None"} // The server chooses it.
		x.Spec.IPFamilies, x.Spec.IPFamilyPolicy = []core.IPFamily{core.IPv4Protocol}, ptr(core.IPFamilyPolicySingleStack)
		return validation.ValidateServiceCreate(x)
	case *core.ReplicationController:
		return validation.ValidateReplicationController(x, validation.PodValidationOptions{})
	case *internalapps.ReplicaSet:
		return appsvalidation.ValidateReplicaSet(x, validation.PodValidationOptions{})
	case *internalapps.StatefulSet:
		return appsvalidation.ValidateStatefulSet(x, appsvalidation.StatefulSetValidationOptions{}, validation.PodValidationOptions{})
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(x, policyvalidation.PodDisruptionBudgetValidationOptions{})
	}
	return validateStorage(t, internal)
}

func validateStorage(t *testing.T, o runtime.Object) field.ErrorList {
	switch x := o.(type) {
	case *storage.StorageClass:
		return storagevalidation.ValidateStorageClass(x)
	case *storage.CSIDriver:
		return storagevalidation.ValidateCSIDriver(x)
	case *storage.CSINode:
		return storagevalidation.ValidateCSINode(x)
	case *storage.CSIStorageCapacity:
		return storagevalidation.ValidateCSIStorageCapacity(x, storagevalidation.CSIStorageCapacityValidateOptions{})
	case *storage.VolumeAttachment:
		return storagevalidation.ValidateVolumeAttachment(x)
	}
	t.Fatalf("nothing validates a %T", o)
	return nil
}

// validatePod looks at a pod as it was created, and at what its node and the scheduler set since then.
func validatePod(p *core.Pod) field.ErrorList {
	created := p.DeepCopy()
	if p.Spec.NodeName != "" {
		created.Spec.NodeName = ""
	}
	created.Status = core.PodStatus{Phase: core.PodPending}
	options := podutil.GetValidationOptionsFromPodSpecAndMeta(&created.Spec, nil, &created.ObjectMeta, nil)
	options.ResourceIsPod = true
	return append(validation.ValidatePodCreate(created, options), validateStatus(p, created, options)...)
}

func validateStatus(p, created *core.Pod, options validation.PodValidationOptions) field.ErrorList {
	created.Spec.NodeName = p.Spec.NodeName
	created.ResourceVersion, p.ResourceVersion = "1", "1"
	return validation.ValidatePodStatusUpdate(p, created, options)
}

func TestWhatTheServerMergesIsMergedOnce(t *testing.T) {
	p := &v1.Pod{}
	p.Labels = map[string]string{"tier": "front"}
	p.Spec.TopologySpreadConstraints = []v1.TopologySpreadConstraint{{LabelSelector: nil, MatchLabelKeys: []string{"tier"}}}
	stored(p)
	if p.Spec.TopologySpreadConstraints[0].LabelSelector != nil {
		t.Error("a constraint that selects nothing got a selector")
	}
}
