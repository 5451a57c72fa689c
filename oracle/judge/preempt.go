package judge

import (
	"maps"
	"slices"
	"sort"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"

	"berth.dev/oracle/scenario"
)

// draws is how often upstream's choice among the candidates is repeated, to
// see all that its arbitrary tie-break may pick.
const draws = 200

// preempt records what preemption would do, on every node where it could help.
func (w *world) preempt(p profile, state fwk.CycleState, pod *v1.Pod, m *framework.NodeToStatus) *scenario.Preemption {
	out := &scenario.Preemption{}
	out.Eligible, out.Message = p.preemption.PodEligibleToPreemptOthers(w.ctx, pod, m.Get(pod.Status.NominatedNodeName))
	if !out.Eligible {
		return out
	}
	potential, err := m.NodesForStatusCode(w.snap.NodeInfos(), fwk.Unschedulable)
	if err != nil {
		out.Message = err.Error()
		return out
	}
	if len(potential) == 0 {
		out.Message = w.noHelp(pod, framework.NewDefaultNodeToStatus())
		return out
	}
	sort.Slice(potential, func(i, j int) bool { return potential[i].Node().Name < potential[j].Node().Name })
	pdbs, err := w.informer.Policy().V1().PodDisruptionBudgets().Lister().List(labels.Everything())
	if err != nil {
		out.Message = err.Error()
		return out
	}
	candidates, tried, err := p.preemption.Evaluator.DryRunPreemption(w.ctx, state, pod, potential, pdbs, 0, int32(len(potential)+1))
	switch {
	case err != nil && len(candidates) == 0:
		out.Message = err.Error()
	case len(candidates) == 0:
		out.Message = w.noHelp(pod, tried)
	default:
		out.Candidates = describe(candidates)
		out.Best = w.possibleChoices(p, candidates)
	}
	return out
}

// noHelp is upstream's message where no eviction makes room.
func (w *world) noHelp(pod *v1.Pod, tried *framework.NodeToStatus) string {
	tried.SetAbsentNodesStatus(fwk.NewStatus(fwk.UnschedulableAndUnresolvable, "Preemption is not helpful for scheduling"))
	return (&framework.FitError{Pod: pod, NumAllNodes: len(w.nodes), Diagnosis: framework.Diagnosis{NodeToStatus: tried}}).Error()
}

func describe(candidates []preemption.Candidate) []scenario.Candidate {
	var out []scenario.Candidate
	for _, c := range candidates {
		d := scenario.Candidate{Node: c.Name(), PDBViolations: c.Victims().NumPDBViolations}
		for _, v := range c.Victims().Pods {
			d.Victims = append(d.Victims, key(v))
		}
		sort.Strings(d.Victims)
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Node < out[j].Node })
	return out
}

func (w *world) possibleChoices(p profile, candidates []preemption.Candidate) []string {
	seen := map[string]bool{}
	for range draws {
		seen[p.preemption.Evaluator.SelectCandidate(w.ctx, slices.Clone(candidates)).Name()] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
