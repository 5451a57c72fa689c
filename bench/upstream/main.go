// Command upstream times the scheduling algorithm of upstream's kube-scheduler
// on a plan: its real queue, cache, snapshot, framework, opportunistic batching
// and preemption, in memory, without API server, binding and events.
//
// A plan is a file with one step a line, as `berth-bench` writes it. The clock
// starts with the first measured pod; from then on it runs while the scheduler
// works and stands still while the harness brings the next pod.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"k8s.io/klog/v2"
)

func main() {
	plan := flag.String("plan", "", "the plan, one step a line")
	all := flag.Bool("all", false, "score every node (percentageOfNodesToScore: 100) instead of upstream's default sample")
	budget := flag.Duration("budget", 0, "stop when the clock has run this long; 0 for no limit")
	flag.Parse()
	klog.LogToStderr(false)
	if err := run(*plan, *all, *budget); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(path string, all bool, budget time.Duration) error {
	started := time.Now()
	steps, err := readPlan(path)
	if err != nil {
		return err
	}
	w, err := newWorld(steps, all)
	if err != nil {
		return err
	}
	defer w.stop()
	r := newRunner(w, budget)
	r.result.LoadSeconds = time.Since(started).Seconds()
	for i, s := range steps {
		done, err := r.take(s)
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		if done {
			break
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r.result)
}
