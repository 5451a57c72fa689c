package judge

import (
	"encoding/json"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	// The API groups whose defaults apply to what a scenario may hold.
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"

	"berth.dev/oracle/scenario"
)

// objects is the cluster of a scenario, read and defaulted.
type objects struct {
	all       []runtime.Object
	nodes     []*v1.Node
	placed    []*v1.Pod
	nominated []*v1.Pod
	pending   []*v1.Pod
}

// read decodes one object and gives it the defaults that the API server would.
func read(raw json.RawMessage) (runtime.Object, error) {
	o, _, err := clientscheme.Codecs.UniversalDeserializer().Decode(raw, nil, nil)
	if err != nil {
		return nil, err
	}
	legacyscheme.Scheme.Default(o)
	return o, nil
}

func readAll(sc *scenario.Scenario) (*objects, error) {
	out := &objects{}
	for i, raw := range sc.Objects {
		o, err := read(raw)
		if err != nil {
			return nil, fmt.Errorf("objects[%d]: %w", i, err)
		}
		out.all = append(out.all, o)
		switch t := o.(type) {
		case *v1.Pod:
			// The scheduler does not watch pods that have ended.
			if t.Status.Phase == v1.PodSucceeded || t.Status.Phase == v1.PodFailed {
				continue
			}
			if t.Spec.NodeName != "" {
				out.placed = append(out.placed, t)
			} else if t.Status.NominatedNodeName != "" {
				out.nominated = append(out.nominated, t)
			}
		case *v1.Node:
			out.nodes = append(out.nodes, t)
		}
	}
	for i, raw := range sc.Pending {
		o, err := read(raw)
		if err != nil {
			return nil, fmt.Errorf("pending[%d]: %w", i, err)
		}
		p, ok := o.(*v1.Pod)
		if !ok {
			return nil, fmt.Errorf("pending[%d]: a %T, not a pod", i, o)
		}
		out.all = append(out.all, p)
		out.pending = append(out.pending, p)
	}
	return out, nil
}
