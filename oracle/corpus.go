package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"berth.dev/oracle/gen"
	"berth.dev/oracle/judge"
	"berth.dev/oracle/scenario"
)

// corpus says which part of the golden corpus to write, and where.
type corpus struct {
	dir, family string
	seed        int64
	count       int
	repeat      int
}

// write makes one file a family and reports on each what its answers are like.
func (c corpus) write(report io.Writer) error {
	if c.family != "" {
		if _, ok := gen.Find(c.family); !ok {
			return fmt.Errorf("no family %q", c.family)
		}
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	for _, f := range gen.Families {
		if c.family != "" && c.family != f.Name {
			continue
		}
		if c.count != 0 {
			f.Count = c.count
		}
		if err := c.writeFamily(f, report); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func (c corpus) writeFamily(f gen.Family, report io.Writer) (err error) {
	file, err := os.Create(filepath.Join(c.dir, f.Name+".jsonl.gz"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// The header has no name and no time, so that equal scenarios make equal files.
	zip, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err != nil {
		return err
	}
	var t tally
	for seed := c.seed; seed < c.seed+int64(f.Count); seed++ {
		sc := f.Scenario(seed)
		if sc.Expected, err = c.settledAnswers(sc, f.Brief); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		t.count(sc)
		line, err := sc.Line()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(zip, "%s\n", line); err != nil {
			return err
		}
	}
	fmt.Fprintf(report, "%-14s %s\n", f.Name, t)
	return zip.Close()
}

// settledAnswers are answers that do not depend on chance, as far as repeating shows.
func (c corpus) settledAnswers(sc *scenario.Scenario, brief bool) ([]scenario.Answer, error) {
	first, err := judge.Answer(sc, brief)
	if err != nil {
		return nil, err
	}
	for range c.repeat - 1 {
		again, err := judge.Answer(sc, brief)
		if err != nil {
			return nil, err
		}
		for i := range first {
			if !reflect.DeepEqual(first[i], again[i]) {
				return nil, fmt.Errorf("upstream leaves it to chance: %+v or %+v", first[i], again[i])
			}
		}
	}
	return first, nil
}

// tally counts what became of the pods.
type tally struct{ scenarios, placed, preempting, early, unschedulable int }

func (t *tally) count(sc *scenario.Scenario) {
	t.scenarios++
	for _, a := range sc.Expected {
		switch {
		case a.Node != "":
			t.placed++
		case a.Preemption != nil && len(a.Preemption.Candidates) > 0:
			t.preempting++
		case a.PreFilter != nil || a.PreEnqueue != nil:
			t.early++
		default:
			t.unschedulable++
		}
	}
}

func (t tally) String() string {
	pods := t.placed + t.preempting + t.early + t.unschedulable
	return fmt.Sprintf("%3d scenarios, %5d pods: %5d placed, %4d would preempt, %4d rejected before any node, %4d unschedulable",
		t.scenarios, pods, t.placed, t.preempting, t.early, t.unschedulable)
}
