package gen

import (
	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ownerKinds are controllers whose selector tells which pods belong together.
var ownerKinds = []struct{ kind, api string }{
	{"ReplicaSet", "apps/v1"}, {"StatefulSet", "apps/v1"}, {"ReplicationController", "v1"},
}

// owners: the default spreading that a pod gets from its services and its controller.
func owners(g *generator) {
	switch g.Intn(4) {
	case 0:
		g.sc.Config = cfgHead + `  pluginConfig:
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints:
      - maxSkew: 1
        topologyKey: rack
        whenUnsatisfiable: DoNotSchedule
`
	case 1:
		g.sc.Config = cfgHead + `  pluginConfig:
  - name: PodTopologySpread
    args:
      defaultingType: List
`
	}
	g.ownersAndServices()
	g.makeNodes(g.between(5, 16), labelNodes(g))
	g.emitNodes()
	g.populate(g.between(10, 70), g.owned)
	g.pendEach(12, g.owned)
}

func (g *generator) ownersAndServices() {
	for _, ns := range []string{"default", "team-a"} {
		for _, a := range apps[:3] {
			template := v1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": a, "tier": "front"}},
				Spec: v1.PodSpec{
					RestartPolicy: v1.RestartPolicyAlways, DNSPolicy: v1.DNSClusterFirst,
					Containers: []v1.Container{{Name: "main", Image: "registry.example/" + a + ":1"}},
				},
			}
			meta := metav1.ObjectMeta{Name: a, Namespace: ns, UID: types.UID("owner-" + ns + "-" + a)}
			selector := labelled("app", a)
			if g.chance(0.3) {
				selector.MatchExpressions = []metav1.LabelSelectorRequirement{labelIn("tier", "front", "back")}
			}
			replicas := ptr(int32(3))
			g.add("ReplicaSet", "apps/v1", &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Replicas: replicas, Selector: selector, Template: template}})
			g.add("StatefulSet", "apps/v1", &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{
				Replicas: replicas, ServiceName: a, Selector: selector, Template: template,
				PodManagementPolicy: appsv1.OrderedReadyPodManagement,
				UpdateStrategy:      appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType},
			}})
			g.add("ReplicationController", "v1", &v1.ReplicationController{ObjectMeta: meta, Spec: v1.ReplicationControllerSpec{
				Replicas: replicas, Selector: map[string]string{"app": a}, Template: &template,
			}})
		}
		for i, s := range []map[string]string{{"app": "web"}, {"tier": "front"}, {"app": "db", "tier": "back"}, nil} {
			if g.chance(0.4) {
				g.service("service-"+apps[i], ns, s)
			}
		}
	}
}

// owned gives most pods a controller, which now and then does not exist or is not one that counts.
func (g *generator) owned(p *v1.Pod) {
	if g.chance(0.25) {
		return
	}
	k := ownerKinds[g.Intn(len(ownerKinds))]
	app := p.Labels["app"]
	ref := metav1.OwnerReference{APIVersion: k.api, Kind: k.kind, Name: app, UID: types.UID("owner-" + p.Namespace + "-" + app), Controller: ptr(true)}
	switch g.Intn(10) {
	case 0:
		ref.Controller = nil
	case 1:
		ref.Kind, ref.APIVersion = "Job", "batch/v1"
	case 2:
		ref.APIVersion = "apps/v1beta2"
	}
	p.OwnerReferences = []metav1.OwnerReference{ref}
	if g.chance(0.1) {
		g.spread(p)
	}
}
