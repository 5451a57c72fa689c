// Package judge runs the scheduling framework of upstream's kube-scheduler
// over a scenario and records what it decides.
package judge

import (
	"context"
	"fmt"

	"k8s.io/klog/v2"

	"berth.dev/oracle/scenario"
)

// Answer computes the answers of a scenario, in the order of its pending pods.
// Brief answers leave out the verdicts, scores and victims. A plugin that
// panics gives an error: upstream's scheduler would have crashed.
func Answer(sc *scenario.Scenario, brief bool) (answers []scenario.Answer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), klog.New(nil)))
	defer cancel()
	cfg, err := loadConfig(sc.Config)
	if err != nil {
		return nil, err
	}
	objs, err := readAll(sc)
	if err != nil {
		return nil, err
	}
	w, err := newWorld(ctx, cfg, objs)
	if err != nil {
		return nil, err
	}
	w.brief = brief
	for _, p := range objs.pending {
		a := w.schedule(p)
		if brief {
			a.Rejected, a.Scores, a.Best = nil, nil, nil
		}
		answers = append(answers, a)
	}
	return answers, nil
}
