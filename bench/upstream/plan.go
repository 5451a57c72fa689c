package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	// The API groups whose defaults apply to what a plan may hold.
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
)

// opcode says what a step does.
type opcode string

const (
	opAdd      opcode = "add"
	opUpdate   opcode = "update"
	opDelete   opcode = "delete"
	opSchedule opcode = "schedule"
)

// step is one line of a plan, its object read and defaulted.
type step struct {
	Op        opcode          `json:"op"`
	Measured  bool            `json:"measured"`
	Kind      string          `json:"kind"`
	Namespace string          `json:"namespace"`
	Name      string          `json:"name"`
	Raw       json.RawMessage `json:"object"`

	object runtime.Object
}

// key is how pods are found again.
func key(namespace, name string) string { return namespace + "/" + name }

func readPlan(path string) ([]*step, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rd := bufio.NewReaderSize(f, 1<<20)
	var steps []*step
	for line := 1; ; line++ {
		text, err := rd.ReadBytes('\n')
		if len(text) > 1 {
			s, err := readStep(text)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, line, err)
			}
			steps = append(steps, s)
		}
		if errors.Is(err, io.EOF) {
			return steps, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func readStep(text []byte) (*step, error) {
	s := &step{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	if s.Op == opDelete {
		return s, nil
	}
	o, _, err := clientscheme.Codecs.UniversalDeserializer().Decode(s.Raw, nil, nil)
	if err != nil {
		return nil, err
	}
	// The defaults that the API server would have given it.
	legacyscheme.Scheme.Default(o)
	s.object, s.Raw = o, nil
	if _, isPod := o.(*v1.Pod); s.Op == opSchedule && !isPod {
		return nil, fmt.Errorf("schedules a %T, not a pod", o)
	}
	return s, nil
}
