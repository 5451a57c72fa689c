package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"berth.dev/oracle/judge"
	"berth.dev/oracle/scenario"
)

// answerFile answers each scenario of a file of JSON lines. One that cannot be
// answered is reported and left out, and the rest still gets its answers.
func answerFile(path string, brief bool, out io.Writer) error {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	var failed []error
	dec := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	for i := 1; ; i++ {
		var sc scenario.Scenario
		if err := dec.Decode(&sc); err == io.EOF {
			return errors.Join(failed...)
		} else if err != nil {
			return fmt.Errorf("%s: scenario %d: %w", path, i, err)
		}
		answers, err := judge.Answer(&sc, brief)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: scenario %d (%s): %w", path, i, sc.Name, err))
			continue
		}
		sc.Expected = answers
		line, err := sc.Line()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
	}
}
