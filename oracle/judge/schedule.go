package judge

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"berth.dev/oracle/scenario"
)

// status copies a framework status; reasons are sorted, because upstream lists scalar resources in map order.
func status(s *fwk.Status) *scenario.NodeStatus {
	return &scenario.NodeStatus{Code: s.Code().String(), Plugin: s.Plugin(), Reasons: slices.Sorted(slices.Values(s.Reasons()))}
}

func key(p *v1.Pod) string { return p.Namespace + "/" + p.Name }

// schedule decides for one pod. A pod that finds a node runs there from then
// on; one that does not leaves nothing behind.
func (w *world) schedule(pod *v1.Pod) scenario.Answer {
	ans := scenario.Answer{Pod: key(pod)}
	p, ok := w.profiles[pod.Spec.SchedulerName]
	if !ok {
		ans.Message = "no profile"
		return ans
	}
	for _, pl := range p.PreEnqueuePlugins() {
		if s := pl.PreEnqueue(w.ctx, pod); !s.IsSuccess() {
			ans.PreEnqueue = status(s)
			ans.PreEnqueue.Plugin = pl.Name()
			return ans
		}
	}
	w.snap.Snapshot = internalcache.NewSnapshot(w.placed, w.nodes)
	state := framework.NewCycleState()
	diag := &framework.Diagnosis{NodeToStatus: framework.NewDefaultNodeToStatus()}
	feasible := w.filter(p, state, pod, diag, &ans)
	if len(feasible) > 0 {
		w.choose(p, state, pod, feasible, &ans)
		return ans
	}
	ans.Message = (&framework.FitError{Pod: pod, NumAllNodes: len(w.nodes), Diagnosis: *diag}).Error()
	if !w.brief {
		ans.Preemption = w.preempt(p, state, pod, diag.NodeToStatus)
	}
	return ans
}

// filter finds the nodes that fit, and records why the others do not.
func (w *world) filter(p profile, state fwk.CycleState, pod *v1.Pod, diag *framework.Diagnosis, ans *scenario.Answer) []fwk.NodeInfo {
	narrowed, s, plugins := p.RunPreFilterPlugins(w.ctx, state, pod)
	if !s.IsSuccess() {
		ans.PreFilter = status(s)
		diag.NodeToStatus.SetAbsentNodesStatus(s)
		diag.PreFilterMsg = s.Message()
		diag.AddPluginStatus(s)
		return nil
	}
	// Upstream looks at no other node where the pod still fits the one that an earlier preemption nominated.
	if nominated, err := w.snap.NodeInfos().Get(pod.Status.NominatedNodeName); err == nil {
		if p.RunFilterPluginsWithNominatedPods(w.ctx, state, pod, nominated).IsSuccess() {
			return []fwk.NodeInfo{nominated}
		}
	}
	nodes := w.sortedNodes()
	if !narrowed.AllNodes() {
		nodes = slices.DeleteFunc(nodes, func(n fwk.NodeInfo) bool { return !narrowed.NodeNames.Has(n.Node().Name) })
		absent := fwk.NewStatus(fwk.UnschedulableAndUnresolvable, fmt.Sprintf("node(s) didn't satisfy plugin(s) %v", sets.List(plugins)))
		diag.NodeToStatus.SetAbsentNodesStatus(absent)
		ans.Absent = status(absent)
	}
	var feasible []fwk.NodeInfo
	ans.Rejected = map[string]scenario.NodeStatus{}
	for _, n := range nodes {
		s := p.RunFilterPluginsWithNominatedPods(w.ctx, state, pod, n)
		if s.IsSuccess() {
			feasible = append(feasible, n)
			continue
		}
		diag.NodeToStatus.Set(n.Node().Name, s)
		diag.AddPluginStatus(s)
		ans.Rejected[n.Node().Name] = *status(s)
	}
	return feasible
}

func (w *world) sortedNodes() []fwk.NodeInfo {
	all, _ := w.snap.NodeInfos().List()
	return slices.SortedFunc(slices.Values(all), func(a, b fwk.NodeInfo) int {
		return strings.Compare(a.Node().Name, b.Node().Name)
	})
}

// choose scores the feasible nodes and places the pod on the best, the first by name among equals.
func (w *world) choose(p profile, state fwk.CycleState, pod *v1.Pod, feasible []fwk.NodeInfo, ans *scenario.Answer) {
	if s := p.RunPreScorePlugins(w.ctx, state, pod, feasible); !s.IsSuccess() {
		ans.Message = "prescore: " + s.Message()
		return
	}
	scores, s := p.RunScorePlugins(w.ctx, state, pod, feasible)
	if !s.IsSuccess() {
		ans.Message = "score: " + s.Message()
		return
	}
	best := int64(math.MinInt64)
	ans.Scores = map[string]map[string]int64{}
	for _, ns := range scores {
		m := map[string]int64{"total": ns.TotalScore}
		for _, ps := range ns.Scores {
			m[ps.Name] = ps.Score
		}
		ans.Scores[ns.Name] = m
		if ns.TotalScore > best {
			best = ns.TotalScore
			ans.Best = nil
		}
		if ns.TotalScore == best {
			ans.Best = append(ans.Best, ns.Name)
		}
	}
	sort.Strings(ans.Best)
	// Reserving makes the volumes that the pod will get unavailable to the next.
	if s := p.RunReservePluginsReserve(w.ctx, state, pod, ans.Best[0]); !s.IsSuccess() {
		ans.Message = "reserve: " + s.Message()
		return
	}
	ans.Node = ans.Best[0]
	bound := pod.DeepCopy()
	bound.Spec.NodeName = ans.Node
	bound.Status.Phase = v1.PodRunning
	w.placed = append(w.placed, bound)
}
