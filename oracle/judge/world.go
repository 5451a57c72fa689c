package judge

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	clientsetfake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	internalqueue "k8s.io/kubernetes/pkg/scheduler/backend/queue"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodevolumelimits"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
)

// settle is how long the caches get that plugins fill from informers: they
// have no handle to wait for.
const settle = 30 * time.Millisecond

// liveSnapshot lets a framework, which keeps the lister it was made with, see
// a new snapshot for each pod.
type liveSnapshot struct{ *internalcache.Snapshot }

// profile is one scheduler name with its framework. Preemption is computed
// even where the profile leaves the plugin out: with the profile's own filters.
type profile struct {
	framework.Framework
	preemption *defaultpreemption.DefaultPreemption
}

// world is a cluster that upstream's frameworks schedule into.
type world struct {
	ctx      context.Context
	snap     *liveSnapshot
	profiles map[string]profile
	informer informers.SharedInformerFactory
	nodes    []*v1.Node
	placed   []*v1.Pod
	// brief leaves out what only detailed answers hold.
	brief bool
}

func newWorld(ctx context.Context, cfg *config.KubeSchedulerConfiguration, objs *objects) (*world, error) {
	metrics.Register()
	client := clientsetfake.NewClientset(objs.all...)
	w := &world{
		ctx:      ctx,
		snap:     &liveSnapshot{internalcache.NewSnapshot(objs.placed, objs.nodes)},
		profiles: map[string]profile{},
		informer: informers.NewSharedInformerFactory(client, 0),
		nodes:    objs.nodes,
		placed:   objs.placed,
	}
	opts, err := w.options(client)
	if err != nil {
		return nil, err
	}
	for i := range cfg.Profiles {
		p, err := newProfile(ctx, cfg.Profiles[i], opts)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", cfg.Profiles[i].SchedulerName, err)
		}
		w.profiles[cfg.Profiles[i].SchedulerName] = p
	}
	queue := internalqueue.NewSchedulingQueue(w.profiles[cfg.Profiles[0].SchedulerName].QueueSortFunc(), w.informer)
	for _, p := range w.profiles {
		p.SetPodNominator(queue)
	}
	w.informer.Core().V1().Pods().Informer()
	w.informer.Core().V1().Nodes().Informer()
	w.informer.Policy().V1().PodDisruptionBudgets().Informer()
	w.informer.Start(ctx.Done())
	w.informer.WaitForCacheSync(ctx.Done())
	time.Sleep(settle)
	for _, p := range objs.nominated {
		queue.Add(ctx, p)
	}
	return w, nil
}

func newProfile(ctx context.Context, cfg config.KubeSchedulerProfile, opts []frameworkruntime.Option) (profile, error) {
	f, err := frameworkruntime.NewFramework(ctx, frameworkplugins.NewInTreeRegistry(), &cfg, opts...)
	if err != nil {
		return profile{}, err
	}
	// Every node is a candidate: upstream looks at a part of them, by chance.
	args := &config.DefaultPreemptionArgs{MinCandidateNodesPercentage: 100, MinCandidateNodesAbsolute: 100000}
	dp, err := defaultpreemption.New(ctx, args, f, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	if err != nil {
		return profile{}, err
	}
	return profile{Framework: f, preemption: dp}, nil
}

// options is what a scheduler hands to each of its frameworks.
func (w *world) options(client kubernetes.Interface) ([]frameworkruntime.Option, error) {
	gates := utilfeature.DefaultFeatureGate
	groups := internalcache.New(w.ctx, nil, gates.Enabled(features.GenericWorkload), gates.Enabled(features.CompositePodGroup))
	dra, err := w.deviceManager(client)
	if err != nil {
		return nil, err
	}
	return []frameworkruntime.Option{
		frameworkruntime.WithClientSet(client),
		frameworkruntime.WithEventRecorder(&events.FakeRecorder{}),
		frameworkruntime.WithInformerFactory(w.informer),
		frameworkruntime.WithSnapshotSharedLister(w.snap),
		frameworkruntime.WithMutableSnapshotLister(w.snap),
		frameworkruntime.WithParallelism(1),
		frameworkruntime.WithWaitingPods(frameworkruntime.NewWaitingPodsMap()),
		frameworkruntime.WithPodsInPreBind(frameworkruntime.NewPodsInPreBindMap()),
		frameworkruntime.WithPodGroupManager(groups),
		frameworkruntime.WithSharedCSIManager(nodevolumelimits.NewCSIManager(w.informer.Storage().V1().CSINodes().Lister())),
		frameworkruntime.WithSharedDRAManager(dra),
	}, nil
}

func (w *world) deviceManager(client kubernetes.Interface) (fwk.SharedDRAManager, error) {
	claims := w.informer.Resource().V1().ResourceClaims().Informer()
	cache := assumecache.NewAssumeCache(klog.FromContext(w.ctx), claims, "ResourceClaim", "", nil)
	slices, err := tracker.StartTracker(w.ctx, tracker.Options{SliceInformer: w.informer.Resource().V1().ResourceSlices(), KubeClient: client})
	if err != nil {
		return nil, err
	}
	return dynamicresources.NewDRAManager(w.ctx, cache, slices, w.informer), nil
}
