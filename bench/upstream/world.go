package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	clientsetfake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/profile"
)

// settle is how long the caches get that plugins fill from informers: they
// have no handle to wait for.
const settle = 500 * time.Millisecond

// world is upstream's scheduler with all that it looks at, fed by hand.
type world struct {
	ctx       context.Context
	stop      context.CancelFunc
	log       klog.Logger
	scheduler *scheduler.Scheduler
	framework framework.Framework
	snapshot  *internalcache.Snapshot
	pods      cache.Indexer
	services  cache.Indexer

	nodes map[string]*v1.Node
	// known holds every pod as it is now; a placed one has its node's name.
	known map[string]*v1.Pod

	// claims counts the claims that were made for extended resources.
	claims int

	mu      sync.Mutex
	evicted []string
	// hasDeviceClasses: an extended resource of a pod may be served by devices.
	hasDeviceClasses bool
	// prepare does what is left to do for the claims of the pod placed last.
	prepare func() error
}

// newWorld makes a scheduler over the objects of the steps before the clock
// starts; nodes and pods come later, when it is their turn.
func newWorld(steps []*step, all bool) (*world, error) {
	ctx, stop := context.WithCancel(klog.NewContext(context.Background(), klog.New(nil)))
	w := &world{
		ctx: ctx, stop: stop, log: klog.FromContext(ctx),
		snapshot: internalcache.NewEmptySnapshot(),
		nodes:    map[string]*v1.Node{}, known: map[string]*v1.Pod{},
	}
	objects := standing(steps)
	for _, object := range objects {
		_, isClass := object.(*resourceapi.DeviceClass)
		w.hasDeviceClasses = w.hasDeviceClasses || isClass
	}
	client := clientsetfake.NewClientset(objects...)
	client.PrependReactor("delete", "pods", w.evict)
	client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &v1.Pod{}, nil
	})
	client.PrependReactor("create", "resourceclaims", w.nameClaim)
	inf := informers.NewSharedInformerFactory(client, 0)
	opts := []scheduler.Option{scheduler.WithNodeInfoSnapshot(w.snapshot)}
	if all {
		percentage := int32(100)
		opts = append(opts, scheduler.WithPercentageOfNodesToScore(&percentage))
	}
	var recorder profile.RecorderFactory = func(string) events.EventRecorderLogger { return &events.FakeRecorder{} }
	s, err := scheduler.New(ctx, client, inf, nil, recorder, opts...)
	if err != nil {
		stop()
		return nil, err
	}
	w.scheduler = s
	w.framework = s.Profiles[v1.DefaultSchedulerName]
	w.pods = inf.Core().V1().Pods().Informer().GetIndexer()
	w.services = inf.Core().V1().Services().Informer().GetIndexer()
	inf.Start(ctx.Done())
	inf.WaitForCacheSync(ctx.Done())
	time.Sleep(settle)
	return w, nil
}

// standing is what is neither node nor pod and there before the first measured pod.
func standing(steps []*step) []runtime.Object {
	var out []runtime.Object
	for _, s := range steps {
		if s.Op == opSchedule && s.Measured {
			break
		}
		switch s.object.(type) {
		case nil, *v1.Pod, *v1.Node:
		default:
			out = append(out, s.object)
		}
	}
	return out
}

// evict notes which pod preemption deletes.
func (w *world) evict(action clienttesting.Action) (bool, runtime.Object, error) {
	d := action.(clienttesting.DeleteAction)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.evicted = append(w.evicted, key(d.GetNamespace(), d.GetName()))
	return true, nil, nil
}

// nameClaim gives a claim for extended resources the name that the API server would generate.
func (w *world) nameClaim(action clienttesting.Action) (bool, runtime.Object, error) {
	claim, isClaim := action.(clienttesting.CreateAction).GetObject().(*resourceapi.ResourceClaim)
	if isClaim && claim.Name == "" {
		w.claims++
		claim.Name = fmt.Sprintf("%s%d", claim.GenerateName, w.claims)
		claim.UID = types.UID(claim.Name)
	}
	return false, nil, nil // the tracker stores it
}

func (w *world) takeEvicted() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.evicted
	w.evicted = nil
	return out
}

// change applies a step that is not a pod to schedule.
func (w *world) change(s *step, clockRuns bool) error {
	switch o := s.object.(type) {
	case nil:
		return w.remove(s)
	case *v1.Node:
		old := w.nodes[o.Name]
		w.nodes[o.Name] = o
		if old == nil {
			w.scheduler.Cache.AddNode(w.log, o)
		} else {
			w.scheduler.Cache.UpdateNode(w.log, old, o)
		}
		return nil
	case *v1.Pod:
		w.known[key(o.Namespace, o.Name)] = o
		// Preemption looks its victims up, to see whether they are gone.
		if err := w.pods.Add(o); err != nil {
			return err
		}
		if o.Spec.NodeName != "" {
			return w.scheduler.Cache.AddPod(w.log, o)
		}
		w.scheduler.SchedulingQueue.Add(w.ctx, o)
		return nil
	case *v1.Service:
		if clockRuns {
			return w.services.Add(o)
		}
		return nil
	default:
		if clockRuns {
			return fmt.Errorf("a %T cannot change while the clock runs", o)
		}
		return nil
	}
}

func (w *world) remove(s *step) error {
	switch s.Kind {
	case "Node":
		node := w.nodes[s.Name]
		if node == nil {
			return fmt.Errorf("there is no node %s", s.Name)
		}
		delete(w.nodes, s.Name)
		return w.scheduler.Cache.RemoveNode(w.log, node)
	case "Pod":
		return w.removePod(key(s.Namespace, s.Name))
	case "Service":
		return w.services.Delete(cache.ExplicitKey(key(s.Namespace, s.Name)))
	}
	return fmt.Errorf("a %s cannot be deleted", s.Kind)
}

// removePod takes a pod away, wherever it is.
func (w *world) removePod(name string) error {
	pod := w.known[name]
	if pod == nil {
		return fmt.Errorf("there is no pod %s", name)
	}
	delete(w.known, name)
	if err := w.pods.Delete(pod); err != nil {
		return err
	}
	if pod.Spec.NodeName != "" {
		return w.scheduler.Cache.RemovePod(w.log, pod)
	}
	w.scheduler.SchedulingQueue.Delete(w.log, pod)
	return nil
}
