package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"berth.dev/oracle/gen"
	"berth.dev/oracle/judge"
)

const golden = "../conformance/golden"

func TestTheFirstSeedOfEachFamilyIsWhatTheCorpusHolds(t *testing.T) {
	for _, f := range gen.Families {
		if f.Brief { // Large, and so for a whole run of the corpus.
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			sc := f.Scenario(1)
			answers, err := judge.Answer(sc, f.Brief)
			if err != nil {
				t.Fatal(err)
			}
			sc.Expected = answers
			got, err := sc.Line()
			if err != nil {
				t.Fatal(err)
			}
			if want := firstLine(t, f.Name); !bytes.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestTheManifestListsEveryFileOfTheCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(golden, "*.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	// Another program computed the answers about devices: docs/decisions/0013 names it.
	ours := 0
	for _, file := range files {
		name := filepath.Base(file)
		if !strings.HasPrefix(name, "devices") && name != "allocator.jsonl.gz" && name != "cel.jsonl.gz" {
			ours++
		}
	}
	if ours != len(gen.Families) {
		t.Errorf("%d files, %d families", ours, len(gen.Families))
	}
}

func TestAnAnswerIsTheSameForAScenarioThatHasOneAlready(t *testing.T) {
	var out bytes.Buffer
	line := append(firstLine(t, "taints"), '\n')
	file := filepath.Join(t.TempDir(), "scenario.jsonl")
	if err := os.WriteFile(file, line, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := answerFile(file, false, &out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), line) {
		t.Errorf("got  %s\nwant %s", out.Bytes(), line)
	}
}

func firstLine(t *testing.T, family string) []byte {
	t.Helper()
	file, err := os.Open(filepath.Join(golden, family+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(zip).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(line, []byte("\n"))
}
