package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// result is what a run came to; Berth's arm prints the same fields.
type result struct {
	Pods        int     `json:"pods"`
	Placed      int     `json:"placed"`
	Failed      int     `json:"failed"`
	Evicted     int     `json:"evicted"`
	Seconds     float64 `json:"seconds"`
	PodsPerS    float64 `json:"podsPerS"`
	P50Us       float64 `json:"p50Us"`
	P99Us       float64 `json:"p99Us"`
	MaxUs       float64 `json:"maxUs"`
	IntakeS     float64 `json:"intakeSeconds"`
	LoadSeconds float64 `json:"loadSeconds"`
	PeakBytes   int64   `json:"peakBytes"`
	// Complete is false where the budget ended the run early.
	Complete bool `json:"complete"`
}

func newResult() result { return result{Complete: true} }

func (r *result) complete(busy, intake time.Duration, samples []time.Duration) error {
	if len(samples) == 0 {
		return errors.New("the plan measures nothing")
	}
	slices.Sort(samples)
	r.Pods = len(samples)
	r.Seconds = busy.Seconds()
	r.PodsPerS = float64(r.Pods) / r.Seconds
	r.P50Us, r.P99Us, r.MaxUs = micros(samples, 50), micros(samples, 99), micros(samples, 100)
	r.IntakeS = intake.Seconds()
	peak, err := peakBytes()
	r.PeakBytes = peak
	return err
}

// micros is a percentile of sorted samples: the smallest that so many percent do not exceed.
func micros(sorted []time.Duration, percent int) float64 {
	at := max((len(sorted)*percent+99)/100, 1) - 1
	return float64(sorted[at].Nanoseconds()) / 1000
}

// peakBytes is the most memory that this process has held, as Linux tells it.
func peakBytes() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), "VmHWM:"); found {
			var kilobytes int64
			if _, err := fmt.Sscan(text, &kilobytes); err != nil {
				return 0, err
			}
			return kilobytes * 1024, nil
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM")
}
