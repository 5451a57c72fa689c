package main

import (
	"errors"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// stuck is how long the scheduler may be silent: the queue blocks for ever
// where a plugin keeps back the only pod in it.
const stuck = 2 * time.Minute

// runner takes the steps of a plan in order and times them.
type runner struct {
	world  *world
	budget time.Duration
	result result

	// clockRuns from the first measured pod on.
	clockRuns bool
	busy      time.Duration
	intake    time.Duration
	samples   []time.Duration
}

func newRunner(w *world, budget time.Duration) *runner {
	return &runner{world: w, budget: budget, result: newResult()}
}

// take does a step; it is done when the budget is used up.
func (r *runner) take(s *step) (done bool, err error) {
	if s.Op != opSchedule {
		start := time.Now()
		err := r.world.change(s, r.clockRuns)
		r.count(time.Since(start))
		return false, err
	}
	if s.Measured && !r.clockRuns {
		r.clockRuns = true
	}
	if r.clockRuns && r.budget > 0 && r.busy > r.budget {
		r.result.Complete = false
		return true, nil
	}
	spent, err := r.place(s.object.(*v1.Pod))
	if err != nil {
		return false, err
	}
	r.count(spent)
	if r.clockRuns {
		r.samples = append(r.samples, spent)
	}
	return false, nil
}

func (r *runner) count(spent time.Duration) {
	if r.clockRuns {
		r.busy += spent
	}
}

// place asks about a pod, lets it evict others where that helps, and asks again.
func (r *runner) place(pod *v1.Pod) (time.Duration, error) {
	if err := r.bring(pod); err != nil {
		return 0, err
	}
	start := time.Now()
	host, nominated, err := r.attempt(pod)
	spent := time.Since(start)
	if err != nil {
		return spent, err
	}
	if nominated != "" {
		pod, err = r.nominate(pod, nominated, &spent)
		if err != nil {
			return spent, err
		}
		start = time.Now()
		host, _, err = r.attempt(pod)
		spent += time.Since(start)
		if err != nil {
			return spent, err
		}
	}
	if prepare := r.world.prepare; prepare != nil {
		r.world.prepare = nil
		if err := prepare(); err != nil {
			return spent, err
		}
	}
	if r.clockRuns {
		if host == "" {
			r.result.Failed++
		} else {
			r.result.Placed++
		}
	}
	return spent, nil
}

// bring makes the pod known, as informers do; the queue computes the signature that batching goes by.
func (r *runner) bring(pod *v1.Pod) error {
	start := time.Now()
	defer func() {
		if r.clockRuns {
			r.intake += time.Since(start)
		}
	}()
	w := r.world
	w.known[key(pod.Namespace, pod.Name)] = pod
	if err := w.pods.Add(pod); err != nil {
		return err
	}
	w.scheduler.SchedulingQueue.Add(w.ctx, pod)
	return nil
}

// attempt is one scheduling cycle up to the decision; it tells where the pod
// was put, or which node it is nominated to once its victims are gone.
func (r *runner) attempt(pod *v1.Pod) (host, nominated string, err error) {
	w := r.world
	watchdog := time.AfterFunc(stuck, func() { panic("the queue holds back " + key(pod.Namespace, pod.Name)) })
	entity, err := w.scheduler.SchedulingQueue.Pop(w.log) // advances the cycle, as batching needs
	watchdog.Stop()
	if err != nil {
		return "", "", err
	}
	queued, ok := entity.(*framework.QueuedPodInfo)
	if !ok || queued.Pod.UID != pod.UID {
		return "", "", fmt.Errorf("the queue gave %T instead of pod %s", entity, key(pod.Namespace, pod.Name))
	}
	defer w.scheduler.SchedulingQueue.Done(pod.UID)
	if err := w.scheduler.Cache.UpdateSnapshot(w.log, w.snapshot); err != nil {
		return "", "", err
	}
	state := framework.NewCycleState()
	decision, err := w.scheduler.SchedulePod(w.ctx, w.framework, state, queued)
	if err == nil {
		return decision.SuggestedHost, "", r.assume(queued, state, decision.SuggestedHost)
	}
	var fit *framework.FitError
	if !errors.As(err, &fit) {
		if errors.Is(err, scheduler.ErrNoNodesAvailable) {
			return "", "", nil
		}
		return "", "", err
	}
	found, _ := w.framework.RunPostFilterPlugins(w.ctx, state, queued.Pod, fit.Diagnosis.NodeToStatus)
	if found != nil && found.NominatingInfo != nil {
		nominated = found.NominatedNodeName
	}
	return "", nominated, nil
}

// assume reserves what the pod needs and counts it on its node.
func (r *runner) assume(queued *framework.QueuedPodInfo, state *framework.CycleState, host string) error {
	w := r.world
	if s := w.framework.RunReservePluginsReserve(w.ctx, state, queued.Pod, host); !s.IsSuccess() {
		return s.AsError()
	}
	if len(queued.Pod.Spec.ResourceClaims) > 0 || w.hasDeviceClasses {
		// Claims are written, and made for extended resources, off the clock: the binding cycle does so beside the
		// scheduling cycle.
		w.prepare = func() error {
			if s := w.framework.RunPreBindPlugins(w.ctx, state, queued.Pod, host); !s.IsSuccess() {
				return s.AsError()
			}
			return nil
		}
	}
	bound := queued.Pod.DeepCopy()
	bound.Spec.NodeName = host
	w.known[key(bound.Namespace, bound.Name)] = bound
	if bound.Status.NominatedNodeName != "" {
		w.scheduler.SchedulingQueue.DeleteNominatedPodIfExists(bound)
	}
	return w.scheduler.Cache.AddPod(w.log, bound)
}

// nominate waits until upstream has deleted the victims, which it does beside
// the scheduling loop and so off the clock; then takes them away and brings the
// pod again.
func (r *runner) nominate(pod *v1.Pod, node string, spent *time.Duration) (*v1.Pod, error) {
	w := r.world
	if err := r.awaitVictims(pod); err != nil {
		return nil, err
	}
	victims := w.takeEvicted()
	start := time.Now()
	for _, victim := range victims {
		if err := w.removePod(victim); err != nil {
			return nil, err
		}
	}
	*spent += time.Since(start)
	if r.clockRuns {
		r.result.Evicted += len(victims)
	}
	again := pod.DeepCopy()
	again.Status.NominatedNodeName = node
	return again, r.bring(again)
}

// awaitVictims asks the plugin that keeps a preempting pod out of the queue.
func (r *runner) awaitVictims(pod *v1.Pod) error {
	for deadline := time.Now().Add(stuck); time.Now().Before(deadline); time.Sleep(20 * time.Microsecond) {
		waits := false
		for _, plugin := range r.world.framework.PreEnqueuePlugins() {
			waits = waits || !plugin.PreEnqueue(r.world.ctx, pod).IsSuccess()
		}
		if !waits {
			return nil
		}
	}
	return fmt.Errorf("the victims of %s do not go", key(pod.Namespace, pod.Name))
}

func (r *runner) finish() error {
	return r.result.complete(r.busy, r.intake, r.samples)
}
