// Package scenario holds the shape of one line of the golden corpus: a
// cluster, the pods to place in it, and what upstream answers for each of them.
package scenario

import (
	"bytes"
	"encoding/json"
)

// Scenario is one line of the corpus. The objects are Kubernetes objects in
// JSON, without API defaults.
type Scenario struct {
	Name    string            `json:"name"`
	Family  string            `json:"family"`
	Seed    int64             `json:"seed"`
	Config  string            `json:"config,omitempty"`
	Objects []json.RawMessage `json:"objects"`
	Pending []json.RawMessage `json:"pending"`
	// Expected has one answer for each pending pod, in the same order.
	Expected []Answer `json:"expected"`
}

// Line is the scenario as one line of JSON, without the newline.
func (s *Scenario) Line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// NodeStatus is why a plugin rejected a pod, on one node or altogether.
type NodeStatus struct {
	Code    string   `json:"code"`
	Plugin  string   `json:"plugin,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
}

// Candidate is a node where evictions would make room.
type Candidate struct {
	Node          string   `json:"node"`
	Victims       []string `json:"victims"`
	PDBViolations int64    `json:"pdbViolations"`
}

// Preemption is what preemption would do for a pod that fits nowhere.
type Preemption struct {
	Eligible   bool        `json:"eligible"`
	Message    string      `json:"message,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
	// Best holds every candidate node the tie-break may pick, sorted.
	Best []string `json:"best,omitempty"`
}

// Answer is what upstream decides for one pod.
type Answer struct {
	Pod        string                      `json:"pod"`
	PreEnqueue *NodeStatus                 `json:"preEnqueue,omitempty"`
	PreFilter  *NodeStatus                 `json:"preFilter,omitempty"`
	Rejected   map[string]NodeStatus       `json:"rejected,omitempty"`
	Absent     *NodeStatus                 `json:"absent,omitempty"`
	Scores     map[string]map[string]int64 `json:"scores,omitempty"`
	Best       []string                    `json:"best,omitempty"`
	Node       string                      `json:"node,omitempty"`
	Message    string                      `json:"message,omitempty"`
	Preemption *Preemption                 `json:"preemption,omitempty"`
}
